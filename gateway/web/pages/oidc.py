"""``/login/oidc``: to the provider and back. It is a link, not a form: our policy sends no form to another site."""

from __future__ import annotations

import hmac
import logging
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from sqlalchemy import Connection

from gateway.audit.log import GATEWAY
from gateway.core.by import By
from gateway.core.clock import Clock, NewId
from gateway.storage.store import Store
from gateway.web.accounts import ManagerInfo
from gateway.web.entrance import Entrance
from gateway.web.guard import cookie_name, local_path, session_info, set_cookie
from gateway.web.oidc import persons
from gateway.web.oidc.failure import BadAnswer, OidcFailure, TooManyTries, UnknownKey
from gateway.web.oidc.idtoken import Expected, read_id_token
from gateway.web.oidc.provider import Provider, error_word
from gateway.web.oidc.settings import CALLBACK_PATH, OidcSettings, is_loopback
from gateway.web.oidc.trips import LIFETIME, Trip, Trips
from gateway.web.pages.render import Renderer
from gateway.web.throttle import LoginThrottle, address_key

log = logging.getLogger(__name__)

START_PATH = "/login/oidc"
TRIP_COOKIE = "leadgate-trip"
LOST = "Signing in took too long, or began in another window: begin again."
MAX_CODE = 4096


class OidcPages:
    """The way out and the way in again."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: NewId,
        renderer: Renderer,
        *,
        settings: OidcSettings,
        provider: Provider,
        trips: Trips,
        throttle: LoginThrottle,
        entrance: Entrance,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._renderer = renderer
        self._settings = settings
        self._provider = provider
        self._trips = trips
        self._throttle = throttle
        self._entrance = entrance

    def open_routes(self) -> list[web.RouteDef]:
        """For those who have not signed in."""
        return [web.get(START_PATH, self.leave), web.get(CALLBACK_PATH, self.come_back)]

    async def leave(self, request: web.Request) -> web.Response:
        """To the provider; who has a session goes on."""
        target = local_path(request.query.get("next"))
        if session_info(request) is not None:
            raise web.HTTPSeeOther(target)
        try:
            where = self._redirect_uri(request)
            metadata = await self._provider.metadata()
        except OidcFailure as failure:
            return self._failed(request, failure, target)
        trip = self._trips.begin(target)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": where,
            "scope": " ".join(self._settings.scopes),
            "state": self._trips.state(trip),
            "nonce": self._trips.nonce(trip),
            "code_challenge": self._trips.challenge(trip),
            "code_challenge_method": "S256",
        }
        place = metadata.authorization_endpoint
        joint = "&" if urlsplit(place).query else "?"
        response = web.Response(status=303, headers={"Location": f"{place}{joint}{urlencode(asked)}"})
        set_cookie(request, response, TRIP_COOKIE, self._trips.cookie(trip), int(LIFETIME.total_seconds()))
        return response

    async def come_back(self, request: web.Request) -> web.Response:
        """From the provider: a session, or the sign-in page with what is the matter."""
        trip = self._trips.of_cookie(request.cookies.get(cookie_name(TRIP_COOKIE, request)))
        target = trip.target if trip is not None else "/"
        address = address_key(request.remote or "")
        if self._throttle.begin((address,)) > 0:
            return self._failed(request, TooManyTries("Too many failures. Try again later."), target)
        try:
            manager = await self._person(request, trip)
        except OidcFailure as failure:
            response = self._failed(request, failure, target)
        else:
            self._throttle.take_back(address)
            response = await self._entrance.admit(request, manager, target, by="provider")
        response.del_cookie(cookie_name(TRIP_COOKIE, request), path="/", secure=request.secure, httponly=True)
        return response

    async def _person(self, request: web.Request, trip: Trip | None) -> ManagerInfo:
        """Who came back. Raises OidcFailure."""
        query, settings = request.query, self._settings
        if trip is None or not hmac.compare_digest(query.get("state", "").encode(), self._trips.state(trip).encode()):
            raise BadAnswer(LOST)
        metadata = await self._provider.metadata()
        if query.get("iss", None if metadata.says_issuer else settings.issuer) != settings.issuer:
            raise BadAnswer("The answer was made by another provider than the one that is configured.")
        if "error" in query:
            _raise_refusal(error_word(query["error"]))
        code = query.get("code", "")
        if not code or len(code) > MAX_CODE or not self._trips.end(trip):
            raise BadAnswer(LOST)
        tokens = await self._provider.redeem(code, self._trips.verifier(trip), self._redirect_uri(request))
        expected = Expected(issuer=settings.issuer, client_id=settings.client_id, nonce=self._trips.nonce(trip))
        try:
            claims = read_id_token(tokens.id_token, await self._provider.keys(), expected, self._clock.now())
        except UnknownKey:  # it may have changed its keys a moment ago
            keys = await self._provider.keys(anew=True)
            claims = read_id_token(tokens.id_token, keys, expected, self._clock.now())
        if settings.claim not in claims:
            claims = {**await self._provider.more_claims(tokens.access_token, claims["sub"]), **claims}
        by = By(actor=GATEWAY, manager_id=None, at=self._clock.now(), new_id=self._new_id)

        def unit(connection: Connection) -> ManagerInfo:
            return persons.admit(connection, claims, settings, by)

        return await self._store.write(unit)

    def _redirect_uri(self, request: web.Request) -> str:
        """Where people come back to. Raises OidcFailure where that would be readable on the way."""
        if self._settings.redirect_uri:
            return self._settings.redirect_uri
        if not request.secure and not is_loopback(request.url.host or ""):
            raise BadAnswer("Signing in through the provider needs https: open this page by its https address.")
        return str(request.url.origin()) + CALLBACK_PATH

    def _failed(self, request: web.Request, failure: OidcFailure, target: str) -> web.Response:
        log.warning(
            "Signing in through the provider failed", extra={"action": "oidc_failed", "code": failure.code,
            "reason": failure.sentence.msgid},
        )  # fmt: skip
        said = failure.sentence.said(self._renderer.words(request).texts)
        return self._renderer.page(
            request, "login.html", status=failure.status, target=target, login="", wrong=False, wait=0, problem=said,
            provider=self._settings.label, passwords=not self._settings.only,
        )  # fmt: skip


def _raise_refusal(word: str) -> None:
    if word == "access_denied":
        raise BadAnswer("You were not let in at the provider, or you cancelled.")
    if word in {"temporarily_unavailable", "server_error"}:
        raise BadAnswer("The sign-in provider does not answer now. Try again soon.")
    raise BadAnswer("The sign-in provider refused: %(word)s.", word=word or "-")
