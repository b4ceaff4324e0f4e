"""The worker on a real store: faults, holds, stops and restarts."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from random import Random

import pytest
from sqlalchemy import Connection, func, select

from crm_adapter.base import Done, Event, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.memory import MemoryCrm
from gateway.core.errors import StoreUnavailable
from gateway.delivery import claims, outbox
from gateway.delivery.breaker import PAUSES, THRESHOLD
from gateway.delivery.settings import CrmSettings
from gateway.storage.store import Store
from gateway.storage.tables import Attempt
from tests.integration.delivery.helpers import (
    TWIN,
    put,
    rows,
    scalars,
    shown,
    states,
    until,
    until_states,
    webhook_to,
    working,
)
from tests.support.clock import MONDAY as NOW
from tests.support.clock import FakeClock
from tests.support.receiver import GOOD, Receiver, Reply


class Gate:
    """An adapter whose pushes wait until the test lets them end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.open = asyncio.Event()
        self.closed = 0

    async def push(self, event: Event) -> Done:
        self.events.append(event)
        await self.open.wait()
        return Done()

    async def close(self) -> None:
        self.closed += 1


async def test_events_arrive_signed_in_order_and_are_done_with_one_attempt_each(
    store: Store, receiver: Receiver
) -> None:
    office = webhook_to(receiver)
    await put(store, office, *range(20))
    async with working(store, office) as worker:
        found = await until_states(store, "done")
        (health,) = worker.health()
    assert [arrival.document["data"]["number"] for arrival in receiver.arrivals] == list(range(20))
    assert [row.message_id for row in found] == [arrival.message_id for arrival in receiver.arrivals]
    assert receiver.forged == 0
    assert await scalars(store, select(Attempt.result)) == ["done"] * 20
    assert (health.name, health.ok, health.state) == ("crm:office", True, "ready")
    assert health.last_event_at is not None


async def test_a_kick_delivers_without_waiting_for_the_next_look(store: Store) -> None:
    crm = MemoryCrm()
    clock = FakeClock()
    async with working(store, TWIN, adapters={"twin": crm}, clock=clock) as worker:
        await put(store, TWIN, 1)
        worker.kick()
        await until(lambda: len(crm.records) == 1)
    assert crm.records[0].data == {"number": 1, "key": "contact-1"}
    assert crm.records[0].timestamp == NOW


async def test_500_deliveries_with_faults_lose_nothing_double_nothing_and_keep_the_order_of_each_person(
    store: Store, receiver: Receiver
) -> None:
    seeded, faults = Random(7), 0

    def choose(message_id: str) -> Reply:
        nonlocal faults
        if seeded.random() >= 0.2:
            return GOOD
        faults += 1
        bad = (Reply(status=500), Reply(status=503), Reply(keeps=True, cut=True), Reply(cut=True), Reply(status=409))
        return seeded.choice(bad)

    receiver.choose = choose
    office = webhook_to(receiver)
    for number in range(500):
        await put(store, office, number, key=f"contact-{number % 40}")
    clock = FakeClock()
    async with working(store, office, clock=clock) as worker:
        while "waiting" in (now := await states(store)) or "sending" in now:
            clock.move(PAUSES[-1] * 2)
            worker.kick()
            await asyncio.sleep(0.1)

    assert set(now) == {"done"}, "20 % faults exhaust no row's ten tries"
    assert faults > 50
    assert sorted(document["data"]["number"] for document in receiver.kept.values()) == list(range(500))
    by_contact: dict[str, list[int]] = defaultdict(list)
    for document in receiver.kept.values():
        by_contact[document["data"]["key"]].append(document["data"]["number"])
    assert all(numbers == sorted(numbers) for numbers in by_contact.values())
    assert len(receiver.arrivals) == 500 + faults, "every try was needed"
    results = await scalars(store, select(Attempt.result))
    assert results.count("done") == 500
    assert results.count("unavailable") + results.count("unknown") == faults


async def test_a_process_killed_between_push_and_result_sends_again_under_the_same_id(
    store: Store, receiver: Receiver
) -> None:
    office = webhook_to(receiver)
    await put(store, office, 1)
    await store.write(lambda c: claims.claim(c, "office", NOW, 10))  # and then it dies, who knows how far it came
    assert await states(store) == ["sending"]
    async with working(store, office):
        (row,) = await until_states(store, "done")
    assert [arrival.message_id for arrival in receiver.arrivals] == [row.message_id]
    tries = (await shown(store, row.id)).tries
    assert [(one.number, one.result) for one in tries] == [(1, None), (2, "done")]


async def test_a_lost_answer_leads_to_a_second_try_and_one_record(store: Store, receiver: Receiver) -> None:
    receiver.replies.append(Reply(keeps=True, cut=True))
    office = webhook_to(receiver)
    await put(store, office, 1, 2)
    clock = FakeClock()
    async with working(store, office, clock=clock) as worker:
        await until(lambda: worker.results()["office"]["unknown"] == 1)
        assert [arrival.document["data"]["number"] for arrival in receiver.arrivals] == [1], "2 waits behind 1"
        clock.move(5)
        worker.kick()
        await until_states(store, "done")
    assert [document["data"]["number"] for document in receiver.kept.values()] == [1, 2]
    assert len(receiver.arrivals) == 3


async def test_a_stop_waits_for_pushes_under_way_and_writes_them_down(store: Store) -> None:
    gate = Gate()
    await put(store, TWIN, 1, 2)
    async with working(store, TWIN, adapters={"twin": gate}):
        await until(lambda: len(gate.events) == 1)
        asyncio.get_running_loop().call_later(0.1, gate.open.set)
    assert await states(store) == ["done", "waiting"]
    assert len(gate.events) == 1, "nothing new is begun by a stop"
    assert gate.closed == 1


async def test_a_stop_that_can_not_wait_leaves_the_row_waiting_and_says_so(store: Store) -> None:
    gate = Gate()
    await put(store, TWIN, 1)
    async with working(store, TWIN, adapters={"twin": gate}, stop_seconds=0.05):
        await until(lambda: len(gate.events) == 1)
    (row,) = await rows(store)
    assert row.state == "waiting"
    assert [one.result for one in (await shown(store, row.id)).tries] == ["interrupted"]
    again = MemoryCrm()
    async with working(store, TWIN, adapters={"twin": again}):
        await until_states(store, "done")
    assert [(event.message_id, event.attempt) for event in again.records] == [(row.message_id, 2)]


async def test_rows_claimed_ahead_of_a_stop_leave_no_trace(store: Store) -> None:
    one_at_a_time = CrmSettings(name="twin", adapter="memory", parallel=1)
    gate = Gate()
    for number in range(5):
        await put(store, one_at_a_time, number, key=f"k{number}")
    async with working(store, one_at_a_time, adapters={"twin": gate}):
        await until(lambda: len(gate.events) == 1)
        assert (await states(store)).count("sending") > 1
        asyncio.get_running_loop().call_later(0.1, gate.open.set)
    assert await states(store) == ["done", *["waiting"] * 4]
    assert await scalars(store, select(func.count()).select_from(Attempt)) == [1]
    assert [row.attempts for row in await rows(store)] == [1, 0, 0, 0, 0]


async def test_no_more_pushes_than_configured_are_under_way_and_one_person_has_one(store: Store) -> None:
    gate = Gate()
    three = CrmSettings(name="twin", adapter="memory", parallel=3)
    for number in range(8):
        await put(store, three, number, key=f"k{number // 2}")
    async with working(store, three, adapters={"twin": gate}):
        await until(lambda: len(gate.events) == 3)
        await asyncio.sleep(0.1)
        assert [event.data["key"] for event in gate.events] == ["k0", "k1", "k2"]
        gate.open.set()
        await until_states(store, "done")


async def test_a_rejected_event_is_dead_with_its_reason_and_the_next_one_goes(store: Store) -> None:
    crm = MemoryCrm()
    crm.fail_next(Rejected("phone is too long", field="phone"))
    await put(store, TWIN, 1, 2)
    async with working(store, TWIN, adapters={"twin": crm}):
        await until_states(store, "done", "dead")
    dead, done = await rows(store)
    assert (dead.state, dead.reason, done.state) == ("dead", "phone is too long", "done")


async def test_bad_credentials_hold_this_crm_alone_and_nothing_is_lost_when_it_is_released(store: Store) -> None:
    broken, fine = MemoryCrm(), MemoryCrm()
    other = CrmSettings(name="other", adapter="memory")
    broken.fail_next(Misconfigured("the key is not known"))
    await put(store, TWIN, 1, 2)
    await put(store, other, 1, 2)
    async with working(store, TWIN, other, adapters={"twin": broken, "other": fine}) as worker:
        await until_states(store, "done", crm="other")
        await until(lambda: worker.health()[0].state == "held")
        held, ok = worker.health()
        assert not held.ok
        assert str(held.detail).startswith(
            "the key is not known. Mend it, then run 'leadgate outbox release --crm twin'"
        )
        assert ok.ok
        assert await states(store, crm="twin") == ["waiting", "waiting"]
        assert broken.pushes == 1
        await store.write(lambda c: outbox.release_crm(c, "twin"))
        await until_states(store, "done", crm="twin")
        await until(lambda: worker.health()[0].state == "ready")
    assert [event.data["number"] for event in broken.records] == [1, 2]


async def test_a_hold_outlives_a_restart(store: Store) -> None:
    crm = MemoryCrm()
    await put(store, TWIN, 1)
    await store.write(lambda c: outbox.hold_crm(c, "twin", "being moved", NOW))
    async with working(store, TWIN, adapters={"twin": crm}) as worker:
        await until(lambda: worker.health()[0].state == "held")
        assert crm.pushes == 0


async def test_a_crm_that_is_down_is_left_alone_and_the_others_are_not(store: Store) -> None:
    down, fine = MemoryCrm(), MemoryCrm()
    other = CrmSettings(name="other", adapter="memory")
    for _ in range(100):
        down.fail_next(Unavailable("refused"))
    for number in range(60):
        await put(store, TWIN, number, key=f"k{number}")
        await put(store, other, number, key=f"k{number}")
    clock = FakeClock()
    async with working(store, TWIN, other, adapters={"twin": down, "other": fine}, clock=clock) as worker:
        await until_states(store, "done", crm="other")
        await until(lambda: worker.health()[0].state == "down")
        assert THRESHOLD <= down.pushes < TWIN.parallel + THRESHOLD, "what was claimed ahead is put back"
        assert (await states(store, crm="twin")).count("sending") == 0
        before = down.pushes
        clock.move(PAUSES[0] * 1.2)
        await until(lambda: down.pushes > before)
        await asyncio.sleep(0.1)
        assert down.pushes == before + 1, "one push tries whether it is back"
        down.forgive()
        clock.move(24 * 3600)
        await until_states(store, "done", crm="twin")
    assert len(down.records) == 60


async def test_a_throttling_crm_is_left_alone_for_as_long_as_it_asks(store: Store) -> None:
    crm = MemoryCrm()
    crm.fail_next(Throttled("slow down", retry_after=120))
    one_at_a_time = CrmSettings(name="twin", adapter="memory", parallel=1)
    await put(store, one_at_a_time, 1, key="a")
    await put(store, one_at_a_time, 2, key="b")
    clock = FakeClock()
    async with working(store, one_at_a_time, adapters={"twin": crm}, clock=clock) as worker:
        await until(lambda: worker.health()[0].state == "throttled")
        assert worker.health()[0].ok
        clock.move(119)
        await asyncio.sleep(0.1)
        assert crm.pushes == 1
        clock.move(1)
        await until_states(store, "done")
    assert len(crm.records) == 2


async def test_a_bug_in_an_adapter_is_our_error_and_stops_nobody(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Buggy(MemoryCrm):
        async def push(self, event: Event) -> Done:
            if event.data["number"] == 1:
                raise KeyError("bug")
            return await super().push(event)

    crm = Buggy()
    await put(store, TWIN, 1, key="a")
    await put(store, TWIN, 2, key="b")
    async with working(store, TWIN, adapters={"twin": crm}):
        await until(lambda: len(crm.records) == 1)
        await until_states(store, "waiting", "done")
    buggy, fine = await rows(store)
    assert (buggy.state, fine.state) == ("waiting", "done")
    assert buggy.reason == "the adapter failed with KeyError; the log has the details"
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [getattr(record, "action", None) for record in errors] == ["adapter_error"]


async def test_a_payload_that_no_adapter_can_read_is_visible_and_stops_nobody(store: Store) -> None:
    crm = MemoryCrm()
    await put(store, TWIN, 1, key="a")
    await put(store, TWIN, 2, key="b")

    def spoil(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE outbox SET payload = '{}' WHERE id = 1")

    await store.write(spoil)
    async with working(store, TWIN, adapters={"twin": crm}):
        await until(lambda: len(crm.records) == 1)
        await until_states(store, "waiting", "done")
    assert (await rows(store))[0].reason == "the adapter failed with KeyError; the log has the details"


async def test_results_are_kept_while_the_database_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    await put(store, TWIN, 1)
    monkeypatch.setattr("gateway.delivery.lane.PAUSE_SECONDS", 0.02)
    async with working(store, TWIN, adapters={"twin": gate}) as worker:
        await until(lambda: len(gate.events) == 1)

        async def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("the database is away")

        with monkeypatch.context() as patched:
            patched.setattr(type(store.writer), "run", away)
            gate.open.set()
            await until(lambda: worker.health()[0].state == "waiting")
            assert "the database is away" in str(worker.health()[0].detail)
        await until_states(store, "done")
    assert len(gate.events) == 1, "what the CRM took is not sent again"


async def test_a_person_s_decisions_reach_a_running_worker(store: Store) -> None:
    crm = MemoryCrm()
    await put(store, TWIN, 1, 2, 3)
    await store.write(lambda c: outbox.hold(c, [1], "ask Anna", NOW))
    async with working(store, TWIN, adapters={"twin": crm}):
        await store.write(lambda c: outbox.drop(c, [2], "a test", NOW))
        await asyncio.sleep(0.1)
        assert crm.pushes == 0, "all of them stand behind the held one"
        await store.write(lambda c: outbox.release(c, [1], NOW))
        await until(lambda: len(crm.records) == 2)
        await until_states(store, "done", "dropped")
    assert [event.data["number"] for event in crm.records] == [1, 3]


async def test_secrets_are_in_no_row_and_no_log(
    store: Store, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.choose = lambda _: Reply(status=401, body=b"no")
    office = webhook_to(receiver)
    await put(store, office, 1)
    async with working(store, office) as worker:
        await until(lambda: worker.health()[0].state == "held")
    found = await shown(store, 1)
    text = "\n".join([repr(found), repr(worker.health()), *(str(vars(record)) for record in caplog.records)])
    assert receiver.secret not in text
    assert "/hook" not in text, "the path of the address may be a secret"
