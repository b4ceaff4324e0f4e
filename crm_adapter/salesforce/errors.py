"""What Salesforce's answers mean (REST API Developer Guide, "Status Codes and Error Responses").

An error is a list: ``[{"message": ..., "errorCode": "STRING_TOO_LONG", "fields": ["LastName"]}]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Conflict, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer, raise_for_status

DAILY_SECONDS = 900.0
"""The limit of a day's requests moves with the last 24 hours: some room comes back by the minute."""

BUSY = frozenset({"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT"})
"""The same request can succeed later."""
GONE = frozenset({"NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"})
"""People deleted the record; or, for a request to an external id, the field is not there."""
CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"
SETTINGS = frozenset(
    {
        "INVALID_SESSION_ID",
        "INVALID_AUTH_HEADER",
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_TYPE",
        "FUNCTIONALITY_NOT_ENABLED",
        "STORAGE_LIMIT_EXCEEDED",
        "INACTIVE_OWNER_OR_USER",
        "INVALID_LOGIN",
    }
)
"""Concern every record: a right, a field or a licence that is missing."""
NO_EXTERNAL_ID = "external ID field"
"""In the words of the 404 for an external id field that does not exist or can't be seen."""


class Refusal(Rejected):
    """A refusal whose code the adapter may know a way around."""

    def __init__(self, reason: str, *, code: str, field: str | None = None) -> None:
        super().__init__(reason, field=field)
        self.error_code = code


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    if 200 <= answer.status < 300:
        return
    if answer.status == 300:
        raise Conflict("Salesforce has several records with this external id: join them", remote_ids=_ids(answer))
    error = _first(answer)
    code, message = str(error.get("errorCode") or error.get("error") or ""), _words(error, answer)
    said = f"{answer.host} answered {answer.status} {code}: {message}"[:400]
    if code == "REQUEST_LIMIT_EXCEEDED":
        raise Throttled(said, retry_after=DAILY_SECONDS)
    if code in BUSY:
        raise Unavailable(said)
    if code == "DUPLICATES_DETECTED":
        raise Conflict(said, remote_ids=_duplicates(error))
    if answer.status == 401 or code in SETTINGS or (code == "NOT_FOUND" and NO_EXTERNAL_ID in message):
        raise Misconfigured(said)
    if answer.status in (400, 404) and code:
        fields = error.get("fields") or [None]
        raise Refusal(said, code=code, field=fields[0])
    raise_for_status(answer)


def judge_sign_in(answer: Answer) -> None:
    """The same for the token's address: ``{"error": "invalid_client", "error_description": ...}`` (RFC 6749 5.2)."""
    error = _first(answer)
    if answer.status in (400, 401, 403) and error.get("error"):
        said = f"{error['error']}: {_words(error, answer)}"[:400]
        raise Misconfigured(f"{answer.host} gives no token: {said}; look at the connected app")
    judge(answer)


def _first(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except Unavailable:
        return {}
    if isinstance(found, list):
        found = found[0] if found else {}
    return found if isinstance(found, dict) else {}


def _words(error: Mapping[str, Any], answer: Answer) -> str:
    return " ".join(str(error.get("message") or error.get("error_description") or answer.quote()).split())


def _ids(answer: Answer) -> list[str]:
    """The answer to an ambiguous external id is a list of the records' addresses."""
    try:
        found = answer.json()
    except Unavailable:
        return []
    return [str(one).rpartition("/")[2] for one in found] if isinstance(found, list) else []


def _duplicates(error: Mapping[str, Any]) -> list[str]:
    result = error.get("duplicateResult") or {}
    records = [one for match in result.get("matchResults") or () for one in match.get("matchRecords") or ()]
    return [
        str(one["record"]["Id"]) for one in records if isinstance(one.get("record"), dict) and "Id" in one["record"]
    ]
