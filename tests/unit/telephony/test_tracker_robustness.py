"""Streams as they really arrive: begun in the middle, cut, with events lost, doubled or in another order."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telephony.inspect import calls_in, read_events
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.tracker import EVENTS, VARIABLES, CallTracker
from gateway.telephony.tracker.labels import Facts, label
from tests.unit.telephony.tracking import ASTERISK16, RECORDINGS

LINES = LineRules()
Events = list[dict[str, str]]


def _relevant(path: Path) -> Events:
    """A recording's events, without those that the tracker ignores anyway."""
    found = read_events(path)
    return [
        dict(event)
        for event in found
        if event["Event"] in EVENTS and (event["Event"] != "VarSet" or event["Variable"] in VARIABLES)
    ]


PATHS = [
    *sorted(RECORDINGS.glob("*.ami")),
    *(path for path in sorted(ASTERISK16.glob("*.ami")) if path.stem[:3] != "mid"),
]
STREAMS = {path.stem: _relevant(path) for path in PATHS}
streams = st.sampled_from(sorted(STREAMS))


@pytest.fixture(autouse=True)
def no_event_is_stumbled_over(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """``feed`` logs what it could not follow; here nothing may be."""
    with caplog.at_level(logging.ERROR):
        yield
    assert caplog.records == []


def _calls(events: Sequence[dict[str, str]]) -> list[CallRecord]:
    records = calls_in(events, region="RU", lines=LINES)
    for record in records:
        _assert_sane(record)
    return records


def _assert_sane(record: CallRecord) -> None:
    text = json.dumps({**record.as_json(), "facts": record.facts})
    assert label(Facts.from_json(json.loads(text)["facts"])) == (record.outcome, record.missed_reason)
    assert (record.outcome == "answered") is record.answered
    assert (record.missed_reason is not None) is (record.outcome == "missed")
    if record.answered_at is not None:
        assert record.started_at <= record.answered_at
    if record.ended_at is not None:
        assert record.started_at <= record.ended_at
    assert record.talk_seconds is None or record.talk_seconds >= 0
    assert record.wait_seconds is None or record.wait_seconds >= 0
    assert len(set(record.rang)) == len(record.rang)


@pytest.mark.parametrize("name", STREAMS)
def test_every_suffix_of_a_stream_gives_records_that_end(name: str) -> None:
    """The gateway may connect before any event of a call."""
    events = STREAMS[name]
    for start in range(len(events)):
        records = _calls(events[start:])
        assert all(record.ended for record in records), f"from event {start}"
        assert len(records) <= 2


@pytest.mark.parametrize("name", STREAMS)
def test_every_prefix_of_a_stream_is_a_state_of_the_call(name: str) -> None:
    """The connection may break after any event: what is open is shown as open."""
    events = STREAMS[name]
    for stop in range(len(events)):
        _calls(events[:stop])


@pytest.mark.parametrize("name", ["direct_answered", "queue_answered", "outbound_answered", "attended_transfer"])
def test_a_suffix_that_begins_while_they_talk_still_says_answered(name: str) -> None:
    events = STREAMS[name]
    entered = max(index for index, event in enumerate(events) if event["Event"] == "BridgeEnter")
    left = next(index for index, event in enumerate(events) if event["Event"] == "BridgeLeave" and index > entered)
    for start in range(entered + 1, left + 1):
        (record,) = _calls(events[start:])
        assert (record.answered, record.gap, record.answered_at) == (True, True, None)


def test_a_suffix_that_begins_while_phones_ring_gives_nearly_the_whole_record() -> None:
    events = STREAMS["direct_answered"]
    ringing = next(index for index, event in enumerate(events) if event["Event"] == "DialState")
    (whole,) = _calls(events)
    (record,) = _calls(events[ringing:])
    assert (record.caller, record.dialled, record.direction) == (whole.caller, whole.dialled, whole.direction)
    assert (record.answered_by, record.answered_at, record.rang) == ("101", whole.answered_at, ("101",))
    assert record.gap
    assert abs((record.started_at - whole.started_at).total_seconds()) < 1.0


@settings(max_examples=150, deadline=None)
@given(name=streams, data=st.data())
def test_lost_events_never_break_the_rest(name: str, data: st.DataObject) -> None:
    """Hangup events excepted, any may be missing: every call still ends."""
    events = STREAMS[name]
    lost = data.draw(st.sets(st.integers(0, len(events) - 1), max_size=len(events) // 2))
    kept = [event for index, event in enumerate(events) if index not in lost or event["Event"] == "Hangup"]
    assert all(record.ended for record in _calls(kept))


@settings(max_examples=100, deadline=None)
@given(name=streams, data=st.data())
def test_doubled_events_change_nothing_that_counts(name: str, data: st.DataObject) -> None:
    """After a reconnect the end of the old stream and the beginning of the new one may overlap."""
    events = STREAMS[name]
    doubled = data.draw(st.sets(st.integers(0, len(events) - 1), max_size=20))
    stream = [event for index, event in enumerate(events) for _ in range(2 if index in doubled else 1)]
    assert [record.as_json() for record in _calls(stream)] == [record.as_json() for record in _calls(events)]


@settings(max_examples=60, deadline=None)
@given(name=streams, data=st.data())
def test_old_events_that_come_again_later_open_no_second_call(name: str, data: st.DataObject) -> None:
    events = STREAMS[name]
    again = data.draw(st.lists(st.sampled_from(events), max_size=20))
    records = _calls([*events, *again])
    assert len(records) == len(_calls(events))
    assert all(record.ended for record in records)


@settings(max_examples=100, deadline=None)
@given(name=streams, seed=st.integers(0, 2**32))
def test_any_order_of_events_is_survived(name: str, seed: int) -> None:
    shuffled = list(STREAMS[name])
    Random(seed).shuffle(shuffled)
    _calls(shuffled)


@pytest.mark.parametrize("name", STREAMS)
def test_results_of_dials_may_come_after_the_hangup(name: str) -> None:
    """Each DialEnd that is no answer goes behind the hangup of its phone."""
    events = STREAMS[name]
    late = [event for event in events if event["Event"] == "DialEnd" and event["DialStatus"] != "ANSWER"]
    moved: Events = []
    for event in events:
        if event not in late:
            moved.append(event)
        if event["Event"] == "Hangup":
            moved += [end for end in late if end["DestUniqueid"] == event["Uniqueid"]]
    assert _labels(moved) == _labels(events)


@pytest.mark.parametrize("name", STREAMS)
def test_hangups_may_come_in_any_order(name: str) -> None:
    """The last ones of a call, turned round."""
    events = STREAMS[name]
    first = max(index for index, event in enumerate(events) if event["Event"] != "Hangup")
    tail = [index for index, event in enumerate(events) if event["Event"] == "Hangup" and index > first - 6]
    turned = list(events)
    for index, other in zip(tail, reversed(tail), strict=True):
        turned[index] = events[other]
    assert _labels(turned) == _labels(events)


def _labels(events: Events) -> list[tuple[object, ...]]:
    return [(one.direction, one.outcome, one.missed_reason, one.answered_by, one.rang) for one in _calls(events)]


HEADERS = [
    "Event", "Channel", "Uniqueid", "Linkedid", "DestChannel", "DestUniqueid", "BridgeUniqueid", "SwapUniqueid",
    "Cause", "ChannelState", "Timestamp", "DialString", "DialStatus", "Exten", "CallerIDNum", "Application",
    "AppData", "Result", "OrigTransfererUniqueid", "OrigTransfererChannel", "TransfererUniqueid",
    "TransfererChannel", "Variable", "Value", "LocalOneUniqueid", "LocalOneChannel", "LocalTwoUniqueid",
    "LocalTwoChannel", "BridgeId", "Queue", "Newname",
]  # fmt: skip
headers = st.sampled_from(HEADERS)
values = st.one_of(
    st.sampled_from([*EVENTS, "1.1", "1.2", "PJSIP/101-1", "Local/1@a-1;1", "Local/1@a-1;2", "", "-1", "nan", "1e400"]),
    st.text(max_size=8),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(headers, values, max_size=12), max_size=12))
def test_no_event_whatever_is_in_it_stops_the_tracker(events: list[dict[str, str]]) -> None:
    tracker = CallTracker(lines=LINES, region="RU")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for event in events:
        tracker.feed(event, now)
    for record in tracker.finish(now):
        json.dumps(record.as_json())
    assert tracker.open_count == 0
