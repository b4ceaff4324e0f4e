"""A clock that was a day ahead and is right again: nothing waits for the day that it told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from gateway.app.clockcare import ClockCare
from gateway.storage.store import Store
from gateway.storage.tables import Journal, Outbox
from tests.support.clock import MONDAY, FakeClock
from tests.support.seed import add_interaction

TOMORROW = MONDAY + timedelta(days=1)


def _delivery(number: int, *, written: datetime, due: datetime) -> dict[str, Any]:
    return {
        "crm": "hook", "event_type": "lead.created", "message_id": f"m{number}", "order_key": f"c{number}",
        "payload": {}, "due_at": due, "created_at": written, "updated_at": written,
    }  # fmt: skip


def _item(number: int, *, due: datetime) -> dict[str, Any]:
    return {
        "dedup_key": f"k{number}", "connector": "form", "source": "site", "channel": "form",
        "interaction_id": f"i{number}", "raw": b"", "meta": {}, "received_at": due, "due_at": due,
    }  # fmt: skip


async def test_what_was_dated_a_day_ahead_is_due_and_an_honest_pause_stays(store: Store) -> None:
    soon = MONDAY + timedelta(seconds=600)

    def prepare(connection: Connection) -> None:
        for number in (1, 2):
            add_interaction(connection, f"i{number}")
        connection.execute(insert(Journal), [_item(1, due=TOMORROW), _item(2, due=soon)])
        rows = [_delivery(1, written=TOMORROW, due=TOMORROW), _delivery(2, written=MONDAY, due=TOMORROW)]
        connection.execute(insert(Outbox), rows)

    await store.write(prepare)
    care = ClockCare(store, FakeClock(MONDAY))
    assert await care.look() == 2
    assert store.peek(lambda c: list(c.execute(select(Journal.due_at).order_by(Journal.id)).scalars())) == [
        MONDAY,
        soon,
    ]
    assert store.peek(lambda c: list(c.execute(select(Outbox.due_at).order_by(Outbox.id)).scalars())) == [
        MONDAY,
        TOMORROW,
    ]
    assert await care.look() == 0


async def test_it_looks_at_the_start_and_stops_when_told(store: Store) -> None:
    await store.write(
        lambda c: c.execute(insert(Outbox), _delivery(1, written=TOMORROW, due=TOMORROW)).rowcount  # one row
    )
    care = ClockCare(store, FakeClock(MONDAY))
    await care.start()
    while store.peek(lambda c: c.execute(select(Outbox.due_at)).scalar_one()) != MONDAY:
        await store.check()
    await care.stop()
