"""A masked stream tells the same calls, and holds no number and no name of anybody."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.phone import is_withheld, to_e164
from gateway.telephony.ami.framing import Framer
from gateway.telephony.inspect import calls_in, read_events
from gateway.telephony.lines import LineRules
from gateway.telephony.masking import LEFT_OUT, Masker
from gateway.telephony.tape import encode_message

ROOT = Path(__file__).parents[3]
STREAMS = [*(ROOT / "gateway/demo/recordings").glob("*.ami"), *(ROOT / "tests/fixtures/ami/asterisk16").glob("*.ami")]
_IDS = ("linkedid", "started_at", "answered_at", "ended_at")


def masker(seed: int = 1) -> Masker:
    return Masker("RU", below=random.Random(seed).randrange)


def masked_record(record: dict[str, Any], mask: Masker) -> dict[str, Any]:
    """A record with every number and name in it masked."""

    def walk(key: str, value: Any) -> Any:
        if isinstance(value, str):
            return value if key in _IDS else mask.name(value) if key == "caller_name" else mask.numbers(value)
        if isinstance(value, list):
            return [walk(key, each) for each in value]
        return {name: walk(name, each) for name, each in value.items()} if isinstance(value, dict) else value

    return {key: walk(key, value) for key, value in record.items()}


def records(events: list[Any]) -> list[dict[str, Any]]:
    return [record.as_json() for record in calls_in(events, region="RU", lines=LineRules())]


def test_there_are_recordings_to_mask() -> None:
    assert len(STREAMS) > 30


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_masked_stream_tells_the_same_calls_masked(path: Path) -> None:
    mask = masker()
    events = read_events(path)
    masked = [mask.message(dict(event)) for event in events]
    assert records(masked) == [masked_record(record, mask) for record in records(events)]


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_masked_stream_holds_none_of_the_numbers_and_names(path: Path) -> None:
    mask = masker()
    events = read_events(path)
    said = b"".join(encode_message(mask.message(dict(event))) for event in events).decode()
    ids = re.compile(r"\b1\d{9}\.\d+|-[0-9a-f]{8}\b|[0-9a-f]{8}-[0-9a-f-]{27}")
    for event in events:
        for name in ("CallerIDNum", "ConnectedLineNum", "Exten", "DestCallerIDNum"):
            number = event.get(name, "")
            if len(number) >= 7 and number.isdecimal():
                assert number[-7:] not in ids.sub("", said)
        spoken = event.get("CallerIDName", "")
        if len(spoken) > 3 and spoken[0].isalpha() and not is_withheld(spoken):
            assert spoken not in said


SAME = ["89261234567", "+79261234567", "79261234567", "9261234567", "PJSIP/79261234567-00000012", "sip:79261234567@x"]


def test_one_number_in_all_its_spellings_becomes_one_other_number() -> None:
    mask = masker()
    masked = [mask.numbers(text) for text in SAME]
    tails = {re.findall(r"\d{7,}", text)[0][-10:] for text in masked}
    assert len(tails) == 1
    assert tails != {"9261234567"}
    assert masked[4].endswith("-00000012")
    assert masked[1].startswith("+7926")


def test_two_numbers_stay_two_and_two_recordings_differ() -> None:
    mask = masker()
    numbers = {mask.numbers(f"7926{tail:07d}") for tail in range(2000)}
    assert len(numbers) == 2000
    assert masker(1).numbers("79261234567") != masker(2).numbers("79261234567")


def test_numbers_stay_as_valid_as_they_were() -> None:
    mask = masker()
    for number in ("+79261234567", "+74951234567", "84951234567", "+4930123456", "+12125551234"):
        assert (to_e164(mask.numbers(number), "RU") is None) == (to_e164(number, "RU") is None), number


def test_ids_of_channels_in_a_file_name_stay_and_extensions_too() -> None:
    said = masker().numbers("external-101-79261234567-1795308174.29.wav")
    assert re.fullmatch(r"external-101-7926\d{7}-1795308174\.29\.wav", said)
    assert "79261234567" not in said


HEADERS = [
    ("AppData", "CALLERID(name)=Иван Петров", {"Application": "Set"}, LEFT_OUT),
    ("AppData", "PJSIP/101,30", {"Application": "Dial"}, "PJSIP/101,30"),
    ("Value", "s3cret-token", {"Variable": "CRM_TOKEN"}, LEFT_OUT),
    ("Value", "TIMEOUT", {"Variable": "QUEUESTATUS"}, "TIMEOUT"),
    ("AccountCode", "ivan@example.com", {}, LEFT_OUT),
    ("CallerIDName", "<unknown>", {}, "<unknown>"),
    ("CallerIDName", "Иван", {}, "Name 1"),
    ("ConnectedLineName", "", {}, ""),
    ("CallerIDNum", "anonymous", {}, "anonymous"),
    ("BridgeUniqueid", "12345678-1234-1234-1234-123456789012", {}, "12345678-1234-1234-1234-123456789012"),
    ("Email", "ivan@example.com", {}, LEFT_OUT),
    ("Calls", "12", {}, "12"),
]


@pytest.mark.parametrize(("name", "value", "beside", "expected"), HEADERS)
def test_what_nobody_reads_is_left_out(name: str, value: str, beside: dict[str, str], expected: str) -> None:
    assert masker().message({"Event": "X", name: value, **beside})[name] == expected


def test_a_name_is_the_same_other_name_each_time() -> None:
    mask = masker()
    assert [mask.name(name) for name in ("Иван", "Пётр", "Иван", "79261234567")][:3] == ["Name 1", "Name 2", "Name 1"]
    assert mask.name("79261234567") == mask.numbers("79261234567")


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(values=st.lists(LINE, min_size=1, max_size=3), name=st.sampled_from(["CallerIDName", "Output", "ChanVariable"]))
def test_what_is_written_is_read_back_the_same(values: list[str], name: str) -> None:
    message = {"Event": "X", name: "\n".join(values)}
    (back,) = Framer().feed(b"Asterisk Call Manager/1\r\n" + encode_message(message))
    assert back == message


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(LINE, LINE, max_size=6))
def test_any_message_can_be_masked(message: dict[str, str]) -> None:
    assert set(masker().message(message)) == set(message)
