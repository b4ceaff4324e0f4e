"""The connector and the calls that an earlier run left open, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from gateway.core.errors import StoreUnavailable
from gateway.core.ports import OpenCall
from gateway.demo.mischief import Mischief
from gateway.demo.pbx import PbxServer
from gateway.telephony.connector import PbxConnector
from gateway.telephony.settings import PbxSettings
from tests.support.patience import PATIENCE
from tests.unit.telephony.fakes import FakeSink, FakeTime, FakeTracker, call_record, until
from tests.unit.telephony.test_leftovers import CALL, answered, ringing, stored

KEY = f"call:office:{CALL}"


class Store:
    """Implements ``core.ports.OpenCalls``; fails as often as it is told to."""

    def __init__(self) -> None:
        self.calls: list[OpenCall] = []
        self.failures = 0
        self.asked = 0

    async def open_calls(self, source: str) -> list[OpenCall]:
        assert source == "office"
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the database is down")
        return self.calls


@pytest.fixture
def past() -> Store:
    return Store()


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


@pytest.fixture
def tracker() -> FakeTracker:
    return FakeTracker()


@pytest.fixture
async def start(
    pbx: PbxServer, past: Store, sink: FakeSink, tracker: FakeTracker, time: FakeTime
) -> AsyncIterator[Callable[[], PbxConnector]]:
    settings = PbxSettings(name="office", host="127.0.0.1", port=pbx.port, username="leadgate", secret="hunter2")
    connector = PbxConnector(
        settings, sink, lambda: tracker, time, "RU", open_calls=past, sleep=time.sleep, chance=lambda: 0.0
    )

    def begin() -> PbxConnector:
        starting.append(asyncio.create_task(connector.start()))
        return connector

    starting: list[asyncio.Task[None]] = []
    yield begin
    await asyncio.gather(connector.stop(), time.advance(6))


async def test_call_that_ended_while_the_gateway_was_off_is_closed_after_the_first_snapshot(
    start: Callable[[], PbxConnector], past: Store, sink: FakeSink
) -> None:
    past.calls = [stored(ringing())]
    start()
    await until(lambda: sink.phases(KEY) == ["ended"])
    draft = sink.taken[0].draft
    assert draft is not None
    assert draft.details["gap"]
    assert any("Events of this call were lost" in sentence for sentence in draft.problems)


async def test_store_that_was_down_is_asked_again_after_the_next_connect_and_never_a_third_time(
    start: Callable[[], PbxConnector], past: Store, sink: FakeSink, tracker: FakeTracker, pbx: PbxServer, time: FakeTime
) -> None:
    past.calls, past.failures = [stored(ringing())], 1
    start()
    await until(lambda: len(tracker.snapshots) == 1)
    assert sink.taken == []
    for sessions in (2, 3):
        pbx.cut()
        await _reconnected(tracker, time, sessions)
    await until(lambda: sink.phases(KEY) == ["ended"])
    assert past.asked == 2


async def test_what_this_run_sees_of_a_call_is_completed_by_what_the_last_one_saw(
    start: Callable[[], PbxConnector], past: Store, sink: FakeSink, tracker: FakeTracker, pbx: PbxServer, time: FakeTime
) -> None:
    past.calls = [stored(answered())]
    pbx.mischief = Mischief(refuses=frozenset({"CoreShowChannels"}))  # so nobody can say that the call is gone
    start()
    await until(lambda: len(tracker.snapshots) == 1)
    tracker.settling = [replace(call_record(CALL, ended=True, ended_at=time.now()), gap=True)]
    await time.advance(1)
    await until(lambda: sink.phases(KEY) == ["ended"])
    draft = sink.taken[0].draft
    assert draft is not None
    assert (draft.details["outcome"], draft.details["answered_by"]) == ("answered", "101")


async def _reconnected(tracker: FakeTracker, time: FakeTime, sessions: int) -> None:
    """Let the client's pauses pass until it has had so many sessions."""
    async with asyncio.timeout(PATIENCE):
        while len(tracker.snapshots) < sessions:
            await time.advance(1)
            await asyncio.sleep(0.01)
