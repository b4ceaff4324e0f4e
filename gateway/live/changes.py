"""The feed of changes: rows written in the transaction of what they tell about."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete

from gateway.storage.tables import Change, table_of


class ChangeKind(StrEnum):
    """What can happen to what."""

    LEAD_CREATED = "lead.created"
    LEAD_UPDATED = "lead.updated"
    INTERACTION_UPDATED = "interaction.updated"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_MERGED = "contact.merged"
    OUTCALL_UPDATED = "outcall.updated"
    CALLBACK_OPENED = "callback.opened"
    CALLBACK_UPDATED = "callback.updated"
    CALLBACK_CLOSED = "callback.closed"


CHANGE = table_of(Change)


def record(connection: Connection, kind: ChangeKind, object_id: str, at: datetime) -> None:
    """Note that ``object_id`` changed, in the caller's transaction."""
    connection.execute(CHANGE.insert(), {"kind": kind.value, "object_id": object_id, "at": at})


def forget_before(connection: Connection, moment: datetime) -> int:
    """Remove old rows; a reader who resumes from one of them starts at the oldest kept. Returns how many went."""
    return connection.execute(delete(Change).where(Change.at < moment)).rowcount
