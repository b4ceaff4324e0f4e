"""The worker's statements: take rows that are due, write down what became of them. Functions on a Connection.

Statements are about sets of rows: a claim is one SELECT over two partial indexes, one UPDATE, one INSERT; settling any
number of plain successes is two UPDATEs. Each statement, and each row of an executemany, lends the GIL to the busy
event loop and must win it back, so their number is what costs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    select,
    update,
)

from gateway.delivery.crmwords import kept, read_back
from gateway.delivery.verdict import STOPPED, Claimed, Verdict
from gateway.storage.columns import UtcDateTime
from gateway.storage.tables import Attempt, CrmHold, Outbox

# Literals, not parameters: only then does the planner see that the partial indexes fit.
WAITING: ColumnElement[str] = literal_column("'waiting'")
SENDING: ColumnElement[str] = literal_column("'sending'")
HELD: ColumnElement[str] = literal_column("'held'")
UNSENT = (WAITING, SENDING, HELD)

_earlier = Outbox.__table__.alias("earlier")
_due = (
    Outbox.crm == bindparam("b_crm"),
    Outbox.state == WAITING,
    Outbox.due_at <= bindparam("b_at"),
)
_EARLIER_UNSENT = exists().where(
    _earlier.c.crm == Outbox.crm,
    _earlier.c.order_key == Outbox.order_key,
    _earlier.c.id < Outbox.id,
    _earlier.c.state.in_(UNSENT),
)
_HEADS = (
    select(Outbox.id, Outbox.message_id, Outbox.payload, Outbox.attempts)
    .where(*_due, ~_EARLIER_UNSENT)
    .order_by(Outbox.due_at, Outbox.id)
    .limit(bindparam("b_limit", type_=Integer()))
    .with_for_update(skip_locked=True)  # several processes on PostgreSQL; SQLite has one writer and ignores it
)
_HOLD = select(CrmHold.reason, CrmHold.words).where(CrmHold.crm == bindparam("b_crm"))
_ANY_DUE = select(Outbox.id).where(*_due).limit(1)
_MARK_SENDING = (
    update(Outbox)
    .where(Outbox.id.in_(bindparam("b_ids", expanding=True)))
    .values(state="sending", attempts=Outbox.attempts + 1)
)
_BEGIN_ATTEMPTS = insert(Attempt).from_select(
    ["outbox_id", "number", "started_at"],
    select(Outbox.id, Outbox.attempts, bindparam("b_at", type_=UtcDateTime())).where(
        Outbox.id.in_(bindparam("b_ids", expanding=True))
    ),
)
# One attempt of a row is open at a time, so the row's id finds it.
_END_ATTEMPT = (
    update(Attempt)
    .where(Attempt.outbox_id == bindparam("b_id"), Attempt.finished_at.is_(None))
    .values(
        finished_at=bindparam("b_at"),
        result=bindparam("b_result"),
        detail=bindparam("b_detail"),
        words=bindparam("b_words"),
    )
)
_ATTEMPTS_DONE = (
    update(Attempt)
    .where(Attempt.outbox_id.in_(bindparam("b_ids", expanding=True)), Attempt.finished_at.is_(None))
    .values(finished_at=bindparam("b_at"), result="done")
)
_ROWS_DONE = (
    update(Outbox)
    .where(Outbox.id.in_(bindparam("b_ids", expanding=True)), Outbox.state == SENDING)
    .values(state="done", reason=None, words=None, updated_at=bindparam("b_at"))
)
_END_ROW = (
    update(Outbox)
    .where(Outbox.id == bindparam("b_id"), Outbox.state == SENDING)
    .values(
        state=bindparam("b_state"),
        due_at=bindparam("b_due_at"),
        attempts=bindparam("b_attempts"),
        reason=bindparam("b_reason"),
        words=bindparam("b_words"),
        remote_id=bindparam("b_remote_id"),
        remote_url=bindparam("b_remote_url"),
        updated_at=bindparam("b_at"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a claim found."""

    rows: Sequence[Claimed] = ()
    hold: str | None = None
    """Why the CRM is on hold; then there are no rows."""


def is_any_due(connection: Connection, crm: str, at: datetime) -> bool:
    """Cheap: whether a claim is worth a write."""
    return connection.execute(_ANY_DUE, {"b_crm": crm, "b_at": at}).first() is not None


def claim(connection: Connection, crm: str, at: datetime, limit: int) -> Claim:
    """Up to ``limit`` due rows, each the oldest unsent one of its key, now ``sending``, each with a stored attempt."""
    hold = connection.execute(_HOLD, {"b_crm": crm}).one_or_none()
    if hold is not None:
        return Claim(hold=read_back(hold.reason, hold.words))
    found = connection.execute(_HEADS, {"b_crm": crm, "b_at": at, "b_limit": limit}).all()
    if not found:
        return Claim()
    connection.execute(_MARK_SENDING, {"b_ids": [row.id for row in found]})
    connection.execute(_BEGIN_ATTEMPTS, {"b_ids": [row.id for row in found], "b_at": at})
    return Claim(
        rows=[
            Claimed(id=row.id, message_id=row.message_id, payload=row.payload, number=row.attempts + 1) for row in found
        ]
    )


def settle(connection: Connection, crm: str, verdicts: Sequence[Verdict]) -> None:
    """Write the results down. Doing it again changes nothing."""
    plain: list[Verdict] = []
    others: list[Verdict] = []
    for verdict in verdicts:
        (plain if _is_plain(verdict) else others).append(verdict)
    if plain:
        done = {"b_ids": [verdict.claimed.id for verdict in plain], "b_at": max(verdict.at for verdict in plain)}
        connection.execute(_ATTEMPTS_DONE, done)
        connection.execute(_ROWS_DONE, done)
    if others:
        _settle_one_by_one(connection, others)
    holding = next((verdict for verdict in others if verdict.hold is not None), None)
    if holding is not None and holding.hold is not None:
        put_on_hold(connection, crm, holding.hold, holding.at)


def _is_plain(verdict: Verdict) -> bool:
    """A success with nothing to remember."""
    return verdict.done is not None and verdict.done.remote_id is None and verdict.done.url is None


def _settle_one_by_one(connection: Connection, verdicts: Sequence[Verdict]) -> None:
    made = [verdict for verdict in verdicts if verdict.result is not None]
    if made:
        connection.execute(_END_ATTEMPT, [_attempt_values(verdict) for verdict in made])
    if never := [verdict.claimed.id for verdict in verdicts if verdict.result is None]:
        connection.execute(delete(Attempt).where(Attempt.outbox_id.in_(never), Attempt.finished_at.is_(None)))
    connection.execute(_END_ROW, [_row_values(verdict) for verdict in verdicts])


def _attempt_values(verdict: Verdict) -> dict[str, Any]:
    return {
        "b_id": verdict.claimed.id,
        "b_at": verdict.at,
        "b_result": verdict.result,
        "b_detail": _text(verdict.detail),
        "b_words": kept(verdict.detail),
    }


def _row_values(verdict: Verdict) -> dict[str, Any]:
    return {
        "b_id": verdict.claimed.id,
        "b_state": verdict.state,
        "b_due_at": verdict.due_at,
        "b_attempts": verdict.attempts,
        "b_reason": _text(verdict.detail),
        "b_words": kept(verdict.detail),
        "b_remote_id": verdict.done.remote_id if verdict.done else None,
        "b_remote_url": verdict.done.url if verdict.done else None,
        "b_at": verdict.at,
    }


def _text(words: str | None) -> str | None:
    return None if words is None else str(words)


def put_on_hold(connection: Connection, crm: str, reason: str, at: datetime) -> None:
    """Nothing more is claimed for ``crm`` until it is released. The newest reason stands."""
    values = {"reason": str(reason), "words": kept(reason), "held_at": at}
    if not connection.execute(update(CrmHold).where(CrmHold.crm == crm).values(**values)).rowcount:
        connection.execute(insert(CrmHold).values(crm=crm, **values))


def take_up(connection: Connection, crm: str, at: datetime, *, but: Collection[int] = ()) -> int:
    """Make ``sending`` rows of a process that died wait again, due now, with their message ids; how many.

    ``but``: rows that are really under way. The attempts end now, without a result: nobody knows whether the CRM got
    them.
    """
    orphans = (Outbox.crm == crm, Outbox.state.in_(UNSENT), Outbox.state == SENDING, Outbox.id.not_in(list(but)))
    connection.execute(
        update(Attempt)
        .where(Attempt.outbox_id.in_(select(Outbox.id).where(*orphans)), Attempt.finished_at.is_(None))
        .values(finished_at=at, detail=str(STOPPED), words=kept(STOPPED))
    )
    return connection.execute(
        update(Outbox)
        .where(*orphans)
        .values(state="waiting", due_at=at, updated_at=at, reason=str(STOPPED), words=kept(STOPPED))
    ).rowcount
