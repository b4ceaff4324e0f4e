"""Nothing grows without bound."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, insert, select

from gateway.app.upkeep import FEED_DAYS, Upkeep
from gateway.live.changes import ChangeKind, record
from gateway.storage.store import Store
from gateway.storage.tables import Change, Manager, Session
from tests.support.clock import MONDAY, FakeClock


async def test_old_changes_and_sessions_that_ran_out_go(store: Store) -> None:
    clock = FakeClock()
    upkeep = Upkeep(store, clock)

    def prepare(connection: Connection) -> None:
        record(connection, ChangeKind.LEAD_CREATED, "old", MONDAY - timedelta(days=FEED_DAYS, seconds=1))
        record(connection, ChangeKind.LEAD_CREATED, "new", MONDAY)
        connection.execute(
            insert(Manager),
            {"id": "m", "login": "m", "name": "m", "role": "owner", "extensions": [], "created_at": MONDAY},
        )
        for token, hours in (("past", -1), ("live", 1)):
            moments = {"created_at": MONDAY, "seen_at": MONDAY, "expires_at": MONDAY + timedelta(hours=hours)}
            connection.execute(insert(Session), {"token_hash": token, "manager_id": "m", "csrf": "x"} | moments)

    await store.write(prepare)
    assert await store.write(upkeep.tidy) == 2
    assert store.peek(lambda c: list(c.execute(select(Change.object_id)).scalars())) == ["new"]
    assert store.peek(lambda c: list(c.execute(select(Session.token_hash)).scalars())) == ["live"]


async def test_it_works_at_the_start_and_stops_when_told(store: Store) -> None:
    await store.write(lambda c: record(c, ChangeKind.LEAD_CREATED, "old", MONDAY - timedelta(days=30)))
    upkeep = Upkeep(store, FakeClock())
    await upkeep.start()
    while store.peek(lambda c: list(c.execute(select(Change.id)))):
        await store.check()
    await upkeep.stop()
