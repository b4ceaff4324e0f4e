"""Raw items (letters) on their way to a draft: loaded together, and read beside everything else.

The interpreters have processes and queues of their own. An item that takes ten seconds delays only itself: the others
are handed on as soon as they are read, and what is read at the same time shares the worker's next transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select

from gateway.core.ports import Interpreter
from gateway.core.types import Draft
from gateway.storage.store import Store
from gateway.storage.tables import NEW, Journal, table_of

READING = 64
"""Items under way at the same time, read ones that wait for their transaction among them."""
READING_OCTETS = 16 << 20
"""Bytes of the items that are being read. A larger one is read alone."""

JOURNAL = table_of(Journal)
_EARLIER = JOURNAL.alias("earlier")
_BLOCKED = exists().where(
    _EARLIER.c.interaction_id == JOURNAL.c.interaction_id, _EARLIER.c.state == NEW, _EARLIER.c.id < JOURNAL.c.id
)
_DUE = (
    select(JOURNAL.c.id, JOURNAL.c.connector, JOURNAL.c.attempts)
    .where(JOURNAL.c.state == NEW, JOURNAL.c.due_at <= bindparam("now"), ~_BLOCKED)
    .order_by(JOURNAL.c.id)
    .limit(bindparam("most"))
)
# made once: building a statement costs more than running it
_READY = _DUE.where(JOURNAL.c.draft.is_not(None))
_RAW = _DUE.where(JOURNAL.c.draft.is_(None), JOURNAL.c.id.not_in(bindparam("without", expanding=True))).add_columns(
    func.length(JOURNAL.c.raw).label("octets")
)
_CONTENT = select(JOURNAL.c.id, JOURNAL.c.raw, JOURNAL.c.meta, JOURNAL.c.received_at).where(
    JOURNAL.c.id.in_(bindparam("ids", expanding=True))
)


def ready_rows(connection: Connection, now: datetime, limit: int) -> Sequence[Any]:
    """The first undone row of each interaction that is due and understood already, oldest first."""
    return connection.execute(_READY, {"now": now, "most": limit}).all()


def _raw_rows(
    connection: Connection, now: datetime, limit: int, without: Sequence[int], held: int
) -> list[tuple[Any, Any]]:
    """The same of those that must be read first, each with its content. ``held``: bytes that are in memory already."""
    chosen: list[Any] = []
    for row in connection.execute(_RAW, {"now": now, "most": limit, "without": without}):
        held += row.octets
        if held > READING_OCTETS and held > row.octets:
            break
        chosen.append(row)
    if not chosen:
        return []
    contents = {row.id: row for row in connection.execute(_CONTENT, {"ids": [row.id for row in chosen]})}
    return [(row, contents[row.id]) for row in chosen if row.id in contents]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One item that can be processed, or could not be read."""

    row: Any
    """Its id, connector and attempts."""
    draft: Draft | None = None
    error: Exception | None = None
    """What reading it raised."""

    def result(self) -> Draft | None:
        """The draft; None for a row that was stored with one. Raises what reading it raised."""
        if self.error is not None:
            raise self.error
        return self.draft


@dataclass(slots=True, eq=False)
class RawReading:
    """What is being read, and what was read and waits to be taken."""

    store: Store
    interpreters: Mapping[str, Interpreter]
    """Connector -> who can read its raw items."""
    on_read: Callable[[], None]
    """Called after each item."""
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    """Journal id -> the task that reads it."""
    _octets: dict[int, int] = field(default_factory=dict)
    """Journal id -> its size, as long as it is read."""
    _read: list[Read] = field(default_factory=list)
    _taken: set[int] = field(default_factory=set)
    """Journal ids of what was taken and is not released yet."""

    async def begin(self, now: datetime) -> int:
        """Begin to read what is due, once half of what may be under way is done; how many items. Raises
        StoreUnavailable."""
        under_way = [*self._tasks, *(read.row.id for read in self._read), *self._taken]
        if len(under_way) > READING // 2:
            return 0
        room, held = READING - len(under_way), sum(self._octets.values())
        found = await self.store.read(lambda connection: _raw_rows(connection, now, room, under_way, held))
        for row, content in found:
            self._octets[row.id] = row.octets
            self._tasks[row.id] = asyncio.create_task(self._run(row, content), name=f"processing-read-{row.id}")
        return len(found)

    def take(self) -> list[Read]:
        """What was read since the last time. Not read again before it is released."""
        taken, self._read = self._read, []
        self._taken.update(read.row.id for read in taken)
        return taken

    def release(self, items: Iterable[Read]) -> None:
        """Done with these, whatever became of them."""
        self._taken.difference_update(read.row.id for read in items)

    async def wait(self) -> int:
        """Until everything that is being read now was read; how many items that were."""
        tasks = list(self._tasks.values())
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    async def stop(self) -> None:
        """Read no further. What is unread is in the journal as before."""
        for task in self._tasks.values():
            task.cancel()
        await self.wait()
        for left in (self._tasks, self._octets, self._read, self._taken):  # a task that never began removed nothing
            left.clear()

    async def _run(self, row: Any, content: Any) -> None:
        try:
            draft = await self._interpreter(row.connector).interpret(content.raw, content.meta, content.received_at)
            self._read.append(Read(row=row, draft=draft))
        except Exception as error:
            self._read.append(Read(row=row, error=error))
        finally:
            del self._tasks[row.id], self._octets[row.id]
            self.on_read()

    def _interpreter(self, connector: str) -> Interpreter:
        interpreter = self.interpreters.get(connector)
        if interpreter is None:
            raise LookupError(f"no part of this Leadgate reads items of the connector {connector!r}")
        return interpreter
