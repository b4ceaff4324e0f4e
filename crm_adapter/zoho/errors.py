"""What Zoho's answers mean (CRM API v8, "Status Codes and Errors").

A request that fails as a whole is ``{"code", "message", "details"}``; a record that fails stands in ``data`` of an
answer that may be 200, 202, 207 or 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Conflict, Misconfigured, Rejected, Throttled, Unavailable, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status

LIMIT_SECONDS = 60.0
"""After a 429 that names no time: too many at once, or the credits of the last 24 hours are spent."""
TOKEN_SECONDS = 600.0
"""Ten tokens in ten minutes are given out."""

DUPLICATE = "DUPLICATE_DATA"
GONE = frozenset({"INVALID_URL_PATTERN", "RECORD_NOT_FOUND", "RESOURCE_NOT_FOUND"})
BUSY = frozenset({"RECORD_LOCKED", "ALREADY_PROCESSING", "INTERNAL_ERROR", "UNABLE_TO_PROCESS"})
"""The same request can succeed later."""
TOO_MANY = frozenset({"TOO_MANY_REQUESTS", "LIMIT_EXCEEDED", "API_LIMIT_EXCEEDED"})
SETTINGS = frozenset(
    {
        "INVALID_TOKEN",
        "AUTHENTICATION_FAILURE",
        "OAUTH_SCOPE_MISMATCH",
        "NO_PERMISSION",
        "PERMISSION_DENIED",
        "INVALID_MODULE",
        "MODULE_NOT_SUPPORTED",
        "FEATURE_NOT_SUPPORTED",
        "CRM_EXPIRED",
        "ORG_INACTIVE",
    }
)
"""Concern every record: a right, a module or the licence."""
HINTS: Mapping[str, str] = {
    "OAUTH_SCOPE_MISMATCH": "; make a refresh token with the scopes of docs/crm/zoho.md",
    "INVALID_TOKEN": "; is the region right?",
}


class Refusal(Rejected):
    """A refusal whose code the adapter may know a way around."""

    def __init__(self, reason: str, *, code: str, field: str | None, details: Mapping[str, Any]) -> None:
        super().__init__(reason, field=field)
        self.error_code = code
        self.details = details


def judge(answer: Answer) -> None:
    """Return for a request that was understood, else raise what the answer means; records are ``result``'s to judge."""
    error = _document(answer)
    if 200 <= answer.status < 300 or (answer.status in (202, 207, 400) and isinstance(error.get("data"), list)):
        return
    code = str(error.get("code") or "")
    if answer.status == 429 or code in TOO_MANY:
        wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now())
        raise Throttled(f"{answer.host} answered {answer.status} {code}", retry_after=wait or LIMIT_SECONDS)
    if code:
        raise meaning(error, answer)
    raise_for_status(answer)


def meaning(error: Mapping[str, Any], answer: Answer | None = None) -> Exception:
    """The error of one record, or of a request."""
    code = str(error.get("code") or "")
    found = error.get("details")
    details: Mapping[str, Any] = found if isinstance(found, dict) else {}
    field = details.get("api_name")
    words = " ".join(str(error.get("message") or "").split())
    where = f"{answer.host} answered {answer.status}" if answer else "Zoho"
    said = f"{where}: {code}{f' in {field}' if field else ''}: {words}{_limits(details)}{HINTS.get(code, '')}"[:400]
    if code in SETTINGS or (answer is not None and answer.status in (401, 403)):
        return Misconfigured(said)
    if code in BUSY or (answer is not None and answer.status >= 500):
        return Unavailable(said)
    if code == DUPLICATE and (ids := duplicate_ids(details)):
        return Conflict(said, remote_ids=ids)
    return Refusal(said, code=code, field=field if isinstance(field, str) else None, details=details)


def duplicate_ids(details: Mapping[str, Any]) -> tuple[str, ...]:
    """The record that has the value already: ``duplicate_record.id``, before v5 ``id``."""
    record = details.get("duplicate_record")
    found = record.get("id") if isinstance(record, dict) else details.get("id")
    return (str(found),) if found else ()


def judge_sign_in(answer: Answer) -> None:
    """Zoho's accounts server answers 200 with ``{"error": "invalid_code"}``."""
    error = _document(answer)
    code = error.get("error")
    if not code:
        raise_for_status(answer)
        return
    if code == "Access Denied":
        raise Throttled(f"{answer.host} gives out no more tokens for some minutes", retry_after=TOKEN_SECONDS)
    raise Misconfigured(f"{answer.host} gives no token: {' '.join(str(code).split())}; is the region right?"[:400])


def _limits(details: Mapping[str, Any]) -> str:
    most = details.get("maximum_length")
    return f" (at most {most} characters)" if most else ""


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json() if answer.body.strip() else {}
    except Unavailable:
        return {}
    return found if isinstance(found, dict) else {}
