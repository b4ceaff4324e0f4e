"""Where items were met: rows of the table ``sighting``, written in the transaction of the item.

A letter that is known already, because it came by SMTP or lies in another mailbox too, stays one interaction; that it
was met once more is written down here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from gateway.core.types import Sighting as Met
from gateway.storage.bulk import insert_rows
from gateway.storage.store import Store
from gateway.storage.tables import Sighting, table_of

SIGHTING = table_of(Sighting)

_KNOWN = select(SIGHTING.c.mark, SIGHTING.c.id, SIGHTING.c.interaction_id).where(
    SIGHTING.c.source == bindparam("of_source"),
    SIGHTING.c.place == bindparam("of_place"),
    SIGHTING.c.mark.in_(bindparam("marks", expanding=True)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One item that was met."""

    interaction_id: str
    source: str
    met: Met
    keep_until: datetime | None


def record(connection: Connection, found: Sequence[Found]) -> None:
    """Write down what is new among ``found``."""
    places: dict[tuple[str, str], dict[str, Found]] = defaultdict(dict)
    for one in found:
        places[one.source, one.met.place].setdefault(one.met.mark, one)
    for (source, place), by_mark in places.items():
        known = {
            row.mark: row
            for row in connection.execute(_KNOWN, {"of_source": source, "of_place": place, "marks": list(by_mark)})
        }
        insert_rows(connection, SIGHTING, [_row(one) for mark, one in by_mark.items() if mark not in known])
        for mark, row in known.items():
            if row.interaction_id is None:  # it was erased, and here it is again
                connection.execute(
                    update(SIGHTING)
                    .where(SIGHTING.c.id == row.id)
                    .values(interaction_id=by_mark[mark].interaction_id, keep_until=by_mark[mark].keep_until)
                )


def _row(one: Found) -> dict[str, Any]:
    return {
        "interaction_id": one.interaction_id,
        "source": one.source,
        "place": one.met.place,
        "mark": one.met.mark,
        "seen_at": one.met.seen_at,
        "keep_until": one.keep_until,
    }


@dataclass(frozen=True, slots=True)
class StoredSightings:
    """Implements ``core.ports.Sightings``."""

    store: Store

    async def marks(self, source: str, place: str, since: datetime) -> Collection[str]:
        """The marks of everything that came to a place since then and is stored. Raises StoreUnavailable."""
        query = select(Sighting.mark).where(
            Sighting.source == source, Sighting.place == place, Sighting.seen_at >= since
        )
        return await self.store.read(lambda connection: set(connection.execute(query).scalars()))
