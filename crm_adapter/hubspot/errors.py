"""What HubSpot's answers mean (developers.hubspot.com, "Error handling")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, Throttled, Unavailable, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status

LIMIT_SECONDS = 10.0
"""The window of the limit, for a 429 that names no time."""
EXISTING = re.compile(r"Existing ID: (\d+)")


class AlreadyThere(Rejected):
    """A contact with this mail exists. ``id`` is HubSpot's, where it says so."""

    def __init__(self, reason: str, *, remote_id: str | None) -> None:
        super().__init__(reason, field="email")
        self.id = remote_id


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    status = answer.status
    if 200 <= status < 300:
        return
    document = _document(answer)
    said = " ".join(str(document.get("message") or answer.quote()).split())[:300]
    if status in (429, 477):  # 477: the account is being moved, with Retry-After
        wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now())
        raise Throttled(f"{answer.host} answered {status}: {said}", retry_after=wait or LIMIT_SECONDS)
    if status == 401:
        raise Misconfigured(
            f"{answer.host} does not accept the token: was the private app deleted, or its token rotated?"
        )
    if status == 403:
        raise Misconfigured(
            f"{answer.host} says that a right is missing: tick the scopes of docs/crm/hubspot.md. {said}"
        )
    if status == 409:
        found = EXISTING.search(said)
        raise AlreadyThere(f"{answer.host} has it already: {said}", remote_id=found.group(1) if found else None)
    if status in (400, 422):
        raise Rejected(f"{answer.host} refuses: {said}", field=_field(document))
    raise_for_status(answer)


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except Unavailable:
        return {}
    return found if isinstance(found, Mapping) else {}


def _field(document: Mapping[str, Any]) -> str | None:
    """The property at fault, where HubSpot names it."""
    for error in document.get("errors") or ():
        names = (error.get("context") or {}).get("propertyName") if isinstance(error, Mapping) else None
        if isinstance(names, list) and names:
            return str(names[0])
    return None
