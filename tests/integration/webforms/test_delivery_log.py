"""What is refused or comes twice: answered with words, noted with its outcome, and never a customer lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.capture.deliverylog import Noted, StoredDeliveryLog, notes
from gateway.core.types import Kind
from gateway.storage.store import Store
from gateway.webforms import intake
from gateway.webforms.settings import FormSettings
from tests.support.forms import Client, FormHouse
from tests.support.sink import ManualClock

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest_asyncio.fixture
async def log(store: Store) -> AsyncIterator[StoredDeliveryLog]:
    kept = StoredDeliveryLog(store, ManualClock(), "form")
    yield kept
    await kept.stop()


async def noted(log: StoredDeliveryLog) -> list[Noted]:
    await log.flush()
    return await log.store.read(lambda connection: notes(connection, "form"))


async def send(client: Client, path: str = "/f/site", **request: Any) -> tuple[int, dict[str, Any]]:
    async with client.post(path, **request) as response:
        told: dict[str, Any] = await response.json()
        return response.status, told


async def test_an_idempotency_key_with_another_body_is_422_with_words_and_both_are_kept(log: StoredDeliveryLog) -> None:
    house = FormHouse(FormSettings(key="site"), deliveries=log)
    async with house.client() as client:
        first = await send(client, data={"phone": "89261234567"}, headers=KEY)
        again = await send(client, data={"phone": "89261234567"}, headers=KEY)
        other = await send(client, data={"phone": "89161234567"}, headers=KEY)
        other_again = await send(client, data={"phone": "89161234567"}, headers=KEY)
    assert [first[0], again[0], other[0], other_again[0]] == [200, 200, 422, 422]
    assert (first[1]["status"], again[1]["status"], other[1]["status"]) == ("stored", "duplicate", "conflict")
    assert again[1]["id"] == first[1]["id"]
    assert "key of its own" in other[1]["error"]
    assert [draft.kind for draft in house.drafts] == [Kind.MESSAGE, Kind.SPAM]
    assert "Idempotency-Key" in house.drafts[1].details["spam"]
    assert sorted((one.outcome, one.number) for one in await noted(log)) == [("conflict", 2), ("duplicate", 1)]


async def test_a_key_is_remembered_after_a_restart_and_belongs_to_its_form(log: StoredDeliveryLog) -> None:
    for body, path, expected in (("1", "a", 200), ("2", "a", 422), ("2", "b", 200), ("1", "a", 200)):
        house = FormHouse(FormSettings(key="a"), FormSettings(key="b"), deliveries=log)
        async with house.client() as client:
            status, _ = await send(client, f"/f/{path}", data={"q": body}, headers=KEY)
            assert status == expected


async def test_of_two_parallel_posts_with_one_key_and_two_bodies_one_is_first(log: StoredDeliveryLog) -> None:
    house = FormHouse(FormSettings(key="site"), deliveries=log)
    async with house.client() as client:
        answers = await asyncio.gather(*(send(client, data={"q": str(n)}, headers=KEY) for n in range(10)))
    assert sorted(status for status, _ in answers) == [200] + [422] * 9
    assert len(house.drafts) == 10


async def test_the_senders_own_id_goes_before_the_header(log: StoredDeliveryLog) -> None:
    house = FormHouse(FormSettings(key="site"), deliveries=log)
    async with house.client() as client:
        for tranid in ("1:1", "1:2"):
            status, told = await send(client, data={"phone": "1", "tranid": tranid}, headers=KEY)
            assert (status, told["status"]) == (200, "stored")


async def test_a_store_that_is_away_refuses_nobody_for_a_key(log: StoredDeliveryLog) -> None:
    house = FormHouse(FormSettings(key="site"), deliveries=log)
    await log.store.stop()
    async with house.client() as client:
        for number in range(2):
            assert (await send(client, data={"q": str(number)}, headers=KEY))[0] == 200
    log._waiting.clear()
    await log.store.start()


async def test_a_store_that_hangs_holds_nobody_for_a_key(
    log: StoredDeliveryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CLAIM_SECONDS", 0.05)
    house = FormHouse(FormSettings(key="site"), deliveries=log)
    other = sqlite3.connect(str(log.store.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with house.client() as client, asyncio.timeout(4):  # the database itself would answer after five
            assert (await send(client, data={"q": "1"}, headers=KEY))[0] == 200
    finally:
        other.close()


@pytest.mark.parametrize(
    ("form", "request_", "status", "outcome"),
    [
        (FormSettings(key="site", secret="s3cret"), {"data": {"q": "1"}}, 403, "unproven"),
        (FormSettings(key="site", max_size=10), {"data": {"q": "long enough"}}, 413, "too_large"),
        (
            FormSettings(key="site"),
            {"data": b"no gzip", "headers": {"Content-Type": "text/plain", "Content-Encoding": "gzip"}},
            400,
            "broken",
        ),
    ],
)
async def test_every_refusal_is_noted_with_its_outcome(
    log: StoredDeliveryLog, form: FormSettings, request_: dict[str, Any], status: int, outcome: str
) -> None:
    house = FormHouse(form, deliveries=log)
    async with house.client() as client:
        assert (await send(client, **request_))[0] == status
    [one] = await noted(log)
    assert (one.source, one.outcome, one.peer) == ("site", outcome, "127.0.0.1")
    assert one.detail.endswith(".")
    assert house.sink.calls == 0


async def test_what_is_above_the_limit_is_noted_as_quarantine_and_then_as_flood(log: StoredDeliveryLog) -> None:
    house = FormHouse(FormSettings(key="site", per_minute=1), deliveries=log)
    async with house.client() as client:
        for number in range(12):
            await send(client, data={"q": str(number)})
    outcomes = {one.outcome: 0 for one in await noted(log)}
    for one in await noted(log):
        outcomes[one.outcome] += one.number
    assert outcomes == {"quarantine": 9, "flood": 2}
