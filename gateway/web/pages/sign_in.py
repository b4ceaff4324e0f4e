"""Signing in and out, the one-time link that sets a password, and the choice of language."""

from __future__ import annotations

import logging
from math import ceil

from aiohttp import web
from sqlalchemy import Connection, select

from gateway.audit.log import Deed, manager_actor, record
from gateway.core.clock import Clock
from gateway.storage.store import Store
from gateway.storage.tables import Manager
from gateway.web.access import Right, needs, without_factor
from gateway.web.accounts import ManagerInfo, find_manager, replace_hash, setup_link_owner, use_setup_link
from gateway.web.entrance import STEP_PATH, Entrance
from gateway.web.guard import SESSION_COOKIE, cookie_name, local_path, read_form, session_info, set_cookie
from gateway.web.oidc.settings import OidcSettings
from gateway.web.pages.languages import LANGUAGE_COOKIE, LANGUAGES
from gateway.web.pages.render import Renderer
from gateway.web.pages.weak import DIFFERENT, WEAK
from gateway.web.passwords import MIN_LENGTH, Passwords, WeakPassword
from gateway.web.problems import Refused
from gateway.web.sessions import end_session, set_language
from gateway.web.throttle import LoginThrottle, account_key, address_key

log = logging.getLogger(__name__)

LANGUAGE_SECONDS = 365 * 24 * 3600


class SignInPages:
    """``/login`` and the code after it, ``/setup/{token}``, ``/logout`` and ``/language``."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        renderer: Renderer,
        passwords: Passwords,
        throttle: LoginThrottle,
        entrance: Entrance,
        oidc: OidcSettings | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._renderer = renderer
        self._passwords = passwords
        self._throttle = throttle
        self._entrance = entrance
        self._oidc = oidc

    def open_routes(self) -> list[web.RouteDef]:
        """For those who have not signed in."""
        return [
            web.get("/login", self.show_login),
            web.post("/login", self.login),
            web.get(STEP_PATH, self.show_code),
            web.post(STEP_PATH, self.code),
            web.get("/setup/{token}", self.show_setup),
            web.post("/setup/{token}", self.setup),
            web.post("/language", self.choose_language),
        ]

    def routes(self) -> list[web.RouteDef]:
        """For those who have."""
        return [web.post("/logout", self.logout)]

    async def show_login(self, request: web.Request) -> web.Response:
        """The form; who has a session goes on to the leads."""
        if session_info(request) is not None:
            raise web.HTTPSeeOther(local_path(request.query.get("next")))
        return self._login_page(request, target=local_path(request.query.get("next")))

    async def login(self, request: web.Request) -> web.Response:
        """Check the password. Unknown, disabled and wrong look and last the same."""
        if self._oidc is not None and self._oidc.only:
            raise Refused(403, "no_passwords", "Nobody signs in with a password here: use the provider's button.")
        form = await read_form(request)
        login, password = form.get("login", "").strip(), form.get("password", "")
        target = local_path(form.get("next"))
        account, address = account_key(login), address_key(request.remote or "")
        wait = self._throttle.begin((account, address))
        if wait > 0:
            log.warning("Signing in was refused: too many failures", extra={"action": "login_throttled"})
            page = self._login_page(request, target=target, login=login, wait=ceil(wait), status=429)
            page.headers["Retry-After"] = str(ceil(wait))
            return page
        manager, stored = self._store.peek(lambda c: _credentials(c, login))
        if not await self._passwords.verify(stored, password) or manager is None:
            log.info("Signing in failed", extra={"action": "login_failed"})
            return self._login_page(request, target=target, login=login, wrong=True, status=401)
        self._throttle.succeeded((account,))
        self._throttle.take_back(address)
        if stored is not None and self._passwords.needs_rehash(stored):
            fresh = await self._passwords.hash(password)
            await self._store.write(lambda c: replace_hash(c, manager.id, stored, fresh))
        return await self._entrance.admit(request, manager, target, by="password")

    async def show_code(self, request: web.Request) -> web.Response:
        """The form for the code; who gave no password yet begins there."""
        step = self._entrance.waiting(request)
        if step is None:
            raise web.HTTPSeeOther("/login")
        return self._renderer.page(request, "login_code.html", wrong=False, wait=0)

    async def code(self, request: web.Request) -> web.Response:
        """Take the code. Guessing gets slower for the account and the address, as with passwords."""
        form, step = await read_form(request), self._entrance.waiting(request)
        if step is None:
            raise web.HTTPSeeOther("/login")
        account, address = account_key(f"code {step[1].id}"), address_key(request.remote or "")
        wait = self._throttle.begin((account, address))
        if wait > 0:
            log.warning("A code was refused: too many failures", extra={"action": "code_throttled"})
            page = self._renderer.page(request, "login_code.html", status=429, wrong=False, wait=ceil(wait))
            page.headers["Retry-After"] = str(ceil(wait))
            return page
        response = await self._entrance.take_code(request, form.get("code", "")[:100])
        if response is None:
            log.info("A code was wrong", extra={"action": "code_failed", "manager_id": step[1].id})
            return self._renderer.page(request, "login_code.html", status=401, wrong=True, wait=0)
        self._throttle.succeeded((account,))
        self._throttle.take_back(address)
        return response

    async def show_setup(self, request: web.Request) -> web.Response:
        """The form of a one-time link."""
        manager = self._owner(request)
        if manager is None:
            return self._renderer.page(
                request, "setup.html", status=404, manager=None, min_length=MIN_LENGTH, fault=None
            )
        return self._renderer.page(request, "setup.html", manager=manager, min_length=MIN_LENGTH, fault=None)

    async def setup(self, request: web.Request) -> web.Response:
        """Set the password, end the link, sign in."""
        form = await read_form(request)
        password, again = form.get("password", ""), form.get("again", "")
        manager = self._owner(request)
        if manager is None:
            return await self.show_setup(request)
        fault = self._fault(password, again, manager)
        if fault is not None:
            return self._renderer.page(
                request, "setup.html", status=422, manager=manager, min_length=MIN_LENGTH, fault=fault
            )
        hashed, now, secret = await self._passwords.hash(password), self._clock.now(), request.match_info["token"]

        def unit(connection: Connection) -> ManagerInfo | None:
            used = use_setup_link(connection, secret, hashed, now=now)
            if used is not None:
                deed = Deed(
                    actor=manager_actor(used.id), action="user.password", object_kind="user", object_id=used.id,
                    detail={"by": "one-time link"},
                )  # fmt: skip
                record(connection, deed, now)
            return used

        used = await self._store.write(unit)
        if used is None:  # the same link was used in another window meanwhile
            return await self.show_setup(request)
        log.info("A password was set by a one-time link", extra={"action": "password_set", "manager_id": used.id})
        return await self._entrance.admit(request, used, "/", by="one-time link")

    @without_factor
    @needs(Right.SEE)
    async def logout(self, request: web.Request) -> web.Response:
        """End the session here and in the store."""
        session = session_info(request)
        if session is not None:
            await self._store.write(lambda c: end_session(c, session.token_hash))
        response = web.Response(status=303, headers={"Location": "/login", "Clear-Site-Data": '"cache"'})
        response.del_cookie(cookie_name(SESSION_COOKIE, request), path="/", secure=request.secure, httponly=True)
        return response

    @needs(Right.SEE)
    async def choose_language(self, request: web.Request) -> web.Response:
        """Remember the language: for the user if signed in, and in the browser."""
        form = await read_form(request)
        language = form.get("language", "")
        response = web.Response(status=303, headers={"Location": local_path(form.get("next"))})
        if language in LANGUAGES:
            session = session_info(request)
            if session is not None:
                await self._store.write(lambda c: set_language(c, session.manager_id, language))
            set_cookie(request, response, LANGUAGE_COOKIE, language, LANGUAGE_SECONDS)
        return response

    def _owner(self, request: web.Request) -> ManagerInfo | None:
        secret, now = request.match_info["token"], self._clock.now()
        return self._store.peek(lambda c: setup_link_owner(c, secret, now=now))

    def _fault(self, password: str, again: str, manager: ManagerInfo) -> str | None:
        """Why the password can't be used."""
        try:
            self._passwords.check(password, manager.login, manager.name)
        except WeakPassword as weak:
            return WEAK.get(weak.code, str(weak))
        return None if password == again else DIFFERENT

    def _login_page(
        self,
        request: web.Request,
        *,
        target: str,
        login: str = "",
        wrong: bool = False,
        wait: int = 0,
        status: int = 200,
    ) -> web.Response:
        return self._renderer.page(
            request, "login.html", status=status, target=target, login=login, wrong=wrong, wait=wait, problem=None,
            provider=self._oidc.label if self._oidc else None, passwords=self._oidc is None or not self._oidc.only,
        )  # fmt: skip


def _credentials(connection: Connection, login: str) -> tuple[ManagerInfo | None, str | None]:
    manager = find_manager(connection, login)
    if manager is None or manager.disabled_at is not None:
        return None, None
    stored = connection.execute(select(Manager.password_hash).where(Manager.id == manager.id)).scalar_one()
    return manager, stored
