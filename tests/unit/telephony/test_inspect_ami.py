"""Files of recorded streams, as ``leadgate inspect ami`` reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.telephony.inspect import UnreadableRecording, inspect_ami
from tests.unit.telephony.eventtable import events
from tests.unit.telephony.tracking import RECORDINGS

FIELDS = [
    "file", "linkedid", "direction", "caller", "dialled", "caller_name", "answered", "answered_by", "outcome",
    "missed_reason", "rang", "transfers", "queue", "started_at", "answered_at", "ended_at", "wait_seconds",
    "talk_seconds", "recording", "voicemail", "ended", "gap",
]  # fmt: skip

MISSED = """
0.0  Newchannel  trunk  Ring  Context=from-trunk Exten=74950000101 CallerIDNum=79261234567
4.0  Hangup      trunk        Cause=127
"""


def test_a_record_has_the_documented_fields_and_is_json() -> None:
    path = RECORDINGS / "direct_answered.ami"
    (record,) = inspect_ami([path], region="RU")
    assert list(record) == FIELDS
    assert record["file"] == str(path)
    assert json.loads(json.dumps(record)) == record
    assert record["started_at"].endswith("+00:00")


def test_raw_bytes_and_a_json_array_of_the_same_events_give_the_same_calls(tmp_path: Path) -> None:
    raw, array = tmp_path / "stream.ami", tmp_path / "stream.json"
    lines = ["".join(f"{key}: {value}\r\n" for key, value in event.items()) for event in events(MISSED)]
    raw.write_text("Asterisk Call Manager/11.0.0\r\n" + "\r\n".join(lines) + "\r\n", newline="")
    array.write_text("\n " + json.dumps(events(MISSED)))
    (one,), (other,) = list(inspect_ami([raw], region="RU")), list(inspect_ami([array], region="RU"))
    assert {**one, "file": ""} == {**other, "file": ""}
    assert one["missed_reason"] == "caller_hung_up"


def test_several_files_are_read_one_after_the_other() -> None:
    paths = [RECORDINGS / "direct_busy.ami", RECORDINGS / "missed_then_called_back.ami"]
    records = list(inspect_ami(paths, region="RU"))
    assert [Path(record["file"]).stem for record in records] == ["direct_busy"] + ["missed_then_called_back"] * 2


def test_a_call_that_is_open_at_the_end_says_so(tmp_path: Path) -> None:
    path = tmp_path / "open.json"
    path.write_text(json.dumps(events(MISSED)[:1]))
    (record,) = inspect_ami([path], region="RU")
    assert (record["ended"], record["ended_at"], record["wait_seconds"]) == (False, None, None)


def test_without_timestamps_the_channels_ids_are_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "bare.json"
    path.write_text(json.dumps([{**event, "Timestamp": None, "Extra": ["a", "b"]} for event in events(MISSED)]))
    (record,) = inspect_ami([path], region="RU")
    assert record["started_at"] == "2026-11-21T22:26:40+00:00"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no AMI event"),
        (b"\x00\xff not a stream", "no AMI event"),
        (b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\n", "no AMI event"),
        (b"[{", "no valid JSON"),
        (b"[1, 2]", "array of event objects"),
        (b"{}", "array of event objects"),
    ],
)
def test_a_file_that_holds_no_stream_is_named_with_the_reason(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "odd.ami"
    path.write_bytes(content)
    with pytest.raises(UnreadableRecording, match=why) as caught:
        list(inspect_ami([path], region="RU"))
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecording, match=r"nowhere\.ami: cannot be read: No such file"):
        list(inspect_ami([tmp_path / "nowhere.ami"], region="RU"))


def test_cyrillic_names_arrive_whole(tmp_path: Path) -> None:
    path = tmp_path / "name.json"
    path.write_text(
        json.dumps(events(MISSED.replace("CallerIDNum", "'CallerIDName=Иван Петров' CallerIDNum"))), "utf-8"
    )
    (record,) = inspect_ami([path], region="RU")
    assert record["caller_name"] == "Иван Петров"
