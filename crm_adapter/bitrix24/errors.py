"""What Bitrix24 says when it does not do what it was asked, in our words. Sources: b24-rest-docs, system-errors.md,
settings/oauth/error-codes.md, and the pages of the methods."""

from __future__ import annotations

import time
from collections.abc import Mapping

from crm_adapter.answers import answered, document, one_line, raise_for_page
from crm_adapter.base import CrmError, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 2.0
"""After QUERY_LIMIT_EXCEEDED: the leaky bucket loses two requests a second (five on Enterprise)."""
OPERATION_SECONDS = 60.0
"""After OPERATION_TIME_LIMIT, where the answer does not say when the oldest of its ten minutes is over."""
LONGEST_CODE = 60

NO_RIGHT = Said(
    "the user who made the webhook or installed the application may not do this: in CRM → Settings → Permissions give "
    "that user's role the rights to read, add and change contacts, leads and deals"
)
OLD_PLAN = Said("REST needs a commercial plan of Bitrix24: renew the plan, or write to the support")
BY_A_PERSON: Mapping[str, Said] = {
    "WRONG_AUTH_TYPE": Said(
        "this method works for applications only, not for an incoming webhook: use mode 'app' (a local application) "
        "for the telephony card and statistics, or remove client_id to work with the webhook alone"
    ),
    "NO_AUTH_FOUND": Said(
        "the webhook's code or the token is not known: was the webhook deleted or made anew? Copy its whole address "
        "into url once more"
    ),
    "INVALID_CREDENTIALS": Said(
        "the webhook is not valid, has run out, or the user who made it lacks the rights: make a new one as a user who "
        "may see all of the CRM"
    ),
    "expired_token": Said("the access ran out and could not be renewed: install the local application anew"),
    "invalid_token": Said("the token is not known to Bitrix24: install the local application anew"),
    "invalid_grant": Said(
        "the refresh token was used before or has run out (180 days): install the local application anew, and put its "
        "new refresh_token into the configuration"
    ),
    "invalid_client": Said(
        "client_id or client_secret is wrong, or the application is not installed in this Bitrix24: copy both from its "
        "page"
    ),
    "invalid_request": Said("the server of tokens does not understand us: look at oauth_url"),
    "invalid_scope": Said("the application asks for more rights than its page gives it: tick them there"),
    "insufficient_scope": Said(
        "a right is missing: tick CRM (crm), Users (user) and, for an application, Telephony (telephony) in the "
        "settings of the webhook or application"
    ),
    "user_access_error": Said("the user of the application may not use it: give access in the application's settings"),
    "allowed_only_intranet_user": Said(
        "only employees may do this: make the webhook or install the application as one, not as a guest"
    ),
    "PAYMENT_REQUIRED": Said("the paid time of this Bitrix24 or of the application is over: renew it"),
    "PORTAL_DELETED": Said(
        "this Bitrix24 is closed or was deleted; a self-hosted one is closed by the switch 'Temporarily close the "
        "public section' in the settings of the main module"
    ),
    "OVERLOAD_LIMIT": Said("Bitrix24 has blocked the interface because of overload: write to its support"),
    "INVALID_REQUEST": Said("Bitrix24 wants https: write url with https://"),
    "ERROR_METHOD_NOT_FOUND": Said(
        "this Bitrix24 does not know the method: the right for it is missing, or it is too old"
    ),
}
"""Codes after which nothing passes until a person does something, and what."""
PASSING = frozenset({"INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER", "ERROR_DATABASE"})
GONE = frozenset({"NOT_FOUND", "OWNER_NOT_FOUND"})
"""The record itself, and the one that a comment or an activity was to belong to."""
GONE_WORDS = ("activity is not found",)
"""What has no code of its own."""
USER_AWAY = "user is not found or is not active"
"""Of telephony.externalCall.register and .finish, with the code ERROR_CORE."""
REQUIRED = "CRM_FIELD_ERROR_REQUIRED"


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means. Some errors come with status 200, some without a code."""
    raise_for_page(answer)
    found = document(answer)
    if "error" not in found:
        _raise_without_code(answer)
        return
    code, said = str(found["error"])[:LONGEST_CODE], one_line(found.get("error_description"))
    raise error_of(code, said, answer)


def _raise_without_code(answer: Answer) -> None:
    if answer.status == 404:
        words = answered(answer)
        raise Misconfigured(Said("%(words)s: no Bitrix24 answers at this address; look at url", words=words))
    raise_for_status(answer)


def error_of(code: str, said: str, answer: Answer) -> CrmError:
    """The error of a code."""
    words = _answered(answer, code, said)
    if code == "QUERY_LIMIT_EXCEEDED":
        return Throttled(Said("%(words)s; too many requests", words=words), retry_after=LIMIT_SECONDS)
    if code == "OPERATION_TIME_LIMIT":
        return Throttled(words, retry_after=_reset_in(answer))
    if remedy := _remedy(code, said):
        return Misconfigured(Said("%(words)s: %(remedy)s", words=words, remedy=remedy))
    if code in PASSING or (answer.status >= 500 and not said):
        return Unavailable(words)
    if code in GONE or said.lower().rstrip(".") in GONE_WORDS:
        return Gone(Said("%(words)s: it was deleted in Bitrix24, or made part of another one", words=words))
    if code == REQUIRED:
        said_so = Said("%(words)s: give that field a value with fields in the configuration", words=words)
        return Rejected(said_so, field=_field_in(said))
    return Rejected(words, field=_field_in(said))


def is_about_user(error: Rejected) -> bool:
    """Whether a call was refused since its user was dismissed."""
    return USER_AWAY in str(error).lower()


def _remedy(code: str, said: str) -> Said | None:
    """What a person must do; None where nobody can, or need."""
    if code == "ACCESS_DENIED" or "access denied" in (code.lower(), said.lower().rstrip(".!")):
        return OLD_PLAN if "plan" in said.lower() or "тариф" in said.lower() else NO_RIGHT
    return BY_A_PERSON.get(code)


def _answered(answer: Answer, code: str, said: str) -> Said:
    """``example.bitrix24.ru answered NOT_FOUND: Item not found``: the code says more than the status."""
    code = code or str(answer.status)
    if not said:
        return Said("%(host)s answered %(status)s", host=answer.host, status=code)
    return Said("%(host)s answered %(status)s: %(words)s", host=answer.host, status=code, words=said)


def _reset_in(answer: Answer) -> float:
    """Seconds until ``operating_reset_at`` (Unix time) of the answer."""
    try:
        at = float(document(answer)["time"]["operating_reset_at"])
    except (KeyError, TypeError, ValueError):
        return OPERATION_SECONDS
    return min(max(at - time.time(), 1.0), 600.0)


def _field_in(said: str) -> str | None:
    """The name between quotes or guillemets in ``Поле "TITLE" ...``."""
    for opening, closing in (("«", "»"), ('"', '"'), ("'", "'")):
        _, found, rest = said.partition(opening)
        if found and closing in rest:
            return rest.partition(closing)[0]
    return None
