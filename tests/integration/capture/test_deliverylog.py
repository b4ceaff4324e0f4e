"""Duplicates and refusals, per source, bounded; and the keys of senders."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.capture import deliverylog
from gateway.capture.deliverylog import CLAIMED, Noted, StoredDeliveryLog, notes
from gateway.storage.store import Store
from tests.support.clock import MONDAY, FakeClock
from tests.support.patience import PATIENCE


def log_of(store: Store, clock: FakeClock | None = None) -> StoredDeliveryLog:
    return StoredDeliveryLog(store, clock or FakeClock(), "form", timedelta(days=30))


async def listed(store: Store, **wanted: object) -> list[Noted]:
    return await store.read(lambda connection: notes(connection, "form", **wanted))  # type: ignore[arg-type]


async def test_equal_notes_of_one_moment_are_one_line_with_their_number(any_store: Store) -> None:
    log = log_of(any_store)
    for _ in range(3):
        log.note("site", "unproven", "wrong", peer="203.0.113.5")
    log.note("site", "duplicate", "came before", interaction_id="i-1")
    log.note("other", "unproven", "wrong", peer="203.0.113.5")
    await log.flush()
    found = {(one.source, one.outcome): one for one in await listed(any_store)}
    assert {key: one.number for key, one in found.items()} == {
        ("site", "unproven"): 3, ("site", "duplicate"): 1, ("other", "unproven"): 1,
    }  # fmt: skip
    assert found["site", "unproven"].peer == "203.0.113.5"
    assert found["site", "duplicate"].interaction_id == "i-1"
    assert [one.source for one in await listed(any_store, source="other")] == ["other"]
    await log.flush()
    assert len(await listed(any_store)) == 3


async def test_only_the_newest_of_a_source_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliverylog, "KEPT", 5)
    clock = FakeClock()
    log = log_of(store, clock)
    for number in range(20):
        log.note("site", "duplicate", str(number))
        clock.move(60)
        if number % 3 == 0:
            await log.flush()
    log.note("quiet", "duplicate", "one")
    await log.flush()
    assert [one.detail for one in await listed(store, source="site")] == ["19", "18", "17", "16", "15"]
    assert len(await listed(store, source="quiet")) == 1
    since, until = MONDAY + timedelta(minutes=16), MONDAY + timedelta(minutes=18)
    assert [one.detail for one in await listed(store, since=since, until=until)] == ["17", "16"]


async def test_a_flood_of_different_refusals_is_bounded_in_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverylog, "MAX_WAITING", 10)
    log = log_of(store)
    for number in range(1_000):
        log.note("site", "unproven", f"refused {number}")
    log.note("site", "unproven", "refused 3")
    await log.flush()
    found = {one.detail: one.number for one in await listed(store)}
    assert (len(found), found["refused 3"]) == (10, 2)


async def test_what_waits_is_stored_by_the_worker_and_at_the_stop(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverylog, "FLUSH_SECONDS", 0.01)
    log = log_of(store)
    await log.start()
    log.note("site", "duplicate", "first")
    async with asyncio.timeout(PATIENCE):
        while not await listed(store):
            await asyncio.sleep(0.01)
    monkeypatch.setattr(deliverylog, "FLUSH_SECONDS", 3_600)
    log.note("site", "duplicate", "last")
    await log.stop()
    assert {one.detail for one in await listed(store)} == {"first", "last"}


async def test_a_key_stands_for_what_first_came_with_it_for_seven_days(any_store: Store) -> None:
    clock = FakeClock()
    log = log_of(any_store, clock)
    assert await log.claim("form:site:k", "one") == "one"
    assert await log_of(any_store, clock).claim("form:site:k", "two") == "one"
    assert await log.claim("form:site:other", "two") == "two"
    clock.move(CLAIMED.total_seconds() + 1)
    assert await log.claim("form:site:k", "two") == "two"


async def test_of_many_who_claim_a_key_at_once_one_wins(store: Store) -> None:
    log = log_of(store)
    answers = await asyncio.gather(*(log.claim("k", str(number)) for number in range(30)))
    assert len(set(answers)) == 1
