"""``/profile``: what everybody changes of their own account: language, password, second factor, sessions."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from math import ceil

from aiohttp import web
from sqlalchemy import Connection, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.storage.tables import Manager
from gateway.web import people, secondfactor
from gateway.web.access import Right, needs, viewer_of, without_factor
from gateway.web.guard import read_form, session_info
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame, done, path_id
from gateway.web.pages.weak import DIFFERENT, WEAK
from gateway.web.passwords import MIN_LENGTH, Passwords, WeakPassword
from gateway.web.problems import Refused
from gateway.web.sessions import PUBLIC, SessionInfo, end_others, open_sessions
from gateway.web.throttle import LoginThrottle, account_key
from gateway.web.totp import address_of, grouped, picture
from gateway.web.vault import Vault

log = logging.getLogger(__name__)

HOME = "/profile"


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


REQUIRED = _("Your role asks for a second factor: it can't be switched off.")


class ProfilePages:
    """One's own account."""

    def __init__(
        self,
        means: PageMeans,
        *,
        passwords: Passwords,
        throttle: LoginThrottle,
        vault: Vault,
        idle: timedelta,
        required_for: Collection[str] = (),
    ) -> None:
        self._frame = Frame(means)
        self._means = means
        self._passwords = passwords
        self._throttle = throttle
        self._vault = vault
        self._idle = idle
        self._required_for = frozenset(required_for)

    def routes(self) -> list[web.RouteDef]:
        """For everybody who signed in, auditors too: it is their own."""
        return [
            web.get(HOME, self.show),
            web.post(HOME + "/password", self.password),
            web.post(HOME + "/factor", self.begin_factor),
            web.post(HOME + "/factor/confirm", self.confirm_factor),
            web.post(HOME + "/factor/codes", self.new_codes),
            web.post(HOME + "/factor/off", self.drop_factor),
            web.post(HOME + "/sessions/{id}/end", self.end_session),
            web.post(HOME + "/sessions/end-others", self.end_others),
        ]

    @without_factor
    @needs(Right.SEE)
    async def show(self, request: web.Request) -> web.Response:
        """Everything of one's own."""
        return await self._page(request, _person(request))

    @needs(Right.SEE)
    async def password(self, request: web.Request) -> web.Response:
        """Another password; all other sessions end."""
        session, form = _person(request), await read_form(request)
        fault, status = await self._wrong_password(session, form.get("old", ""))
        if fault is None:
            fault, status = self._weak(form.get("password", ""), form.get("again", ""), session), 422
        if fault is not None:
            return await self._page(request, session, fault=fault, status=status)
        hashed, by = await self._passwords.hash(form["password"]), self._frame.by(request)

        def unit(connection: Connection) -> None:
            mine = Manager.id == session.manager_id
            connection.execute(update(Manager).where(mine).values(password_hash=hashed))
            end_others(connection, session.manager_id, keep=session.token_hash)
            _note(connection, "user.password", by)

        await self._frame.write(unit)
        log.info("A password was changed", extra={"action": "password_changed", "manager_id": session.manager_id})
        raise done(HOME, "password")

    @without_factor
    @needs(Right.SEE)
    async def begin_factor(self, request: web.Request) -> web.Response:
        """A secret for the app, after the password: a stolen session must not lock its owner out."""
        session, form, now = _person(request), await read_form(request), self._means.clock.now()
        fault, status = await self._wrong_password(session, form.get("old", ""))
        if fault is not None:
            return await self._page(request, session, fault=fault, status=status)
        try:
            await self._frame.write(lambda c: secondfactor.begin(c, session.manager_id, self._vault, now=now))
        except ValueError:
            raise web.HTTPSeeOther(HOME) from None
        return await self._page(request, session)

    @without_factor
    @needs(Right.SEE)
    async def confirm_factor(self, request: web.Request) -> web.Response:
        """The first code: it counts from now on, and the recovery codes are shown this once."""
        session, form, by = _person(request), await read_form(request), self._frame.by(request)
        typed = form.get("code", "")[:40]

        def unit(connection: Connection) -> list[str] | None:
            codes = secondfactor.confirm(connection, session.manager_id, typed, self._vault, now=by.at)
            if codes is not None:
                end_others(connection, session.manager_id, keep=session.token_hash)
                _note(connection, "user.factor_on", by)
            return codes

        codes = await self._frame.write(unit)
        if codes is None:
            fault = _("This code is wrong. Is the clock of the phone right?")
            return await self._page(request, session, fault=fault, status=422)
        return await self._page(request, session, codes=codes)

    @needs(Right.SEE)
    async def new_codes(self, request: web.Request) -> web.Response:
        """Other recovery codes, shown this once; those before end."""
        return await self._with_password(request, "codes")

    @needs(Right.SEE)
    async def drop_factor(self, request: web.Request) -> web.Response:
        """Off again, unless the role asks for it."""
        session = _person(request)
        if session.role in self._required_for:
            return await self._page(request, session, fault=REQUIRED, status=422)
        return await self._with_password(request, "off")

    @needs(Right.SEE)
    async def end_session(self, request: web.Request) -> web.Response:
        """One of one's own."""
        session, public_id, by = _person(request), path_id(request), self._frame.by(request)
        await self._frame.write(lambda c: people.end_session(c, public_id, by, of=session.manager_id))
        raise done(HOME, "revoked")

    @needs(Right.SEE)
    async def end_others(self, request: web.Request) -> web.Response:
        """All of one's own but this one."""
        session, by = _person(request), self._frame.by(request)

        def unit(connection: Connection) -> None:
            if end_others(connection, session.manager_id, keep=session.token_hash):
                _note(connection, "session.ended_others", by)

        await self._frame.write(unit)
        raise done(HOME, "revoked")

    async def _with_password(self, request: web.Request, what: str) -> web.Response:
        session, form, by = _person(request), await read_form(request), self._frame.by(request)
        fault, status = await self._wrong_password(session, form.get("old", ""))
        if fault is not None:
            return await self._page(request, session, fault=fault, status=status)

        def unit(connection: Connection) -> list[str] | None:
            if not secondfactor.is_asked(connection, session.manager_id):
                return None
            if what == "off":
                secondfactor.switch_off(connection, session.manager_id)
                _note(connection, "user.factor_off", by)
                return None
            _note(connection, "user.recovery_codes", by)
            return secondfactor.new_codes(connection, session.manager_id, now=by.at)

        codes = await self._frame.write(unit)
        if codes is None:
            raise done(HOME, "factor_off")
        return await self._page(request, session, codes=codes)

    async def _wrong_password(self, session: SessionInfo, typed: str) -> tuple[str | None, int]:
        """Why what was typed is not taken for the present password, and the status; guessing gets slower here too."""
        keys = (account_key(session.login),)
        wait = self._throttle.begin(keys)
        if wait > 0:
            log.warning("A password was refused: too many failures", extra={"action": "password_throttled"})
            return _("Too many failures. Try again later."), 429
        stored = self._means.store.peek(
            lambda c: c.execute(select(Manager.password_hash).where(Manager.id == session.manager_id)).scalar()
        )
        if not await self._passwords.verify(stored, typed):
            return _("The present password is wrong."), 422
        self._throttle.succeeded(keys)
        return None, 200

    def _weak(self, password: str, again: str, session: SessionInfo) -> str | None:
        try:
            self._passwords.check(password, session.login, session.name)
        except WeakPassword as weak:
            return WEAK.get(weak.code, str(weak))
        return None if password == again else DIFFERENT

    async def _page(
        self,
        request: web.Request,
        session: SessionInfo,
        *,
        fault: str | None = None,
        codes: list[str] | None = None,
        status: int = 200,
    ) -> web.Response:
        now, mine = self._means.clock.now(), session.manager_id

        def read(connection: Connection) -> dict[str, object]:
            row = connection.execute(select(Manager).where(Manager.id == mine)).one()
            return {
                "person": people.person(connection, row.id, now),
                "factor": secondfactor.factor_of(connection, mine),
                "secret": secondfactor.pending_secret(connection, mine, self._vault),
                "open_sessions": open_sessions(connection, now=now, idle=self._idle, manager_id=mine),
            }

        found = await self._means.store.read(read)
        secret = found.pop("secret")
        shown = (picture(address_of(secret, session.login)), grouped(secret)) if isinstance(secret, str) else None
        return self._frame.page(
            request,
            "settings_profile.html",
            status=status,
            fault=fault,
            codes=codes,
            setting_up=shown,
            min_length=MIN_LENGTH,
            lacks_factor=viewer_of(request).lacks_factor,
            keeps_factor=session.role in self._required_for,
            this_session=session.token_hash[:PUBLIC],
            idle_minutes=ceil(self._idle.total_seconds() / 60),
            **found,
        )


def _person(request: web.Request) -> SessionInfo:
    """Programs have no profile. Raises Refused (403)."""
    session = session_info(request)
    if session is None:
        raise Refused(403, "forbidden", "A program with a token has no profile: sign in with a browser.")
    return session


def _note(connection: Connection, action: str, by: By) -> None:
    deed = Deed(actor=by.actor, action=action, object_kind="user", object_id=by.manager_id)
    record(connection, deed, by.at)
