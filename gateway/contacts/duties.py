"""Callbacks of two contacts that become one person, and two again: a person waits in one callback only.

As with leads: where both wait, the winner's callback takes the tries of the loser's, which is closed as ``merged``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.audit.log import GATEWAY
from gateway.live.changes import ChangeKind, record
from gateway.storage.tables import Callback, CallbackEvent, CallbackTry

MERGED = "merged"
"""State of a callback that became part of another."""


def join_callbacks(connection: Connection, winner_id: str, loser_id: str, at: datetime) -> dict[str, Any]:
    """Move the loser's callbacks; returns what ``part_callbacks`` needs to move them back."""
    kept, other = _waiting(connection, winner_id), _waiting(connection, loser_id)
    joined = _join(connection, kept, other, at) if kept is not None and other is not None else None
    ids = list(connection.execute(select(Callback.id).where(Callback.contact_id == loser_id)).scalars())
    connection.execute(update(Callback).where(Callback.contact_id == loser_id).values(contact_id=winner_id))
    return {"ids": ids, "joined": joined}


def part_callbacks(connection: Connection, moved: dict[str, Any], winner_id: str, loser_id: str, at: datetime) -> None:
    """Move back what is still the winner's. The loser's callback opens again: nobody answered that person by name."""
    still = Callback.id.in_(moved["ids"]) & (Callback.contact_id == winner_id)
    connection.execute(update(Callback).where(still).values(contact_id=loser_id))
    joined = moved["joined"]
    if joined is None or _waiting(connection, loser_id) is not None:
        return
    back = (CallbackTry.id.in_(joined["tries"])) & (CallbackTry.callback_id == joined["kept"])
    connection.execute(update(CallbackTry).where(back).values(callback_id=joined["closed"]))
    reopened = (Callback.id == joined["closed"]) & (Callback.state == MERGED)
    # next_at: the worker looks at once and computes when the next reminder is due
    values = {"state": joined["state"], "closed_at": None, "next_at": at, "updated_at": at}
    connection.execute(update(Callback).where(reopened).values(**values, version=Callback.version + 1))
    _recount(connection, joined["kept"], at)
    _note(connection, joined["kept"], "parted", joined["closed"], at)
    _note(connection, joined["closed"], "parted", joined["kept"], at)


def _waiting(connection: Connection, contact_id: str) -> Row[Any] | None:
    query = select(Callback).where(Callback.contact_id == contact_id, Callback.closed_at.is_(None)).with_for_update()
    return connection.execute(query).one_or_none()


def _join(connection: Connection, kept: Row[Any], other: Row[Any], at: datetime) -> dict[str, Any]:
    tries = list(connection.execute(select(CallbackTry.id).where(CallbackTry.callback_id == other.id)).scalars())
    connection.execute(update(CallbackTry).where(CallbackTry.callback_id == other.id).values(callback_id=kept.id))
    connection.execute(update(Callback).where(Callback.id == kept.id).values(**_both(kept, other), updated_at=at))
    ended = {"state": MERGED, "closed_at": at, "snoozed_until": None, "next_at": None, "updated_at": at}
    connection.execute(update(Callback).where(Callback.id == other.id).values(**ended, version=other.version + 1))
    _note(connection, kept.id, "merged", other.id, at)
    _note(connection, other.id, "merged", kept.id, at)
    # a snooze ends with the merge, and it is not put off again where the two are parted
    state = "attempted" if other.attempts else "claimed" if other.claimed_by is not None else "open"
    return {"kept": kept.id, "closed": other.id, "tries": tries, "state": state}


def _both(kept: Row[Any], other: Row[Any]) -> dict[str, Any]:
    """The columns of a callback that stands for the tries of two."""
    newest = max(kept, other, key=lambda row: row.last_at)
    claimer = kept if kept.claimed_by is not None else other
    owner = kept if kept.owner_id is not None else other
    awake = [row.next_at for row in (kept, other) if row.next_at is not None]
    attempts = kept.attempts + other.attempts
    state = "attempted" if attempts else "claimed" if claimer.claimed_by is not None else "open"
    return {
        "tries": kept.tries + other.tries,
        "attempts": attempts,
        "first_at": min(kept.first_at, other.first_at),
        "last_at": newest.last_at,
        "waiting_since": min(kept.waiting_since, other.waiting_since),
        "due_at": min(kept.due_at, other.due_at),
        "next_at": min(awake, default=None),
        "last_attempt_at": max((a for a in (kept.last_attempt_at, other.last_attempt_at) if a), default=None),
        "steps_done": max(kept.steps_done, other.steps_done),
        "reason": newest.reason,
        "channel": newest.channel,
        "line": newest.line,
        "number": newest.number or kept.number or other.number,
        "lead_id": kept.lead_id or other.lead_id,
        "owner_id": owner.owner_id,
        "owner_rule": owner.owner_rule,
        "claimed_by": claimer.claimed_by,
        "claimed_at": claimer.claimed_at,
        "snoozed_until": None,
        "state": state,
        "version": kept.version + 1,
    }


def _recount(connection: Connection, callback_id: str, at: datetime) -> None:
    """The kept callback stands for its own tries only again."""
    figures = select(func.count(), func.min(CallbackTry.at), func.max(CallbackTry.at))
    count, first, last = connection.execute(figures.where(CallbackTry.callback_id == callback_id)).one()
    waits = connection.execute(select(Callback.waiting_since).where(Callback.id == callback_id)).scalar_one()
    values = {"tries": count, "first_at": first, "last_at": last, "waiting_since": max(waits, first), "updated_at": at}
    change = update(Callback).where(Callback.id == callback_id)
    connection.execute(change.values(**values, version=Callback.version + 1))


def _note(connection: Connection, callback_id: str, kind: str, other_id: str, at: datetime) -> None:
    row = {"callback_id": callback_id, "at": at, "kind": kind, "actor": GATEWAY, "detail": {"with": other_id}}
    connection.execute(insert(CallbackEvent), row)
    record(connection, ChangeKind.CALLBACK_UPDATED, callback_id, at)
