"""What a PBX, a provider or a caller may send that nobody should: each kind by its name, from the bytes to the report.

Logs of the PBX that are cut, rotated, in other orders and encodings: ``tests/integration/telephony/history``. Accounts
without rights and PBXs that are too old: ``test_doctor`` there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.telephony.ami.framing import Framer
from gateway.telephony.interest import INTEREST
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.report import inbound_of
from gateway.telephony.tracker import CallTracker
from tests.unit.telephony.eventtable import events
from tests.unit.telephony.scenes import ANSWER_101, END_101, IN, RING_101
from tests.unit.telephony.tracking import at, the_call

WHOLE = IN + RING_101 + ANSWER_101 + END_101


def wire(name: str, encoding: str = "utf-8") -> bytes:
    """An answered call as AMI writes it, the caller's name escaped as since Asterisk 13.5."""
    escaped = name.translate({ord(letter): f"\\{code}" for letter, code in zip("\\\n\r\t\"'", "\\nrt\"'", strict=True)})
    blocks = []
    for event in events(WHOLE):
        if event["Event"] == "Newchannel" and event["Channel"].startswith("PJSIP/trunk"):
            event["CallerIDName"] = escaped
        blocks.append("".join(f"{key}: {value}\r\n" for key, value in event.items()) + "\r\n")
    return b"Asterisk Call Manager/11.0.0\r\n" + "".join(blocks).encode(encoding)


def told(data: bytes) -> CallRecord:
    """The one call in a stream."""
    tracker = CallTracker(lines=LineRules(), region="RU")
    for event in Framer(INTEREST).feed(data):
        tracker.feed(event, at(0))
    (call,) = tracker.due(at(60))
    return call


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Иван\r\nAction: Command", "Иван Action: Command"),
        ("two\nlines\n\nmore", "two lines more"),
        ('Ivan "the Great" O\'Neil', 'Ivan "the Great" O\'Neil'),
        ("back\\slash \\n", "back\\slash \\n"),
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2066\u202bOffice\u2069", "Office"),
        ("שלום\u200f (office)", "שלום\u200f (office)"),
        ("a\x00b", "a\ufffdb"),
        ("\x07bell\x1b[31m", "bell[31m"),
        ("   ", None),
        ("\u202e", None),
        ("<unknown>", None),
    ],
    ids=ascii,
)
def test_a_callers_name_of_any_kind_is_one_line_of_text(name: str, shown: str | None) -> None:
    call = told(wire(name))
    assert call.caller_name == shown
    assert (call.answered_by, call.talk_seconds) == ("101", 6.9)


def test_a_callers_name_of_ten_thousand_letters_is_cut_and_costs_nothing_else() -> None:
    call = told(wire("Я" * 10_000))
    assert call.caller_name == "Я" * 256
    assert (call.caller, call.answered_by) == ("+79261234567", "101")
    assert len(inbound_of(call, pbx="office", region="RU", received_at=at(9)).raw) < 10_000


def test_a_callers_name_in_windows_1251_costs_only_its_letters() -> None:
    call = told(wire("Иван", "cp1251"))
    assert call.caller_name is not None
    assert set(call.caller_name) == {"\ufffd"}
    assert call.caller == "+79261234567"


@pytest.mark.parametrize("hours", [-2, 2, 24 * 365])
def test_a_pbx_whose_clock_is_hours_off_has_its_calls_whole_and_in_time(hours: int) -> None:
    """The events' own times make the record, the time of receipt decides when a call is over."""
    tracker = CallTracker(lines=LineRules(), region="RU")
    off = timedelta(hours=hours)
    for event in events(WHOLE):
        received = datetime.fromtimestamp(float(event["Timestamp"]), UTC)
        event["Timestamp"] = f"{(received + off).timestamp():.6f}"
        tracker.feed(event, received)
    assert tracker.due(at(10.9)) == []
    (call,) = tracker.due(at(11.1))
    assert (call.wait_seconds, call.talk_seconds) == (2.1, 6.9)
    assert call.started_at == at(0) + off


@pytest.mark.parametrize(
    "number", ["+" * 500, "0" * 5000, "79261234567\x00", "7926123456７", "-1", "ivan@[::1]", "\u202e1"]
)
def test_a_callers_number_that_is_none_keeps_the_call(number: str) -> None:
    data = wire("Ivan").replace(b"CallerIDNum: 79261234567", b"CallerIDNum: " + number.encode())
    call = told(data)
    assert (call.direction, call.answered_by) == ("inbound", "101")
    report = inbound_of(call, pbx="office", region="RU", received_at=at(9))
    assert report.draft is not None
    assert report.draft.handles == ()


def old(stream: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The same from before 13.5: no Linkedid, no times."""
    for event in stream:
        yield {key: value for key, value in event.items() if not key.endswith(("Linkedid", "Timestamp"))}


def test_a_pbx_older_than_13_5_gives_calls_as_well_as_its_events_tell() -> None:
    tracker = CallTracker(lines=LineRules(), region="RU")
    for event in old(events(WHOLE)):
        tracker.feed(event, at(1))
    (call,) = tracker.due(at(60))
    assert (call.direction, call.caller, call.answered_by) == ("inbound", "+79261234567", "101")
    assert the_call(WHOLE).outcome == call.outcome == "answered"
