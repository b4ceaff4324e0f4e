"""What amoCRM's statuses mean (amocrm.ru/developers, "Коды ошибок"; problem documents of RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crm_adapter.answers import answered, document, one_line, raise_for_page
from crm_adapter.base import Gone, Misconfigured, Rejected, Throttled, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 5.0
"""After a 429 that names no time: seven requests a second are allowed, and who goes on is blocked by a 403."""
ENTITY_NOT_FOUND = 263
"""In ``errors`` of POST /calls: neither a contact nor a company has the number."""
OWNER_FIELD = "responsible_user_id"
MOVED = frozenset({301, 308})

BY_A_PERSON: Mapping[int, Said] = {
    401: Said("the token is not accepted: it was revoked or has run out; make a new one in the integration's settings"),
    402: Said("the account is not paid: pay it, nothing that waits is lost"),
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
        raise Misconfigured(Said("%(words)s: %(remedy)s", words=answered(answer), remedy=remedy))
    if status in MOVED:
        words = answered(answer)
        raise Misconfigured(Said("%(words)s: the account has another address; look at url", words=words))
    raise_for_page(answer)
    if status == 404:
        words = answered(answer, _detail(document(answer)))
        raise Gone(Said("%(words)s: it was deleted in amoCRM, or made part of another one", words=words))
    if status in (400, 422):
        raise _refusal(answer)
    raise_for_status(answer)


def knows_nobody(answer: Answer) -> bool:
    """Whether a call was refused since nobody has its number (status 400, in older versions 200)."""
    found = document(answer).get("errors")
    errors = found if isinstance(found, list) else []
    return any(isinstance(one, Mapping) and one.get("status") == ENTITY_NOT_FOUND for one in errors)


def is_about_owner(error: Rejected) -> bool:
    """Whether the user is at fault that the record was to be given to: deleted there, or not active any more."""
    return (error.field or "").rpartition(".")[2] == OWNER_FIELD


def _refusal(answer: Answer) -> Rejected:
    """The first validation error, in amoCRM's words."""
    found = document(answer)
    for error in _errors(found):
        path, detail = one_line(error.get("path")), one_line(error.get("detail"))
        if not path:
            return Rejected(Said("%(host)s refuses this: %(words)s", host=answer.host, words=detail))
        said = Said("%(host)s refuses the field %(field)s: %(words)s", host=answer.host, field=path, words=detail)
        if "custom_fields_values" in path:
            said = Said("%(words)s; look at the numbers and codes of fields in the configuration", words=said)
        return Rejected(said, field=path)
    return Rejected(answered(answer, _detail(found) or answer.quote()))


def _errors(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for group in found.get("validation-errors") or ():
        yield from group.get("errors") or ()


def _detail(found: Mapping[str, Any]) -> str:
    return one_line(found.get("detail") or found.get("title"))
