"""Recorded calls made new for each play."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.demo.recording import Play, Recording, encode, load, parse, read_headers

RECORDINGS = sorted((Path(__file__).parents[3] / "gateway/demo/recordings").glob("*.ami"))
BRIDGE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
RAW = (
    "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: a1\r\n\r\n"
    "Event: FullyBooted\r\nTimestamp: 1795308173.000000\r\n\r\n"
    "Event: Newchannel\r\nTimestamp: 1795308174.500000\r\nChannel: PJSIP/trunk-0000001d\r\n"
    "CallerIDNum: 79261234567\r\nCallerIDName: Иван 79261234567\r\nUniqueid: 1795308174.29\r\n\r\n"
    "Event: BridgeEnter\r\nTimestamp: 1795308176.000000\r\nChannel: Local/101@phones-ffffffff;1\r\n"
    f"BridgeUniqueid: {BRIDGE}\r\n"
    "Uniqueid: pbx-1795308174.30\r\nLinkedid: 1795308174.29\r\nAppData: /rec/1795308174.29.wav\r\n\r\n"
    "Event: CoreShowChannel\r\nTimestamp: 1795308176.000000\r\nActionID: a2\r\n\r\n"
).encode()


@pytest.fixture
def recording() -> Recording:
    return parse(RAW, "sample")


def played(recording: Recording, play: Play) -> list[dict[str, str]]:
    return [dict(event.headers) for event in play.events(recording)]


def test_only_the_events_of_calls_are_kept_with_their_times(recording: Recording) -> None:
    assert [(event.after, dict(event.headers)["Event"]) for event in recording.events] == [
        (0.0, "Newchannel"),
        (1.5, "BridgeEnter"),
    ]
    assert (recording.seconds, recording.caller) == (1.5, "79261234567")


def test_all_times_and_ids_move_together(recording: Recording) -> None:
    first, second = played(recording, Play(shift=1000, serial=2))
    assert first["Timestamp"] == "1795309174.500000"
    assert first["Uniqueid"] == second["Linkedid"] == "1795309174.20029"
    assert second["Uniqueid"] == "pbx-1795309174.20030"
    assert second["AppData"] == "/rec/1795309174.20029.wav"
    assert first["Channel"] == f"PJSIP/trunk-{0x1D + 20000:08x}"
    assert re.fullmatch(r"Local/101@phones-[0-9a-f]{8};1", second["Channel"])
    assert second["BridgeUniqueid"] != BRIDGE
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", second["BridgeUniqueid"])


def test_the_caller_is_replaced_wherever_the_number_stands_alone(recording: Recording) -> None:
    first = played(recording, Play(shift=0, serial=1, caller=("79261234567", "78121112233")))[0]
    assert (first["CallerIDNum"], first["CallerIDName"]) == ("78121112233", "Иван 78121112233")
    untouched = played(recording, Play(shift=0, serial=1, caller=("9261234567", "1")))[0]
    assert untouched["CallerIDNum"] == "79261234567"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_two_plays_share_no_id_and_each_keeps_its_own_equalities(path: Path) -> None:
    recording = load(path)
    keys = ("Uniqueid", "Linkedid", "DestUniqueid", "BridgeUniqueid", "Channel")
    plain, one, two = (
        [event.get(key, "") for event in events for key in keys]
        for events in (
            [dict(event.headers) for event in recording.events],
            played(recording, Play(shift=5, serial=1)),
            played(recording, Play(shift=5, serial=2)),
        )
    )
    assert not (set(one) & set(two)) - {""}
    for other in (one, two):
        assert len(set(zip(plain, other, strict=True))) == len(set(plain)) == len(set(other))


def test_a_stream_without_times_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="old: no events with a Timestamp header; record with timestampevents"):
        parse(b"Event: Newchannel\r\nUniqueid: 1.1\r\n\r\n", "old")


def test_a_message_is_written_as_it_is_read() -> None:
    headers = [("Event", "VarSet"), ("Value", "a: b"), ("Value", ""), ("Имя", "Иван")]
    assert read_headers(encode(headers).removesuffix(b"\r\n\r\n")) == headers
    assert encode(headers).endswith(b"\r\n\r\n")
