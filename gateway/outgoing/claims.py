"""The worker's statements: take rows that are due, write down what became of them. Functions on a Connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, literal_column, not_, or_, select, update

from gateway.outgoing.compose import Composed, message_id_of
from gateway.outgoing.queue import OutgoingFile
from gateway.outgoing.settings import SenderSettings
from gateway.outgoing.verdict import DIED, ONCE, Verdict
from gateway.storage.tables import Outgoing, OutgoingAttempt
from gateway.storage.tables import OutgoingFile as FileRow

# Literals, not parameters: only then does the planner see that the partial index fits.
WAITING: ColumnElement[str] = literal_column("'waiting'")
SENDING: ColumnElement[str] = literal_column("'sending'")
UNKNOWN: tuple[ColumnElement[bool], ...] = (
    Outgoing.state.in_([literal_column(f"'{state}'") for state in ("sending", "failed", "unknown")]),
    Outgoing.state == literal_column("'unknown'"),
    Outgoing.recorded_at.is_not(None),
)
"""Letters of unknown fate that are part of the history. The first condition is that of the index."""
WITHOUT_SENDER = timedelta(hours=1)
"""When a letter is looked at again whose sender is not configured: after a restart with a mended file, mostly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """The configured senders."""

    by_name: Mapping[str, SenderSettings]
    default: SenderSettings | None

    def find(self, name: str | None) -> SenderSettings | None:
        """The sender of a letter; None where there is none of that name, or none at all."""
        return self.by_name.get(name) if name else self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row that is ours to send, its attempt already stored."""

    id: str
    way: str
    purpose: str
    number: int
    """Which try it is, from 1."""
    payload: Mapping[str, Any]
    manager_id: str | None
    sender: SenderSettings | None = None
    letter: Composed | None = None
    """Set, with ``sender``, for the way ``letter``."""


def is_any_due(connection: Connection, at: datetime, paused: Collection[str]) -> bool:
    """Cheap: whether a claim is worth a write."""
    return connection.execute(select(Outgoing.id).where(*_due(at, paused)).limit(1)).first() is not None


def claim(
    connection: Connection, senders: Senders, at: datetime, limit: int, paused: Collection[str]
) -> Sequence[Claimed]:
    """Up to ``limit`` due letters and webhooks, now ``sending``, each with a stored attempt. ``paused``: what
    ``lane_of`` gives for senders that are left alone for now."""
    query = select(Outgoing).where(*_due(at, paused), Outgoing.way != "notice")
    rows = connection.execute(
        query.order_by(Outgoing.due_at, Outgoing.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    found = []
    for row in rows:
        sender = senders.find(row.sender) if row.way == "letter" else None
        if row.way == "letter" and sender is None:
            _put_off(connection, row, at)
            continue
        found.append(_begin(connection, row, sender, at))
    return found


def lane_of(way: str, sender: str | None) -> str:
    """What is paused together: everything of one sender, or the webhook."""
    return "webhook" if way == "webhook" else f"sender:{sender}"


def _due(at: datetime, paused: Collection[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Outgoing.state == WAITING, Outgoing.due_at <= at]
    names = [lane.removeprefix("sender:") for lane in paused if lane.startswith("sender:")]
    if names:
        # a row without a name is the default sender's; "" stands for it among the paused
        unnamed = Outgoing.sender.is_(None) if "" in names else literal_column("1 = 0")
        conditions.append(not_(and_(Outgoing.way == "letter", or_(Outgoing.sender.in_(names), unnamed))))
    if "webhook" in paused:
        conditions.append(Outgoing.way != "webhook")
    return conditions


def _begin(connection: Connection, row: Any, sender: SenderSettings | None, at: datetime) -> Claimed:
    message_id = row.message_id
    if sender is not None and message_id is None:
        message_id = message_id_of(row.token, sender.domain)
    number = row.attempts + 1
    changed = {"state": "sending", "attempts": number, "message_id": message_id, "updated_at": at}
    connection.execute(update(Outgoing).where(Outgoing.id == row.id).values(**changed))
    connection.execute(insert(OutgoingAttempt).values(outgoing_id=row.id, number=number, started_at=at))
    return _claimed(connection, row, number, sender, message_id)


def _claimed(
    connection: Connection, row: Any, number: int, sender: SenderSettings | None, message_id: str | None
) -> Claimed:
    letter = _composed(connection, row, message_id) if sender is not None and message_id is not None else None
    return Claimed(
        id=row.id,
        way=row.way,
        purpose=row.purpose,
        number=number,
        payload=row.payload,
        manager_id=row.manager_id,
        sender=sender,
        letter=letter,
    )


def _composed(connection: Connection, row: Any, message_id: str) -> Composed:
    files = connection.execute(
        select(FileRow.name, FileRow.content_type, FileRow.content)
        .where(FileRow.outgoing_id == row.id)
        .order_by(FileRow.id)
    )
    return Composed(
        id=row.id,
        token=row.token,
        purpose=row.purpose,
        payload=row.payload,
        message_id=message_id,
        created_at=row.created_at,
        files=[OutgoingFile(name=f.name, content_type=f.content_type, content=f.content) for f in files],
    )


def _put_off(connection: Connection, row: Any, at: datetime) -> None:
    named = f"named {row.sender!r} " if row.sender else ""
    reason = f"there is no [[sender]] {named}in the configuration: add it and restart"
    values = {"due_at": at + WITHOUT_SENDER, "reason": reason, "updated_at": at}
    connection.execute(update(Outgoing).where(Outgoing.id == row.id).values(**values))


def settle(connection: Connection, verdicts: Sequence[Verdict], keep: timedelta | None) -> None:
    """Write the results down. Doing it again changes nothing."""
    for verdict in verdicts:
        connection.execute(
            update(OutgoingAttempt)
            .where(OutgoingAttempt.outgoing_id == verdict.id, OutgoingAttempt.finished_at.is_(None))
            .values(finished_at=verdict.at, result=verdict.result, detail=verdict.reason)
        )
        ended = verdict.state != "waiting"
        values = {
            "state": verdict.state,
            "due_at": verdict.due_at,
            "attempts": verdict.attempts,
            "reason": verdict.reason,
            "updated_at": verdict.at,
        }
        if ended and keep is not None:
            values["keep_until"] = verdict.at + keep
        connection.execute(
            update(Outgoing).where(Outgoing.id == verdict.id, Outgoing.state == SENDING).values(**values)
        )


def is_any_unknown(connection: Connection) -> bool:
    """Whether there is a letter of unknown fate that is part of the history."""
    return connection.execute(select(Outgoing.id).where(*UNKNOWN).limit(1)).first() is not None


def take_up(connection: Connection, at: datetime, *, but: Collection[str] = ()) -> int:
    """Settle ``sending`` rows of a process that died; how many. ``but``: rows that are really under way.

    A letter to a customer may have arrived: it is ``unknown`` now. A notice waits again.
    """
    orphans = (Outgoing.state == SENDING, Outgoing.id.not_in(list(but)))
    connection.execute(
        update(OutgoingAttempt)
        .where(OutgoingAttempt.outgoing_id.in_(select(Outgoing.id).where(*orphans)))
        .where(OutgoingAttempt.finished_at.is_(None))
        .values(finished_at=at, detail=DIED)
    )
    values = {"due_at": at, "updated_at": at, "reason": DIED}
    once = Outgoing.purpose.in_(ONCE)
    doubtful = connection.execute(update(Outgoing).where(*orphans, once).values(state="unknown", **values)).rowcount
    return doubtful + connection.execute(update(Outgoing).where(*orphans).values(state="waiting", **values)).rowcount


def unrecorded(connection: Connection, senders: Senders, limit: int) -> Sequence[tuple[Claimed, bool]]:
    """Letters to customers that left (or may have: True) and are not in the history yet."""
    query = (
        select(Outgoing)
        .where(Outgoing.state.in_(["sent", "unknown"]), Outgoing.recorded_at.is_(None), Outgoing.purpose.in_(ONCE))
        .order_by(Outgoing.id)
        .limit(limit)
    )
    found = []
    for row in connection.execute(query).all():
        sender = senders.find(row.sender)
        if sender is None or row.message_id is None:
            continue
        found.append((_claimed(connection, row, row.attempts, sender, row.message_id), row.state == "unknown"))
    return found


def mark_recorded(connection: Connection, row_id: str, at: datetime) -> None:
    """The letter is in the history."""
    connection.execute(update(Outgoing).where(Outgoing.id == row_id).values(recorded_at=at))
