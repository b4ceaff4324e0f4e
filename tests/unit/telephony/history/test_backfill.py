"""The service: when it reads, what it does when it can't, what it leaves to the connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway.core.sentences import Sentence
from gateway.core.types import Outcome
from gateway.telephony.history.backfill import EVERY, SOON, Backfill
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.history.page import LogUnreadable, Page, Refused
from gateway.telephony.history.report import CUT, FROM_CDR, history_inbound
from gateway.telephony.lines import LineRules
from gateway.telephony.report import inbound_of
from tests.support.sink import RecordingSink
from tests.unit.telephony.fakes import START, FakeTime, call_record, until
from tests.unit.telephony.history.logs import REGION, Rows, recorded_cel

CALLS = 25
"""In the recorded log."""


class Places(dict[str, Mapping[str, Any]]):
    """``core.ports.Cursors`` in memory."""

    async def get(self, name: str) -> Mapping[str, Any] | None:  # type: ignore[override]
        return super().get(name)

    async def put(self, name: str, value: Mapping[str, Any]) -> None:
        self[name] = value


class Scripted(Rows):
    """A log that counts its readings and can be away."""

    def __init__(self, rows: Any = ()) -> None:
        super().__init__("cel", rows)
        self.readings = 0
        self.problem: Exception | None = None
        self.refused: list[Refused] = []

    def pages(self, place: Any, since: float | None = None) -> Iterator[Page]:
        self.readings += 1
        if self.problem is not None:
            raise self.problem
        for page in super().pages(place, since):
            page.refused = self.refused
            yield page


def part_of(log: Any, time: FakeTime, sink: RecordingSink, **more: Any) -> Backfill:
    return Backfill("office", [log], sink, Places(), time, lines=LineRules(), region=REGION, sleep=time.sleep, **more)


async def pauses(time: FakeTime, count: int) -> None:
    """Wait for real until it has gone to sleep so often: readings happen in a thread."""
    await until(lambda: len(time.slept) >= count)


async def test_it_reads_at_the_start_then_every_five_minutes_and_at_once_when_the_pbx_is_reached() -> None:
    time, log = FakeTime(), Scripted()
    part = part_of(log, time, RecordingSink())
    await part.start()
    await pauses(time, 1)
    await time.advance(EVERY - 1)
    assert log.readings == 1
    await time.advance(1)
    await pauses(time, 2)
    assert log.readings == 2
    part.kick()
    await pauses(time, 3)
    await time.advance(SOON)
    await pauses(time, 4)
    assert time.slept == [EVERY, EVERY, SOON, EVERY]
    assert log.readings == 3
    await part.stop()
    await time.advance(EVERY)
    assert log.readings == 3


async def test_calls_at_the_end_of_the_log_are_told_by_the_second_look_a_little_later() -> None:
    time, sink = FakeTime(), RecordingSink()
    log = Scripted(recorded_cel())
    part = part_of(log, time, sink)
    await part.start()
    await pauses(time, 1)
    first = len(sink.items)
    await time.advance(2 * SOON)
    await pauses(time, 2)
    assert first < len(sink.items) == CALLS
    await part.stop()


async def test_log_that_can_not_be_read_is_told_in_health_and_read_again_later() -> None:
    time, log = FakeTime(), Scripted()
    log.problem = LogUnreadable("/x/Master.csv: does not exist")
    part = part_of(log, time, RecordingSink())
    (health,) = part.health()
    assert (health.name, health.ok, health.state) == ("cel:office", True, "waiting")
    await part.start()
    await pauses(time, 1)
    (health,) = part.health()
    assert (health.ok, health.state, str(health.detail)) == (False, "unreadable", "/x/Master.csv: does not exist")
    log.problem = None
    await time.advance(EVERY)
    await pauses(time, 2)
    (health,) = part.health()
    assert (health.ok, health.state, str(health.detail)) == (True, "reading", "")
    await part.stop()


async def test_fault_of_our_own_does_not_end_the_reading_for_good() -> None:
    time, log = FakeTime(), Scripted()
    log.problem = RuntimeError("a bug")
    part = part_of(log, time, RecordingSink())
    await part.start()
    await pauses(time, 1)
    assert not part.health()[0].ok
    log.problem = None
    await time.advance(EVERY)
    await pauses(time, 2)
    assert part.health()[0].ok
    await part.stop()


async def test_rows_that_can_not_be_taken_are_counted_in_health() -> None:
    time, log = FakeTime(), Scripted()
    log.refused = [Refused("x, byte 1", Sentence("has 2 columns instead of 20"))] * 3
    part = part_of(log, time, RecordingSink())
    await part.read(part._states[0])
    assert "3 rows could not be taken" in str(part.health()[0].detail)


async def test_store_that_takes_nothing_leaves_the_cursor_where_it_was() -> None:
    time, sink = FakeTime(), RecordingSink()
    log = Scripted(recorded_cel())
    part = part_of(log, time, sink)
    sink.refuse()
    await part.start()
    await pauses(time, 1)
    assert not part.health()[0].ok
    assert await part._cursors.get("cel:office") is None
    sink.error = None
    await time.advance(EVERY)
    await pauses(time, 2)
    assert len(sink.items) > 20
    assert sink.items[-1].cursor is not None, "the place is stored with the last call that it covers"
    assert all(item.cursor is None for item in sink.items[:-1])
    await part.stop()


async def test_calls_cut_by_a_crash_are_told_when_the_pbx_does_not_know_them_after_the_reconnect() -> None:
    time, sink, live = FakeTime(), RecordingSink(), LiveCalls()
    part = part_of(Scripted(recorded_cel("cel_crash.csv")), time, sink, live=live)
    (state,) = part._states
    await part.read(state)
    await part.read(state)
    assert sink.items == [], "nobody knows whether they go on: there is no connection"
    live.connected(list)
    await part.read(state)
    assert len(sink.items) == 3
    for item in sink.items:
        assert item.draft is not None
        assert CUT in item.draft.problems
        assert item.draft.details["facts"]["cut"]


async def test_calls_that_go_on_are_not_cut() -> None:
    time, sink, live = FakeTime(), RecordingSink(), LiveCalls()
    rows = recorded_cel("cel_crash.csv")
    live.connected(lambda: [call_record(linkedid) for linkedid in {row.linkedid for row in rows}])
    part = part_of(Scripted(rows), time, sink, live=live)
    for _ in range(3):
        await part.read(part._states[0])
    assert sink.items == []


def test_whole_call_that_was_told_need_not_be_told_by_a_log() -> None:
    live = LiveCalls()
    record = call_record("1.1", ended=True, facts={"linkedids": ["1.1", "1.2"]})
    assert not live.has(record)
    live.told(replace(record, ended=False))
    live.told(replace(record, gap=True))
    live.told(replace(record, facts={"linkedids": ["1.1"], "merged_into": "1.0"}))
    assert not live.has(record)
    live.told(record)
    assert live.has(record)
    assert live.has(replace(record, linkedid="1.2"))
    assert not live.has(replace(record, recording="a.wav")), "the log knows its recording"
    live.told(replace(record, recording="b.wav"))
    assert live.has(replace(record, recording="a.wav"))


def test_what_is_open_on_the_pbx_is_known_while_there_is_a_connection() -> None:
    live = LiveCalls()
    assert live.alive() is None
    live.connected(lambda: [call_record("1.1", facts={"linkedids": ["1.1", "1.2"]})])
    assert live.alive() == frozenset({"1.1", "1.2"})
    live.lost()
    assert live.alive() is None


def test_report_of_a_log_is_of_the_same_call_as_the_connectors_but_another_report() -> None:
    record = call_record(ended=True, ended_at=START)
    live = inbound_of(record, pbx="office", region=REGION, received_at=START)
    told = [history_inbound(record, kind, pbx="office", region=REGION, received_at=START) for kind in ("cel", "cdr")]
    assert {item.key for item in (live, *told)} == {live.key}
    assert len({item.dedup_key for item in (live, *told)}) == 3
    drafts = [item.draft for item in told if item.draft is not None]
    assert [draft.details["from"] for draft in drafts] == ["cel", "cdr"]
    assert [draft.problems for draft in drafts] == [(), (FROM_CDR,)]
    assert live.draft is not None
    assert {draft.handles for draft in drafts} == {live.draft.handles}


async def test_sink_that_has_a_call_already_is_not_counted_as_new() -> None:
    time, sink = FakeTime(), RecordingSink()
    sink.outcome = Outcome.DUPLICATE
    part = part_of(Scripted(recorded_cel()), time, sink)
    await part.read(part._states[0])
    assert part._states[0].calls == 0
