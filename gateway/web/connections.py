"""Limits that aiohttp does not have: time for headers and bodies, and how many connections one address may hold.

A sweep every second looks at what each connection waits for; a timer for each request would cost more. Times are
``loop.time()`` in seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_request import BaseRequest

from gateway.web.client import is_within, parse_address
from gateway.web.headers import FIXED
from gateway.web.problems import Refused, problem_response
from gateway.web.settings import IpNetwork, WebSettings
from gateway.web.throttle import network_of

log = logging.getLogger(__name__)

TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Progress:
    """What one connection waits for."""

    header_since: float | None
    """When the first byte of an unfinished head came (or the connection itself); None between and during requests."""
    body: StreamReader | None = None
    body_since: float = 0.0
    in_hand: bool = False
    """A request is being answered."""

    def too_slow(self, now: float, settings: WebSettings) -> str | None:
        """``headers`` or ``body`` when the other side was given enough time."""
        if self.header_since is not None and now - self.header_since > settings.header_seconds:
            return "headers"
        if self.body is None or self.body.is_eof():
            return None
        seconds = now - self.body_since
        if seconds > settings.body_seconds and self.body.total_bytes < seconds * settings.body_bytes_per_second:
            return "body"
        return None


class ConnectionGuard:
    """The open connections of one listener."""

    def __init__(self, settings: WebSettings, *, per_address: bool, proxies: tuple[IpNetwork, ...] = ()) -> None:
        self._settings = settings
        self._per_address = per_address
        self._proxies = proxies
        self._open: set[GuardedProtocol] = set()
        self._of_address: Counter[str] = Counter()
        self.refused = 0
        """Connections turned away since the start."""

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, protocol: GuardedProtocol, address: str) -> bool:
        """Take a new connection in, unless there are too many."""
        if len(self._open) >= self._settings.max_connections:
            return self._refuse("all")
        if self._counts(address):
            key = network_of(address)
            if self._of_address[key] >= self._settings.max_connections_per_address:
                return self._refuse("address")
            self._of_address[key] += 1
        self._open.add(protocol)
        return True

    def leave(self, protocol: GuardedProtocol, address: str) -> None:
        """A connection that was admitted is gone."""
        self._open.discard(protocol)
        if self._counts(address):
            key = network_of(address)
            self._of_address[key] -= 1
            if self._of_address[key] <= 0:
                del self._of_address[key]

    def sweep(self, now: float) -> int:
        """Close the connections that were too slow. Returns how many."""
        slow = [
            (protocol, what) for protocol in self._open if (what := protocol.progress.too_slow(now, self._settings))
        ]
        for protocol, what in slow:
            log.info("A slow connection was closed", extra={"action": "http_slow_closed", "waited_for": what})
            protocol.abort()
        return len(slow)

    async def sweep_forever(self) -> None:
        """For a task: ends when cancelled."""
        pause = min(1.0, self._settings.header_seconds / 4, self._settings.body_seconds / 4)
        while True:
            await asyncio.sleep(pause)
            self.sweep(asyncio.get_running_loop().time())

    def _counts(self, address: str) -> bool:
        parsed = parse_address(address)
        return self._per_address and parsed is not None and not parsed.is_loopback and not self._is_proxy(address)

    def _is_proxy(self, address: str) -> bool:
        return is_within(address, self._proxies)

    def _refuse(self, limit: str) -> bool:
        self.refused += 1
        log.warning("A connection was refused: too many", extra={"action": "http_connection_refused", "limit": limit})
        return False


class GuardedProtocol(web.RequestHandler):  # type: ignore[type-arg,misc,unused-ignore]
    """aiohttp's connection, watched."""

    __slots__ = ("_address", "_admitted", "_guard", "_wire", "progress")

    def __init__(self, server: web.Server, guard: ConnectionGuard, *, loop: asyncio.AbstractEventLoop, idle: float):
        super().__init__(server, loop=loop, keepalive_timeout=idle, access_log=None)  # type: ignore[arg-type]
        self._guard = guard
        self._wire: asyncio.Transport | None = None
        self._address = ""
        self._admitted = False
        self.progress = Progress(header_since=loop.time())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        self._wire = transport
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._admitted = self._guard.admit(self, self._address)
        if self._admitted:
            super().connection_made(transport)
        else:
            transport.write(TOO_MANY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._admitted:
            return
        if self.progress.header_since is None and not self.progress.in_hand:
            self.progress.header_since = self._loop.time()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._wire = None
        if self._admitted:
            self._guard.leave(self, self._address)
            super().connection_lost(exc)

    def begin(self, body: StreamReader) -> None:
        """The headers are complete, the body may still be on its way."""
        self.progress = Progress(header_since=None, body=body, body_since=self._loop.time(), in_hand=True)

    def end(self) -> None:
        """The request was answered; the next one's head has not begun."""
        self.progress = Progress(header_since=None)

    def abort(self) -> None:
        """Close now, without waiting for unsent bytes."""
        if self._wire is not None:
            self._wire.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature; it quotes what a stranger sent
    ) -> web.StreamResponse:
        """What no handler could answer: unreadable HTTP, or a fault below the handlers. Quotes nothing of either."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client went away
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if status >= 500:
            log.error("A request failed by our own fault", exc_info=exc, extra={"action": "http_request_failed"})
            refused = Refused(500, "internal", "This is a fault of the gateway. It was logged.")
        else:
            log.info("Unreadable HTTP was refused", extra={"action": "http_unreadable", "status": status})
            refused = Refused(status, "bad_request", "This is no HTTP request that can be read.")
        response = problem_response(refused)
        response.headers.update({**FIXED, "Server": "leadgate"})
        response.force_close()
        return response


def progress_middleware() -> Middleware:
    """Tells the connection when its headers are complete and which body it waits for."""

    @web.middleware
    async def note_progress(request: web.Request, handler: Handler) -> web.StreamResponse:
        protocol = request.protocol
        if not isinstance(protocol, GuardedProtocol):
            return await handler(request)
        protocol.begin(request.content)
        try:
            return await handler(request)
        finally:
            protocol.end()

    return note_progress
