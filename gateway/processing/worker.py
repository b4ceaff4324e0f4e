"""The processing worker: takes journal rows, oldest first, in order per interaction, each in one transaction.

It may be killed at any point: a row that was not committed is simply there again. A row that fails is tried again
later, then set aside with its reason, and never stops the others. Rows whose raw bytes must be read first (letters) are
read beside the rest (``reading``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, literal_column, select, update

from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.core.ports import Interpreter
from gateway.core.types import Draft
from gateway.processing.reading import RawReading, Read, ready_rows
from gateway.processing.step import Follower, Means, Outgoing, Rules, process
from gateway.storage.engine import is_unique_violation
from gateway.storage.store import Store
from gateway.storage.tables import NEW, Journal
from gateway.storage.writer import BACKGROUND_SHARE

log = logging.getLogger(__name__)

BATCH = 64
"""Rows taken at once: they share commits."""
BACK_OFF = (1, 5, 30, 120, 600)
"""Seconds until the next try after the 1st, 2nd, ... failure; after the last, 13 minutes on, the row is set aside."""
POLL_SECONDS = 2.0
"""How often it looks without being kicked: rows that are due again, rows of other processes."""
PAUSE_SECONDS = 1.0
"""How long it waits when the database takes nothing."""
BEHIND = 2000
"""Rows done in full batches without a pause: then more waits than is done, and the processing gets as much of the
writer's time as those who bring new rows, so that the backlog does not grow without bound."""
RACES = 3
"""How often a transaction is run again that lost a race for a unique handle to another process."""


@dataclass(slots=True, eq=False)
class ProcessingFigures:
    """Counters for the metrics."""

    processed: int = 0
    failed: int = 0
    set_aside: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the processing has before it, for /health."""

    waiting: int
    oldest_received: Any
    """Moment of the oldest waiting row, None where there is none."""
    aside: int


def backlog(connection: Connection) -> Backlog:
    """How much waits, and how much was set aside."""
    waiting = connection.execute(select(func.count(), func.min(Journal.received_at)).where(Journal.state == NEW)).one()
    aside = connection.execute(select(func.count()).where(Journal.state == literal_column("'aside'"))).scalar_one()
    return Backlog(waiting[0], waiting[1], aside)


@dataclass(slots=True, eq=False)
class ProcessingWorker:
    """A Service. ``kick`` it after each capture."""

    store: Store
    interpreters: Mapping[str, Interpreter]
    """Connector -> who can read its raw items."""
    rules: Rules
    outgoing: Outgoing
    clock: Clock
    new_id: NewId
    on_processed: Callable[[], None]
    """Called after commits: wakes the pages and the delivery."""
    followers: Sequence[Follower] = ()
    """Rooms that act on what was placed, in this order."""
    figures: ProcessingFigures = field(default_factory=ProcessingFigures)
    _kicked: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: RawReading = field(init=False)
    _in_a_row: int = 0
    """Rows of the full batches since the last one that was not full."""
    _task: asyncio.Task[None] | None = None
    _stopping: bool = False

    def __post_init__(self) -> None:
        self._reading = RawReading(self.store, self.interpreters, self.kick)

    async def start(self) -> None:
        """Begin with what an earlier run left."""
        self._stopping = False
        self._task = asyncio.create_task(self._work(), name="processing")

    async def stop(self) -> None:
        """Finish the batch at hand; the rest, letters being read among it, is there at the next start."""
        self._stopping = True
        self.kick()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._reading.stop()  # only now: until its end the task above may begin to read another one

    def kick(self) -> None:
        """Something new is in the journal."""
        self._kicked.set()

    async def _work(self) -> None:
        while not self._stopping:
            self._kicked.clear()
            try:
                worked = await self.run_once()
            except StoreUnavailable as error:
                log.warning("The processing waits for the database.", extra={"action": "wait", "reason": str(error)})
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            except Exception:
                log.exception("The processing met an error of its own.", extra={"action": "processing_error"})
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if not worked:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._kicked.wait()
        except TimeoutError:
            return

    async def run_once(self) -> int:
        """Do what can be done now, one row per interaction, and begin to read raw ones; how many rows there were."""
        now = self.clock.now()
        ready = await self.store.read(lambda connection: ready_rows(connection, now, BATCH))
        self._in_a_row = self._in_a_row + BATCH if len(ready) == BATCH else 0
        self.store.writer.background_share = 1.0 if self._in_a_row >= BEHIND else BACKGROUND_SHARE
        begun = await self._reading.begin(now)
        items = [*(Read(row=row) for row in ready), *self._reading.take()]
        if items:
            try:
                failures = await asyncio.gather(*(self._do(item) for item in items), return_exceptions=True)
            finally:
                self._reading.release(items)
            self.on_processed()
            for failure in failures:
                if isinstance(failure, BaseException):
                    raise failure
        return len(items) + begun

    async def reading_done(self) -> int:
        """Wait for the raw items that are being read now; how many there were."""
        return await self._reading.wait()

    async def _do(self, item: Read) -> None:
        try:
            await self._process(item.row.id, item.result())
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception(
                "An item could not be processed.",
                extra={"action": "process_failed", "journal_id": item.row.id, "attempt": item.row.attempts + 1},
            )
            await self._put_off(item.row, error)
        else:
            self.figures.processed += 1

    async def _process(self, journal_id: int, draft: Draft | None) -> None:
        def unit(connection: Connection) -> bool:
            means = Means(
                rules=self.rules,
                outgoing=self.outgoing,
                at=self.clock.now(),
                new_id=self.new_id,
                followers=self.followers,
            )
            return process(connection, journal_id, draft, means)

        for _ in range(RACES):
            try:
                await self.store.write(unit, background=True)
            except Exception as error:
                if not is_unique_violation(error):
                    raise
            else:
                return
        await self.store.write(unit, background=True)

    async def _put_off(self, row: Any, error: Exception) -> None:
        tries = row.attempts + 1
        reason = f"{type(error).__name__}: {error}"[:1000]
        values: dict[str, Any] = {"attempts": tries, "error": reason}
        if tries > len(BACK_OFF):
            values["state"] = "aside"
            self.figures.set_aside += 1
            log.error("An item was set aside.", extra={"action": "set_aside", "journal_id": row.id, "reason": reason})
        else:
            values["due_at"] = self.clock.now() + timedelta(seconds=BACK_OFF[tries - 1])
        self.figures.failed += 1
        await self.store.write(
            lambda connection: connection.execute(update(Journal).where(Journal.id == row.id).values(**values)).rowcount
        )
