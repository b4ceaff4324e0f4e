"""Errors as answers: RFC 9457 problem documents for programs, a plain page for people, no inner text for anyone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.errors import StoreUnavailable
from gateway.core.sentences import Sentence

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = "5"
"""Retry-After when the database is away: longer than a failover of a moment, short enough for a browser's patience."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457 section 3. ``code`` is our stable word for programs."""

    type: str = "about:blank"
    title: str
    """The HTTP status in words (RFC 9457 section 4.2.1 for ``about:blank``)."""
    status: int
    detail: str
    """What is wrong with this request, and the way out."""
    code: str


class Refused(Exception):
    """Raised by handlers: the answer is this status, said to programs in English and to people in their language.

    ``Refused(400, "bad_parameter", "There is no view %(view)s.", view=name)``: as with ``core.errors.LeadgateError``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str | Sentence,
        headers: Mapping[str, str] | None = None,
        /,
        **values: object,
    ) -> None:
        self.sentence = sentence if isinstance(sentence, Sentence) else Sentence(sentence, values)
        self.detail = str(self.sentence)
        super().__init__(self.detail)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


ErrorPage = Callable[[web.Request, Refused], web.Response]
"""Renders an error for a person."""


def problem_response(refused: Refused) -> web.Response:
    """The problem document."""
    problem = Problem(title=phrase(refused.status), status=refused.status, detail=refused.detail, code=refused.code)
    return web.Response(
        status=refused.status,
        body=msgspec.json.encode(problem),
        content_type=CONTENT_TYPE,
        headers=refused.headers,
    )


def phrase(status: int) -> str:
    """``404`` -> ``Not Found``; an unknown status gives its class."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"


def wants_page(request: web.Request) -> bool:
    """A browser asks for ``text/html``; programs and everything under /api/ get problem documents."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def error_middleware(error_page: ErrorPage | None) -> Middleware:
    """Turns exceptions into answers. The other side's mistakes are its own; ours are logged as errors."""

    def answer(request: web.Request, refused: Refused) -> web.StreamResponse:
        if error_page is not None and wants_page(request):
            return error_page(request, refused)
        return problem_response(refused)

    @web.middleware
    async def errors_to_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return answer(request, refused)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return answer(request, _of_aiohttp(request, error))
        except StoreUnavailable:
            log.exception("The database can't be reached", extra={"action": "http_store_unavailable"})
            away = Sentence("The database can't be reached at the moment. Try again soon.")
            return answer(request, Refused(503, StoreUnavailable.code, away, {"Retry-After": RETRY_SECONDS}))
        except ConnectionError:
            raise  # the client went away: there is nobody to answer
        except Exception:
            log.exception(
                "A request failed by our own fault",
                extra={"action": "http_request_failed", "method": request.method, "route": route_name(request)},
            )
            ours = Sentence("This is a fault of the gateway. It was logged; trying the same again may not help.")
            return answer(request, Refused(500, "internal", ours))

    return errors_to_answers


def route_name(request: web.Request) -> str:
    """The route's pattern, never the path itself: a path may hold a secret or anything a stranger wrote."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


def _of_aiohttp(request: web.Request, error: web.HTTPException) -> Refused:
    """aiohttp's own refusals (no such route, body too large ...) in our words; headers such as Allow are kept."""
    kept = {name: error.headers[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in error.headers}
    unknown = ("refused", Sentence("%(phrase)s.", {"phrase": phrase(error.status)}))
    code, sentence = _SENTENCES.get(error.status, unknown)
    if isinstance(error, web.HTTPMethodNotAllowed):
        values = {"method": request.method[:20], "known": ", ".join(sorted(error.allowed_methods))}
        sentence = Sentence("%(method)s is not possible here; possible: %(known)s.", values)
    return Refused(error.status, code, sentence, kept)


_SENTENCES = {
    400: ("bad_request", Sentence("The request can't be understood.")),
    403: ("forbidden", Sentence("This is not allowed.")),
    404: ("not_found", Sentence("There is nothing at this address.")),
    405: ("method_not_allowed", Sentence("This method is not possible here.")),
    408: ("too_slow", Sentence("The request came too slowly.")),
    413: ("too_large", Sentence("The request is too large.")),
    415: ("unsupported_media_type", Sentence("The content type can't be read here.")),
    429: ("too_many_requests", Sentence("Too many requests. Try again later.")),
}
