"""The feed of changes, read by its ids."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from gateway.storage.tables import Change


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One row of the feed."""

    id: int
    kind: str
    object_id: str


@dataclass(frozen=True, slots=True)
class FeedEnds:
    """The oldest and the newest id that are kept; both 0 in an empty feed."""

    oldest: int
    newest: int


def feed_ends(connection: Connection) -> FeedEnds:
    """Where the feed begins and ends. Two look-ups by the primary key."""
    oldest = connection.execute(select(func.min(Change.id))).scalar_one()
    newest = connection.execute(select(func.max(Change.id))).scalar_one()
    return FeedEnds(oldest or 0, newest or 0)


def changes_after(connection: Connection, last_id: int, limit: int) -> list[ChangeRow]:
    """The next changes in order."""
    query = select(Change.id, Change.kind, Change.object_id).where(Change.id > last_id).order_by(Change.id).limit(limit)
    return [ChangeRow(*row) for row in connection.execute(query)]
