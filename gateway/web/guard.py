"""Who may come in: bearer tokens for programs, sessions for browsers, and the defence against forged forms.

Every route is closed unless it was registered as open; a route that somebody forgets is therefore closed.
"""

from __future__ import annotations

import hmac
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_bytes
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.storage.store import Store
from gateway.web.access import SAFE_METHODS, VIEWER, Viewer, needs_no_factor, right_of, viewer
from gateway.web.accounts import TokenInfo, fingerprint, new_secret, token_of, token_works, touch_token
from gateway.web.masking import refuse_masks
from gateway.web.problems import Refused, wants_page
from gateway.web.queries.filters import names_only
from gateway.web.sessions import TOUCH_EVERY, SessionInfo, session_of, touch_session

log = logging.getLogger(__name__)

SESSION_COOKIE = "leadgate"
FORM_COOKIE = "leadgate-form"
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
FACTOR_PAGE = "/profile#factor"
"""Where a second factor is set up."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: exactly one of the two."""

    session: SessionInfo | None = None
    token: TokenInfo | None = None


PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
FORM_SECRET: web.RequestKey[str] = web.RequestKey("form_secret", str)


def principal_of(request: web.Request) -> Principal | None:
    """Who asks; None on an open route without a session."""
    return request.get(PRINCIPAL)


def session_info(request: web.Request) -> SessionInfo | None:
    """The browser's session, if it has one."""
    principal = request.get(PRINCIPAL)
    return principal.session if principal else None


def cookie_name(base: str, request: web.Request) -> str:
    """With TLS the ``__Host-`` prefix (RFC 6265bis 4.1.3.2): no subdomain and no plain http can set it."""
    return f"__Host-{base}" if request.secure else base


def set_cookie(request: web.Request, response: web.StreamResponse, base: str, value: str, seconds: int | None) -> None:
    """An HttpOnly cookie for this site only; until the browser closes when ``seconds`` is None."""
    response.set_cookie(
        cookie_name(base, request),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.secure,
    )


def form_token(request: web.Request) -> str:
    """The value for the hidden field ``csrf`` of a form on the page that answers ``request``; another one each time."""
    session = session_info(request)
    if session is not None:
        return disguised(session.csrf)
    known = request.cookies.get(cookie_name(FORM_COOKIE, request)) or request.get(FORM_SECRET)
    if known is None:
        known = request[FORM_SECRET] = new_secret()
    return disguised(known)


def disguised(secret: str) -> str:
    """``secret`` as it may stand on a page that is compressed together with texts of strangers: never the same twice,
    so that the sizes of many answers tell nothing of it (BREACH, CVE-2013-3587)."""
    plain = secret.encode()
    key = token_bytes(len(plain))
    return urlsafe_b64encode(key + bytes(a ^ b for a, b in zip(key, plain, strict=True))).decode()


def undisguised(sent: str) -> bytes:
    """What ``disguised`` hid; nothing where it is not of ours."""
    try:
        both = urlsafe_b64decode(sent.encode())
    except ValueError:
        return b""
    key, hidden = both[: len(both) // 2], both[len(both) // 2 :]
    return bytes(a ^ b for a, b in zip(key, hidden, strict=False))


def local_path(target: str | None) -> str:
    """``target`` if it is a path on this site, else ``/``: nobody is sent elsewhere after signing in."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if any(ord(letter) < 0x21 or letter == "\\" for letter in target):
        return "/"
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Which routes need no sign-in, by their handlers. Any other route does."""

    public: frozenset[object] = frozenset()
    """No cookie is read and nobody is identified: forms, assets, health, metrics, the API's description."""
    open: frozenset[object] = frozenset()
    """Pages for those who have not signed in yet. Their forms are protected like all others."""


class Guard:
    """The middleware before every handler of an application with private routes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        idle: timedelta,
        doors: Doors,
        managers_see_all: bool = True,
        mask_for: Collection[str] = (),
        second_factor_for: Collection[str] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._idle = idle
        self._doors = doors
        self._managers_see_all = managers_see_all
        self._mask_for = frozenset(mask_for)
        self._second_factor_for = frozenset(second_factor_for)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Find out who asks, refuse strangers and forged forms, then hand on."""
        target = request.match_info.handler
        if target in self._doors.public or request.match_info.route.resource is None:  # nothing lives at this address
            return await handler(request)
        principal = self.identify(request)
        if principal is not None:
            request[PRINCIPAL] = principal
            request[VIEWER] = who = self._viewer(principal)
            await self._touch(principal)
            if who.lacks_factor and target not in self._doors.open:
                _only_the_factor(request, target)
            elif target not in self._doors.open and not who.may(right_of(target, request.method)):
                raise Refused(403, "forbidden", "Your role does not allow this. The owner can change it.")
        elif target not in self._doors.open:
            raise _who_are_you(request)
        if request.method not in SAFE_METHODS and (principal is None or principal.token is None):
            await check_csrf(request)
        response = await self._answer(request, handler)
        if (secret := request.get(FORM_SECRET)) is not None and not response.prepared:
            set_cookie(request, response, FORM_COOKIE, secret, None)
        return response

    def _viewer(self, principal: Principal) -> Viewer:
        return viewer(
            principal.session,
            principal.token,
            managers_see_all=self._managers_see_all,
            mask_for=self._mask_for,
            second_factor_for=self._second_factor_for,
        )

    @staticmethod
    async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        who = request.get(VIEWER)
        if who is None or not who.masked:
            return await handler(request)
        await refuse_masks(request)
        with names_only():
            return await handler(request)

    def identify(self, request: web.Request) -> Principal | None:
        """By ``Authorization: Bearer`` when it is there, else by the session cookie."""
        authorization = request.headers.get("Authorization")
        if authorization is None:
            session = self._session(request)
            return Principal(session=session) if session else None
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            return None
        token = self._store.peek(lambda c: token_of(c, secret.strip()))
        return Principal(token=token) if token else None

    def still_valid(self, principal: Principal) -> bool:
        """For streams that live long: whether a token was revoked or a session ended meanwhile."""
        if principal.token is not None:
            token_id = principal.token.id
            return self._store.peek(lambda c: token_works(c, token_id))
        if principal.session is not None:
            session = self._session_by(principal.session.token_hash)
            return session is not None and not self._viewer(Principal(session=session)).lacks_factor
        return False

    def _session(self, request: web.Request) -> SessionInfo | None:
        secret = request.cookies.get(cookie_name(SESSION_COOKIE, request))
        return self._session_by(fingerprint(secret)) if secret else None

    def _session_by(self, token_hash: str) -> SessionInfo | None:
        now = self._clock.now()
        return self._store.peek(lambda c: session_of(c, token_hash, now=now, idle=self._idle))

    async def _touch(self, principal: Principal) -> None:
        now = self._clock.now()
        session, token = principal.session, principal.token
        try:
            if session is not None and now - session.seen_at >= min(TOUCH_EVERY, self._idle / 2):
                await self._store.write(lambda c: touch_session(c, session.token_hash, now=now))
            elif token is not None and (token.last_used_at is None or now - token.last_used_at >= TOUCH_EVERY):
                await self._store.write(lambda c: touch_token(c, token.id, now=now))
        except StoreUnavailable:
            log.warning("The time of last use could not be noted", extra={"action": "http_touch_failed"})


async def check_csrf(request: web.Request) -> None:
    """Raise Refused unless an unsafe request came from a form of ours.

    The browser's own word (Sec-Fetch-Site, Origin) is checked first, then the token in the form or the header.
    """
    if not _same_site(request):
        raise Refused(403, "cross_site", "This form was sent from another site.")
    sent = request.headers.get(CSRF_HEADER)
    if sent is None:
        sent = (await read_form(request)).get(CSRF_FIELD, "")
    session = session_info(request)
    expected = session.csrf if session else request.cookies.get(cookie_name(FORM_COOKIE, request), "")
    if not expected or not hmac.compare_digest(undisguised(sent), expected.encode()):
        raise Refused(403, "csrf", "The form is too old: go back, load the page anew and send it again.")


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form of our pages, without NULs (PostgreSQL stores none). Raises Refused for broken ones.

    None of them has files, so other encodings than the plain one are not read at all.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        fields = await request.post()
    except (LookupError, ValueError, web.RequestPayloadError):  # unknown charset, wrong bytes, cut off
        raise Refused(400, "bad_form", "The form can't be read.") from None
    return {name: value.replace("\x00", "") for name, value in fields.items() if isinstance(value, str)}


def _same_site(request: web.Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin", "null")
    # with Referrer-Policy: no-referrer browsers send "null" for our own forms too; then the token alone decides
    return origin == "null" or urlsplit(origin).netloc.lower() == request.host.lower()


def _only_the_factor(request: web.Request, handler: object) -> None:
    """Who lacks the second factor of their role sets it up and does nothing else. Raises where it is something else."""
    if needs_no_factor(handler):
        return
    if wants_page(request) and request.method in SAFE_METHODS:
        raise web.HTTPSeeOther(FACTOR_PAGE)
    raise Refused(403, "second_factor_needed", "Your role asks for a second factor: set it up at /profile first.")


def _who_are_you(request: web.Request) -> Exception:
    if wants_page(request) and "Authorization" not in request.headers:
        target = quote(request.path_qs, safe="") if request.method in SAFE_METHODS else ""
        return web.HTTPSeeOther(f"/login?next={target}" if target not in {"", "%2F"} else "/login")
    return Refused(
        401,
        "unauthorized",
        "Send a valid token in the header Authorization: Bearer TOKEN (leadgate token add NAME), or sign in.",
        {"WWW-Authenticate": 'Bearer realm="leadgate"'},
    )
