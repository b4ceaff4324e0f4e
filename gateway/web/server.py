"""The web room as one service: which routes are on which listener, and who may use them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.clock import Clock, NewId, new_id
from gateway.core.masking import Masker
from gateway.storage.store import Store
from gateway.web.api.events import EventStream, Wakeups
from gateway.web.api.files import Files
from gateway.web.api.openapi import document
from gateway.web.api.reads import ReadOperation, read_routes
from gateway.web.api.routes import api_routes, description_route, filter_reader
from gateway.web.api.writes import WriteMeans, WriteOperation, write_routes
from gateway.web.entrance import Entrance
from gateway.web.guard import Doors, Guard
from gateway.web.health import StatusSource, health_route
from gateway.web.listeners import Listener, Site
from gateway.web.masking import Masking
from gateway.web.metrics import WebMetrics
from gateway.web.oidc.provider import Provider
from gateway.web.oidc.trips import Trips
from gateway.web.pages.assets import Assets
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.leads import LeadPages
from gateway.web.pages.means import PageMeans, Pages, no_pages
from gateway.web.pages.oidc import OidcPages
from gateway.web.pages.reference import reference_route
from gateway.web.pages.render import Renderer
from gateway.web.pages.settings.access import AccessPages
from gateway.web.pages.settings.log import LogPages
from gateway.web.pages.settings.people import PeoplePages
from gateway.web.pages.settings.profile import ProfilePages
from gateway.web.pages.sign_in import SignInPages
from gateway.web.passwords import Passwords
from gateway.web.secondfactor import seal_all
from gateway.web.settings import ListenAddress, LocaleSettings, WebSettings
from gateway.web.throttle import LoginThrottle
from gateway.web.vault import Vault

log = logging.getLogger(__name__)


class WebServer:
    """A Service: both listeners, or one that serves everything.

    ``form_routes`` are the public routes of other rooms; they come without sign-in on the public listener.
    ``recordings``: the name of each PBX -> where its recordings are (``[[pbx]] recordings``).
    ``files``: who has the files that came with forms.
    ``writes``: what the API can change; ``after_write`` is called after each. ``reads``: what it can tell of rooms.
    ``pages``: those that show other rooms, put together by the composition root.
    ``vault``: seals what the database must not hold in clear.
    ``leads``: what the pages of leads know of the settings. ``keep``: how long what ended is kept.
    ``masker`` knows which numbers and addresses are the company's own, for roles that see those of others masked.
    ``company``: its names and domains, of which nobody makes a password.
    """

    def __init__(
        self,
        *,
        settings: WebSettings,
        locale: LocaleSettings,
        store: Store,
        hub: Wakeups,
        status: StatusSource,
        clock: Clock,
        version: str,
        vault: Vault,
        form_routes: Sequence[web.RouteDef] = (),
        recordings: Mapping[str, str] | None = None,
        files: Files | None = None,
        writes: Sequence[WriteOperation] = (),
        reads: Sequence[ReadOperation] = (),
        after_write: Callable[[], None] = lambda: None,
        new_id: NewId = new_id,
        pages: Pages = no_pages,
        leads: LeadParts | None = None,
        keep: timedelta | None = None,
        masker: Masker | None = None,
        company: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self.writes = tuple(writes)
        self.reads = tuple(reads)
        self.passwords = Passwords(company)
        self.metrics = WebMetrics(clock, version)
        assets = Assets()
        self.renderer = renderer = Renderer(locale, assets, clock)
        throttle = LoginThrottle(clock)
        self._store, self._vault = store, vault
        self._masking = Masking(masker or Masker(locale.region)) if settings.mask_for else None
        entrance = Entrance(store, clock, vault, timedelta(hours=settings.session_hours))
        sign_in = SignInPages(store, clock, renderer, self.passwords, throttle, entrance, settings.oidc)
        self._provider = Provider(settings.oidc, clock) if settings.oidc is not None else None
        described = document(version, self.writes, self.reads)
        entering = [*sign_in.open_routes(), *self._provider_routes(clock, new_id, renderer, throttle, entrance)]
        entering.append(reference_route(described, renderer))
        outside = [*form_routes, health_route(status, clock)]
        unguarded = [self.metrics.route(status), description_route(described), assets.route()]
        idle = timedelta(minutes=settings.session_idle_minutes)
        self.doors = Doors(public=_handlers([*outside, *unguarded]), open=_handlers(entering))
        guard = self._guard(store, clock, idle)
        self.events = EventStream(store, hub, clock, guard)
        means = PageMeans(
            store=store, renderer=renderer, reader=filter_reader(locale), clock=clock, new_id=new_id, locale=locale,
            writes=self.writes, reads=self.reads, after_write=after_write,
        )  # fmt: skip
        inside = [
            *unguarded,
            *pages(means),
            *entering,
            *sign_in.routes(),
            *self._account_pages(means, throttle, idle, keep),
            *LeadPages(means, leads or LeadParts(), recordings or {}).routes(),
            *api_routes(store, locale, self.events, recordings or {}, files, clock),
            *self._rooms(WriteMeans(store=store, clock=clock, new_id=new_id, after=after_write)),
        ]
        self.listeners = self._listeners(outside, inside, guard, renderer)

    def _guard(self, store: Store, clock: Clock, idle: timedelta) -> Guard:
        settings = self.settings
        return Guard(
            store, clock, idle=idle, doors=self.doors, managers_see_all=settings.managers_see == "all",
            mask_for=settings.mask_for, second_factor_for=settings.second_factor_for,
        )  # fmt: skip

    def _rooms(self, asks: WriteMeans) -> list[web.RouteDef]:
        """What the other rooms tell and change."""
        return [*write_routes(self.writes, asks), *read_routes(self.reads, asks)]

    def _provider_routes(
        self, clock: Clock, new_id: NewId, renderer: Renderer, throttle: LoginThrottle, entrance: Entrance
    ) -> list[web.RouteDef]:
        """Signing in through the provider, where one is configured."""
        if self._provider is None or self.settings.oidc is None:
            return []
        key = partial(self._vault.key_for, "sign-in through the provider")
        pages = OidcPages(
            self._store, clock, new_id, renderer, settings=self.settings.oidc, provider=self._provider,
            trips=Trips(key, clock), throttle=throttle, entrance=entrance,
        )  # fmt: skip
        return pages.open_routes()

    def _account_pages(
        self, means: PageMeans, throttle: LoginThrottle, idle: timedelta, keep: timedelta | None
    ) -> list[web.RouteDef]:
        """What people do about themselves, and administrators about them."""
        return [
            *ProfilePages(
                means,
                passwords=self.passwords,
                throttle=throttle,
                vault=self._vault,
                idle=idle,
                required_for=self.settings.second_factor_for,
            ).routes(),
            *PeoplePages(means, link_lifetime=timedelta(hours=self.settings.setup_link_hours), keep=keep).routes(),
            *AccessPages(means, idle=idle).routes(),
            *LogPages(means).routes(),
        ]

    @property
    def private_address(self) -> str:
        """``http://127.0.0.1:8080``: where people come in, once started."""
        return f"http://{self.listeners[-1].address.for_browsers}"

    @property
    def public_address(self) -> str:
        """Where forms arrive, once started."""
        return f"http://{self.listeners[0].address.for_browsers}"

    async def start(self) -> None:
        """Listen. Raises ConfigError that names the port and the key to change; nothing is left open then."""
        await self._seal()
        started: list[Listener] = []
        try:
            for listener in self.listeners:
                await listener.start()
                started.append(listener)
        except BaseException:
            for listener in started:
                await listener.stop()
            raise

    async def stop(self) -> None:
        """Graceful, within seconds: live readers are sent away, requests under way end."""
        for listener in self.listeners:
            await listener.stop()
        if self._provider is not None:
            await self._provider.close()
        self.passwords.close()

    async def _seal(self) -> None:
        """What an older Leadgate stored in clear. Raises ConfigError where the key can't be used."""
        sealed = await self._store.write(lambda c: seal_all(c, self._vault))
        if sealed:
            log.info("The secrets of second factors were sealed", extra={"action": "factors_sealed", "count": sealed})

    def _listeners(
        self, outside: list[web.RouteDef], inside: list[web.RouteDef], guard: Guard, renderer: Renderer
    ) -> list[Listener]:
        one = self.settings.one_listener
        private = Site(
            key="private",
            address=ListenAddress.parse(self.settings.private),
            routes=[*outside, *inside],  # /health and the forms are at hand for scripts here too
            middlewares=[guard.middleware],
            error_page=renderer.error_page,
            last=self._masking.middleware() if self._masking is not None else None,
            on_stop=[self.events.close],
        )
        public = Site(key="public", address=ListenAddress.parse(self.settings.public), routes=outside)
        sites = [private] if one else [public, private]
        measure = self.metrics.middleware()
        return [Listener(site=site, settings=self.settings, measure=measure) for site in sites]


def _handlers(routes: Sequence[web.RouteDef]) -> frozenset[object]:
    handlers: set[type | Handler] = {route.handler for route in routes}
    return frozenset(handlers)
