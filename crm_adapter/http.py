"""HTTP for adapters: a client with time-outs, a cap on answers and the guard, and the meaning of each status."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from crm_adapter.base import CrmError, Gone, Misconfigured, Rejected, Throttled, Unavailable, Unknown, utc_now
from crm_adapter.guard import Guard, GuardedResolver
from crm_adapter.said import Said

MAX_ANSWER = 64 * 1024
"""Bytes read of an answer; ids and error texts are far shorter."""
MAX_QUOTED = 300
"""Characters of the far side's own words that go into an error."""
MAX_RETRY_AFTER = 24 * 3600.0
"""A CRM may ask for a day of patience, not for a year: the next try then shows whether it still means it."""
CONNECT_SECONDS = 10.0
USER_AGENT = "Leadgate"

RETRIED_4XX = frozenset({408, 409, 423, 425})
"""Request Timeout, Conflict, Locked, Too Early: the same request can succeed later."""
SETTINGS_AT_FAULT = frozenset({301, 308, 401, 402, 403, 407, 410})
"""Moved for good, bad or missing credentials, unpaid, gone (Standard Webhooks: 410 disables the endpoint)."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: at most the client's ``max_answer`` bytes of it."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    host: str
    """Who answered, for messages."""

    def json(self) -> Any:
        """The body as JSON. Raises Unavailable: a CRM that answers something else is broken for the moment."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unavailable(
                Said(
                    "%(host)s answered %(status)s with something that is no JSON: is the address right, "
                    "and the CRM up?",
                    host=self.host,
                    status=self.status,
                )
            ) from None

    def quote(self) -> str:
        """The beginning of the body on one line without control characters, fit for a log."""
        text = _CONTROLS.sub(" ", self.body[: MAX_QUOTED * 4].decode("utf-8", "replace")).strip()
        return text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"


class HttpClient:
    """Sends requests to hosts that the guard allows. Follows no redirects, keeps no cookies, uses no proxy.

    ``resolver`` replaces the system's name look-up; whatever it says is checked all the same.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        timeout: float = 20.0,
        connections: int = 100,
        resolver: AbstractResolver | None = None,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._guard = guard
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(CONNECT_SECONDS, timeout))
        self._connections = connections
        self._max_answer = max_answer
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """The answer, whatever its status. Raises Unavailable where nothing was sent, Unknown where it was sent and no
        whole answer came, Misconfigured for the guard's no."""
        host = self._guard.check_url(url)
        session = self._open()
        try:
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as response:
                content = await _read_capped(response, self._max_answer)
        except CrmError:
            raise
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise Misconfigured(Said("the address is no URL; write it like https://crm.example.com/hook")) from None
        except aiohttp.ConnectionTimeoutError:
            seconds = f"{self._timeout.connect:g}"
            raise Unavailable(
                Said("%(host)s can't be reached within %(seconds)s s", host=host, seconds=seconds)
            ) from None
        except TimeoutError:
            seconds = f"{self._timeout.total:g}"
            raise Unknown(Said("%(host)s did not answer within %(seconds)s s", host=host, seconds=seconds)) from None
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(_what_happened(host, error)) from None
        except (aiohttp.ClientError, OSError) as error:  # the request was on its way
            raise Unknown(_what_happened(host, error)) from None
        return Answer(status=response.status, headers=response.headers, body=content, host=host)

    async def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=GuardedResolver(self._guard, self._resolver), limit=self._connections
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
                # identity: an answer that unpacks to gigabytes is then no concern of ours
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            )
        return self._session


async def _read_capped(response: aiohttp.ClientResponse, room: int) -> bytes:
    """The first ``room`` bytes; the connection of a longer answer is not used again."""
    parts: list[bytes] = []
    while room > 0:
        part = await response.content.read(room)
        if not part:
            return b"".join(parts)
        parts.append(part)
        room -= len(part)
    if not response.content.at_eof():
        response.close()
    return b"".join(parts)


def _what_happened(host: str, error: Exception) -> Said:
    """Words for a broken connection. aiohttp's own texts can hold the whole URL, and with it a secret."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Said("%(host)s shows a certificate that can't be trusted", host=host)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Said("%(host)s is not known to the name servers", host=host)
    if isinstance(error, aiohttp.ClientSSLError):
        return Said("%(host)s could not agree on an encrypted connection", host=host)
    if _refused(error):
        return Said("%(host)s can't be reached: nothing listens there", host=host)
    if isinstance(error, aiohttp.ClientConnectorError):
        words = error.os_error.strerror or type(error.os_error).__name__
        return Said("%(host)s can't be reached (%(words)s)", host=host, words=words)
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | aiohttp.ClientPayloadError):
        return Said("%(host)s closed the connection before its answer was complete", host=host)
    return Said("%(host)s gave no usable answer (%(words)s)", host=host, words=type(error).__name__)


def _refused(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno == errno.ECONNREFUSED


def raise_for_status(
    answer: Answer, *, settings_at_fault: frozenset[int] = SETTINGS_AT_FAULT, now: Callable[[], datetime] = utc_now
) -> None:
    """Return for 2xx, else raise the error that the status means: the only place where this is decided.

    ``settings_at_fault``: the statuses that mean Misconfigured; an adapter with a single URL adds 404.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    shown = f"{status} {_phrase(status)}".rstrip()
    said = Said("%(host)s answered %(status)s", host=answer.host, status=shown)
    if quoted := answer.quote():
        said = Said("%(host)s answered %(status)s: %(words)s", host=answer.host, status=shown, words=quoted)
    retry_after = parse_retry_after(answer.headers.get("Retry-After"), now())
    if status in settings_at_fault:
        raise Misconfigured(said)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status >= 500 and retry_after is not None):
        raise Throttled(said, retry_after=retry_after)
    if status == HTTPStatus.NOT_FOUND:
        raise Gone(said)
    if 400 <= status < 500 and status not in RETRIED_4XX:
        raise Rejected(said)
    raise Unavailable(said)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, None without a usable one (RFC 9110 10.2.3: seconds or a date)."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER)
