"""One thread that writes: it takes whatever is queued, runs it in one transaction, commits, then wakes the waiters.

A commit costs an fsync (0.2 ms on a good disk, 10 ms on a poor one). Fifty callers who wait at once share one. Bad
units fail alone: a transaction in which one unit raised is rolled back and run again with a savepoint around each unit,
so units may run twice and must have no effect besides their connection.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from gateway.core.errors import StoreUnavailable
from gateway.storage.engine import as_unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
A = TypeVar("A")

MAX_QUEUED = 20_000
"""Jobs waiting; beyond it the caller is told at once, and spools or refuses. 20,000 forms of 2 KiB are 40 MB."""
MAX_BATCH = 500
"""Jobs in one transaction: at 20 µs each a commit is never further away than 10 ms."""
BACKGROUND_SECONDS = 0.005
"""How long background units may hold one transaction while somebody waits for the next."""
ALONE_SECONDS = 0.05
"""The same while nobody waits: who comes then waits for the unit at hand and the commit, not for the rest."""
BACKGROUND_SHARE = 0.25
"""While callers keep coming, background work gets this part of the time that they take; else all of it."""
QUIET_SECONDS = 0.02
"""No caller for so long: the writer belongs to the background."""

Unit = Callable[[Connection], Any]
Handler = Callable[[Connection, Sequence[Any]], Sequence[Any]]


@dataclass(slots=True, eq=False)
class _Job:
    """One unit of work and the future that waits for it."""

    handler: Handler
    argument: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class WriterFigures:
    """Counters for the metrics."""

    commits: int = 0
    units: int = 0
    isolated: int = 0
    """Transactions that were run again because one unit failed."""
    failed_commits: int = 0


def _run_each(connection: Connection, units: Sequence[Unit]) -> list[Any]:
    """The handler of plain units: each does its own statements."""
    return [unit(connection) for unit in units]


@dataclass(slots=True, eq=False)
class Writer:
    """The only one who writes to the database."""

    engine: Engine
    name: str
    """The database as it may be shown to people: without its password."""
    figures: WriterFigures = field(default_factory=WriterFigures)
    background_share: float = BACKGROUND_SHARE
    """Set higher by whoever sees the background fall behind."""
    alone_seconds: float = ALONE_SECONDS
    """How long the background may hold one transaction while nobody waits."""
    _credit: float = 0.0
    """Seconds that the background may still take although callers keep coming."""
    _last_urgent: float = 0.0
    _urgent: deque[_Job] = field(default_factory=deque)
    _background: deque[_Job] = field(default_factory=deque)
    _awake: threading.Condition = field(default_factory=threading.Condition)
    _stopping: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to take units."""
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="leadgate-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end. Blocks; units that come later are refused."""
        with self._awake:
            self._stopping = True
            self._awake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._urgent) + len(self._background)

    async def run(self, unit: Callable[[Connection], T], *, background: bool = False) -> T:
        """What ``unit`` returned, after the commit. Its own exceptions are raised here and undo only its own work."""
        result: T = await self._submit(_run_each, unit, background)
        return result

    async def run_batched(self, handler: Callable[[Connection, Sequence[A]], Sequence[T]], argument: A) -> T:
        """Like run, but ``handler`` gets the arguments of all callers that wait at the moment, in one call.

        It returns as many results as it got arguments, in their order.
        """
        result: T = await self._submit(handler, argument, background=False)
        return result

    def _submit(self, handler: Handler, argument: Any, background: bool) -> asyncio.Future[Any]:
        if self._thread is None or self._stopping:
            raise StoreUnavailable("the database %(database)s is closed: Leadgate is stopping", database=self.name)
        if self.queued >= MAX_QUEUED:
            raise StoreUnavailable(
                "%(count)s writes wait for the database %(database)s: it is too slow now",
                count=self.queued,
                database=self.name,
            )
        loop = asyncio.get_running_loop()
        job = _Job(handler, argument, loop, loop.create_future())
        with self._awake:
            (self._background if background else self._urgent).append(job)
            self._awake.notify()
        return job.future

    def _work(self) -> None:
        while True:
            with self._awake:
                while not (self._urgent or self._stopping or self._may_run_background()):
                    self._awake.wait(QUIET_SECONDS if self._background else None)
                if not (self._urgent or self._background):
                    return
            try:
                self._one_transaction()
            except Exception:
                # the thread must outlive any surprise: without it nothing is ever stored again
                log.exception("The writer met an error of its own.", extra={"action": "writer_error"})

    def _may_run_background(self) -> bool:
        if not self._background:
            return False
        return self._credit > 0 or self._stopping or time.monotonic() - self._last_urgent > QUIET_SECONDS

    def _one_transaction(self) -> None:
        jobs: list[_Job] = []
        began = time.monotonic()
        try:
            with self.engine.begin() as connection:
                self._run_urgent(connection, jobs)
                if self._may_run_background():
                    self._run_background(connection, jobs)
        except Exception as error:
            self._after_failure(jobs, error)
        else:
            self.figures.commits += 1
        self.figures.units += len(jobs)
        if self._last_urgent >= began:
            self._credit = min(self._credit + (time.monotonic() - began) * self.background_share, BACKGROUND_SECONDS)
        _wake(jobs)

    def _run_urgent(self, connection: Connection, jobs: list[_Job]) -> None:
        taken = _take(self._urgent, MAX_BATCH)
        jobs.extend(taken)
        if taken:
            self._last_urgent = time.monotonic()
        for group in _by_handler(taken):
            results = group[0].handler(connection, [job.argument for job in group])
            for job, result in zip(group, results, strict=True):
                job.result = result

    def _run_background(self, connection: Connection, jobs: list[_Job]) -> None:
        began = time.monotonic()
        while self._background and len(jobs) < MAX_BATCH:
            for job in _take(self._background, 1):
                jobs.append(job)
                job.result = job.handler(connection, [job.argument])[0]
            taken = time.monotonic() - began
            if taken > self.alone_seconds or (taken > BACKGROUND_SECONDS and self._urgent):
                break
        self._credit = max(self._credit - (time.monotonic() - began), -BACKGROUND_SECONDS)

    def _after_failure(self, jobs: list[_Job], error: Exception) -> None:
        """Tell the waiters, or run the batch again so that only the guilty unit fails."""
        unavailable = as_unavailable(error, self.name) if isinstance(error, DBAPIError) else None
        if not jobs:  # BEGIN itself failed: nobody was taken yet, and all must hear of it
            jobs.extend(_take(self._urgent, MAX_BATCH) + _take(self._background, MAX_BATCH))
        if unavailable is not None or len(jobs) == 1:
            self.figures.failed_commits += 1
            for job in jobs:
                job.error = unavailable or error
            return
        self.figures.isolated += 1
        self._run_isolated(jobs)

    def _run_isolated(self, jobs: list[_Job]) -> None:
        try:
            with self.engine.begin() as connection:
                for job in jobs:
                    _run_in_savepoint(connection, job)
        except Exception as error:
            self.figures.failed_commits += 1
            unavailable = as_unavailable(error, self.name) if isinstance(error, DBAPIError) else None
            for job in jobs:
                job.error = unavailable or error
        else:
            self.figures.commits += 1


def _run_in_savepoint(connection: Connection, job: _Job) -> None:
    job.result, job.error = None, None
    savepoint = connection.begin_nested()
    try:
        job.result = job.handler(connection, [job.argument])[0]
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        savepoint.rollback()
        job.error = as_unavailable(error, str(connection.engine.url)) or error
    except Exception as error:
        savepoint.rollback()
        job.error = error
    else:
        savepoint.commit()


def _take(queue: deque[_Job], most: int) -> list[_Job]:
    """The next jobs whose callers still wait; one who gave up has spooled or refused meanwhile."""
    taken: list[_Job] = []
    while queue and len(taken) < most:
        job = queue.popleft()
        if not job.future.cancelled():
            taken.append(job)
    return taken


def _by_handler(jobs: Sequence[_Job]) -> list[list[_Job]]:
    """Neighbours with the same handler go into one call; the order of all stays as it was queued."""
    groups: list[list[_Job]] = []
    for job in jobs:
        if groups and groups[-1][0].handler is job.handler:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def _wake(jobs: Sequence[_Job]) -> None:
    """Hand the results to the event loops, one call a loop however many waited."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, waiting in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, waiting)
        except RuntimeError:
            log.warning(
                "The event loop ended before its writes did.",
                extra={"action": "writes_unheard", "count": len(waiting)},
            )


def _resolve(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
