"""How the gateway is, collected from all its parts for /health and the metrics."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection

from gateway.capture.room import Room
from gateway.capture.room import sentence as words_of
from gateway.capture.spool import Spool
from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.ports import HealthSource, SourceHealth
from gateway.core.sentences import NOTHING, Sentence, counted, ended, joined
from gateway.delivery import outbox
from gateway.delivery.worker import DeliveryWorker
from gateway.outgoing import shelf
from gateway.outgoing.worker import OutgoingWorker
from gateway.privacy.recordings import count_owed
from gateway.processing.worker import Backlog as Unprocessed
from gateway.processing.worker import backlog
from gateway.storage.engine import Durability
from gateway.storage.store import Store
from gateway.web.health import Backlog, DatabaseStatus, Status

log = logging.getLogger(__name__)

DATABASE_SECONDS = 2.0
"""A database that does not answer in this time is away."""
FRESH_SECONDS = 0.5
"""Probes that come faster than this share an answer: /health faces the internet and costs a commit."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in the database."""

    journal: Unprocessed
    outbox: Sequence[outbox.Backlog]
    outgoing: shelf.Backlog
    recordings: int = 0
    """Recordings that are still to be removed."""


@dataclass(slots=True, eq=False)
class StatusBoard:
    """Implements ``web.health.StatusSource``."""

    store: Store
    spool: Spool
    delivery: DeliveryWorker
    sources: Sequence[HealthSource]
    clock: Clock
    room: Room | None = None
    """The disk of the data folder."""
    outgoing: OutgoingWorker | None = None
    """Who sends letters and messages."""
    _warnings: tuple[Sentence, ...] | None = None
    _durability: Durability = field(default_factory=lambda: Durability(level=NOTHING))
    _engine: str = ""
    _last: Status | None = None
    _last_at: float = 0.0

    async def status(self) -> Status:
        """The state now, or half a second ago."""
        now = self.clock.monotonic()
        if self._last is None or now - self._last_at > FRESH_SECONDS:
            self._last, self._last_at = await self._collect(), now
        return self._last

    async def tell_durability(self) -> None:
        """Write to the log what the database keeps, and each promise that it can't keep. Raises StoreUnavailable."""
        kept, warnings = await asyncio.to_thread(lambda: (self.store.durability(), self.store.warnings()))
        engine = await self.store.read(_engine)
        standby = f" Standby: {kept.standby}." if kept.standby else ""
        log.info(
            "%s: %s.%s", engine, kept.level, standby,
            extra={"action": "durability", "engine": engine, "level": str(kept.level), "standby": kept.standby},
        )  # fmt: skip
        for sentence in warnings:
            log.warning("%s", sentence, extra={"action": "durability_warning"})

    async def _collect(self) -> Status:
        database, waiting = await self._database()
        state = await asyncio.to_thread(self.spool.state)
        oldest = self.clock.now().timestamp() - state.oldest_seconds if state.oldest_seconds is not None else None
        journal = waiting.journal if waiting else Unprocessed(0, None, 0)
        crms = waiting.outbox if waiting else ()
        letters = waiting.outgoing if waiting else shelf.Backlog(waiting=0, oldest=None, failed=0, unknown=0)
        ages = [crm.oldest for crm in crms if crm.oldest is not None]
        return Status(
            database=database,
            sources=(*self._sources(state.corrupt), *self.delivery.health()),
            spool=Backlog(count=state.files, oldest_at=datetime.fromtimestamp(oldest, UTC) if oldest else None),
            journal=Backlog(count=journal.waiting, oldest_at=journal.oldest_received),
            journal_aside=journal.aside,
            outbox=Backlog(count=sum(crm.waiting + crm.sending for crm in crms), oldest_at=min(ages, default=None)),
            outbox_held=sum(crm.held for crm in crms),
            outbox_dead=sum(crm.dead for crm in crms),
            outgoing=Backlog(count=letters.waiting, oldest_at=letters.oldest),
            recordings_owed=waiting.recordings if waiting else 0,
            outgoing_failed=letters.failed,
            outgoing_unknown=letters.unknown,
            outgoing_tries=dict(self.outgoing.results) if self.outgoing else {},
        )

    def _sources(self, corrupt: int) -> list[SourceHealth]:
        found = [health for source in self.sources for health in source.health()]
        if corrupt:
            detail = counted(
                "%(num)s file in %(folder)s could not be stored and was set aside as *.corrupt. The log says why; "
                "rename it to *.item to have it tried again.",
                "%(num)s files in %(folder)s could not be stored and were set aside as *.corrupt. The log says why; "
                "rename one to *.item to have it tried again.",
                corrupt,
                folder=self.spool.folder,
            )
            found.append(SourceHealth(name="spool", ok=False, state="corrupt", detail=detail))
        disk = self.room.state() if self.room else None
        if self.room is not None and disk is not None and disk.little:
            state = "full" if disk.refuses else "low"
            found.append(SourceHealth(name="disk", ok=False, state=state, detail=words_of(disk, self.room.folder)))
        return found

    async def _database(self) -> tuple[DatabaseStatus, Waiting | None]:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                await self.store.check()
                waiting = await self.store.read(_waiting)
                if self._warnings is None:
                    self._warnings = tuple(await asyncio.to_thread(self.store.warnings))
                    self._durability = await asyncio.to_thread(self.store.durability)
                    self._engine = await self.store.read(_engine)
        except TimeoutError:
            values = {"database": self.store.shown_url, "seconds": f"{DATABASE_SECONDS:.0f}"}
            return self._away(Sentence("the database %(database)s did not answer within %(seconds)s s", values)), None
        except LeadgateError as error:
            return self._away(error.sentence), None
        return self._answering(), waiting

    def _answering(self) -> DatabaseStatus:
        return DatabaseStatus(
            ok=True,
            engine=self._engine,
            warnings=self._warnings or (),
            durability=self._durability.level,
            standby=self._durability.standby,
        )

    def _away(self, detail: Sentence) -> DatabaseStatus:
        kept = Sentence("What comes in meanwhile is kept in %(folder)s.", {"folder": self.spool.folder})
        rescue = joined([ended(detail), kept], " ")
        return DatabaseStatus(ok=False, engine=self._engine, detail=rescue, warnings=self._warnings or ())


def _waiting(connection: Connection) -> Waiting:
    letters, owed = shelf.backlog(connection), count_owed(connection)
    return Waiting(backlog(connection), outbox.backlog(connection), letters, owed)


def _engine(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"
