"""The outbox as others use it: the processing puts events in, people look at it and decide. Functions on a Connection.

States of a row: ``waiting`` (for its turn or its time), ``sending``, ``done``, ``held`` (by a person: later ones of its
key wait behind it), ``dead`` (given up; later ones go on), ``dropped`` (by a person, or replaced by newer news).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from crm_adapter.said import Said
from gateway.core.clock import NewId
from gateway.delivery import claims
from gateway.delivery.claims import HELD, UNSENT, WAITING
from gateway.delivery.crmwords import kept, read_back
from gateway.delivery.events import CALL_STATES, SUPERSEDING, wanted
from gateway.delivery.settings import CrmSettings
from gateway.storage.tables import Attempt, CrmHold, CrmLink, Outbox

DEAD: ColumnElement[str] = literal_column("'dead'")
STATES = ("waiting", "sending", "done", "held", "dead", "dropped")
ENDED = ("done", "dead", "dropped")


def enqueue(
    connection: Connection,
    crms: Iterable[CrmSettings],
    *,
    event_type: str,
    order_key: str,
    data: Mapping[str, Any],
    at: datetime,
    new_id: NewId,
    lead_id: str | None = None,
    interaction_id: str | None = None,
    keep_until: datetime | None = None,
) -> int:
    """Put one event into the outbox of each CRM that wants it, in the caller's transaction; how many rows.

    ``data`` is kept as it is now. ``order_key``: rows of one key reach a CRM in the order in which they were put here.
    """
    names = [crm.name for crm in crms if wanted(crm.events, event_type)]
    if not names:
        return 0
    if event_type in SUPERSEDING:
        _supersede(
            connection, names, event_type, (event_type,), Outbox.lead_id.is_not_distinct_from(lead_id), order_key, at
        )
    elif interaction_id is not None and (older := CALL_STATES.get(event_type)):
        _supersede(connection, names, event_type, older, Outbox.interaction_id == interaction_id, order_key, at)
    row = {
        "event_type": event_type,
        "message_id": new_id(),
        "order_key": order_key,
        "lead_id": lead_id,
        "interaction_id": interaction_id,
        "payload": {"type": event_type, "timestamp": at.isoformat(), "data": data},
        "due_at": at,
        "created_at": at,
        "updated_at": at,
        "keep_until": keep_until,
    }
    connection.execute(insert(Outbox), [{**row, "crm": name} for name in names])
    return len(names)


def _supersede(
    connection: Connection,
    crms: Collection[str],
    event_type: str,
    older: Collection[str],
    same_thing: ColumnElement[bool],
    order_key: str,
    at: datetime,
) -> None:
    """Drop older news of the same thing that was never tried. What was tried may have arrived, so it keeps its turn."""
    replaced = Said("replaced by a newer %(event)s", event=event_type)
    connection.execute(
        update(Outbox)
        .where(
            Outbox.crm.in_(crms),
            Outbox.order_key == order_key,
            Outbox.state.in_(UNSENT),
            Outbox.state == WAITING,
            Outbox.attempts == 0,
            Outbox.event_type.in_(older),
            same_thing,
        )
        .values(state="dropped", **_why(replaced), updated_at=at)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of the outbox for people, without its payload."""

    id: int
    crm: str
    event_type: str
    message_id: str
    lead_id: str | None
    interaction_id: str | None
    state: str
    attempts: int
    due_at: datetime
    reason: str | None
    """A Said where it can be translated."""
    remote_id: str | None
    remote_url: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt. Without a result it is under way, or the process died during it."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    result: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One delivery with all there is to know of it."""

    delivery: Delivery
    payload: dict[str, Any]
    tries: tuple[Try, ...]


_COLUMNS = [*(getattr(Outbox, name) for name in Delivery.__dataclass_fields__), Outbox.words]
_TRY_COLUMNS = [*(getattr(Attempt, name) for name in Try.__dataclass_fields__), Attempt.words]


def list_deliveries(
    connection: Connection,
    *,
    crm: str | None = None,
    states: Collection[str] = (),
    lead_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The newest first. ``before_id`` is the last id of the page before; ``since`` <= created_at < ``until``."""
    query: Select[Any] = select(*_COLUMNS).order_by(Outbox.id.desc()).limit(limit)
    if crm is not None:
        query = query.where(Outbox.crm == crm)
    if states:
        query = query.where(Outbox.state.in_([literal_column(f"'{state}'") for state in STATES if state in states]))
    if lead_id is not None:
        query = query.where(Outbox.lead_id == lead_id)
    if since is not None:
        query = query.where(Outbox.created_at >= since)
    if until is not None:
        query = query.where(Outbox.created_at < until)
    if before_id is not None:
        query = query.where(Outbox.id < before_id)
    return [_delivery(row) for row in connection.execute(query).mappings()]


def show(connection: Connection, delivery_id: int) -> Shown | None:
    """One delivery with its payload and every attempt, or None."""
    query: Select[Any] = select(*_COLUMNS, Outbox.payload).where(Outbox.id == delivery_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    tries = connection.execute(
        select(*_TRY_COLUMNS).where(Attempt.outbox_id == delivery_id).order_by(Attempt.id)
    ).mappings()
    return Shown(delivery=_delivery(row), payload=row["payload"], tries=tuple(_try(one) for one in tries))


def _delivery(row: RowMapping) -> Delivery:
    known = {name: row[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**{**known, "reason": read_back(row["reason"], row["words"])})


def _try(row: RowMapping) -> Try:
    known = {name: row[name] for name in Try.__dataclass_fields__}
    return Try(**{**known, "detail": read_back(row["detail"], row["words"])})


def retry(connection: Connection, ids: Collection[int], at: datetime) -> int:
    """Make waiting, dead and dropped rows due now; how many. Dead and dropped ones begin their table of tries anew."""
    count = _change(connection, ids, Outbox.state == WAITING, due_at=at, updated_at=at)
    return count + _change(connection, ids, Outbox.state.in_(("dead", "dropped")), **_anew(at))


def retry_all(connection: Connection, at: datetime, *, crm: str | None = None, dead: bool = False) -> int:
    """Make every waiting row due now, and with ``dead`` the given up ones too; how many."""
    mine = [Outbox.crm == crm] if crm is not None else []
    later = (Outbox.state == WAITING, Outbox.due_at > at)
    count = connection.execute(update(Outbox).where(*mine, *later).values(due_at=at, updated_at=at)).rowcount
    if dead:
        count += connection.execute(update(Outbox).where(*mine, Outbox.state == DEAD).values(**_anew(at))).rowcount
    return count


def replay(
    connection: Connection, at: datetime, *, crm: str, since: datetime, until: datetime, states: Collection[str]
) -> int:
    """Send again what was made for ``crm`` at ``since`` <= created_at < ``until``, in its order; how many.

    The message ids stay, so a receiver that recognises doubles keeps one of each, and one that lost its data gets all.
    """
    which: list[ColumnElement[str]] = [
        literal_column(f"'{state}'") for state in ("done", "dead", "dropped") if state in states
    ]
    mine = (Outbox.crm == crm, Outbox.created_at >= since, Outbox.created_at < until, Outbox.state.in_(which))
    return connection.execute(update(Outbox).where(*mine).values(**_anew(at))).rowcount


def purge(connection: Connection, at: datetime, *, limit: int = 1000) -> int:
    """Remove up to ``limit`` rows, and as many links, whose time to be kept is over; how many. Never what is unsent."""
    over = Outbox.keep_until < at
    ended = Outbox.state.in_([literal_column(f"'{state}'") for state in ENDED])
    ids = connection.execute(select(Outbox.id).where(over, ended).limit(limit)).scalars().all()
    gone = connection.execute(delete(Outbox).where(Outbox.id.in_(ids))).rowcount if ids else 0
    keys = (CrmLink.crm, CrmLink.kind, CrmLink.local_id)
    old = connection.execute(select(*keys).where(CrmLink.keep_until < at).limit(limit)).all()
    for crm, kind, local_id in old:
        mine = (CrmLink.crm == crm, CrmLink.kind == kind, CrmLink.local_id == local_id)
        gone += connection.execute(delete(CrmLink).where(*mine)).rowcount
    return gone


def _anew(at: datetime) -> dict[str, Any]:
    """A row that was given up, anew. One try still counts: it may have arrived, and the next must know."""
    attempts = case((Outbox.attempts > 1, 1), else_=Outbox.attempts)
    return {"state": "waiting", "attempts": attempts, "due_at": at, **_why(None), "updated_at": at}


def _why(reason: str | None) -> dict[str, Any]:
    """The two columns of a reason."""
    return {"reason": None if reason is None else str(reason), "words": kept(reason)}


def hold(connection: Connection, ids: Collection[int], reason: str, at: datetime) -> int:
    """Keep waiting rows back, and with them the later ones of their keys; how many. Not what is being sent."""
    return _change(connection, ids, Outbox.state == WAITING, state="held", **_why(reason), updated_at=at)


def release(connection: Connection, ids: Collection[int], at: datetime) -> int:
    """Let held rows go on, due now; how many."""
    return _change(connection, ids, Outbox.state == HELD, state="waiting", due_at=at, **_why(None), updated_at=at)


def drop(connection: Connection, ids: Collection[int], reason: str, at: datetime) -> int:
    """Never send these rows (waiting, held or dead); how many. They stay to be seen. Not what is being sent."""
    open_states = Outbox.state.in_(("waiting", "held", "dead"))
    return _change(connection, ids, open_states, state="dropped", **_why(reason), updated_at=at)


def _change(connection: Connection, ids: Collection[int], which: ColumnElement[bool], **values: Any) -> int:
    return connection.execute(update(Outbox).where(Outbox.id.in_(list(ids)), which).values(**values)).rowcount


def hold_crm(connection: Connection, crm: str, reason: str, at: datetime) -> None:
    """Push nothing to ``crm`` until it is released; its rows wait in their order."""
    claims.put_on_hold(connection, crm, reason, at)


def release_crm(connection: Connection, crm: str) -> bool:
    """Push to ``crm`` again; False where it was not on hold. A running gateway notices within its poll interval."""
    return connection.execute(delete(CrmHold).where(CrmHold.crm == crm)).rowcount > 0


def holds(connection: Connection) -> dict[str, str]:
    """Each CRM on hold, with the reason: a Said where it can be translated."""
    rows = connection.execute(select(CrmHold.crm, CrmHold.reason, CrmHold.words))
    return {row.crm: read_back(row.reason, row.words) or "" for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What one CRM has still to get. Also for names that are no longer configured."""

    crm: str
    waiting: int
    sending: int
    held: int
    dead: int
    oldest: datetime | None
    """When the oldest unsent row was made; None where all is sent."""


def backlog(connection: Connection) -> list[Backlog]:
    """One entry a CRM with unsent or dead rows, by name. Reads only those rows."""
    unsent = select(Outbox.crm, Outbox.state, func.count(), func.min(Outbox.created_at)).where(Outbox.state.in_(UNSENT))
    dead = select(Outbox.crm, func.count()).where(Outbox.state == DEAD)
    counts: dict[str, dict[str, int]] = {}
    oldest: dict[str, datetime] = {}
    for crm, state, count, first in connection.execute(unsent.group_by(Outbox.crm, Outbox.state)):
        counts.setdefault(crm, {})[state] = count
        oldest[crm] = min(first, oldest.get(crm, first))
    for crm, count in connection.execute(dead.group_by(Outbox.crm)):
        counts.setdefault(crm, {})["dead"] = count
    return [
        Backlog(crm=crm, oldest=oldest.get(crm), **{s: found.get(s, 0) for s in ("waiting", "sending", "held", "dead")})
        for crm, found in sorted(counts.items())
    ]
