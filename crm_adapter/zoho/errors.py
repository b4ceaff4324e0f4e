"""What Zoho's answers mean (CRM API v8, "Status Codes and Errors"; the examples of github.com/zoho/crm-oas).

A request that fails as a whole is ``{"code", "message", "details"}``; a record that fails stands in ``data`` of an
answer that may be 200, 202, 207 or 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.answers import answered, document, one_line, raise_for_page
from crm_adapter.base import Conflict, Gone, Misconfigured, Rejected, Throttled, Unavailable, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 60.0
"""After a 429 that names no time: too many at once, or the credits of the last 24 hours are spent."""
TOKEN_SECONDS = 600.0
"""Ten tokens in ten minutes are given out."""
MOST_WAIT = 24 * 3600.0

DUPLICATE = "DUPLICATE_DATA"
GONE = frozenset({"INVALID_URL_PATTERN", "RECORD_NOT_FOUND", "RESOURCE_NOT_FOUND"})
BUSY = frozenset({"RECORD_LOCKED", "ALREADY_PROCESSING", "INTERNAL_ERROR", "UNABLE_TO_PROCESS"})
"""The same request can succeed later."""
TOO_MANY = frozenset({"TOO_MANY_REQUESTS", "LIMIT_EXCEEDED", "API_LIMIT_EXCEEDED"})
_TOKEN = Said(
    "the token is not accepted: is the region right? Where it is, make a new refresh token by docs/crm/zoho.md, step 2"
)
_RIGHT = Said("the user who made the token lacks a right to this module: look at its profile")
_MODULE = Said("this edition does not have the module, or it is hidden from the user who made the token")
SETTINGS: Mapping[str, Said] = {
    "INVALID_TOKEN": _TOKEN,
    "AUTHENTICATION_FAILURE": _TOKEN,
    "OAUTH_SCOPE_MISMATCH": Said("a scope is missing: make a refresh token with the scopes of docs/crm/zoho.md"),
    "NO_PERMISSION": _RIGHT,
    "PERMISSION_DENIED": _RIGHT,
    "AUTHORIZATION_FAILED": _RIGHT,
    "INVALID_MODULE": _MODULE,
    "MODULE_NOT_SUPPORTED": _MODULE,
    "FEATURE_NOT_SUPPORTED": _MODULE,
    "CRM_EXPIRED": Said("this Zoho CRM was not paid, or its trial is over"),
    "ORG_INACTIVE": Said("this Zoho CRM is closed"),
}
"""Codes that concern every record: a right, a module or the licence; and what to do."""
SIGN_IN: Mapping[str, Said] = {
    "invalid_code": Said(
        "the refresh token is not known: is the region right? Where it is, make a new one by docs/crm/zoho.md, step 2"
    ),
    "invalid_client": Said("client_id is not known there: is the region right?"),
    "invalid_client_secret": Said("client_secret is wrong, or of another region"),
}


class Refusal(Rejected):
    """A refusal whose code the adapter may know a way around."""

    def __init__(self, reason: str, *, code: str, field: str | None, details: Mapping[str, Any]) -> None:
        super().__init__(reason, field=field)
        self.error_code = code
        self.details = details


def judge(answer: Answer) -> None:
    """Return for a request that was understood, else raise what the answer means; ``meaning`` judges records."""
    raise_for_page(answer)
    error = document(answer)
    if 200 <= answer.status < 300 or (answer.status == 400 and isinstance(error.get("data"), list)):
        return
    code = str(error.get("code") or "")
    if answer.status == 429 or code in TOO_MANY:
        said = Said("%(words)s; too many requests", words=answered(answer, code=code))
        raise Throttled(said, retry_after=_wait(answer, error))
    if code:
        raise meaning(error, answer)
    raise_for_status(answer)


def _wait(answer: Answer, error: Mapping[str, Any]) -> float:
    """The header, or what the body says: ``details.retry_after``, seconds."""
    wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now())
    told = _details(error).get("retry_after")
    if wait is None and isinstance(told, int | float):
        wait = min(max(float(told), 1.0), MOST_WAIT)
    return wait or LIMIT_SECONDS


def meaning(error: Mapping[str, Any], answer: Answer | None = None) -> Exception:
    """The error of one record, or of a request."""
    code = str(error.get("code") or "")
    details = _details(error)
    field = details.get("api_name")
    said = _said(code, one_line(error.get("message")), details, answer)
    if code in SETTINGS:
        return Misconfigured(Said("%(words)s: %(remedy)s", words=said, remedy=SETTINGS[code]))
    if answer is not None and answer.status in (401, 403):
        return Misconfigured(Said("%(words)s: %(remedy)s", words=said, remedy=_RIGHT))
    if code in BUSY or (answer is not None and answer.status >= 500):
        return Unavailable(said)
    if code == DUPLICATE and (ids := duplicate_ids(details)):
        return Conflict(said, remote_ids=ids)
    if code in GONE or (code == "INVALID_DATA" and "resource_path_index" in details):
        return Gone(said)  # what stands in the address
    return Refusal(said, code=code, field=field if isinstance(field, str) else None, details=details)


def _said(code: str, words: str, details: Mapping[str, Any], answer: Answer | None) -> Said:
    """``www.zohoapis.eu answered 400 INVALID_DATA: Phone: invalid data (maximum_length 30)``."""
    if field := details.get("api_name"):
        words = f"{field}: {words}"
    if most := details.get("maximum_length"):
        words = f"{words} (maximum_length {most})"
    if answer is not None:
        return answered(answer, words, code=code)
    return Said("Zoho refuses a record, %(code)s: %(words)s", code=code, words=words)


def _details(error: Mapping[str, Any]) -> Mapping[str, Any]:
    found = error.get("details")
    return found if isinstance(found, dict) else {}


def duplicate_ids(details: Mapping[str, Any]) -> tuple[str, ...]:
    """The record that has the value already: ``duplicate_record.id``, before v5 ``id``."""
    record = details.get("duplicate_record")
    found = record.get("id") if isinstance(record, dict) else details.get("id")
    return (str(found),) if found else ()


def judge_sign_in(answer: Answer) -> None:
    """Zoho's accounts server answers 200 with ``{"error": "invalid_code"}``."""
    raise_for_page(answer)
    code = one_line(document(answer).get("error"))
    if not code:
        raise_for_status(answer)
        return
    if code == "Access Denied":
        said = Said("%(host)s gives out no more tokens for some minutes", host=answer.host)
        raise Throttled(said, retry_after=TOKEN_SECONDS)
    said = answered(answer, code)
    remedy = SIGN_IN.get(code, _TOKEN)
    raise Misconfigured(Said("%(words)s: %(remedy)s", words=said, remedy=remedy))
