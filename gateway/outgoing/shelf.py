"""What waits to be sent, what was and what could not be: for people who look after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal_column, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound
from gateway.storage.tables import Outgoing, OutgoingAttempt

STATES = ("waiting", "sending", "sent", "failed", "unknown", "dropped")
OPEN = ("waiting", "sending")
SHOWN = 100
"""How many are listed at once where nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    result: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnShelf:
    """One letter or message."""

    id: str
    way: str
    purpose: str
    state: str
    reason: str | None
    to: Sequence[str]
    subject: str
    lead_id: str | None
    manager_id: str | None
    attempts: int
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    tries: Sequence[Try] = ()
    """Only where one letter is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What stands out, for /health."""

    waiting: int
    """Letters, messages and notices that are on their way, or will be tried again."""
    oldest: datetime | None
    """When the oldest of them was put out."""
    failed: int
    """Given up: their writers were told."""
    unknown: int
    """May have arrived; a person may send them again."""


def backlog(connection: Connection) -> Backlog:
    """Counted by indexes that hold nothing else."""
    rows = [
        connection.execute(
            select(func.count().label("rows"), func.min(Outgoing.created_at).label("oldest")).where(
                Outgoing.state == literal_column(f"'{state}'")  # a literal, so that the partial index is used
            )
        ).one()
        for state in (*OPEN, "failed", "unknown")
    ]
    waiting, sending, failed, unknown = rows
    ages = [row.oldest for row in (waiting, sending) if row.oldest is not None]
    return Backlog(
        waiting=waiting.rows + sending.rows,
        oldest=min(ages, default=None),
        failed=failed.rows,
        unknown=unknown.rows,
    )


def listed(connection: Connection, state: str | None, limit: int = SHOWN, before: str | None = None) -> list[OnShelf]:
    """The newest, of one state or of all, those older than the id ``before``; ids grow with time. Notices are told by
    their letters and messages."""
    query = select(Outgoing).where(Outgoing.way != "notice").order_by(Outgoing.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Outgoing.state == state)
    if before is not None:
        query = query.where(Outgoing.id < before)
    return [_shown(row) for row in connection.execute(query).all()]


def one(connection: Connection, letter_id: str) -> OnShelf:
    """A letter with its tries. Raises NotFound."""
    row = connection.execute(select(Outgoing).where(Outgoing.id == letter_id)).one_or_none()
    if row is None:
        raise NotFound("There is no letter with this id.")
    tries = connection.execute(
        select(OutgoingAttempt).where(OutgoingAttempt.outgoing_id == letter_id).order_by(OutgoingAttempt.id)
    )
    return _shown(
        row,
        [
            Try(
                number=found.number,
                started_at=found.started_at,
                finished_at=found.finished_at,
                result=found.result,
                detail=found.detail,
            )
            for found in tries
        ],
    )


def retry(connection: Connection, letter_id: str, by: By) -> OnShelf:
    """Send it (again) now. Raises NotFound, or Conflict where it is sent, dropped or under way.

    One whose fate is unknown may then arrive twice, as one letter: it keeps its Message-ID.
    """
    _change(connection, letter_id, ("waiting", "failed", "unknown"), "waiting", "letter.retried", by)
    return one(connection, letter_id)


def drop(connection: Connection, letter_id: str, by: By) -> OnShelf:
    """Never send it. Raises NotFound, or Conflict where it is sent or under way."""
    _change(connection, letter_id, ("waiting", "failed", "unknown"), "dropped", "letter.dropped", by)
    return one(connection, letter_id)


def _change(connection: Connection, letter_id: str, states: Sequence[str], state: str, action: str, by: By) -> None:
    before = one(connection, letter_id)
    values = {"state": state, "due_at": by.at, "updated_at": by.at, "attempts": 0}
    changed = connection.execute(
        update(Outgoing).where(Outgoing.id == letter_id, Outgoing.state.in_(states)).values(**values)
    ).rowcount
    if not changed:
        raise Conflict("The letter is %(state)s: nothing can be changed any more.", state=before.state)
    deed = Deed(actor=by.actor, action=action, object_kind="letter", object_id=letter_id, detail={"was": before.state})
    record(connection, deed, by.at)


def _shown(row: Any, tries: Sequence[Try] = ()) -> OnShelf:
    return OnShelf(
        id=row.id,
        way=row.way,
        purpose=row.purpose,
        state=row.state,
        reason=row.reason,
        to=row.payload.get("to") or (),
        subject=row.payload["subject"],
        lead_id=row.lead_id,
        manager_id=row.manager_id,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        tries=tries,
    )
