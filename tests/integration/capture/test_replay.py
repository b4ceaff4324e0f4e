"""Another reading in the place of the old one, in the real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from gateway.capture.journal import prepare, store_all
from gateway.capture.replay import Replaced, Stored, deliveries, put_reading, stored, stored_of
from gateway.core.types import Channel, Direction, Draft, Inbound, Kind, Phase
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, Journal, Lead
from tests.support.clock import MONDAY

DRAFT = Draft(
    direction=Direction.INBOUND, phase=Phase.ENDED, occurred_at=MONDAY, text="first", details={"spam": "Why."}
)


def item(number: int, key: str = "k", *, source: str = "site", draft: Draft = DRAFT) -> Inbound:
    return Inbound(
        connector="form", source=source, channel=Channel.FORM, dedup_key=f"d{number}", key=key, raw=b"phone=1",
        received_at=MONDAY, draft=draft, meta={"content_type": "x"},
    )  # fmt: skip


async def keep(store: Store, *items: Inbound) -> None:
    ids = iter(f"00000000-0000-7000-8000-{number:012d}" for number in range(1, 9))
    entries = [prepare(one, MONDAY, lambda: next(ids), None) for one in items]
    await store.write(lambda connection: store_all(connection, entries))


async def find(store: Store, number: int) -> Stored:
    one = await store.read(lambda connection: stored(connection, "form", number))
    assert one is not None
    return one


async def put(store: Store, number: int, draft: Draft, at: datetime = MONDAY) -> Replaced:
    one = await find(store, number)
    return await store.write(lambda connection: put_reading(connection, one, draft, at))


async def column(store: Store, of: Any) -> Any:
    return await store.read(lambda connection: connection.execute(select(of)).scalars().all())


async def test_a_new_reading_changes_the_interaction_and_the_lead_it_opened_and_is_processed_again(
    store: Store,
) -> None:
    await keep(store, item(1))
    [interaction] = await column(store, Interaction.id)

    def open_lead(connection: Connection) -> None:
        values = {"id": interaction, "channel": "form", "text": "first", "fields": {}, "source": {}, "stage": "called",
                  "opened_by": interaction, "created_at": MONDAY, "updated_at": MONDAY}  # fmt: skip
        connection.execute(insert(Lead), values)

    await store.write(open_lead)
    better = replace(DRAFT, text="better", kind=Kind.MESSAGE, details={})
    assert await put(store, 1, better) is Replaced.CHANGED
    assert await column(store, Interaction.text) == ["better"]
    assert await column(store, Lead.text) == ["better"]
    assert await column(store, Lead.stage) == ["called"], "what people did stays"
    assert await column(store, Journal.state) == ["new"]
    assert await put(store, 1, better) is Replaced.UNCHANGED


async def test_an_older_report_does_not_overwrite_a_newer_one(store: Store) -> None:
    await keep(store, item(1), item(2, draft=replace(DRAFT, text="completed")))
    assert await put(store, 1, replace(DRAFT, text="thin again")) is Replaced.SUPERSEDED
    assert await column(store, Interaction.text) == ["completed"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [3, 2, 1]),
        ({"source": "site"}, [2, 1]),
        ({"limit": 1}, [3]),
        ({"before_id": 3}, [2, 1]),
        ({"kind": "spam"}, [2]),
        ({"kind": "test"}, []),
    ],
)
async def test_the_log_is_the_newest_first_and_can_be_narrowed(
    store: Store, asked: dict[str, Any], expected: list[int]
) -> None:
    await keep(store, item(1, "a"), item(2, "b", draft=replace(DRAFT, kind=Kind.SPAM)), item(3, "c", source="other"))
    found = await store.read(lambda connection: deliveries(connection, "form", **asked))
    assert [one.id for one in found] == expected
    assert all((one.size, one.problems) == (7, ("Why.",)) for one in found)
    assert await store.read(lambda connection: deliveries(connection, "smtp")) == []


async def test_all_of_a_form_are_read_page_by_page(store: Store) -> None:
    await keep(store, *(item(number, f"k{number}") for number in range(1, 6)))
    first = await store.read(lambda connection: stored_of(connection, "form", "site", after_id=0, limit=3))
    rest = await store.read(lambda connection: stored_of(connection, "form", "site", after_id=first[-1].id, limit=3))
    assert [one.id for one in (*first, *rest)] == [1, 2, 3, 4, 5]
    assert await store.read(lambda connection: stored(connection, "form", 99)) is None
