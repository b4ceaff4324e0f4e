"""The processing worker: takes journal rows, oldest first, in order per interaction, each in one transaction.

It may be killed at any point: a row that was not committed is simply there again. A row that fails is tried again
later, then set aside with its reason, and never stops the others. Rows whose raw bytes must be read first (letters) are
read beside the rest: a letter that takes ten seconds delays only itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, literal_column, select, update
from sqlalchemy.orm import aliased

from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.core.ports import Interpreter
from gateway.core.types import Draft
from gateway.processing.step import Follower, Means, Outgoing, Rules, process
from gateway.storage.engine import is_unique_violation
from gateway.storage.store import Store
from gateway.storage.tables import NEW, Journal
from gateway.storage.writer import BACKGROUND_SHARE

log = logging.getLogger(__name__)

BATCH = 64
"""Rows taken at once: they share commits."""
READING = 8
"""Raw items being read at the same time; the interpreters have worker processes and queues of their own."""
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
    _reading: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    """Journal id -> the task that reads its raw bytes."""
    _in_a_row: int = 0
    """Rows of the full batches since the last one that was not full."""
    _task: asyncio.Task[None] | None = None
    _stopping: bool = False

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
        for task in self._reading.values():  # only now: until its end the task above may begin to read another one
            task.cancel()
        await self.reading_done()

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
        """Do the rows that can be done now, one per interaction, and begin to read raw ones; how many there were."""
        now = self.clock.now()
        ready = await self.store.read(lambda connection: _heads(connection, now, raw=False, limit=BATCH))
        self._in_a_row = self._in_a_row + BATCH if len(ready) == BATCH else 0
        self.store.writer.background_share = 1.0 if self._in_a_row >= BEHIND else BACKGROUND_SHARE
        begun = await self._begin_reading(now)
        if ready:
            failures = await asyncio.gather(*(self._do(row, None) for row in ready), return_exceptions=True)
            self.on_processed()
            for failure in failures:
                if isinstance(failure, BaseException):
                    raise failure
        return len(ready) + begun

    async def _begin_reading(self, now: datetime) -> int:
        room = READING - len(self._reading)
        if room <= 0:
            return 0
        under_way = tuple(self._reading)
        rows = await self.store.read(
            lambda connection: _heads(connection, now, raw=True, limit=room, without=under_way)
        )
        for row in rows:
            task = asyncio.create_task(self._read_and_do(row), name=f"processing-read-{row.id}")
            self._reading[row.id] = task
        return len(rows)

    async def reading_done(self) -> int:
        """Wait for the raw items that are being read now; how many there were."""
        tasks = list(self._reading.values())
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    async def _read_and_do(self, row: Any) -> None:
        try:
            await self._do(row, self._interpret)
            self.on_processed()
        except StoreUnavailable as error:
            log.warning("A letter waits for the database.", extra={"action": "wait", "reason": str(error)})
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            del self._reading[row.id]
            self.kick()

    async def _do(self, row: Any, interpret: Callable[[Any], Awaitable[Draft]] | None) -> None:
        try:
            draft = await interpret(row) if interpret else None
            await self._process(row.id, draft)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception(
                "An item could not be processed.",
                extra={"action": "process_failed", "journal_id": row.id, "attempt": row.attempts + 1},
            )
            await self._put_off(row, error)
        else:
            self.figures.processed += 1

    async def _interpret(self, row: Any) -> Draft:
        interpreter = self.interpreters.get(row.connector)
        if interpreter is None:
            raise LookupError(f"no part of this Leadgate reads items of the connector {row.connector!r}")
        query = select(Journal.raw, Journal.meta, Journal.received_at).where(Journal.id == row.id)
        stored = await self.store.read(lambda connection: connection.execute(query).one())
        return await interpreter.interpret(stored.raw, stored.meta, stored.received_at)

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


def _heads(connection: Connection, now: datetime, *, raw: bool, limit: int, without: Sequence[int] = ()) -> list[Any]:
    """The first undone row of each interaction that is due, oldest first; those to be read first, or the others."""
    earlier = aliased(Journal)
    blocked = exists(earlier.id).where(
        earlier.interaction_id == Journal.interaction_id, earlier.state == NEW, earlier.id < Journal.id
    )
    query = (
        select(Journal.id, Journal.connector, Journal.attempts)
        .where(Journal.state == NEW, Journal.due_at <= now, ~blocked, Journal.id.not_in(without))
        .where(Journal.draft.is_(None) if raw else Journal.draft.is_not(None))
        .order_by(Journal.id)
        .limit(limit)
    )
    return list(connection.execute(query))
