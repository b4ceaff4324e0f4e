"""``python -m tests.faults.launcher run ...``: the gateway bent on purpose, from outside of its code.

``FAULTS_CLOCK`` names a file with seconds that are added to the wall clock; it is read at every look, so that a test
can let a day pass, or set the clock back. ``FAULTS_MUTANT`` breaks one promise: the tests must notice each.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crm_adapter.webhook import adapter, signature
from gateway.capture.cursors import StoredCursors
from gateway.capture.sink import DurableSink
from gateway.core.clock import SystemClock
from gateway.core.types import Inbound, Outcome, Receipt
from gateway.storage import engine

HESITATION = 0.3
"""Seconds between the two halves of a broken promise: a fault must be able to strike there."""

Accept = Callable[[DurableSink, Inbound], Awaitable[Receipt]]


def acknowledge_before_commit(honest: Accept) -> Accept:
    """Says that the item is safe, and stores it later."""
    under_way: set[asyncio.Task[None]] = set()

    async def store(sink: DurableSink, item: Inbound) -> None:
        await asyncio.sleep(HESITATION)
        await honest(sink, item)

    async def accept(sink: DurableSink, item: Inbound) -> Receipt:
        task = asyncio.ensure_future(store(sink, item))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        return Receipt(Outcome.STORED, sink.new_id())

    return accept


def cursor_before_data(honest: Accept) -> Accept:
    """Notes that it has read up to an item, and stores the item later."""

    async def accept(sink: DurableSink, item: Inbound) -> Receipt:
        if item.cursor is not None:
            await StoredCursors(sink.store, sink.clock).put(item.cursor.name, item.cursor.value)
            await asyncio.sleep(HESITATION)
        return await honest(sink, replace(item, cursor=None))

    return accept


def no_deduplication(honest: Accept) -> Accept:
    """Takes each report for a new one."""
    numbers = itertools.count()

    async def accept(sink: DurableSink, item: Inbound) -> Receipt:
        unique = f"{os.getpid()}-{next(numbers)}"
        return await honest(sink, replace(item, dedup_key=f"{item.dedup_key}-{unique}", key=f"{item.key}-{unique}"))

    return accept


def synchronous_off(honest: Accept) -> Accept:
    """Says that it is safe when the kernel has it, not when the disk has it."""

    def set_up(connection: sqlite3.Connection, record: object) -> None:
        honest_writer(connection, record)
        connection.execute("PRAGMA synchronous=OFF").close()

    honest_writer = engine._set_up_sqlite_writer
    setattr(engine, "_set_up_sqlite_writer", set_up)  # noqa: B010 - mypy forbids to assign to a function
    return honest


def new_message_id_each_try(honest: Accept) -> Accept:
    """Tells a CRM of the same thing under another id each time."""

    def headers(_message_id: str, at: datetime, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
        return signature.headers_for(str(uuid.uuid4()), at, body, keys)

    setattr(adapter, "headers_for", headers)  # noqa: B010 - as above
    return honest


MUTANTS: dict[str, Callable[[Accept], Accept]] = {
    made.__name__: made
    for made in (
        acknowledge_before_commit,
        cursor_before_data,
        no_deduplication,
        synchronous_off,
        new_message_id_each_try,
    )
}


def bend_clock(path: Path) -> None:
    """Add what ``path`` says to the wall clock; the monotonic one goes on as it is."""

    def now(_clock: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(path.read_text(encoding="ascii") or 0))

    setattr(SystemClock, "now", now)  # noqa: B010 - mypy forbids to assign to a method


def main() -> int:
    """Bend, then be the gateway."""
    if mutant := os.environ.get("FAULTS_MUTANT"):
        setattr(DurableSink, "accept", MUTANTS[mutant](DurableSink.accept))  # noqa: B010 - as above
    if clock := os.environ.get("FAULTS_CLOCK"):
        bend_clock(Path(clock))
    from gateway.__main__ import main as gateway

    return gateway()


if __name__ == "__main__":
    sys.exit(main())
