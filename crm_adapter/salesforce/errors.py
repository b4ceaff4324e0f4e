"""What Salesforce's answers mean (REST API Developer Guide, "Status Codes and Error Responses").

An error is a list: ``[{"message": ..., "errorCode": "STRING_TOO_LONG", "fields": ["LastName"]}]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.answers import answered, one_line, raise_for_page
from crm_adapter.base import Conflict, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.said import Said

DAILY_SECONDS = 900.0
"""The limit of a day's requests moves with the last 24 hours: some room comes back by the minute."""

BUSY = frozenset(
    {
        "UNABLE_TO_LOCK_ROW",
        "SERVER_UNAVAILABLE",
        "REQUEST_RUNNING_TOO_LONG",
        "QUERY_TIMEOUT",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    }
)
"""The same request can succeed later."""
GONE = frozenset({"NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"})
"""People deleted the record; or, for a request to an external id, the field is not there."""
CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"
FOREIGN = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
"""A record that was deleted, and then from the recycle bin too; or one that we may not see."""
_ACCESS = Said("the user of the connected app lacks a right to this object or record: look at its permission set")
_FIELD = Said(
    "a field is not there, or not visible to the user of the connected app: look at fields in the configuration, and "
    "at the field-level security"
)
_API = Said(
    "this organisation or user has no access to the API: it needs an edition with it, and the right API Enabled"
)
SETTINGS: Mapping[str, Said] = {
    "INVALID_SESSION_ID": Said("the session is not accepted: look at the connected app and its user"),
    "INVALID_AUTH_HEADER": Said("the session is not accepted: look at the connected app and its user"),
    "API_DISABLED_FOR_ORG": _API,
    "API_CURRENTLY_DISABLED": _API,
    "FUNCTIONALITY_NOT_ENABLED": _API,
    "INSUFFICIENT_ACCESS": _ACCESS,
    "INSUFFICIENT_ACCESS_OR_READONLY": _ACCESS,
    FOREIGN: _ACCESS,
    "INVALID_TYPE": _ACCESS,
    "INVALID_FIELD": _FIELD,
    "INVALID_FIELD_FOR_INSERT_UPDATE": _FIELD,
    "STORAGE_LIMIT_EXCEEDED": Said("the storage of this organisation is full: make room, or buy some"),
    "INACTIVE_OWNER_OR_USER": Said("a record was to be given to a user who is not active: look at users"),
    "INVALID_LOGIN": Said("the user of the connected app may not log in: is it active, may it log in from here?"),
}
"""Codes that concern every record: a right, a field or a licence that is missing; and what to do."""
NO_EXTERNAL_ID = "external ID field"
"""In the words of the 404 for an external id field that does not exist or can't be seen."""
SIGN_IN: Mapping[str, Said] = {
    "invalid_client": Said("consumer key or secret is wrong (client_secret)"),
    "invalid_client_id": Said("the consumer key is wrong (client_id)"),
    "invalid_grant": Said(
        "in the connected app enable the client credentials flow and name its Run As user; or, with a refresh token, "
        "make a new one, since this was revoked or has run out"
    ),
    "unsupported_grant_type": Said("enable the client credentials flow in the connected app"),
    "invalid_app_access": Said("the user of the connected app may not use it: allow it in the app's policies"),
    "inactive_user": Said("the Run As user of the connected app is not active"),
    "inactive_org": Said("this organisation is closed or locked"),
}


class Refusal(Rejected):
    """A refusal whose code the adapter may know a way around."""

    def __init__(self, reason: str, *, code: str, field: str | None = None) -> None:
        super().__init__(reason, field=field)
        self.error_code = code


class Foreign(Misconfigured):
    """A record that is referred to was deleted, or may not be seen."""


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    raise_for_page(answer)
    if 200 <= answer.status < 300:
        return
    if answer.status == 300:
        raise Conflict(Said("Salesforce has several records with this external id: join them"), remote_ids=_ids(answer))
    error = _first(answer)
    code, message = str(error.get("errorCode") or error.get("error") or ""), _words(error, answer)
    said = answered(answer, message, code=code)
    if code == "REQUEST_LIMIT_EXCEEDED":
        said = Said("%(words)s; the requests of the last 24 hours are used up, room comes back by and by", words=said)
        raise Throttled(said, retry_after=DAILY_SECONDS)
    if code in BUSY:
        raise Unavailable(said)
    if code == "DUPLICATES_DETECTED":
        said = Said("%(words)s: a duplicate rule forbids it. Join the records, or let the rule only report", words=said)
        raise Conflict(said, remote_ids=_duplicates(error))
    if code == "NOT_FOUND" and NO_EXTERNAL_ID in message:
        raise Misconfigured(Said("%(words)s: make it, as docs/crm/salesforce.md says", words=said))
    if answer.status == 401 or code in SETTINGS:
        kind = Foreign if code == FOREIGN else Misconfigured
        remedy = SETTINGS.get(code, SETTINGS["INVALID_SESSION_ID"])
        raise kind(Said("%(words)s: %(remedy)s", words=said, remedy=remedy))
    if answer.status in (400, 404) and code:
        fields = error.get("fields") or [None]
        raise Refusal(said, code=code, field=fields[0])
    raise_for_status(answer)


def judge_sign_in(answer: Answer) -> None:
    """The same for the token's address: ``{"error": "invalid_client", "error_description": ...}`` (RFC 6749 5.2)."""
    error = _first(answer)
    code = str(error.get("error") or "")
    if answer.status in (400, 401, 403) and code:
        said = answered(answer, _words(error, answer), code=code)
        remedy = SIGN_IN.get(code, Said("look at the connected app"))
        raise Misconfigured(Said("%(words)s: %(remedy)s", words=said, remedy=remedy))
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
    return one_line(error.get("message") or error.get("error_description") or answer.quote())


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
