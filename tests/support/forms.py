"""A server with forms on a real socket, and what the forms call: a captcha's provider, Meta's Graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.types import Draft, Json
from gateway.webforms.intake import FormIntake
from gateway.webforms.routes import routes
from gateway.webforms.settings import FormSettings
from tests.support.sink import ManualClock, RecordingSink

Client = TestClient[web.Request, web.Application]


@dataclass
class MemoryCursors:
    """Implements ``core.ports.Cursors``."""

    values: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    async def get(self, name: str) -> Mapping[str, Json] | None:
        return self.values.get(name)

    async def put(self, name: str, value: Mapping[str, Json]) -> None:
        self.values[name] = value


class FormHouse:
    """One server with forms, and everything behind it."""

    def __init__(
        self, *forms: FormSettings, cursors: MemoryCursors | None = None, sink: RecordingSink | None = None, **more: Any
    ) -> None:
        self.sink = sink or RecordingSink()
        self.clock = ManualClock()
        self.cursors = cursors or MemoryCursors()
        self.intake = FormIntake(forms, self.sink, self.clock, region="RU", cursors=self.cursors, **more)

    @property
    def drafts(self) -> list[Draft]:
        """What reached the sink."""
        return [item.draft for item in self.sink.items if item.draft is not None]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Started, with a client of its server."""
        app = web.Application()
        app.add_routes(routes(self.intake))
        await self.intake.start()
        try:
            async with TestClient(TestServer(app)) as client:
                yield client
        finally:
            await self.intake.stop()


@dataclass
class Elsewhere:
    """Another company's server: remembers what it was asked and answers what it is told to."""

    answers: dict[str, Any] = field(default_factory=dict)
    """Path -> JSON, a status, or a function of the JSON that was sent; others are answered 404."""
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Path, fields of the form or query, headers."""
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Elsewhere]:
        """On a real socket."""
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self._answer)
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self

    async def _answer(self, request: web.Request) -> web.Response:
        sent: Json = await request.json() if request.content_type == "application/json" else None
        fields = {name: str(value) for name, value in {**request.query, **await request.post()}.items()}
        self.asked.append((request.path, fields, dict(request.headers)))
        told = self.answers.get(request.path, 404)
        told = told(sent) if callable(told) else told
        if isinstance(told, int):
            return web.json_response({"error": "as told"}, status=told)
        return web.json_response(told)
