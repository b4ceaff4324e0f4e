"""What Bitrix24 says when it does not do what it was asked, in our words. Source: b24-rest-docs, system-errors.md."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import CrmError, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 2.0
"""After QUERY_LIMIT_EXCEEDED: the leaky bucket loses two requests a second (five on Enterprise)."""
OPERATION_SECONDS = 60.0
"""After OPERATION_TIME_LIMIT, where the answer does not say when the ten minutes are over."""

BY_A_PERSON: Mapping[str, str] = {
    "WRONG_AUTH_TYPE": Said(
        "this method works for applications only, not for an incoming webhook: use mode 'app' (a local application) "
        "for the telephony card and statistics, or remove client_id to work with the webhook alone"
    ),
    "NO_AUTH_FOUND": Said("the webhook's code or the token is not known: was the webhook deleted or made anew?"),
    "INVALID_CREDENTIALS": Said("the webhook is not valid, has run out, or the user who made it lacks the rights"),
    "expired_token": Said("the access ran out and could not be renewed: install the local application anew"),
    "invalid_token": Said("the token is not known to Bitrix24: install the local application anew"),
    "invalid_grant": Said(
        "the refresh token was used before or has run out (28 days): install the local application anew"
    ),
    "invalid_client": Said("client_id or client_secret is wrong"),
    "insufficient_scope": Said(
        "a right is missing: tick CRM (crm), Users (user) and, for an application, Telephony (telephony) in the "
        "settings of the webhook or application"
    ),
    "ACCESS_DENIED": Said(
        "access is denied: REST needs a commercial plan, and the user who made the webhook needs rights"
    ),
    "user_access_error": Said("the user of the application may not use it: give access in the application's settings"),
    "PAYMENT_REQUIRED": Said("the plan of this Bitrix24 has run out"),
    "PORTAL_DELETED": Said("this Bitrix24 is closed or was deleted"),
    "OVERLOAD_LIMIT": Said("Bitrix24 has blocked the interface because of overload: write to its support"),
    "INVALID_REQUEST": Said("Bitrix24 wants https"),
    "ERROR_METHOD_NOT_FOUND": Said(
        "this Bitrix24 does not know the method: the right for it is missing, or it is too old"
    ),
}
"""Codes after which nothing passes until a person does something, and what."""
PASSING = frozenset({"INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER", "ERROR_DATABASE"})


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means. Some errors come with status 200."""
    code, said = _error_in(answer)
    if not code:
        raise_for_status(answer)
        return
    raise error_of(code, said, answer)


def _answered(answer: Answer, code: str, said: str) -> Said:
    if not said:
        return Said("%(host)s answered %(status)s", host=answer.host, status=code)
    return Said("%(host)s answered %(status)s: %(words)s", host=answer.host, status=code, words=said)


def error_of(code: str, said: str, answer: Answer) -> CrmError:
    """The error of a code."""
    words = _answered(answer, code, said)
    if code == "QUERY_LIMIT_EXCEEDED":
        return Throttled(Said("%(words)s; too many requests", words=words), retry_after=LIMIT_SECONDS)
    if code == "OPERATION_TIME_LIMIT":
        return Throttled(words, retry_after=_reset_in(answer))
    if remedy := BY_A_PERSON.get(code):
        return Misconfigured(Said("%(words)s: %(remedy)s", words=words, remedy=remedy))
    if code in PASSING or (answer.status >= 500 and not said):
        return Unavailable(words)
    if "not found" in said.lower() and code == "NOT_FOUND":
        return Rejected(Said("%(words)s. It was deleted in Bitrix24", words=words))
    return Rejected(words, field=_field_in(said))


def _error_in(answer: Answer) -> tuple[str, str]:
    if not answer.body.lstrip().startswith(b"{"):
        return "", ""
    try:
        document: Any = answer.json()
    except Unavailable:
        return "", ""
    error = document.get("error")
    if not error:
        return "", ""
    said = " ".join(str(document.get("error_description") or "").split())[:300]
    return str(error)[:60], said


def _reset_in(answer: Answer) -> float:
    """Seconds until ``operating_reset_at`` (Unix time) of the answer."""
    try:
        at = float(answer.json()["time"]["operating_reset_at"])
    except (Unavailable, KeyError, TypeError, ValueError):
        return OPERATION_SECONDS
    return min(max(at - time.time(), 1.0), 600.0)


def _field_in(said: str) -> str | None:
    """The name between quotes or guillemets in ``Поле "TITLE" ...``."""
    for opening, closing in (("«", "»"), ('"', '"'), ("'", "'")):
        _, found, rest = said.partition(opening)
        if found and closing in rest:
            return rest.partition(closing)[0]
    return None
