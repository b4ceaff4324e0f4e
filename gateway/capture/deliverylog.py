"""What came and is no row of the journal: duplicates and refusals, per source; and what senders' keys stand for.

Notes are for people who look why something does not arrive. They are gathered in memory and stored by one statement
every few seconds, so that nobody can wear the database down with requests that are refused anyway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.storage.store import Store
from gateway.storage.tables import DeliveryNote, IdempotencyClaim, table_of

log = logging.getLogger(__name__)

NOTE = table_of(DeliveryNote)
_COLUMNS = tuple(NOTE.c[name] for name in ("source", "outcome", "detail", "peer", "interaction_id", "number", "at"))

FLUSH_SECONDS = 2.0
MAX_WAITING = 500
"""Different notes between two flushes; more are not kept."""
KEPT = 1_000
"""Notes of one source; the oldest go."""
MAX_DETAIL = 500
CLAIMED = timedelta(days=7)
"""How long a sender's key stands for its content; the snippet and the builders retry for 7 days at most."""


@dataclass(frozen=True, slots=True)
class _Note:
    source: str
    outcome: str
    detail: str
    peer: str | None
    interaction_id: str | None


@dataclass(slots=True, eq=False)
class StoredDeliveryLog:
    """Implements ``core.ports.DeliveryLog`` for one connector; a Service."""

    store: Store
    clock: Clock
    connector: str
    keep: timedelta | None = None
    _waiting: dict[_Note, tuple[datetime, int]] = field(default_factory=dict)
    """Note -> when the newest such came, and how many."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to store what is noted."""
        self._task = asyncio.create_task(self._work(), name=f"delivery-log-{self.connector}")

    async def stop(self) -> None:
        """Store what waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.flush()

    def note(
        self, source: str, outcome: str, detail: str, *, peer: str | None = None, interaction_id: str | None = None
    ) -> None:
        """See ``core.ports.DeliveryLog``."""
        note = _Note(source, outcome, detail[:MAX_DETAIL], peer, interaction_id)
        _, number = self._waiting.get(note, (None, 0))
        if number == 0 and len(self._waiting) >= MAX_WAITING:
            return
        self._waiting[note] = (self.clock.now(), number + 1)
        self._wake.set()

    async def claim(self, key: str, content: str) -> str:
        """See ``core.ports.DeliveryLog``."""
        at = self.clock.now()
        return await self.store.write_in_race(lambda connection: _claim(connection, key, content, at))

    async def flush(self) -> None:
        """Store what was noted since the last time."""
        taken, self._waiting = self._waiting, {}
        if not taken:
            return
        rows = [self._row(note, at, number) for note, (at, number) in taken.items()]
        sources = sorted({note.source for note in taken})
        oldest_claim = self.clock.now() - CLAIMED
        try:
            await self.store.write(lambda connection: _put(connection, self.connector, sources, rows, oldest_claim))
        except StoreUnavailable as error:
            log.warning(
                "What was refused could not be noted.",
                extra={"action": "notes_lost", "count": len(rows), "reason": str(error)},
            )

    def _row(self, note: _Note, at: datetime, number: int) -> dict[str, Any]:
        return {
            "connector": self.connector,
            "source": note.source,
            "outcome": note.outcome,
            "detail": note.detail,
            "peer": note.peer,
            "interaction_id": note.interaction_id,
            "number": number,
            "at": at,
            "keep_until": at + self.keep if self.keep is not None else None,
        }

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._wake.clear()
            try:
                await self.flush()
            except Exception:
                log.exception("What was refused could not be noted.", extra={"action": "notes_failed"})


def _claim(connection: Connection, key: str, content: str, at: datetime) -> str:
    query = select(IdempotencyClaim.content, IdempotencyClaim.at).where(IdempotencyClaim.key == key)
    found = connection.execute(query).one_or_none()
    if found is not None and at - found.at < CLAIMED:
        first: str = found.content
        return first
    if found is not None:
        connection.execute(delete(IdempotencyClaim).where(IdempotencyClaim.key == key))
    connection.execute(insert(IdempotencyClaim), {"key": key, "content": content, "at": at})
    return content


def _put(
    connection: Connection, connector: str, sources: Sequence[str], rows: list[dict[str, Any]], oldest_claim: datetime
) -> None:
    connection.execute(insert(DeliveryNote), rows)
    for source in sources:
        of_source = (DeliveryNote.connector == connector) & (DeliveryNote.source == source)
        newest = select(DeliveryNote.id).where(of_source).order_by(DeliveryNote.id.desc()).offset(KEPT).limit(1)
        last = connection.execute(newest).scalar_one_or_none()
        if last is not None:
            connection.execute(delete(DeliveryNote).where(of_source, DeliveryNote.id <= last))
    connection.execute(delete(IdempotencyClaim).where(IdempotencyClaim.at < oldest_claim))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One line of the log that is no item of its own."""

    source: str
    outcome: str
    detail: str
    peer: str | None
    interaction_id: str | None
    number: int
    """How many equal ones came within seconds."""
    at: datetime


def notes(
    connection: Connection,
    connector: str,
    *,
    source: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[Noted]:
    """What was refused or came twice between two moments, the newest first."""
    query = select(*_COLUMNS).where(NOTE.c.connector == connector)
    if source is not None:
        query = query.where(NOTE.c.source == source)
    if since is not None:
        query = query.where(NOTE.c.at >= since)
    if until is not None:
        query = query.where(NOTE.c.at < until)
    newest_first = query.order_by(NOTE.c.at.desc(), NOTE.c.id.desc()).limit(limit)
    return [Noted(**row) for row in connection.execute(newest_first).mappings()]
