"""Waking readers, and the feed that they read."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, select

from gateway.live.changes import ChangeKind, forget_before, gathering, record
from gateway.live.hub import Hub
from gateway.storage.store import Store
from gateway.storage.tables import Change
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE


async def test_a_reader_is_woken_at_once_and_once_for_many_changes() -> None:
    hub = Hub(look_anyway=3600)
    wakeups = hub.wakeups()
    await anext(wakeups)
    assert hub.readers == 1
    hub.publish()
    hub.publish()
    async with asyncio.timeout(PATIENCE):
        await anext(wakeups)
    waiting = asyncio.ensure_future(anext(wakeups))
    await asyncio.sleep(0)
    assert not waiting.done()
    hub.publish()
    async with asyncio.timeout(PATIENCE):
        await waiting
    await wakeups.aclose()
    assert hub.readers == 0


async def test_what_is_published_while_the_reader_works_is_not_missed() -> None:
    hub = Hub(look_anyway=3600)
    wakeups = hub.wakeups()
    await anext(wakeups)
    hub.publish()  # the reader has not come back yet
    async with asyncio.timeout(PATIENCE):
        await anext(wakeups)
    await wakeups.aclose()


async def test_ids_of_the_feed_are_never_given_twice(store: Store) -> None:
    await store.write(lambda c: record(c, ChangeKind.LEAD_CREATED, "a", MONDAY))
    first = store.peek(lambda c: c.execute(select(Change.id)).scalar_one())
    await store.write(lambda c: forget_before(c, MONDAY.replace(year=2030)))
    await store.write(lambda c: record(c, ChangeKind.LEAD_CREATED, "b", MONDAY))
    assert store.peek(lambda c: c.execute(select(Change.id)).scalar_one()) > first


async def test_what_is_gathered_is_written_at_the_end_in_its_order(any_store: Store) -> None:
    def told(connection: Connection) -> list[str]:
        return list(connection.execute(select(Change.object_id).order_by(Change.id)).scalars())

    def unit(connection: Connection) -> list[str]:
        record(connection, ChangeKind.LEAD_CREATED, "before", MONDAY)
        with gathering(connection):
            for name in ("a", "b", "c"):
                record(connection, ChangeKind.LEAD_UPDATED, name, MONDAY)
            within = told(connection)
        record(connection, ChangeKind.LEAD_UPDATED, "after", MONDAY)
        return within

    assert await any_store.write(unit) == ["before"]
    assert await any_store.read(told) == ["before", "a", "b", "c", "after"]


async def test_nothing_is_left_of_what_was_gathered_for_a_deed_that_failed(any_store: Store) -> None:
    def fails(connection: Connection) -> None:
        with gathering(connection):
            record(connection, ChangeKind.LEAD_UPDATED, "lost", MONDAY)
            raise ZeroDivisionError("this deed is broken")

    with pytest.raises(ZeroDivisionError):
        await any_store.write(fails)
    await any_store.write(lambda c: record(c, ChangeKind.LEAD_UPDATED, "kept", MONDAY))
    assert await any_store.read(lambda c: list(c.execute(select(Change.object_id)).scalars())) == ["kept"]
