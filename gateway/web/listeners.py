"""The public and the private listener as one service: applications, sockets, limits, graceful stop."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.core.errors import ConfigError
from gateway.web.client import proxy_middleware
from gateway.web.connections import ConnectionGuard, GuardedProtocol, progress_middleware
from gateway.web.headers import add_security_headers
from gateway.web.problems import ErrorPage, error_middleware
from gateway.web.settings import ListenAddress, WebSettings

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""Requests under way may take this long when the gateway stops; it has 10 s for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What one listener serves."""

    key: str
    """The setting that names its address: ``public`` or ``private``."""
    address: ListenAddress
    routes: Sequence[web.RouteDef]
    middlewares: Sequence[Middleware] = ()
    """Innermost ones, after those that every listener has."""
    last: Middleware | None = None
    """Sees every answer last, those that tell an error too; its own refusals are told as well."""
    error_page: ErrorPage | None = None
    on_stop: Sequence[Callable[[], Awaitable[None]]] = ()
    """Ends what would never end by itself."""


@dataclass(slots=True, kw_only=True)
class Listener:
    """One open listener."""

    site: Site
    settings: WebSettings
    measure: Middleware
    guard: ConnectionGuard = field(init=False)
    _runner: web.AppRunner = field(init=False)
    _server: asyncio.Server | None = None
    _sweeper: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        proxies = self.settings.proxy_networks()
        public = self.site.key == "public" or self.settings.one_listener
        self.guard = ConnectionGuard(self.settings, per_address=public, proxies=proxies)
        application = make_application(self.site, self.settings, self.measure)
        self._runner = web.AppRunner(application, shutdown_timeout=STOP_SECONDS)

    @property
    def application(self) -> web.Application:
        """The aiohttp application, with its router."""
        return self._runner.app

    @property
    def address(self) -> ListenAddress:
        """Where it really listens: with port 0 the system chose one."""
        if self._server is None or not self._server.sockets:
            return self.site.address
        host, port = self._server.sockets[0].getsockname()[:2]
        return ListenAddress(host, port)

    async def start(self) -> None:
        """Listen. Raises ConfigError that names the port and the key to change."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        idle = self.settings.idle_seconds
        address = self.site.address
        try:
            self._server = await loop.create_server(
                lambda: GuardedProtocol(server, self.guard, loop=loop, idle=idle),
                address.host or None,
                address.port,
                backlog=256,
            )
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(_why_not(error, self.site)) from error
        self._sweeper = asyncio.create_task(self.guard.sweep_forever(), name=f"web-{self.site.key}-sweep")
        log.info(
            "Listening", extra={"action": "http_listening", "listener": self.site.key, "address": str(self.address)}
        )

    async def stop(self) -> None:
        """Take no new connection, let requests under way end, close the rest."""
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._runner.cleanup()
        self._server = self._sweeper = None


def make_application(site: Site, settings: WebSettings, measure: Middleware) -> web.Application:
    """The application of a site. Outermost first: whose request it is, count, turn errors into answers, watch time."""
    answer = error_middleware(site.error_page)
    application = web.Application(
        client_max_size=settings.max_body_bytes,
        middlewares=[
            proxy_middleware(settings.proxy_networks()),
            measure,
            *([answer, site.last] if site.last is not None else []),
            answer,
            progress_middleware(),
            *site.middlewares,
        ],
    )
    application.add_routes(site.routes)
    application.on_response_prepare.append(add_security_headers)

    async def end_streams(_application: web.Application) -> None:
        for stop in site.on_stop:
            await stop()

    application.on_shutdown.append(end_streams)
    return application


def _why_not(error: OSError, site: Site) -> str:
    key = f"[web] {site.key}"
    reasons = {
        errno.EADDRINUSE: f"port {site.address.port} is used by another program. Stop that one, or change {key}",
        errno.EACCES: f"this user may not use port {site.address.port}. Take one above 1023 in {key}",
        errno.EADDRNOTAVAIL: f"this machine does not have the address {site.address.host}. Change {key}",
    }
    # from Python 3.12 on asyncio says of an address that nobody has only that it "could not bind", without a number
    number = error.errno if error.errno is not None else errno.EADDRNOTAVAIL
    reason = reasons.get(number, f"{error.strerror or error}. Change {key}")
    return f"The web listener can't listen on {site.address}: {reason}."
