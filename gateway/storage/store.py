"""The store: what the rooms see of the database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.core.sentences import Sentence
from gateway.storage.engine import (
    Durability,
    as_unavailable,
    durability,
    durability_warnings,
    is_unique_violation,
    peeking_engine,
    reading_engine,
    writing_engine,
)
from gateway.storage.settings import StorageSettings
from gateway.storage.writer import Writer

T = TypeVar("T")
A = TypeVar("A")

READERS = 3
"""Threads for reads that may take long (reports, searches); short ones go through peek."""

DATABASE_FILE = "leadgate.db"


class Peeker:
    """One read-only connection that stays open: taking one from a pool costs more than a point read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def run(self, query: Callable[[Connection], T]) -> T:
        """What ``query`` returns. After an error of the driver the next run opens a new connection."""
        with self._lock:
            if self._connection is None:
                self._connection = self._engine.connect()
            try:
                return query(self._connection)
            except DBAPIError:
                self._connection.invalidate()
                self._connection.close()
                self._connection = None
                raise

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._engine.dispose()


@dataclass(slots=True, eq=False)
class Store:
    """One writer with group commit, readers apart. Open it, migrate it (storage.migrations), start it."""

    url: URL
    writer: Writer
    _reading: Engine
    _peeker: Peeker
    _pool: ThreadPoolExecutor

    @staticmethod
    def open(settings: StorageSettings, data: Path) -> Store:
        """The store that ``settings`` name, in ``data`` by default. Nothing is connected yet."""
        url = settings.resolved(str(data / DATABASE_FILE))
        shown = url.render_as_string(hide_password=True)
        return Store(
            url=url,
            writer=Writer(writing_engine(url), shown),
            _reading=reading_engine(url, connections=READERS),
            _peeker=Peeker(peeking_engine(url)),
            _pool=ThreadPoolExecutor(READERS, thread_name_prefix="leadgate-reader"),
        )

    @property
    def shown_url(self) -> str:
        """The database for people: without its password."""
        return self.writer.name

    async def start(self) -> None:
        """Begin to take writes."""
        self.writer.start()

    async def stop(self) -> None:
        """Finish the queued writes, close all connections."""
        await asyncio.to_thread(self.writer.stop)
        self._pool.shutdown(wait=True)
        self._reading.dispose()
        self._peeker.close()
        self.writer.engine.dispose()

    async def write(self, unit: Callable[[Connection], T], *, background: bool = False) -> T:
        """Run ``unit`` in the writer's transaction and return its result after the commit.

        The unit may run twice, so it has no effect besides its connection. Its own exceptions are raised here and undo
        only its own work. Background units (the processing, the delivery) let waiting callers pass.
        Raises StoreUnavailable when the database can't take it now.
        """
        return await self.writer.run(unit, background=background)

    async def write_in_race(self, unit: Callable[[Connection], T]) -> T:
        """Like write, and once more where another process wrote the same row at this moment: then it is there to be
        found. For what several gateways on one database do at their start."""
        try:
            return await self.write(unit)
        except IntegrityError as error:
            if not is_unique_violation(error):
                raise
        return await self.write(unit)

    async def write_batched(self, handler: Callable[[Connection, Sequence[A]], Sequence[T]], argument: A) -> T:
        """Like write for many callers who do the same: ``handler`` gets the arguments of all who wait, in one call."""
        return await self.writer.run_batched(handler, argument)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run ``query`` in a thread, read-only, on one state of the database. Raises StoreUnavailable."""
        within = copy_context()  # as asyncio.to_thread does: what the caller says of his request holds in the thread
        return await asyncio.get_running_loop().run_in_executor(self._pool, within.run, self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._reading.connect() as connection:
                return query(connection)
        except DBAPIError as error:
            raise as_unavailable(error, self.shown_url) or error from None

    def peek(self, query: Callable[[Connection], T]) -> T:
        """Run ``query`` here and now. On the event loop only for indexed point reads: a third of what a thread costs.

        Raises StoreUnavailable.
        """
        try:
            return self._peeker.run(query)
        except DBAPIError as error:
            raise as_unavailable(error, self.shown_url) or error from None

    async def check(self) -> None:
        """Raise StoreUnavailable unless the database takes writes now."""
        await self.write(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    def durability(self) -> Durability:
        """What a commit survives. Blocks; raises what the driver raises."""
        return durability(self.writer.engine)

    def warnings(self) -> list[Sentence]:
        """Sentences about promises that the database in use doesn't keep."""
        return durability_warnings(self.writer.engine)
