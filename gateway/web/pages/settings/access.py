"""``/settings/access``: who is signed in, and which programs may ask."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from sqlalchemy import Connection

from gateway.core.sentences import Sentence
from gateway.web import people
from gateway.web.access import Right, needs, viewer_of
from gateway.web.accounts import TokenInfo, list_tokens, new_secret
from gateway.web.guard import read_form, session_info
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame, done, path_id
from gateway.web.sessions import PUBLIC, OpenSession, open_sessions

HOME = "/settings/access"


class AccessPages:
    """Sessions of everybody, and tokens."""

    def __init__(self, means: PageMeans, *, idle: timedelta) -> None:
        self._frame = Frame(means)
        self._means = means
        self._idle = idle

    def routes(self) -> list[web.RouteDef]:
        """Looking is for those who inspect, ending for the owner."""
        return [
            web.get(HOME, self.show),
            web.post(HOME + "/tokens", self.add_token),
            web.post(HOME + "/tokens/{id}/revoke", self.revoke_token),
            web.post(HOME + "/sessions/{id}/end", self.end_session),
        ]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """Both lists."""
        return await self._page(request)

    @needs(Right.ADMINISTER)
    async def add_token(self, request: web.Request) -> web.Response:
        """A token, shown this once."""
        form, by, secret = await read_form(request), self._frame.by(request), new_secret()
        name = form.get("name", "").strip()
        try:
            await self._frame.write(lambda c: people.add_token(c, name, by, secret=secret))
        except people.PeopleError as error:
            return await self._page(request, fault=error.sentence, status=422)
        return await self._page(request, made=(name, secret))

    @needs(Right.ADMINISTER)
    async def revoke_token(self, request: web.Request) -> web.Response:
        """At once."""
        token_id, by = path_id(request), self._frame.by(request)
        await self._frame.write(lambda c: people.revoke_token(c, token_id, by))
        raise done(HOME, "revoked")

    @needs(Right.ADMINISTER)
    async def end_session(self, request: web.Request) -> web.Response:
        """Of anybody."""
        public_id, by = path_id(request), self._frame.by(request)
        await self._frame.write(lambda c: people.end_session(c, public_id, by, of=None))
        raise done(HOME, "revoked")

    async def _page(
        self,
        request: web.Request,
        *,
        fault: Sentence | str | None = None,
        made: tuple[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        now, session, viewer = self._means.clock.now(), session_info(request), viewer_of(request)
        whose = None if viewer.may(Right.ADMINISTER) else viewer.manager_id or ""

        def read(connection: Connection) -> tuple[list[OpenSession], list[TokenInfo]]:
            open_now = open_sessions(connection, now=now, idle=self._idle, manager_id=whose)
            return open_now, list_tokens(connection)

        rows, tokens = await self._means.store.read(read)
        return self._frame.page(
            request,
            "settings_access.html",
            status=status,
            fault=fault,
            made=made,
            open_sessions=rows,
            this_session=session.token_hash[:PUBLIC] if session else None,
            tokens=sorted(tokens, key=lambda one: (one.revoked_at is not None, one.name)),
        )
