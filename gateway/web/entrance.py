"""From somebody known (by a password, a one-time link, a provider) to a session: by way of the second factor if any."""

from __future__ import annotations

import logging
from datetime import timedelta

from aiohttp import web
from sqlalchemy import Connection

from gateway.audit.log import Deed, manager_actor, record
from gateway.core.clock import Clock
from gateway.storage.store import Store
from gateway.web import secondfactor
from gateway.web.accounts import ManagerInfo, new_secret
from gateway.web.guard import SESSION_COOKIE, cookie_name, session_info, set_cookie
from gateway.web.sessions import end_session, open_session
from gateway.web.vault import Vault

log = logging.getLogger(__name__)

STEP_COOKIE = "leadgate-step"
STEP_PATH = "/login/code"


class Entrance:
    """Opens sessions."""

    def __init__(self, store: Store, clock: Clock, vault: Vault, lifetime: timedelta) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._lifetime = lifetime

    async def admit(self, request: web.Request, manager: ManagerInfo, target: str, *, by: str) -> web.Response:
        """This is ``manager``: a session, or the question for a code first. ``by``: how we know, for the log."""
        if not self._store.peek(lambda c: secondfactor.is_asked(c, manager.id)):
            return await self._open(request, manager, target, by)
        secret, now = new_secret(), self._clock.now()
        await self._store.write(lambda c: secondfactor.open_step(c, manager.id, secret=secret, target=target, now=now))
        response = web.Response(status=303, headers={"Location": STEP_PATH})
        set_cookie(request, response, STEP_COOKIE, secret, int(secondfactor.STEP_LIFETIME.total_seconds()))
        return response

    def waiting(self, request: web.Request) -> tuple[str, ManagerInfo, str] | None:
        """The step that this browser stands at: its secret, who, and where they wanted to go."""
        secret, now = request.cookies.get(cookie_name(STEP_COOKIE, request)), self._clock.now()
        if not secret:
            return None
        found = self._store.peek(lambda c: secondfactor.step_owner(c, secret, now=now))
        return (secret, *found) if found is not None else None

    async def take_code(self, request: web.Request, typed: str) -> web.Response | None:
        """The session of a right code; None for a wrong one, or where no password was given."""
        step = self.waiting(request)
        if step is None:
            return None
        secret, manager, target = step
        now = self._clock.now()

        def unit(connection: Connection) -> str | None:
            how = secondfactor.take(connection, manager.id, typed, self._vault, now=now)
            if how is not None:
                secondfactor.close_step(connection, secret)
            return how

        how = await self._store.write(unit)
        if how is None:
            return None
        log.info("A second factor was right", extra={"action": "login_code", "manager_id": manager.id, "how": how})
        response = await self._open(request, manager, target, f"second factor ({how})")
        response.del_cookie(cookie_name(STEP_COOKIE, request), path="/", secure=request.secure, httponly=True)
        return response

    async def _open(self, request: web.Request, manager: ManagerInfo, target: str, by: str) -> web.Response:
        """A new session under a new token, whatever the browser had before (session fixation)."""
        secret, csrf, now = new_secret(), new_secret(), self._clock.now()
        before = session_info(request)
        peer, agent = request.remote, request.headers.get("User-Agent", "").replace("\x00", "")

        def unit(connection: Connection) -> None:
            if before is not None:
                end_session(connection, before.token_hash)
            open_session(
                connection, manager.id, secret=secret, csrf=csrf, now=now, lifetime=self._lifetime, peer=peer,
                agent=agent,
            )  # fmt: skip
            deed = Deed(
                actor=manager_actor(manager.id), action="session.opened", object_kind="user", object_id=manager.id,
                detail={"by": by, "from": peer or ""},
            )  # fmt: skip
            record(connection, deed, now)

        await self._store.write(unit)
        log.info("Signed in", extra={"action": "login", "manager_id": manager.id, "by": by})
        response = web.Response(status=303, headers={"Location": target})
        set_cookie(request, response, SESSION_COOKIE, secret, int(self._lifetime.total_seconds()))
        return response
