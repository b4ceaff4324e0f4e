"""Our own CSS, script and icon: in memory, compressed once, addressed by their content, cached for ever.

The parts in ``static/css`` and ``static/js`` make one sheet and one script: a file a subject to work on, one to load.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources

from aiohttp import web

ASSETS_PATH = "/static/{name}"
CONTENT_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    packed: bytes
    content_type: str


class Assets:
    """All files of ``static``."""

    def __init__(self) -> None:
        self._by_name: dict[str, Asset] = {}
        self._address: dict[str, str] = {}
        static = resources.files("gateway.web").joinpath("static")
        for name in ("icon.svg",):
            self._add(name, static.joinpath(name).read_bytes())
        for name, folder in (("app.css", "css"), ("app.js", "js")):
            parts = sorted(static.joinpath(folder).iterdir(), key=lambda part: part.name)
            self._add(name, b"\n".join(part.read_bytes() for part in parts if part.name.endswith(f".{folder}")))

    def _add(self, file_name: str, body: bytes) -> None:
        stem, _, suffix = file_name.rpartition(".")
        name = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{suffix}"
        self._by_name[name] = Asset(body, gzip.compress(body, 9, mtime=0), CONTENT_TYPES[f".{suffix}"])
        self._address[file_name] = f"/static/{name}"

    def address(self, file_name: str) -> str:
        """Where ``app.css`` is served in this version. Raises KeyError for a file that is not there."""
        return self._address[file_name]

    def route(self) -> web.RouteDef:
        """``GET /static/...``."""
        return web.get(ASSETS_PATH, self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """One asset; 404 for a name of another version."""
        asset = self._by_name.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=asset.packed, content_type=asset.content_type, headers=headers)
        return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers)
