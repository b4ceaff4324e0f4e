"""Which calls are stored as open: what a connector asks after a restart, to end those that the PBX has no more."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, literal_column, select

from gateway.core.ports import OpenCall
from gateway.core.types import Channel
from gateway.storage.store import Store
from gateway.storage.tables import Interaction

_OPEN: tuple[ColumnElement[str], ...] = (literal_column("'ringing'"), literal_column("'answered'"))
"""Written into the statement, not bound: only so does SQLite see that the partial index fits."""


@dataclass(frozen=True, slots=True)
class StoredOpenCalls:
    """Implements ``core.ports.OpenCalls``."""

    store: Store

    async def open_calls(self, source: str) -> list[OpenCall]:
        """The calls of this PBX that are stored as open, the oldest first. Raises StoreUnavailable."""
        return await self.store.read(lambda connection: _open_calls(connection, source))


def _open_calls(connection: Connection, source: str) -> list[OpenCall]:
    query = (
        select(Interaction.key, Interaction.occurred_at, Interaction.updated_at, Interaction.details)
        .where(Interaction.source_name == source, Interaction.phase.in_(_OPEN))
        .where(Interaction.channel == Channel.CALL.value)
        .order_by(Interaction.occurred_at, Interaction.id)
    )
    return [
        OpenCall(key=row.key, started_at=row.occurred_at, heard_at=row.updated_at, details=row.details)
        for row in connection.execute(query)
    ]
