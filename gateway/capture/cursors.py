"""How far sources were read: rows of the table ``cursor``, moved in the transaction of the data that they cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.core.clock import Clock
from gateway.core.types import Cursor as Place
from gateway.core.types import Json
from gateway.storage.store import Store
from gateway.storage.tables import Cursor


def move(connection: Connection, place: Place, at: datetime) -> None:
    """Store where to go on, in the caller's transaction."""
    values = {"value": dict(place.value), "updated_at": at}
    moved = connection.execute(update(Cursor).where(Cursor.name == place.name).values(**values)).rowcount
    if not moved:
        connection.execute(insert(Cursor), {"name": place.name, **values})


@dataclass(frozen=True, slots=True)
class StoredCursors:
    """Implements ``core.ports.Cursors``."""

    store: Store
    clock: Clock

    async def get(self, name: str) -> Mapping[str, Json] | None:
        """The stored place, None before the first. Raises StoreUnavailable."""
        query = select(Cursor.value).where(Cursor.name == name)
        found: Mapping[str, Json] | None = await self.store.read(
            lambda connection: connection.execute(query).scalar_one_or_none()
        )
        return found

    async def put(self, name: str, value: Mapping[str, Json]) -> None:
        """Move on where nothing new was found. Raises StoreUnavailable."""
        place = Place(name=name, value=value)
        await self.store.write_in_race(lambda connection: move(connection, place, self.clock.now()))
