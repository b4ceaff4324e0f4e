"""The one writer: group commit, isolation of bad units, honest errors."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.core.errors import StoreUnavailable
from gateway.storage.store import DATABASE_FILE, Store
from gateway.storage.tables import Change, Contact
from gateway.storage.writer import BACKGROUND_SECONDS
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE

CONTACT = {"id": "c1", "name": "winner", "created_at": MONDAY, "updated_at": MONDAY}


def add(object_id: str) -> Callable[[Connection], str]:
    """A unit that stores one row and returns its id."""

    def unit(connection: Connection) -> str:
        connection.execute(insert(Change), {"kind": "test", "object_id": object_id, "at": MONDAY})
        return object_id

    return unit


def stored(connection: Connection) -> list[str]:
    return list(connection.execute(select(Change.object_id).order_by(Change.id)).scalars())


async def test_a_unit_returns_after_its_rows_are_there_for_everybody(store: Store) -> None:
    assert await store.write(add("a")) == "a"
    assert await store.read(stored) == ["a"]
    assert store.peek(stored) == ["a"]


async def test_many_who_wait_share_a_commit_and_keep_their_order(store: Store) -> None:
    names = [f"{number:03d}" for number in range(200)]
    assert await asyncio.gather(*(store.write(add(name)) for name in names)) == names
    assert await store.read(stored) == names
    assert store.writer.figures.commits < len(names) / 2


async def test_a_bad_unit_fails_alone(store: Store) -> None:
    def bad(connection: Connection) -> None:
        connection.execute(insert(Change), {"kind": "test", "object_id": "lost", "at": MONDAY})
        raise ZeroDivisionError("this unit is broken")

    results = await asyncio.gather(
        *(store.write(unit) for unit in (add("a"), bad, add("b"))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [str, ZeroDivisionError, str]
    assert await store.read(stored) == ["a", "b"]


async def test_a_unit_that_lost_a_race_is_run_again_and_finds_what_the_winner_wrote(store: Store) -> None:
    """The first look sees the database of before the other process's commit, as two PostgreSQL transactions do."""
    await store.write(lambda c: c.execute(insert(Contact), CONTACT).rowcount)
    looks = iter([0, 1])

    def unit(connection: Connection) -> str | None:
        if next(looks):
            return connection.execute(select(Contact.name)).scalar_one()
        connection.execute(insert(Contact), {**CONTACT, "name": "loser"})
        return "never"

    assert await store.write_in_race(unit) == "winner"


async def test_a_fault_that_is_no_race_is_told_at_once(store: Store) -> None:
    runs: list[int] = []

    def unit(connection: Connection) -> None:
        runs.append(1)
        connection.execute(insert(Contact), {**CONTACT, "name": "x", "created_at": None})

    with pytest.raises(IntegrityError, match="NOT NULL"):
        await store.write_in_race(unit)
    assert runs == [1]


async def test_a_handler_gets_the_arguments_of_all_who_wait(store: Store) -> None:
    seen: list[int] = []

    def handler(connection: Connection, names: Sequence[str]) -> list[str]:
        seen.append(len(names))
        connection.execute(insert(Change), [{"kind": "test", "object_id": name, "at": MONDAY} for name in names])
        return [name.upper() for name in names]

    names = [f"n{number}" for number in range(50)]
    assert await asyncio.gather(*(store.write_batched(handler, name) for name in names)) == [n.upper() for n in names]
    assert max(seen) > 10
    assert sorted(await store.read(stored)) == sorted(names)


async def test_background_units_are_done_although_callers_keep_coming(store: Store) -> None:
    background = [asyncio.create_task(store.write(add(f"b{n}"), background=True)) for n in range(50)]
    for number in range(50):
        await store.write(add(f"u{number}"))
    await asyncio.gather(*background)
    assert len(await store.read(stored)) == 100


async def test_background_units_share_a_transaction_while_nobody_waits_and_let_a_caller_pass(store: Store) -> None:
    """The first unit takes longer than the background may hold a transaction while somebody waits."""
    store.writer.alone_seconds = 60.0
    asked, order = threading.Event(), list[str]()

    def slow(connection: Connection) -> None:
        add("first")(connection)
        time.sleep(2 * BACKGROUND_SECONDS)
        assert asked.wait(20)

    def note(name: str) -> Callable[[Connection], None]:
        return lambda _connection: order.append(name)

    for caller_comes in (False, True):
        asked.clear()
        order.clear()
        commits = store.writer.figures.commits
        units = (slow, note("second"), note("third"))
        background = [asyncio.create_task(store.write(unit, background=True)) for unit in units]
        await asyncio.sleep(0)  # all three are queued
        caller = [asyncio.create_task(store.write(note("caller")))] if caller_comes else []
        await asyncio.sleep(0)
        asked.set()
        await asyncio.gather(*background, *caller)
        if not caller_comes:
            assert (order, store.writer.figures.commits - commits) == (["second", "third"], 1)
    assert order[0] == "caller"


async def test_who_gave_up_waiting_is_not_stored_afterwards(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / DATABASE_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(store.write(add("first")))
    await asyncio.sleep(0.05)  # the writer thread now waits for the lock that the other program holds
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await store.write(add("given up"))
    other.execute("COMMIT")
    other.close()
    await first
    assert await store.read(stored) == ["first"]


async def test_a_database_that_vanished_is_said_to_be_unavailable(store: Store) -> None:
    def no_such_table(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StoreUnavailable, match=r"leadgate\.db can't be used now: no such table"):
        await store.write(no_such_table)
    assert await store.write(add("after")) == "after"


async def test_a_stopped_store_refuses(store: Store) -> None:
    await asyncio.to_thread(store.writer.stop)
    with pytest.raises(StoreUnavailable, match="is closed"):
        await store.write(add("late"))


async def test_stopping_finishes_what_was_queued(store: Store) -> None:
    tasks = [asyncio.create_task(store.write(add(f"{n}"))) for n in range(100)]
    await asyncio.sleep(0)
    await asyncio.to_thread(store.writer.stop)
    await asyncio.gather(*tasks)
    assert store.peek(lambda connection: connection.execute(select(func.count()).select_from(Change)).scalar()) == 100


async def test_readers_can_not_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        store.peek(lambda connection: connection.execute(insert(Change), {"kind": "x", "object_id": "x", "at": MONDAY}))


async def test_a_peek_after_a_failed_one_works_again(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        store.peek(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))
    await store.write(add("a"))
    assert store.peek(stored) == ["a"]


async def test_a_peek_sees_what_was_committed_a_moment_ago(store: Store) -> None:
    for number in range(5):
        await store.write(add(str(number)))
        assert len(store.peek(stored)) == number + 1


async def test_background_gets_its_share_although_callers_never_pause(store: Store) -> None:
    background = asyncio.create_task(store.write(add("background"), background=True))
    async with asyncio.timeout(PATIENCE):
        while not background.done():
            await asyncio.gather(*(store.write(add(f"u{number}")) for number in range(20)))
