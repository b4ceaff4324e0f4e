"""``/api``: the description of the API as a page, for those who write programs. It says nothing about anybody."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.web.api.reference import reference
from gateway.web.pages.render import Renderer


def reference_route(described: dict[str, Any], renderer: Renderer) -> web.RouteDef:
    """The page of an OpenAPI document."""
    shown = reference(described)

    async def show(request: web.Request) -> web.Response:
        return renderer.page(request, "reference.html", reference=shown)

    return web.get("/api", show)
