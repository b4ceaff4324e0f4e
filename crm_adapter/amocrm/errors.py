"""What amoCRM's statuses mean (amocrm.ru/developers, "Коды ошибок"; problem documents of RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, Throttled, Unavailable, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 5.0
"""After a 429 that names no time: seven requests a second are allowed, and who goes on is blocked by a 403."""

BY_A_PERSON: Mapping[int, str] = {
    401: Said("the token is not accepted: it was revoked or has run out; make a new one in the integration's settings"),
    402: Said("the account is not paid"),
    403: Said(
        "access is denied: the user who installed the integration lacks the right, or this address was blocked for "
        "asking too often (support of amoCRM lifts that)"
    ),
}


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    status = answer.status
    if status == 429:
        wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now())
        said = Said("%(host)s answered 429: too many requests", host=answer.host)
        raise Throttled(said, retry_after=wait or LIMIT_SECONDS)
    if remedy := BY_A_PERSON.get(status):
        words = Said("%(host)s answered %(status)s", host=answer.host, status=status)
        raise Misconfigured(Said("%(words)s: %(remedy)s", words=words, remedy=remedy))
    if status in (400, 422):
        raise _refusal(answer)
    raise_for_status(answer)


def _refusal(answer: Answer) -> Rejected:
    """The first validation error, in amoCRM's words."""
    try:
        document: Any = answer.json()
    except Unavailable:
        document = None
    if not isinstance(document, dict):
        return Rejected(f"{answer.host} answered {answer.status}: {answer.quote()}")
    for group in document.get("validation-errors") or ():
        for error in group.get("errors") or ():
            path, detail = str(error.get("path") or ""), " ".join(str(error.get("detail") or "").split())
            return Rejected(f"{answer.host} refuses {path or 'this'}: {detail}"[:400], field=path or None)
    said = " ".join(str(document.get("detail") or document.get("title") or answer.quote()).split())
    return Rejected(f"{answer.host} answered {answer.status}: {said}"[:400])
