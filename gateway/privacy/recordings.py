"""Recordings that are to be removed: a duty from the moment a person is erased until the file is gone.

The duty is written in the transaction that removes the person, since nothing else knows the file's name afterwards.
It is kept among the places where work goes on (table ``cursor``), one row a recording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    type_coerce,
    update,
)

from gateway.audit.log import Deed, record
from gateway.storage.tables import Cursor, Interaction, table_of

PREFIX = "recording:"
CURSOR, INTERACTION = table_of(Cursor), table_of(Interaction)
BATCH = 500
"""Calls of one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One recording that is still to be removed."""

    pbx: str
    """The configured name of the PBX."""
    recording: str
    """The file's name as the PBX told it."""
    ended_at: str | None = None
    """When the call ended, ISO 8601; the PBX may not have written the file yet."""
    since: str = ""
    """When it became a duty, ISO 8601."""
    problem: str = ""
    """Why the last try failed, a sentence; empty before the first."""

    @property
    def id(self) -> str:
        """What people call it on the command line; the same for the same file, so that it is one duty."""
        return hashlib.sha256(f"{self.pbx}\n{self.recording}".encode("utf-8", "surrogatepass")).hexdigest()[:12]


def recordings_of(connection: Connection, interactions: Collection[str], at: datetime) -> list[Duty]:
    """The recordings of these calls, each once."""
    columns = (INTERACTION.c.source_name, INTERACTION.c.details, INTERACTION.c.ended_at)
    query = select(*columns).where(INTERACTION.c.id.in_(interactions), INTERACTION.c.channel == "call")
    found = [
        Duty(
            pbx=row.source_name,
            recording=str(name),
            ended_at=row.ended_at.isoformat() if row.ended_at else None,
            since=at.isoformat(),
        )
        for row in connection.execute(query.order_by(INTERACTION.c.occurred_at))
        if (name := row.details.get("recording"))
    ]
    return list({duty.id: duty for duty in found}.values())


def shared(connection: Connection, duties: Sequence[Duty], mine: Collection[str]) -> int:
    """How many calls of other people have one of these recordings."""
    named = {(duty.pbx, duty.recording) for duty in duties}
    count = 0
    for pbx, name in named:
        escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        near = type_coerce(INTERACTION.c.details, Text).like(f"%{escaped}%", escape="\\")
        query = select(INTERACTION.c.id, INTERACTION.c.details).where(INTERACTION.c.source_name == pbx, near)
        rows = connection.execute(query)
        count += sum(row.details.get("recording") == name and row.id not in mine for row in rows)
    return count


def owe(connection: Connection, duties: Sequence[Duty], at: datetime) -> None:
    """Write the duties down. One that is there already stays as it is."""
    known = {duty.id for duty in owed(connection)} if duties else set()
    rows = [
        {"name": PREFIX + duty.id, "value": asdict(duty), "updated_at": at} for duty in duties if duty.id not in known
    ]
    if rows:
        connection.execute(insert(CURSOR), rows)


def owed(connection: Connection) -> list[Duty]:
    """All of them, the oldest first."""
    values = connection.execute(select(CURSOR.c.value).where(_all())).scalars()
    return sorted((Duty(**value) for value in values), key=lambda duty: (duty.since, duty.id))


def count_owed(connection: Connection) -> int:
    """How many there are."""
    return connection.execute(select(func.count()).select_from(CURSOR).where(_all())).scalar_one()


def note(connection: Connection, duty: Duty, problem: str, at: datetime) -> None:
    """Why it could not be removed now."""
    value = {**asdict(duty), "problem": problem}
    connection.execute(update(CURSOR).where(CURSOR.c.name == PREFIX + duty.id).values(value=value, updated_at=at))


def settle(connection: Connection, duty: Duty, *, actor: str, how: str, at: datetime) -> bool:
    """End the duty; False where it was ended already. ``how``: ``removed``, ``missing`` or ``confirmed``.

    The log of deeds gets the duty's id: the file's name often holds the number of the person.
    """
    if not connection.execute(delete(CURSOR).where(CURSOR.c.name == PREFIX + duty.id)).rowcount:
        return False
    deed = Deed(actor=actor, action=f"recording.{how}", object_kind="recording", object_id=duty.id)
    record(connection, deed, at)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """Where the search for old recordings goes on."""

    occurred_at: datetime
    id: str


def owe_old(connection: Connection, before: datetime, after: Old | datetime | None, at: datetime) -> Old | None:
    """Make duties of the recordings of calls that began before ``before``; the calls forget them.

    Up to BATCH calls, from ``after`` on. To be called again with what it returns until that is None.
    """
    when, key = INTERACTION.c.occurred_at, INTERACTION.c.id
    bounds: list[ColumnElement[bool]] = [when < before]
    if isinstance(after, datetime):
        bounds.append(when >= after)
    elif after is not None:
        bounds.append(tuple_(when, key) > tuple_(literal(after.occurred_at, when.type), literal(after.id, key.type)))
    named = type_coerce(INTERACTION.c.details, Text).like('%"recording":"%')
    query = select(key, when, INTERACTION.c.details).where(INTERACTION.c.channel == "call", named, *bounds)
    rows = connection.execute(query.order_by(when, key).limit(BATCH)).all()
    owe(connection, recordings_of(connection, [row.id for row in rows], at), at)
    for row in rows:
        if row.details.get("recording"):
            details = {**row.details, "recording": None}
            connection.execute(update(INTERACTION).where(key == row.id).values(details=details))
    return Old(occurred_at=rows[-1].occurred_at, id=rows[-1].id) if rows else None


def _all() -> ColumnElement[bool]:
    return CURSOR.c.name.like(f"{PREFIX}%")
