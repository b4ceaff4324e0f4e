"""The feed of changes, read by its ids.

SQLite has one writer: ids are in the order of the commits. On PostgreSQL several gateways write: an id is taken when a
row is inserted, and a lower one may be committed after it. A reader who went by it would never see that row. So nobody
goes past a missing id before `GAP_SECONDS` are over: then it belongs to a transaction that was rolled back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from gateway.storage.tables import Change, table_of

GAP_SECONDS = 5
"""A transaction of ours takes milliseconds; the clocks of two machines may differ by more than that."""

CHANGE = table_of(Change)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One row of the feed."""

    id: int
    kind: str
    object_id: str


@dataclass(frozen=True, slots=True)
class FeedEnds:
    """The oldest and the newest id that can be shown; both 0 in an empty feed."""

    oldest: int
    newest: int


def feed_ends(connection: Connection) -> FeedEnds:
    """Where the feed begins and ends."""
    oldest = connection.execute(select(func.min(CHANGE.c.id))).scalar_one() or 0
    if _one_writer(connection):
        return FeedEnds(oldest, connection.execute(select(func.max(CHANGE.c.id))).scalar_one() or 0)
    before = connection.execute(select(func.max(CHANGE.c.id)).where(~_young(connection))).scalar_one() or 0
    newest = before
    for row in _in_turn(connection.execute(_after(connection, before)), before):
        newest = row.id
    return FeedEnds(min(oldest, newest), newest)


def changes_after(connection: Connection, last_id: int, limit: int) -> list[ChangeRow]:
    """The next changes in order."""
    rows: Iterable[Any] = connection.execute(_after(connection, last_id).limit(limit))
    if not _one_writer(connection):
        rows = _in_turn(rows, last_id)
    return [ChangeRow(row.id, row.kind, row.object_id) for row in rows]


def _one_writer(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _after(connection: Connection, last_id: int) -> Select[Any]:
    columns = (CHANGE.c.id, CHANGE.c.kind, CHANGE.c.object_id, _young(connection).label("young"))
    return select(*columns).where(CHANGE.c.id > last_id).order_by(CHANGE.c.id)


def _young(connection: Connection) -> ColumnElement[bool]:
    """By the database's clock, which is the same for all gateways."""
    if _one_writer(connection):
        return literal(False)
    return CHANGE.c.at > func.now() - timedelta(seconds=GAP_SECONDS)


def _in_turn(rows: Iterable[Any], last_id: int) -> Iterator[Any]:
    """The rows up to the first gap that may still be filled."""
    for row in rows:
        if row.young and row.id != last_id + 1:
            return
        last_id = row.id
        yield row
