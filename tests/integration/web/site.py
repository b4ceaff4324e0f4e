"""A whole web room on a free port, as tests drive it: real sockets, real SQLite, a clock that tests move."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from gateway.core.ports import SourceHealth
from gateway.live.hub import Hub
from gateway.storage.store import Store
from gateway.web.accounts import Accounts, NewManager
from gateway.web.api.reads import ReadOperation
from gateway.web.api.writes import WriteOperation
from gateway.web.health import Backlog, DatabaseStatus, Status
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.means import Pages, no_pages
from gateway.web.server import WebServer
from gateway.web.settings import LocaleSettings, WebSettings
from gateway.web.vault import Vault
from tests.support.clock import MONDAY, FakeClock, counting_ids

PASSWORD = "correct horse battery"
ONE_PORT = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0")
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class FixedStatus:
    """A StatusSource that says what the test set."""

    def __init__(self) -> None:
        self.value = Status(
            database=DatabaseStatus(ok=True, engine="SQLite 3.51.3"),
            sources=(SourceHealth(name="ami:office", ok=True, state="connected", last_event_at=MONDAY),),
            outbox=Backlog(count=2, oldest_at=MONDAY),
        )

    async def status(self) -> Status:
        return self.value


@dataclass(slots=True)
class Site:
    """A running server and what belongs to it."""

    server: WebServer
    store: Store
    hub: Hub
    clock: FakeClock
    status: FixedStatus
    accounts: Accounts
    vault: Vault

    def url(self, path: str) -> str:
        return self.server.private_address + path

    async def token(self, name: str = "test") -> dict[str, str]:
        """Headers of a program with a token."""
        return {"Authorization": f"Bearer {await self.accounts.add_token(name)}"}

    async def add_user(self, login: str = "anna", password: str = PASSWORD, role: str = "owner") -> None:
        await self.accounts.add_manager(NewManager(login=login, name="Анна", role=role))
        await self.accounts.set_password(login, password)


class Browser:
    """Keeps cookies, asks for HTML, does not follow redirects by itself."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self._site = site
        self.session = session

    async def get(self, path: str, **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
        accept = {"Accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.session.get(self._site.url(path), headers=accept, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
        accept = {"Accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = self.session.post(self._site.url(path), data=fields, headers=accept, allow_redirects=False)
        async with request as answer:
            return answer.status, await answer.text(), answer

    async def csrf(self, path: str = "/login") -> str:
        """The hidden field of the first form on a page."""
        _, text, _ = await self.get(path)
        found = _CSRF.search(text)
        assert found is not None, text
        return found.group(1)

    async def sign_in(
        self, login: str = "anna", password: str = PASSWORD, target: str = "/"
    ) -> tuple[int, str, aiohttp.ClientResponse]:
        """Fill in the login form."""
        csrf = await self.csrf()
        return await self.post("/login", {"csrf": csrf, "login": login, "password": password, "next": target})


@asynccontextmanager
async def running_site(
    store: Store,
    settings: WebSettings = ONE_PORT,
    form_routes: Sequence[web.RouteDef] = (),
    recordings: Mapping[str, str] | None = None,
    writes: Sequence[WriteOperation] = (),
    reads: Sequence[ReadOperation] = (),
    pages: Pages = no_pages,
    leads: LeadParts | None = None,
    vault: Vault | None = None,
) -> AsyncIterator[Site]:
    """A started server; stopped at the end."""
    clock, hub, status, vault = FakeClock(), Hub(), FixedStatus(), vault or Vault.of_memory()
    server = WebServer(
        settings=settings,
        locale=LocaleSettings(),
        store=store,
        hub=hub,
        status=status,
        clock=clock,
        version="0.0-test",
        vault=vault,
        form_routes=form_routes,
        recordings=recordings,
        writes=writes,
        reads=reads,
        pages=pages,
        leads=leads,
    )
    await server.start()
    try:
        yield Site(server, store, hub, clock, status, Accounts(store, clock, counting_ids(), server.passwords), vault)
    finally:
        await server.stop()


@asynccontextmanager
async def new_browser(site: Site) -> AsyncIterator[Browser]:
    """A browser without cookies. 127.0.0.1 is an address, so the jar must be told to keep its cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(site, session)
