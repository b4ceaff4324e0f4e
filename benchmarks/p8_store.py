"""P8: rows into the store; P7's half that exists: who is this caller, among 100,000 contacts."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, insert, select

from benchmarks.harness import Benchmark, Contender, Measured
from gateway.capture.journal import prepare, store_all
from gateway.core.clock import new_id
from gateway.core.types import Channel, Direction, Draft, Handle, HandleKind, Inbound, Phase
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Contact, ContactHandle, table_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BATCH = 50
ITEMS = 3000
CONTACTS = 100_000
LOOKUPS = 5000


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """Both rows on databases in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="leadgate-bench-") as folder:
        data = Path(folder)
        upgrade(StorageSettings(), data)
        store = Store.open(StorageSettings(), data)
        _fill(store)
        yield [_storing(data), _looking_up(store, data)]
        asyncio.run(store.stop())


def _storing(folder: Path) -> Benchmark:
    return Benchmark(
        row="P8",
        work=f"items into the store, {BATCH} callers at once",
        unit="items/s",
        floor=Contender(name=f"sqlite3, {BATCH} a commit, two rows an item", run=lambda: _driver(folder)),
        subjects=[Contender(name="leadgate capture", run=lambda: asyncio.run(_capture(folder)))],
        goal="0.35",
    )


def _driver(folder: Path) -> Measured:
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    for table in ("a", "b"):
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v TEXT)")
    text = "x" * 700
    began = time.perf_counter()
    for _ in range(0, ITEMS, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        rows = [(new_id(), text) for _ in range(BATCH)]
        connection.executemany("INSERT INTO a (k, v) VALUES (?, ?)", rows)
        connection.executemany("INSERT INTO b (k, v) VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - began
    connection.close()
    return Measured(rate=ITEMS / elapsed)


def item(number: str) -> Inbound:
    """A form with six fields."""
    return Inbound(
        connector="form",
        source="site",
        channel=Channel.FORM,
        dedup_key=f"form:site:{number}",
        key=f"form:site:{number}",
        raw=b"x" * 200,
        received_at=NOW,
        draft=Draft(
            direction=Direction.INBOUND,
            phase=Phase.ENDED,
            occurred_at=NOW,
            handles=(Handle(HandleKind.EMAIL, f"ivan{number}@example.com"),),
            name="Ivan",
            text="Please call me back",
            fields={"name": "Ivan", "phone": "+79261234567", "email": "ivan@example.com", "message": "Please call"},
        ),
    )


async def _capture(folder: Path) -> Measured:
    store = Store.open(StorageSettings(), folder)
    await store.start()
    numbers = iter([new_id() for _ in range(ITEMS)])

    async def caller() -> None:
        for number in numbers:
            await store.write_batched(store_all, prepare(item(number), NOW, new_id, None))

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(BATCH)))
    elapsed = time.perf_counter() - began
    await store.stop()
    return Measured(rate=ITEMS / elapsed)


def _fill(store: Store) -> None:
    with store.writer.engine.begin() as connection:
        contacts = [{"id": f"c{number}", "created_at": NOW, "updated_at": NOW} for number in range(CONTACTS)]
        connection.execute(insert(Contact), contacts)
        handles = [
            {"kind": "phone", "value": f"+7926{number:07d}", "contact_id": f"c{number}", "created_at": NOW}
            for number in range(CONTACTS)
        ]
        connection.execute(insert(ContactHandle), handles)


def _looking_up(store: Store, folder: Path) -> Benchmark:
    chance = random.Random(7)
    numbers = [f"+7926{chance.randrange(CONTACTS):07d}" for _ in range(LOOKUPS)]

    def driver() -> Measured:
        connection = sqlite3.connect(folder / "leadgate.db")
        query = "SELECT contact_id FROM contact_handle WHERE value = ? AND kind = 'phone'"
        began = time.perf_counter()
        for number in numbers:
            connection.execute(query, (number,)).fetchone()
        elapsed = time.perf_counter() - began
        connection.close()
        return Measured(rate=LOOKUPS / elapsed)

    def ours() -> Measured:
        began = time.perf_counter()
        for number in numbers:
            store.peek(lambda connection, number=number: contact_of(connection, number))  # type: ignore[misc]
        return Measured(rate=LOOKUPS / (time.perf_counter() - began))

    return Benchmark(
        row="P7a",
        work=f"whose number is this, {CONTACTS:,} contacts",
        unit="look-ups/s",
        floor=Contender(name="sqlite3", run=driver),
        subjects=[Contender(name="leadgate store.peek", run=ours)],
    )


HANDLE = table_of(ContactHandle)
_OWNER = select(HANDLE.c.contact_id).where(HANDLE.c.value == bindparam("value"), HANDLE.c.kind == "phone")


def contact_of(connection: Connection, number: str) -> str | None:
    """The contact with this number."""
    return connection.execute(_OWNER, {"value": number}).scalar_one_or_none()
