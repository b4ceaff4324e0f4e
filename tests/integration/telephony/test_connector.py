"""The whole way from a PBX's socket to the sink."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.clock import SystemClock
from gateway.core.ports import Source, SourceHealth
from gateway.core.types import Direction
from gateway.demo.mischief import Mischief
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import RecordedEvent, Recording, load
from gateway.telephony.ami.framing import KEEP_ALL
from gateway.telephony.connector import PbxConnector
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.settings import PbxSettings
from gateway.telephony.tracker import CallTracker
from tests.integration.telephony.conftest import RECORDINGS
from tests.support.patience import PATIENCE
from tests.unit.telephony.fakes import FakeSink, FakeTime, FakeTracker, call_record, until, until_later

FAST = float("inf")
Make = Callable[..., PbxConnector]


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


@pytest.fixture
def tracker() -> FakeTracker:
    return FakeTracker()


@pytest.fixture
async def make(
    pbx: PbxServer, sink: FakeSink, tracker: FakeTracker, time: FakeTime
) -> AsyncIterator[Callable[..., PbxConnector]]:
    made: list[PbxConnector] = []

    def build(settings: dict[str, Any] | None = None, **options: Any) -> PbxConnector:
        table = {"name": "office", "host": "127.0.0.1", "port": pbx.port, "username": "leadgate", "secret": "hunter2"}
        pbx_settings = msgspec.convert(table | (settings or {}), PbxSettings)
        connector = PbxConnector(
            pbx_settings, sink, lambda: tracker, time, "RU", sleep=time.sleep, chance=lambda: 0.0,
            **{"events": KEEP_ALL} | options,
        )  # fmt: skip
        made.append(connector)
        return connector

    yield build
    for connector in made:
        await asyncio.gather(connector.stop(), time.advance(6))


def health(connector: PbxConnector) -> SourceHealth:
    (entry,) = connector.health()
    return entry


async def listening(connector: PbxConnector, pbx: PbxServer) -> None:
    await connector.start()
    await pbx.listeners(1)
    await until(lambda: health(connector).ok)


def event(name: str, **headers: str) -> list[tuple[str, str]]:
    return [("Event", name), *headers.items()]


CALL = "1795308174.29"
KEY = f"call:office:{CALL}"


async def ring(pbx: PbxServer, linkedid: str = CALL) -> None:
    await pbx.send(event("Newchannel", Uniqueid=linkedid, Linkedid=linkedid, Channel="PJSIP/trunk-00000001"))


async def test_a_connector_is_a_source(make: Make) -> None:
    source: Source = make()
    assert [entry.name for entry in source.health()] == ["ami:office"]
    assert health(make()).state == "connecting"


async def test_each_phase_of_a_call_reaches_the_sink_in_order(make: Make, pbx: PbxServer, sink: FakeSink) -> None:
    connector = make()
    await listening(connector, pbx)
    phases = {"Newchannel": "ringing", "BridgeEnter": "answered", "Hangup": "ended"}
    for name, phase in phases.items():
        await pbx.send(event(name, Uniqueid=CALL, Linkedid=CALL))
        await until(partial(lambda expected: sink.phases(KEY)[-1:] == [expected], phase))
    assert sink.phases(KEY) == ["ringing", "answered", "ended"]
    assert health(connector).last_event_at is not None


async def test_a_call_that_settles_is_reported_when_it_is_due(
    make: Make, pbx: PbxServer, sink: FakeSink, tracker: FakeTracker, time: FakeTime
) -> None:
    await listening(make(), pbx)
    tracker.settling = [call_record(CALL, ended=True, ended_at=time.now())]
    await time.advance(1)
    await until(lambda: sink.phases(KEY) == ["ended"])


async def test_what_happens_during_the_listing_is_applied_after_it(
    make: Make, pbx: PbxServer, tracker: FakeTracker, sink: FakeSink
) -> None:
    """Trap 18."""
    early = b"".join(b"Event: Newchannel\r\nUniqueid: 1.%d\r\nLinkedid: 1.%d\r\n\r\n" % (n, n) for n in range(3))
    pbx.mischief = Mischief(after_login=early)
    await make().start()
    await until(lambda: len(sink.taken) == 3)
    assert len(tracker.snapshots) == 1
    assert [event["Event"] for event in tracker.events] == ["FullyBooted", *["Newchannel"] * 3]
    assert not tracker.snapshots[0].missing


async def test_the_snapshot_holds_channels_bridges_members_and_waiting_callers(
    make: Make, pbx: PbxServer, tracker: FakeTracker
) -> None:
    for number in (1, 2):
        await ring(pbx, f"1.{number}")
        await pbx.send(event("BridgeEnter", BridgeUniqueid="b-1", BridgeType="basic", Uniqueid=f"1.{number}"))
    await ring(pbx, "1.3")
    await pbx.send(event("QueueCallerJoin", Queue="sales", Position="1", Uniqueid="1.3"))
    await ring(pbx, "1.4")
    await pbx.send(event("Hangup", Uniqueid="1.4"))
    await make().start()
    await until(lambda: bool(tracker.snapshots))
    snapshot = tracker.snapshots[0]
    assert [channel["Uniqueid"] for channel in snapshot.channels] == ["1.1", "1.2", "1.3"]
    assert [channel["BridgeId"] for channel in snapshot.channels] == ["b-1", "b-1", ""]
    assert [(bridge["BridgeUniqueid"], bridge["BridgeType"]) for bridge in snapshot.bridges] == [("b-1", "basic")]
    assert [(member["Uniqueid"], member["BridgeUniqueid"]) for member in snapshot.members] == [
        ("1.1", "b-1"),
        ("1.2", "b-1"),
    ]
    assert [(entry["Queue"], entry["Uniqueid"]) for entry in snapshot.waiting] == [("sales", "1.3")]


async def test_a_list_that_the_account_may_not_see_is_said_and_calls_are_still_taken(
    make: Make, pbx: PbxServer, tracker: FakeTracker, sink: FakeSink
) -> None:
    pbx.mischief = Mischief(refuses=frozenset({"CoreShowChannels", "BridgeList"}))
    connector = make()
    await listening(connector, pbx)
    await ring(pbx)
    await until(lambda: len(sink.taken) == 1)
    assert "refused CoreShowChannels (Permission denied): add reporting" in str(health(connector).detail)
    assert len(tracker.snapshots[0].missing) == 2


async def test_after_a_cut_the_calls_are_reconciled_and_the_gone_one_ends_with_a_gap(
    make: Make, pbx: PbxServer, tracker: FakeTracker, sink: FakeSink, time: FakeTime
) -> None:
    """Trap 18."""
    connector = make()
    await listening(connector, pbx)
    await ring(pbx, "1.1")
    await ring(pbx, "1.2")
    await until(lambda: len(sink.taken) == 2)
    pbx.cut()
    await until(lambda: not health(connector).ok)
    assert health(connector).state == "unreachable"
    assert "closed the connection" in str(health(connector).detail)
    await pbx.send(event("Hangup", Uniqueid="1.1", Linkedid="1.1"))  # nobody hears it
    await until_later(time, lambda: len(tracker.snapshots) == 2)
    await until(lambda: sink.phases("call:office:1.1") == ["ringing", "ended"])
    (ended,) = [item for item in sink.taken if item.key == "call:office:1.1" and item.draft and item.draft.ended_at]
    assert ended.draft is not None
    assert any("lost" in problem for problem in ended.draft.problems)
    await pbx.listeners(1)
    await pbx.send(event("Hangup", Uniqueid="1.2", Linkedid="1.2"))
    await until(lambda: sink.phases("call:office:1.2") == ["ringing", "ended"])
    assert health(connector).ok


async def test_an_overflow_drops_the_connection_and_the_calls_are_reconciled(
    make: Make, pbx: PbxServer, tracker: FakeTracker, time: FakeTime
) -> None:
    pbx.mischief = Mischief(after_login=b"".join(b"Event: Newstate\r\nNumber: %d\r\n\r\n" % n for n in range(500)))
    connector = make(queue_limit=100)
    await connector.start()
    await until(lambda: "waited to be worked on" in str(health(connector).detail))
    pbx.mischief = Mischief()
    await until_later(time, lambda: health(connector).ok)
    await until(lambda: bool(tracker.snapshots))


async def test_an_event_that_the_tracker_fails_on_costs_no_other(
    make: Make, pbx: PbxServer, sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    connector = make()
    await listening(connector, pbx)
    await pbx.send(event("Bug"))
    await ring(pbx)
    await until(lambda: len(sink.taken) == 1)
    assert health(connector).ok
    assert any(record.__dict__.get("event") == "Bug" for record in caplog.records)


@pytest.mark.parametrize(
    ("settings", "mischief", "state", "sentence"),
    [
        ({"secret": "wrong"}, Mischief(), "refused", "refused the login"),
        ({}, Mischief(banner=b"220 mail ESMTP\r\n"), "refused", "is not an Asterisk Manager Interface"),
        ({}, Mischief(cut_after=0), "unreachable", "closed the connection"),
        ({"host": "pbx.invalid"}, Mischief(), "unreachable", "can't be resolved"),
    ],
)
async def test_health_says_why_there_is_no_connection(
    make: Make, pbx: PbxServer, settings: dict[str, Any], mischief: Mischief, state: str, sentence: str
) -> None:
    pbx.mischief = mischief
    connector = make(settings)
    await connector.start()
    await until(lambda: bool(health(connector).detail))
    entry = health(connector)
    assert (entry.ok, entry.state) == (False, state)
    assert sentence in str(entry.detail)
    assert "wrong" not in str(entry.detail)


async def test_silence_after_the_login_is_noticed(make: Make, pbx: PbxServer, time: FakeTime) -> None:
    pbx.mischief = Mischief(silent_after_login=True)
    connector = make()
    await connector.start()
    await until(lambda: any(action.get("Action") == "CoreShowChannels" for action in pbx.actions))
    await time.advance(5)
    await until(lambda: any(action.get("Action") == "Ping" for action in pbx.actions))
    await time.advance(5)
    await until(lambda: "no sign of life" in str(health(connector).detail))


async def test_a_store_that_is_down_is_said_and_its_calls_arrive_when_it_is_back(
    make: Make, pbx: PbxServer, sink: FakeSink, time: FakeTime
) -> None:
    connector = make()
    await listening(connector, pbx)
    sink.down = True
    await ring(pbx)
    await until(lambda: sink.attempts == 1)
    await until(lambda: not health(connector).ok)
    assert health(connector).state == "connected"
    assert "the disk is full" in str(health(connector).detail)
    assert "1 call waits" in str(health(connector).detail)
    sink.down = False
    await until_later(time, lambda: health(connector).ok)
    assert sink.phases(KEY) == ["ringing"]


async def test_a_stop_reports_the_calls_that_are_over_and_leaves_the_pbx(
    make: Make, pbx: PbxServer, tracker: FakeTracker, sink: FakeSink, time: FakeTime
) -> None:
    connector = make()
    await listening(connector, pbx)
    tracker.settling = [call_record(CALL, ended=True, ended_at=time.now())]
    await connector.stop()
    assert sink.phases(KEY) == ["ended"]
    await pbx.listeners(0)
    await connector.stop()  # twice is fine


async def test_a_stop_does_not_wait_for_a_dead_store_for_ever(
    make: Make, pbx: PbxServer, sink: FakeSink, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    connector = make()
    await listening(connector, pbx)
    sink.down = True
    await ring(pbx)
    await until(lambda: sink.attempts == 1)
    stopping = asyncio.create_task(connector.stop())
    await time.advance(6)
    await asyncio.wait_for(stopping, PATIENCE)
    assert any(record.__dict__.get("action") == "calls_unstored" for record in caplog.records)


async def test_an_authority_file_that_is_missing_stops_the_start_with_a_sentence(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.pem"):
        await make({"tls": True, "ca_file": str(tmp_path / "missing.pem")}).start()


# -- with the real tracker -------------------------------------------------------------------------------------------

EXPECTED: dict[str, Any] = json.loads((RECORDINGS / "expected.json").read_text("utf-8"))
RULES = LineRules(trunks=("PJSIP/trunk",), trunk_contexts=("from-trunk",), internal_contexts=("from-internal",))


class MarkedTracker(CallTracker):
    """The real one, and says when it has seen a mark."""

    def __init__(self) -> None:
        super().__init__(lines=RULES, region="RU")
        self.marks: set[str] = set()

    def feed(self, event: Mapping[str, str], at: datetime) -> list[CallRecord]:
        self.marks.add(event.get("Mark", ""))
        return super().feed(event, at)

    async def caught_up(self, pbx: PbxServer) -> None:
        """Wait until everything that the PBX sent so far was worked on."""
        mark = str(len(self.marks))
        await pbx.send(event("Rename", Mark=mark))
        await until(lambda: mark in self.marks)


@pytest.fixture
def marked() -> MarkedTracker:
    return MarkedTracker()


@pytest.fixture
async def real(pbx: PbxServer, sink: FakeSink, marked: MarkedTracker) -> AsyncIterator[PbxConnector]:
    """A connector with everything real but the sink; it lives in real time."""
    settings = PbxSettings(name="office", host="127.0.0.1", port=pbx.port, username="leadgate", secret="hunter2")
    connector = PbxConnector(settings, sink, lambda: marked, SystemClock(), "RU")
    await connector.start()
    await pbx.listeners(1)
    yield connector
    await connector.stop()


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.ami")))
async def test_a_recorded_call_comes_out_as_it_took_place(
    real: PbxConnector, marked: MarkedTracker, pbx: PbxServer, sink: FakeSink, name: str
) -> None:
    await pbx.play(load(RECORDINGS / f"{name}.ami"), speed=FAST)
    await marked.caught_up(pbx)
    await real.stop()
    ended = [item.draft for item in sink.taken if item.draft and item.draft.ended_at]
    whole = [draft for draft in ended if "merged_into" not in draft.details["facts"]]
    assert sorted((draft.direction.value, draft.details["answered"]) for draft in whole) == sorted(
        (call["direction"], call["outcome"] == "answered") for call in EXPECTED[name]["calls"]
    )
    assert all(bool(draft.handles) == (draft.direction is not Direction.INTERNAL) for draft in whole)


async def test_the_same_recording_played_twice_at_once_is_two_calls(
    real: PbxConnector, marked: MarkedTracker, pbx: PbxServer, sink: FakeSink, recording: Recording
) -> None:
    await asyncio.gather(
        pbx.play(recording, speed=FAST, caller="79161112233"), pbx.play(recording, speed=FAST, caller="79164445566")
    )
    await marked.caught_up(pbx)
    await real.stop()
    ended = [item.draft for item in sink.taken if item.draft and item.draft.ended_at]
    assert sorted(draft.handles[0].value for draft in ended) == ["+79161112233", "+79164445566"]
    assert all(draft.details["answered"] for draft in ended)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
async def test_a_call_cut_off_in_the_middle_still_ends_once_and_is_marked(
    pbx: PbxServer, marked: MarkedTracker, sink: FakeSink, time: FakeTime, recording: Recording, part: float
) -> None:
    settings = PbxSettings(name="office", host="127.0.0.1", port=pbx.port, username="leadgate", secret="hunter2")
    connector = PbxConnector(settings, sink, lambda: marked, time, "RU", sleep=time.sleep, chance=lambda: 0.0)
    await connector.start()
    await pbx.listeners(1)
    await until(lambda: health(connector).ok)
    middle = int(len(recording.events) * part)
    heard, heard_after = _split(recording, middle)
    at = SystemClock().now()
    await pbx.play(heard, speed=FAST, at=at)
    await marked.caught_up(pbx)
    pbx.cut()
    await until(lambda: not health(connector).ok)
    await until_later(time, lambda: health(connector).ok)
    await pbx.listeners(1)
    pbx._serials = iter([1])  # type: ignore[assignment] # the second half belongs to the same play
    await pbx.play(heard_after, speed=FAST, at=at)
    await marked.caught_up(pbx)
    await connector.stop()
    keys = {item.key for item in sink.taken}
    ends = [item for item in sink.taken if item.draft and item.draft.ended_at]
    assert len(keys) == 1
    assert ends[-1].draft is not None
    assert ends[-1].draft.details["gap"] is True


def _split(recording: Recording, middle: int) -> tuple[Recording, Recording]:
    """Two recordings that share their times, so that a play of each gives the ids of one."""
    first, last = recording.events[0], recording.events[-1]
    ending = RecordedEvent(last.after, (("Event", "Noise"), ("Timestamp", f"{recording.began + last.after:.6f}")))
    begin = RecordedEvent(first.after, (("Event", "Noise"), ("Timestamp", f"{recording.began:.6f}")))
    return (
        replace(recording, events=(*recording.events[:middle], ending)),
        replace(recording, events=(begin, *recording.events[middle:])),
    )


async def test_a_restarted_pbx_ends_the_calls_that_were_open(
    make: Make, pbx: PbxServer, tracker: FakeTracker, sink: FakeSink, time: FakeTime
) -> None:
    """Trap 19."""
    connector = make()
    await listening(connector, pbx)
    await ring(pbx)
    await until(lambda: sink.phases(KEY) == ["ringing"])
    pbx.mischief = Mischief(started="2026-11-22 08:05:00")
    pbx.cut()
    await until(lambda: health(connector).state != "connected")
    await until_later(time, lambda: len(tracker.snapshots) == 2)
    assert [snapshot.restarted for snapshot in tracker.snapshots] == [False, True]
    assert tracker.snapshots[1].started == "2026-11-22 08:05:00"


async def test_a_connection_lost_and_found_is_no_restart(
    make: Make, pbx: PbxServer, tracker: FakeTracker, time: FakeTime
) -> None:
    """Trap 19."""
    connector = make()
    await listening(connector, pbx)
    pbx.cut()
    await until(lambda: health(connector).state != "connected")
    await until_later(time, lambda: len(tracker.snapshots) == 2)
    assert [snapshot.restarted for snapshot in tracker.snapshots] == [False, False]


async def test_an_account_that_may_not_ask_for_the_start_goes_on(
    make: Make, pbx: PbxServer, tracker: FakeTracker
) -> None:
    pbx.mischief = Mischief(refuses=frozenset({"CoreStatus"}))
    await listening(make(), pbx)
    await until(lambda: len(tracker.snapshots) == 1)
    assert tracker.snapshots[0].started == ""
