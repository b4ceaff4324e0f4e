"""Callbacks in their tables: locked, read, written with their history, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, literal_column, select, update

from gateway.callbacks.life import Reason, Standing, State, Step, Try, changes
from gateway.core.clock import NewId
from gateway.core.errors import NotFound
from gateway.core.types import Json
from gateway.live.changes import ChangeKind, record
from gateway.storage.bulk import insert_rows
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Callback, CallbackEvent, CallbackTry, table_of

CALLBACK, TRY, EVENT = table_of(Callback), table_of(CallbackTry), table_of(CallbackEvent)
_COLUMNS = tuple(field.name for field in fields(Standing) if field.name != "ending")
_ENDINGS = frozenset({State.REACHED_BY_US, State.REACHED_BY_CLIENT, State.CLOSED, State.MERGED})

_LOCK = select(CALLBACK).with_for_update()  # SQLite has one writer and ignores it
_BY_ID = Prepared(_LOCK.where(CALLBACK.c.id == bindparam("id")))
_OPEN_OF = Prepared(
    _LOCK.where(CALLBACK.c.contact_id == bindparam("contact_id"), CALLBACK.c.closed_at.is_(literal_column("NULL")))
)
_CLOSED_BY = Prepared(
    _LOCK.where(CALLBACK.c.closed_by == bindparam("interaction_id"), CALLBACK.c.contact_id == bindparam("contact_id"))
)
_REACHED_BY_HAND = Prepared(
    _LOCK.where(
        CALLBACK.c.contact_id == bindparam("contact_id"),
        CALLBACK.c.close_reason == Reason.REACHED.value,
        CALLBACK.c.closed_at >= bindparam("since"),
    )
    .order_by(CALLBACK.c.closed_at)
    .limit(1)
)
_TRY_OF = Prepared(select(TRY).where(TRY.c.interaction_id == bindparam("interaction_id")))
_MOMENTS = Prepared(select(TRY.c.at).where(TRY.c.callback_id == bindparam("callback_id")))
_EVENT_OF = Prepared(
    select(EVENT.c.id).where(
        EVENT.c.callback_id == bindparam("callback_id"),
        EVENT.c.kind == bindparam("kind"),
        EVENT.c.interaction_id == bindparam("interaction_id"),
    )
)
_SAVE = Prepared(
    update(CALLBACK)
    .where(CALLBACK.c.id == bindparam("callback_id"))
    .values(
        {name: bindparam(name) for name in (*_COLUMNS, "state", "version", "updated_at")}
        | {"keep_until": func.coalesce(bindparam("keep", type_=CALLBACK.c.keep_until.type), CALLBACK.c.keep_until)}
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A callback and what its row says beside how it stands."""

    id: str
    contact_id: str | None
    version: int
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the history."""

    kind: Step
    actor: str
    at: datetime
    manager_id: str | None = None
    interaction_id: str | None = None
    note: str | None = None
    detail: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTry:
    """A try and whose it is."""

    id: int
    callback_id: str
    made: Try


def lock(connection: Connection, callback_id: str) -> Stored:
    """The callback of this id, until the end of the transaction ours alone to change. Raises NotFound."""
    row = _BY_ID.first(connection, id=callback_id)
    if row is None:
        raise NotFound("There is no callback %(id)r.", id=callback_id[:60])
    return _stored(row)


def lock_open_of(connection: Connection, contact_id: str) -> Stored | None:
    """The callback of a person who waits."""
    return _stored_or_none(_OPEN_OF.first(connection, contact_id=contact_id))


def lock_closed_by(connection: Connection, contact_id: str, interaction_id: str) -> Stored | None:
    """The callback that this interaction closed."""
    return _stored_or_none(_CLOSED_BY.first(connection, contact_id=contact_id, interaction_id=interaction_id))


def lock_reached_by_hand(connection: Connection, contact_id: str, since: datetime) -> Stored | None:
    """The callback that a person closed as reached after ``since``: what was tried before that is answered too."""
    return _stored_or_none(_REACHED_BY_HAND.first(connection, contact_id=contact_id, since=since))


def _stored_or_none(row: Any) -> Stored | None:
    return _stored(row) if row is not None else None


def _stored(row: Any) -> Stored:
    values = {name: getattr(row, name) for name in _COLUMNS}
    state = State(row.state)
    standing = Standing(**values, ending=state if state in _ENDINGS else None)
    return Stored(id=row.id, contact_id=row.contact_id, version=row.version, standing=standing)


def create(
    connection: Connection,
    contact_id: str | None,
    standing: Standing,
    *,
    at: datetime,
    keep_until: datetime | None,
    new_id: NewId,
) -> Stored:
    """A new row."""
    callback_id = new_id()
    row = {
        "id": callback_id,
        "contact_id": contact_id,
        "opened_at": at,
        "updated_at": at,
        "keep_until": keep_until,
        "version": 1,
        **_values(standing),
    }
    insert_rows(connection, CALLBACK, [row])
    record(connection, ChangeKind.CALLBACK_OPENED, callback_id, at)
    return Stored(id=callback_id, contact_id=contact_id, version=1, standing=standing)


def save(
    connection: Connection, stored: Stored, standing: Standing, at: datetime, *, keep_until: datetime | None = None
) -> Stored:
    """Write how it stands now. ``keep_until`` where the person was heard again."""
    values = {**_values(standing), "version": stored.version + 1, "updated_at": at}
    _SAVE.change(connection, callback_id=stored.id, keep=keep_until, **values)
    record(connection, _kind_of_change(stored.standing, standing), stored.id, at)
    return Stored(id=stored.id, contact_id=stored.contact_id, version=stored.version + 1, standing=standing)


def _kind_of_change(before: Standing, after: Standing) -> ChangeKind:
    if before.waits == after.waits:
        return ChangeKind.CALLBACK_UPDATED
    return ChangeKind.CALLBACK_OPENED if after.waits else ChangeKind.CALLBACK_CLOSED


def _values(standing: Standing) -> dict[str, Any]:
    values = {name: getattr(standing, name) for name in _COLUMNS}
    return {**values, "state": standing.state.value}


def write_down(connection: Connection, callback_id: str, entry: Entry) -> None:
    """Add to the history."""
    row = {
        "callback_id": callback_id,
        "at": entry.at,
        "kind": entry.kind.value,
        "actor": entry.actor,
        "manager_id": entry.manager_id,
        "interaction_id": entry.interaction_id,
        "note": entry.note,
        "detail": dict(entry.detail or {}),
    }
    insert_rows(connection, EVENT, [row])


def happened(connection: Connection, callback_id: str, kind: Step, interaction_id: str) -> bool:
    """Whether this interaction did that to the callback before."""
    done = _EVENT_OF.first(connection, callback_id=callback_id, kind=kind.value, interaction_id=interaction_id)
    return done is not None


def try_of(connection: Connection, interaction_id: str) -> StoredTry | None:
    """The try that this interaction is."""
    row = _TRY_OF.first(connection, interaction_id=interaction_id)
    if row is None:
        return None
    made = Try(at=row.at, reason=row.reason, channel=row.channel, line=row.line, number=row.number)
    return StoredTry(id=row.id, callback_id=row.callback_id, made=made)


def add_try(connection: Connection, callback_id: str, interaction_id: str, made: Try) -> None:
    """Note a try."""
    row = {
        "callback_id": callback_id,
        "interaction_id": interaction_id,
        "at": made.at,
        "channel": made.channel,
        "reason": made.reason,
        "line": made.line,
        "number": made.number,
    }
    insert_rows(connection, TRY, [row])


def correct_try(connection: Connection, known: StoredTry, made: Try) -> None:
    """A later report of the same call knows better."""
    values = {"reason": made.reason, "line": made.line, "number": made.number}
    connection.execute(update(TRY).where(TRY.c.id == known.id).values(**values))


def try_moments(connection: Connection, callback_id: str) -> list[datetime]:
    """When the person tried."""
    return [row.at for row in _MOMENTS.rows(connection, callback_id=callback_id)]


def give_to_contact(connection: Connection, stored: Stored, contact_id: str) -> None:
    """The number was withheld at first: now it is known whose it is."""
    connection.execute(update(CALLBACK).where(CALLBACK.c.id == stored.id).values(contact_id=contact_id))


def undo_detail(before: Standing, after: Standing) -> dict[str, Json]:
    """What undo needs to put back."""
    return {"changed": list(changes(before, after)), "before": msgspec.to_builtins(before)}


def read_undo_detail(detail: Mapping[str, Json]) -> tuple[Standing, list[str]]:
    """What undo_detail wrote."""
    return msgspec.convert(detail["before"], Standing), list(detail["changed"])
