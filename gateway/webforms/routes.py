"""The forms' HTTP, for aiohttp: takes submissions within their limits, and turns the intake's answers into responses.

``POST /f/{key}`` a submission; ``GET /f/{key}`` the hosted page (and Meta's question whether the hook is ours);
``GET /f/{key}.js`` the snippet; ``GET /f/{key}/challenge`` what the snippet and ALTCHA's widget ask for.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from gateway.core.types import Json
from gateway.webforms.answers import broken_body, too_large, too_slow, unknown_form
from gateway.webforms.intake import FormIntake
from gateway.webforms.pages import StaticFile, answer_page, content_policy, form_page, language_of, snippet, static_file
from gateway.webforms.proof import PROOF_HEADERS
from gateway.webforms.settings import FormSettings
from gateway.webforms.submission import Answer, Submission

MAX_HEADER = 2_000
"""Characters of a header that are kept."""
PREFLIGHT_SECONDS = 86_400
"""How long a browser may remember what a preflight said (Fetch standard, CORS-preflight cache)."""
ALLOWED_HEADERS = "Content-Type, Idempotency-Key, X-Requested-With"

NO_PAGE = "The page of this form can't show its captcha: set site_key of the captcha, or put the form on your own site."
NO_PROOF: Mapping[str, str] = {}

AddressOf = Callable[[web.Request], str | None]


def routes(intake: FormIntake, address_of: AddressOf | None = None, *, language: str = "ru") -> list[web.RouteDef]:
    """The routes of the forms, for the public listener.

    ``address_of`` tells the visitor's address behind the proxies that a set-up has; by default ``peer_address``.
    ``language`` is that of pages for browsers that ask for neither Russian nor English.
    """
    handler = FormHandler(intake, address_of or peer_address, language)
    return [
        web.post("/f/{key}", handler.post),
        web.options("/f/{key}", handler.preflight),
        web.get("/f/{name:work[.]js|page[.]css}", handler.file),
        web.get("/f/{key:[A-Za-z0-9_-]+}.js", handler.snippet),
        web.get("/f/{key:[A-Za-z0-9_-]+}", handler.page),
        web.get("/f/{key:[A-Za-z0-9_-]+}/challenge", handler.challenge),
    ]


class FormHandler:
    """The requests of a form."""

    def __init__(self, intake: FormIntake, address_of: AddressOf, language: str) -> None:
        self._intake = intake
        self._address_of = address_of
        self._language = language

    async def post(self, request: web.Request) -> web.Response:
        """A submission."""
        key = request.match_info["key"]
        form = self._intake.form(key)
        if form is None:
            return self._respond(request, unknown_form(), {})
        cors = cors_headers(form, request.headers.get("Origin"))
        if (request.content_length or 0) > form.max_size:
            return self._refuse(request, form, too_large(form), cors, "too_large")
        try:
            raw = await _read(request, form)
        except TimeoutError:
            return self._refuse(request, form, too_slow(form), cors, "broken", close=True)
        except (web.RequestPayloadError, ConnectionError):
            return self._refuse(request, form, broken_body(), cors, "broken", close=True)
        if raw is None:
            return self._refuse(request, form, too_large(form), cors, "too_large")
        answer = await self._intake.submit(self._submission(request, key, form, raw))
        return self._respond(request, answer, cors, form=form)

    async def preflight(self, request: web.Request) -> web.Response:
        """CORS: what a script of a site may send (Fetch standard, section 3.2)."""
        form = self._intake.form(request.match_info["key"])
        if form is None:
            return self._respond(request, unknown_form(), {})
        headers = cors_headers(form, request.headers.get("Origin"))
        if "Access-Control-Allow-Origin" in headers:
            headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return web.Response(status=204, headers=headers)

    async def page(self, request: web.Request) -> web.Response:
        """The hosted page of a form; or the answer to Meta, which asks whether this hook is ours."""
        form = self._intake.form(request.match_info["key"])
        if form is None:
            return self._respond(request, unknown_form(), {})
        if request.query.get("hub.mode") == "subscribe":
            return self._answer_meta(request, form)
        if form.captcha is not None and not form.captcha.site_key:
            return self._respond(request, Answer(status=403, body={"error": NO_PAGE}), {})
        token = self._intake.signer.token(form.key, self._intake.now()) if form.min_seconds else ""
        text = form_page(form, self._language_of(request), token)
        return _html(200, text, content_policy(form, embedded="embed" in request.query, asking=True))

    async def snippet(self, request: web.Request) -> web.Response:
        """The script for any HTML form. It is the same for all visitors and sets no cookie."""
        form = self._intake.form(request.match_info["key"])
        if form is None:
            return self._respond(request, unknown_form(), {})
        # with a captcha too: our own token shows later when the page was open
        guarded = form.min_seconds > 0 or form.proof_of_work > 0 or form.captcha is not None
        return _file(request, snippet(guarded))

    async def file(self, request: web.Request) -> web.Response:
        """The snippet's worker and the page's style."""
        return _file(request, static_file(request.match_info["name"]))

    async def challenge(self, request: web.Request) -> web.Response:
        """A token, and a proof of work where the form asks for one: version 1 of ALTCHA's challenge."""
        form = self._intake.form(request.match_info["key"])
        if form is None:
            return self._respond(request, unknown_form(), {})
        now, signer = self._intake.now(), self._intake.signer
        told: dict[str, Json] = {"token": signer.token(form.key, now), "wait": form.min_seconds}
        if form.proof_of_work:
            told |= signer.challenge(form.key, form.proof_of_work, now)
        cors = cors_headers(form, request.headers.get("Origin"))
        return self._respond(request, Answer(status=200, body=told), cors)

    def _answer_meta(self, request: web.Request, form: FormSettings) -> web.Response:
        """Meta's verification request: the token that the owner gave it there is the form's key."""
        given = request.query.get("hub.verify_token", "").encode("utf-8", "replace")
        if not any(hmac.compare_digest(given, key.encode()) for key in (form.key, *form.previous_keys)):
            wrong = {"error": "hub.verify_token is not the key of this form."}
            return self._respond(request, Answer(status=403, body=wrong), {})
        challenge = request.query.get("hub.challenge", "")[:MAX_HEADER]
        return web.Response(text=challenge, content_type="text/plain", headers={"Cache-Control": "no-store"})

    def _language_of(self, request: web.Request) -> str:
        return language_of(request.query.get("lang", ""), request.headers.get("Accept-Language", ""), self._language)

    def _submission(self, request: web.Request, key: str, form: FormSettings, raw: bytes) -> Submission:
        headers = request.headers
        browser = "Origin" in headers or "Sec-Fetch-Mode" in headers or "text/html" in headers.get("Accept", "")
        proof = _proof(headers) if form.secret else NO_PROOF
        return Submission(
            form=key,
            raw=raw,
            content_type=headers.get("Content-Type", "")[:MAX_HEADER],
            query=_query(request),
            address=self._address_of(request),
            origin=_header(headers, "Origin"),
            referer=_header(headers, "Referer"),
            user_agent=_header(headers, "User-Agent"),
            idempotency_key=_header(headers, "Idempotency-Key"),
            message_id=proof.get("webhook-id"),
            browser=browser,
            navigating=browser and is_navigation(headers),
            proof=proof,
            url=str(request.url) if form.secret else "",
        )

    def _refuse(
        self,
        request: web.Request,
        form: FormSettings,
        answer: Answer,
        cors: dict[str, str],
        outcome: str,
        *,
        close: bool = False,
    ) -> web.Response:
        """Answer a submission that did not arrive, and note it."""
        self._intake.note(form, outcome, str(answer.body["error"]), peer=self._address_of(request))
        return self._respond(request, answer, cors, form=form, close=close)

    def _respond(
        self,
        request: web.Request,
        answer: Answer,
        headers: dict[str, str],
        *,
        form: FormSettings | None = None,
        close: bool = False,
    ) -> web.Response:
        """JSON for programs; a page for a person whose browser shows the answer."""
        if answer.location is None and request.method == "POST" and _shows_pages(request.headers):
            text = answer_page(answer.status, self._language_of(request))
            response = _html(answer.status, text, content_policy(form, embedded=True))
        else:
            response = _json(answer, headers)
        if answer.retry_after is not None:
            response.headers["Retry-After"] = str(answer.retry_after)
        if close:
            response.force_close()
        return response


async def _read(request: web.Request, form: FormSettings) -> bytes | None:
    """The whole body; None when it is too large. Raises TimeoutError: aiohttp has no time limit of its own."""
    content = request.content
    if content.is_eof() and content.total_bytes <= form.max_size:
        return content.read_nowait()  # it came with the headers, as nearly all do
    body = bytearray()
    async with asyncio.timeout(form.body_seconds):
        while chunk := await content.readany():
            body += chunk
            if len(body) > form.max_size:
                return None
    return bytes(body)


def cors_headers(form: FormSettings, origin: str | None) -> dict[str, str]:
    """What lets a listed site's script read the answer. No credentials: the forms know no cookies."""
    if not form.origins:
        return {"Access-Control-Allow-Origin": "*"}
    headers = {"Vary": "Origin"}
    if origin is not None and origin in form.origins:
        headers["Access-Control-Allow-Origin"] = origin
    return headers


def is_navigation(headers: Mapping[str, str]) -> bool:
    """True when a browser will show the answer as a page, false for fetch and XMLHttpRequest."""
    if headers.get("X-Requested-With", "").lower() == "xmlhttprequest":
        return False
    mode = headers.get("Sec-Fetch-Mode", "navigate")
    return mode == "navigate" and "text/html" in headers.get("Accept", "")


def peer_address(request: web.Request) -> str | None:
    """The visitor's address: the peer's, or what a proxy on this machine says.

    Only a peer on the loopback is believed, and only the last entry of X-Forwarded-For, which that proxy wrote itself.
    """
    peer = request.remote
    if not peer:
        return None
    forwarded = request.headers.get("X-Forwarded-For")
    if forwarded is None or not _is_loopback(peer):
        return peer
    last = forwarded.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return peer


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _query(request: web.Request) -> tuple[tuple[str, str], ...]:
    return tuple(request.query.items())[:100] if request.query_string else ()


def _header(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    # aiohttp carries bytes that are no UTF-8 as surrogates, which no database takes
    return value[:MAX_HEADER].encode("utf-8", "replace").decode("utf-8") if value else None


def _proof(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name in PROOF_HEADERS if (value := _header(headers, name)) is not None}


def _shows_pages(headers: Mapping[str, str]) -> bool:
    return "text/html" in headers.get("Accept", "") and is_navigation(headers)


def _json(answer: Answer, headers: dict[str, str]) -> web.Response:
    headers["Cache-Control"] = "no-store"
    headers["Content-Type"] = "application/json"
    if answer.location is not None:
        headers["Location"] = answer.location
    return web.Response(status=answer.status, body=msgspec.json.encode(answer.body), headers=headers)


def _html(status: int, text: str, policy: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy, "Vary": "Accept-Language"}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def _file(request: web.Request, file: StaticFile) -> web.Response:
    """A file that other sites load too; browsers ask again every five minutes and mostly hear "unchanged"."""
    headers = {
        "ETag": file.etag,
        "Cache-Control": "public, max-age=300",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if file.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, content_type=file.content_type, charset="utf-8", headers=headers)
