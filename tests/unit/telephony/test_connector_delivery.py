"""Reports on their way to the store: in order, again, bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.errors import NotDurable
from gateway.core.types import Inbound
from gateway.telephony.delivery import AT_ONCE, TRIES, Delivery
from gateway.telephony.report import inbound_of
from tests.support.patience import PATIENCE
from tests.unit.telephony.fakes import START, FakeSink, FakeTime, call_record, turns

Make = Callable[..., Delivery]


def report(call: str = "1.1", **changes: Any) -> Inbound:
    return inbound_of(call_record(call, **changes), pbx="office", region="RU", received_at=START)


def ended(call: str = "1.1") -> Inbound:
    return report(call, ended=True, ended_at=START + timedelta(seconds=9))


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


@pytest.fixture
async def make(time: FakeTime, sink: FakeSink) -> AsyncIterator[Make]:
    running: list[asyncio.Task[None]] = []

    def start(**options: Any) -> Delivery:
        delivery = Delivery(sink, sleep=time.sleep, chance=lambda: 0.0, **options)
        running.append(asyncio.create_task(delivery.run()))
        return delivery

    yield start
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_reports_reach_the_sink(make: Make, sink: FakeSink) -> None:
    delivery = make()
    for number in range(500):
        delivery.put(report(f"1.{number}"))
    await delivery.drained()
    assert len({item.key for item in sink.taken}) == 500
    assert delivery.backlog == 0


async def test_the_phases_of_a_call_arrive_in_order_with_the_last_one_always_there(make: Make, sink: FakeSink) -> None:
    delivery = make()
    for phase in (report(), report(answered=True, answered_at=START), ended()):
        delivery.put(phase)
        await asyncio.sleep(0)
    await delivery.drained()
    phases = sink.phases("call:office:1.1")
    assert phases == sorted(phases, key=["ringing", "answered", "ended"].index)
    assert phases[-1] == "ended"


async def test_a_call_that_waits_waits_with_its_newest_report_only(make: Make, sink: FakeSink) -> None:
    delivery = make()
    delivery.put(report())
    delivery.put(ended())
    await delivery.drained()
    assert sink.phases("call:office:1.1") == ["ended"]


async def test_several_calls_are_under_way_at_once_and_one_call_never_twice(time: FakeTime) -> None:
    class SlowSink(FakeSink):
        def __init__(self) -> None:
            super().__init__()
            self.most = self.now = 0
            self.keys: set[str] = set()

        async def accept(self, item: Inbound) -> Any:
            assert item.key not in self.keys
            self.keys.add(item.key)
            self.now += 1
            self.most = max(self.most, self.now)
            await turns(3)
            self.now -= 1
            self.keys.discard(item.key)
            return await super().accept(item)

    sink = SlowSink()
    delivery = Delivery(sink, sleep=time.sleep)
    task = asyncio.create_task(delivery.run())
    for number in range(300):
        delivery.put(report(f"1.{number}"))
        delivery.put(ended("1.7"))
        await asyncio.sleep(0)
    await delivery.drained()
    task.cancel()
    assert 1 < sink.most <= AT_ONCE


async def test_a_store_that_is_down_is_tried_again_until_it_takes_the_call(
    make: Make, sink: FakeSink, time: FakeTime
) -> None:
    delivery = make()
    sink.down = True
    delivery.put(report())
    await time.advance(100)
    assert sink.taken == []
    assert time.slept[:6] == [1, 2, 4, 8, 16, 30]
    assert delivery.backlog == 1
    assert "the disk is full" in str(delivery.problem)
    sink.down = False
    await time.advance(30)
    assert sink.phases("call:office:1.1") == ["ringing"]
    assert (delivery.backlog, str(delivery.problem), delivery.lost) == (0, "", 0)


async def test_a_call_that_ends_while_the_store_is_down_is_stored_as_ended(
    make: Make, sink: FakeSink, time: FakeTime
) -> None:
    delivery = make()
    sink.down = True
    delivery.put(report())
    await time.advance(3)
    delivery.put(ended())
    sink.down = False
    await time.advance(30)
    assert sink.phases("call:office:1.1") == ["ended"]
    assert delivery.backlog == 0


async def test_an_error_that_trying_can_not_cure_costs_one_report_not_the_others(
    make: Make, sink: FakeSink, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = make()
    sink.failures = [ValueError("no such column")] * TRIES
    delivery.put(report("1.1"))
    await time.advance(60)
    delivery.put(report("1.2"))
    await delivery.drained()
    assert [item.key for item in sink.taken] == ["call:office:1.2"]
    assert delivery.lost == 1
    lost = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.__dict__["key"] for record in lost] == ["call:office:1.1"]


async def test_a_passing_error_of_an_unknown_kind_costs_nothing(make: Make, sink: FakeSink, time: FakeTime) -> None:
    delivery = make()
    sink.failures = [OSError("a moment"), NotDurable("a moment")]
    delivery.put(report())
    await time.advance(10)
    assert len(sink.taken) == 1
    assert delivery.lost == 0


async def test_more_calls_than_the_limit_are_counted_as_lost_and_known_ones_still_taken(
    make: Make, sink: FakeSink, time: FakeTime
) -> None:
    delivery = make(limit=10)
    sink.down = True
    for number in range(AT_ONCE + 15):
        delivery.put(report(f"1.{number}"))
        await turns(4)
    assert delivery.lost == 5
    delivery.put(ended(f"1.{AT_ONCE + 5}"))
    assert delivery.lost == 5
    sink.down = False
    await time.advance(60)
    await delivery.drained()
    assert sink.phases(f"call:office:1.{AT_ONCE + 5}") == ["ended"]
    assert len(sink.taken) == AT_ONCE + 10


async def test_a_stop_leaves_what_was_not_stored_in_the_backlog(sink: FakeSink, time: FakeTime) -> None:
    delivery = Delivery(sink, sleep=time.sleep)
    task = asyncio.create_task(delivery.run())
    sink.down = True
    delivery.put(report())
    await time.advance(1)
    delivery.put(ended())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert delivery.backlog == 1


async def test_nothing_to_deliver_is_drained(make: Make) -> None:
    waiting: Awaitable[None] = make().drained()
    await asyncio.wait_for(waiting, PATIENCE)
