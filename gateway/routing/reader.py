"""Reads the database for a caller who waits, so that a database that hangs holds nobody.

SQLite is read here and now: a point read takes a tenth of a millisecond, and handing it to a thread many times that,
for the thread has to win the interpreter back from a busy event loop at each step. It waits for no lock longer than
`LOCK_MILLISECONDS`.

A database behind a network may hang, and with it everything that waits for it on the event loop. So there one thread
runs one query after the other; who asked waits as long as he likes and goes. When the thread hangs for `STUCK_SECONDS`
it is left alone, and another one takes over with a connection of its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.storage.engine import as_unavailable, peeking_engine
from gateway.storage.store import Peeker, Store

log = logging.getLogger(__name__)

T = TypeVar("T")

LOCK_MILLISECONDS = 100
"""Somebody may hold SQLite's file for himself: a backup, a repair."""
STUCK_SECONDS = 5.0
MOST_ABANDONED = 3
"""Threads that may hang at once; with more the database is not asked at all until one comes back."""
MOST_WAITING = 500
"""Questions that may wait for the thread: a second of them. Who comes then gets no answer."""


class _Worker:
    """One thread with one connection."""

    def __init__(self, peeker: Peeker, clock: Clock) -> None:
        self.busy_since: float | None = None
        self.tasks: SimpleQueue[tuple[Callable[[Connection], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._peeker = peeker
        self._clock = clock
        self._thread = threading.Thread(target=self._work, name="leadgate-route", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _work(self) -> None:
        while (task := self.tasks.get()) is not None:
            query, future = task
            if future.cancelled():
                continue
            self.busy_since = self._clock.monotonic()
            try:
                self._settle(future, self._peeker.run(query), None)
            except Exception as error:  # who asked is told
                self._settle(future, None, error)
            self.busy_since = None
        self._peeker.close()

    def _settle(self, future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
        def settle() -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)

        try:
            future.get_loop().call_soon_threadsafe(settle)
        except RuntimeError:
            log.info("An answer came after the gateway had stopped", extra={"action": "route_answer_late"})


class PointReader:
    """Point reads with nobody held. A Service."""

    def __init__(self, store: Store, clock: Clock, make: Callable[[], Peeker] | None = None) -> None:
        """``make``: another way to the database, for tests; it is used on threads."""
        self._make = make or (lambda: Peeker(peeking_engine(store.url)))
        self._inline = make is None and store.url.get_backend_name() == "sqlite"
        self._peeker: Peeker | None = None
        self._shown = store.shown_url
        self._clock = clock
        self._worker: _Worker | None = None
        self._abandoned: list[_Worker] = []

    async def start(self) -> None:
        """Begin to take questions."""
        if self._inline:
            self._peeker = self._make()
            self._peeker.run(lambda connection: connection.exec_driver_sql(f"PRAGMA busy_timeout={LOCK_MILLISECONDS}"))
        else:
            self._worker = _Worker(self._make(), self._clock)

    async def stop(self) -> None:
        """Let the thread end; one that hangs ends with the process."""
        for worker in filter(None, (self._worker, *self._abandoned)):
            worker.tasks.put(None)
        self._worker = None
        if self._peeker is not None:
            self._peeker.close()
            self._peeker = None

    async def run(self, query: Callable[[Connection], T]) -> T:
        """What ``query`` returns. Cancel it at any time: a query that did not begin is left out.

        Raises StoreUnavailable where the database can't be read, or hangs.
        """
        try:
            if self._peeker is not None:
                return self._peeker.run(query)
            worker = self._healthy()
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            worker.tasks.put((query, future))
            return await future
        except DBAPIError as error:
            raise as_unavailable(error, self._shown) or error from None

    def _healthy(self) -> _Worker:
        worker = self._worker
        if worker is None:
            raise StoreUnavailable("the routing is not started")
        busy_since = worker.busy_since
        if busy_since is not None and self._clock.monotonic() - busy_since > STUCK_SECONDS:
            worker = self._replace(worker)
        if worker.tasks.qsize() >= MOST_WAITING:
            raise StoreUnavailable(
                "the database %(database)s answers too slowly: too many callers wait for it", database=self._shown
            )
        return worker

    def _replace(self, stuck: _Worker) -> _Worker:
        self._abandoned = [worker for worker in self._abandoned if worker.alive]
        if len(self._abandoned) >= MOST_ABANDONED:
            raise StoreUnavailable("the database %(database)s does not answer", database=self._shown)
        log.warning("The database does not answer; callers go on without routing", extra={"action": "route_stuck"})
        stuck.tasks.put(None)  # should it ever come back
        self._abandoned.append(stuck)
        self._worker = _Worker(self._make(), self._clock)
        return self._worker
