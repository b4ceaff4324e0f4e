"""Any bytes, cut anywhere, to messages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telephony.ami.framing import EventFilter, Framer, Message, read_header

SAMPLE = (
    "Asterisk Call Manager/11.0.0\r\n"
    "Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n"
    "Event: Newchannel\r\nCallerIDName: Иван Ёлкин 😀\r\nAccountCode: \r\nExten:101\r\n\r\n"
    "Event: VarSet\r\nVariable: RTPAUDIOQOS\r\nValue: lots\r\n\r\n"
    "\r\n\r\n"
    "Event: VarSet\r\nVariable: MIXMONITOR_FILENAME\r\nValue: /var/spool/a.wav\r\n\r\n"
    "Event: Newchannel\r\nChanVariable: a=1\r\nthis line is broken\r\nChanVariable: b=2\r\n\r\n"
    "Event: Hangup\r\nCause: 16\r\n\r\n"
).encode()
NO_VARIABLES = EventFilter(
    wanted=frozenset({"VarSet", "Newchannel", "Hangup"}), variables=frozenset({"MIXMONITOR_FILENAME"})
)

MESSAGES: list[Message] = [
    {"Response": "Success", "ActionID": "1", "Message": "Authentication accepted"},
    {"Event": "Newchannel", "CallerIDName": "Иван Ёлкин 😀", "AccountCode": "", "Exten": "101"},
    {"Event": "VarSet", "Variable": "MIXMONITOR_FILENAME", "Value": "/var/spool/a.wav"},
    {"Event": "Newchannel", "ChanVariable": "a=1\nb=2"},
    {"Event": "Hangup", "Cause": "16"},
]


def feed(chunks: Iterator[bytes] | list[bytes], framer: Framer | None = None) -> list[Message]:
    framer = framer or Framer(NO_VARIABLES)
    return [message for chunk in chunks for message in framer.feed(chunk)]


def event(name: str, **headers: str) -> bytes:
    return "".join([f"Event: {name}\r\n", *(f"{key}: {value}\r\n" for key, value in headers.items()), "\r\n"]).encode()


def test_a_stream_becomes_messages_and_a_banner() -> None:
    framer = Framer(NO_VARIABLES)
    assert feed([SAMPLE], framer) == MESSAGES
    assert framer.banner == "Asterisk Call Manager/11.0.0"
    assert (framer.counts.messages, framer.counts.skipped, framer.counts.malformed_lines) == (5, 1, 1)
    assert framer.counts.garbage == framer.counts.oversized == 0


@pytest.mark.parametrize("cut", range(1, len(SAMPLE)))
def test_a_stream_cut_in_two_at_any_byte_gives_the_same_messages(cut: int) -> None:
    assert feed([SAMPLE[:cut], SAMPLE[cut:]]) == MESSAGES


@given(st.lists(st.integers(0, len(SAMPLE)), max_size=30))
@settings(max_examples=200)
def test_a_stream_cut_into_any_chunks_gives_the_same_messages(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SAMPLE)]
    assert feed([SAMPLE[start:end] for start, end in pairwise(edges)]) == MESSAGES


def test_a_stream_that_drips_byte_by_byte_gives_the_same_messages() -> None:
    assert feed([SAMPLE[index : index + 1] for index in range(len(SAMPLE))]) == MESSAGES


@given(st.lists(st.binary(max_size=200), max_size=20))
@settings(max_examples=300)
def test_garbage_never_raises_and_a_message_after_it_is_still_read(chunks: list[bytes]) -> None:
    framer = Framer(max_message=1000)
    feed(chunks, framer)
    assert {"Event": "Hangup", "Cause": "16"} in feed([b"\r\n\r\n", event("Hangup", Cause="16")], framer)


@given(st.binary(max_size=400), st.integers(1, 50))
@settings(max_examples=200)
def test_garbage_reads_the_same_however_it_is_cut(garbage: bytes, step: int) -> None:
    stream = b"Asterisk Call Manager/9\r\n" + garbage + b"\r\n\r\n"
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    assert feed(pieces, Framer()) == feed([stream], Framer())


def test_an_event_of_one_line_is_known_by_its_name() -> None:
    """Found by the fuzzer: its last letter was cut off, so the filter dropped it."""
    assert feed([b"Event: Hangup\r\n\r\nEvent: Hangups\r\n\r\n"], Framer(NO_VARIABLES)) == [{"Event": "Hangup"}]


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=20))
def test_what_is_read_can_be_stored_as_text(lines: list[bytes]) -> None:
    for message in feed([b"Event: X\r\n" + b"\r\n".join(b"Name: " + line for line in lines) + b"\r\n\r\n"], Framer()):
        for text in [*message, *message.values()]:
            text.encode("utf-8")  # raises for lone surrogates
            assert "\0" not in text


def test_a_duplicated_chunk_gives_its_messages_twice_and_nothing_else() -> None:
    chunk = event("Hangup", Cause="16")
    assert feed([SAMPLE, chunk, chunk]) == [*MESSAGES, *2 * [{"Event": "Hangup", "Cause": "16"}]]


@pytest.mark.parametrize("size", [1001, 5000, 1_000_000])
@pytest.mark.parametrize("step", [1_000_000_000, 997, 64])
def test_an_oversized_message_is_dropped_whole_and_counted_once(size: int, step: int) -> None:
    framer = Framer(max_message=1000)
    stream = event("Before") + event("Huge", Header="x" * size) + event("After")
    names = [
        message["Event"] for message in feed([stream[at : at + step] for at in range(0, len(stream), step)], framer)
    ]
    assert names == ["Before", "After"]
    assert framer.counts.oversized == 1


@pytest.mark.parametrize("step", [1, 1_000_000])
def test_a_message_as_long_as_the_limit_is_kept(step: int) -> None:
    block = event("Long", Header="x" * 100)
    framer = Framer(max_message=len(block) - 4)
    stream = event("Before") + block
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert [message["Event"] for message in feed(pieces, framer)] == ["Before", "Long"]


def test_an_oversized_message_does_not_stay_in_memory() -> None:
    framer = Framer(max_message=1000)
    for _ in range(1000):
        framer.feed(b"x" * 1000)
    assert len(framer._buffer) <= 1003


def test_a_message_with_too_many_headers_is_dropped_and_counted() -> None:
    framer = Framer(max_headers=50)
    crowd = b"Event: Crowd\r\n" + b"".join(b"H%d: 1\r\n" % number for number in range(51)) + b"\r\n"
    assert [message["Event"] for message in feed([crowd + event("After")], framer)] == ["After"]
    assert framer.counts.oversized == 1


def test_a_block_without_any_header_is_counted_as_garbage() -> None:
    framer = Framer()
    assert feed([b"Asterisk Call Manager/9\r\n", b"\x16\x03\x01 nonsense\r\nmore\r\n\r\n", event("After")], framer) == [
        {"Event": "After"}
    ]
    assert framer.counts.garbage == 1


@pytest.mark.parametrize(
    ("stream", "banner", "events"),
    [
        (b"Asterisk Call Manager/2.10.6\r\n" + event("A"), "Asterisk Call Manager/2.10.6", 1),
        (b"Asterisk Call Manager Proxy/1.22\r\n" + event("A"), "Asterisk Call Manager Proxy/1.22", 1),
        (event("A") + event("B"), "", 2),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-OpenSSH_9.9", 0),
        (b"\x00\xff" * 2000, "", 0),
        (b"no line end yet", None, 0),
    ],
)
def test_the_first_line_is_a_banner_unless_it_is_a_header(stream: bytes, banner: str | None, events: int) -> None:
    framer = Framer()
    assert len(framer.feed(stream)) == events
    assert framer.banner == banner


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        (b"Exten: 101", ("Exten", "101")),
        (b"Exten:101", ("Exten", "101")),
        (b"AppData:", ("AppData", "")),
        (b"AppData:  two spaces", ("AppData", " two spaces")),
        (b"Value: a: b:c", ("Value", "a: b:c")),
        (b"no colon", ("", "")),
        (b": no name", ("", "")),
        (b"", ("", "")),
        (b"CallerIDName: \xc8\xe2\xe0\xed", ("CallerIDName", "\ufffd" * 4)),
        (b"CallerIDName: \xed\xa0\x80", ("CallerIDName", "\ufffd" * 3)),
        (b"CallerIDName: a\0b", ("CallerIDName", "a\ufffdb")),
        (b'CallerIDName: \\"Ivan\\" O\\\'Neil \\\\', ("CallerIDName", '"Ivan" O\'Neil \\')),
        (b"DestConnectedLineName: one\\ntwo", ("DestConnectedLineName", "one two")),
        (b"ChanVariable: path=C:\\\\new\\n", ("ChanVariable", "path=C:\\new ")),
        (b"CallerIDName: odd \\q and end\\", ("CallerIDName", "odd \\q and end\\")),
        (b"AppData: C:\\new", ("AppData", "C:\\new")),
        (b"CallerIDName: bare\nline", ("CallerIDName", "bare line")),
    ],
)
def test_a_header_line_is_read(line: bytes, pair: tuple[str, str]) -> None:
    assert read_header(line) == pair


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_a_name_that_asterisk_escaped_comes_out_as_it_was(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'").replace("?", "\\?")
    assert read_header(f"CallerIDName: {escaped}".encode()) == ("CallerIDName", name)


@pytest.mark.parametrize("value", ["1795308174.815161", "1795308174", "", "soon", "1\0", "²"])
def test_a_timestamp_is_read_like_any_header(value: str) -> None:
    line = f"Timestamp: {value}".encode()
    assert feed([b"Event: X\r\n" + line + b"\r\n\r\n"], Framer())[0]["Timestamp"] == read_header(line)[1]


def test_lines_that_come_back_are_remembered_within_bounds() -> None:
    framer = Framer()
    for number in range(20_000):
        assert framer.feed(event("Newstate", Uniqueid=f"1.{number}")) == [
            {"Event": "Newstate", "Uniqueid": f"1.{number}"}
        ]
    assert len(framer._lines) <= 16_384


def test_a_recording_that_ends_without_its_last_empty_line_gives_its_last_message() -> None:
    framer = Framer()
    assert framer.feed(event("A") + b"Event: B\r\nCause: 16\r\n") == [{"Event": "A"}]
    assert framer.close() == [{"Event": "B", "Cause": "16"}]
    assert framer.close() == []


RECORDINGS = sorted((Path(__file__).parents[3] / "gateway/demo/recordings").glob("*.ami"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recorded_stream_has_no_garbage_and_reads_the_same_in_odd_chunks(path: Path) -> None:
    raw, framer = path.read_bytes(), Framer()
    whole = feed([raw], framer)
    assert len(whole) == raw.count(b"\r\n\r\n")
    later_banners = raw.count(b"Asterisk Call Manager/") - bool(
        framer.banner
    )  # one file holds the end of a session before
    assert framer.counts.malformed_lines == later_banners
    assert framer.counts.garbage == framer.counts.oversized == 0
    assert feed([raw[at : at + 1447] for at in range(0, len(raw), 1447)], Framer()) == whole


def test_there_are_recordings_to_read() -> None:
    assert len(RECORDINGS) >= 10
