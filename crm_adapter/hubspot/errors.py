"""What HubSpot's answers mean (developers.hubspot.com, "Handle errors" and "API usage guidelines")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from crm_adapter.answers import answered, document, one_line, raise_for_page
from crm_adapter.base import Gone, Misconfigured, Rejected, Throttled, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 10.0
"""The window of the limit, for a 429 that names no time."""
DAY_SECONDS = 1800.0
"""The requests of a day come back at midnight of the account's time zone, which the answer does not say."""
POLICY_SECONDS: Mapping[str, float] = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": LIMIT_SECONDS, "DAILY": DAY_SECONDS}
"""By ``policyName`` of a 429."""
EXISTING = re.compile(r"Existing ID: (\d+)|(\d+) already has that value")


class AlreadyThere(Rejected):
    """A record with this mail or marker exists. ``id`` is HubSpot's, where it says so."""

    def __init__(self, reason: str, *, remote_id: str | None) -> None:
        super().__init__(reason, field="email")
        self.id = remote_id


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    raise_for_page(answer)
    status = answer.status
    if 200 <= status < 300:
        return
    found = document(answer)
    words = one_line(_words(found) or answer.quote())
    said = answered(answer, words)
    if status in (429, 477):  # 477: the account is being moved, with Retry-After
        raise _throttled(said, answer, found)
    if status == 401:
        raise Misconfigured(
            Said(
                "%(words)s: the token is not accepted. Was its service key or private app deleted, or the token made "
                "anew? Put the new one into the configuration",
                words=said,
            )
        )
    if status == 403:
        raise _forbidden(said, found)
    if status == 409 or (status == 400 and "already has that value" in words):
        match = EXISTING.search(words)
        raise AlreadyThere(said, remote_id=next(filter(None, match.groups()), None) if match else None)
    if status in (400, 422):
        raise _refused(said, found)
    raise_for_status(answer)


def _throttled(said: Said, answer: Answer, found: Mapping[str, Any]) -> Throttled:
    policy = str(found.get("policyName") or "").upper()
    wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now()) or POLICY_SECONDS.get(policy)
    if policy == "DAILY":
        said = Said("%(words)s; the requests of this day are used up, it goes on after midnight there", words=said)
    elif answer.status == 429:
        said = Said("%(words)s; too many requests", words=said)
    return Throttled(said, retry_after=wait or LIMIT_SECONDS)


def _forbidden(said: Said, found: Mapping[str, Any]) -> Misconfigured:
    """The scopes that are missing, where HubSpot names them."""
    scopes: list[str] = []
    for context in _contexts(found):
        named = context.get("requiredGranularScopes") or context.get("requiredScopes") or context.get("missingScopes")
        scopes += [str(one) for one in named if str(one) not in scopes] if isinstance(named, list) else []
    if scopes:
        return Misconfigured(
            Said("%(words)s: give the token one of these scopes: %(scopes)s", words=said, scopes=", ".join(scopes))
        )
    return Misconfigured(
        Said("%(words)s: a right is missing. Give the token the scopes of docs/crm/hubspot.md", words=said)
    )


def _refused(said: Said, found: Mapping[str, Any]) -> Rejected | Misconfigured:
    for context in _contexts(found):
        if context.get("INVALID_OBJECT_IDS"):
            return Gone(Said("%(words)s: a record that it belongs to was deleted in HubSpot", words=said))
    field = _field(found)
    codes = {error.get("code") or error.get("error") for error in _errors(found)}
    if "PROPERTY_DOESNT_EXIST" in codes:  # the mapping names it, so every record would be refused
        return Misconfigured(
            Said(
                "%(words)s: HubSpot has no property %(field)s. Make it there, or take it out of fields",
                words=said,
                field=field or "?",
            )
        )
    return Rejected(said, field=field)


def _words(found: Mapping[str, Any]) -> str:
    """Its message; where it lists what is wrong as JSON, the messages in there."""
    message = str(found.get("message") or "")
    parts = [str(error["message"]) for error in _listed(message) if error.get("message")]
    return "; ".join(parts) if parts else message


def _listed(message: str) -> list[Mapping[str, Any]]:
    """``Property values were not valid: [{"message": ..., "error": "INVALID_OPTION", "name": "city"}]``."""
    _, bracket, rest = message.partition("[")
    try:
        found = json.loads(bracket + rest)
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _errors(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    errors = found.get("errors")
    yield from (error for error in errors if isinstance(error, Mapping)) if isinstance(errors, list) else ()
    yield from _listed(str(found.get("message") or ""))


def _contexts(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What HubSpot says about an error, of the whole and of each part."""
    for one in (found, *_errors(found)):
        context = one.get("context")
        if isinstance(context, Mapping):
            yield context


def _field(found: Mapping[str, Any]) -> str | None:
    """The property at fault, where HubSpot names it."""
    for context in _contexts(found):
        names = context.get("propertyName")
        if isinstance(names, list) and names:
            return str(names[0])
    return next((str(one["name"]) for one in _listed(str(found.get("message") or "")) if one.get("name")), None)
