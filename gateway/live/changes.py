"""The feed of changes: rows written in the transaction of what they tell about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete

from gateway.storage.bulk import insert_rows
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
_GATHERED = "leadgate.changes"
"""Where a connection keeps what is being gathered on it."""


def record(connection: Connection, kind: ChangeKind, object_id: str, at: datetime) -> None:
    """Note that ``object_id`` changed, in the caller's transaction."""
    row = {"kind": kind.value, "object_id": object_id, "at": at}
    gathered: list[dict[str, Any]] | None = connection.info.get(_GATHERED)
    if gathered is None:
        insert_rows(connection, CHANGE, [row])
    else:
        gathered.append(row)


@contextmanager
def gathering(connection: Connection) -> Iterator[None]:
    """What is recorded on this connection within the block is written by one statement, at its end, in its order."""
    rows: list[dict[str, Any]] = []
    connection.info[_GATHERED] = rows
    try:
        yield
    finally:
        connection.info.pop(_GATHERED, None)
    insert_rows(connection, CHANGE, rows)


def forget_before(connection: Connection, moment: datetime) -> int:
    """Remove old rows; a reader who resumes from one of them starts at the oldest kept. Returns how many went."""
    return connection.execute(delete(Change).where(Change.at < moment)).rowcount
