"""The events that a CRM can be told of (docs: "Outgoing webhook"), and which of them replace an older one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase


class EventType(StrEnum):
    """``type`` of an event. Fixed names; new ones may be added."""

    LEAD_CREATED = "lead.created"
    LEAD_UPDATED = "lead.updated"
    CALL_RINGING = "call.ringing"
    CALL_ANSWERED = "call.answered"
    CALL_FINISHED = "call.finished"
    CALL_RECORDING_READY = "call.recording_ready"
    EMAIL_RECEIVED = "email.received"
    FORM_RECEIVED = "form.received"
    CALLBACK_OPENED = "callback.opened"
    CALLBACK_CLOSED = "callback.closed"
    CONTACT_UPSERTED = "contact.upserted"


SUPERSEDING = frozenset({EventType.LEAD_UPDATED, EventType.CONTACT_UPSERTED})
"""Their data is the whole state of a thing, so the newest says all: an older one that was never tried is dropped."""


CALL_STATES: Mapping[str, tuple[str, ...]] = {
    EventType.CALL_ANSWERED: (EventType.CALL_RINGING, EventType.CALL_ANSWERED),
    EventType.CALL_FINISHED: (EventType.CALL_RINGING, EventType.CALL_ANSWERED, EventType.CALL_FINISHED),
}
"""Each state of a call tells the whole call so far: what it replaces of the same call, where that was never tried."""
LIVE = frozenset({EventType.CALL_RINGING, EventType.CALL_ANSWERED})
"""News of the moment. Only for a CRM that names them: to all others a call is one record, told when it is over."""


def wanted(patterns: tuple[str, ...], event_type: str) -> bool:
    """True where one of ``patterns`` (``lead.created``, ``call.*``, ``*``) names the event; LIVE ones by name only."""
    if event_type in LIVE:
        return event_type in patterns
    return any(fnmatchcase(event_type, pattern) for pattern in patterns)
