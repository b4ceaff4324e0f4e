"""How far sources were read: rows of the table ``cursor``, moved in the transaction of the data that they cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from gateway.core.clock import Clock
from gateway.core.types import Cursor as Place
from gateway.core.types import Json
from gateway.storage.bulk import insert_rows
from gateway.storage.prepared import Prepared
from gateway.storage.store import Store
from gateway.storage.tables import Cursor, table_of

CURSOR = table_of(Cursor)
_MOVE = Prepared(
    update(CURSOR).where(CURSOR.c.name == bindparam("place")).values(value=bindparam("to"), updated_at=bindparam("at"))
)


def move(connection: Connection, place: Place, at: datetime) -> None:
    """Store where to go on, in the caller's transaction."""
    value = dict(place.value)
    if not _MOVE.change(connection, place=place.name, to=value, at=at):
        insert_rows(connection, CURSOR, [{"name": place.name, "value": value, "updated_at": at}])


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
