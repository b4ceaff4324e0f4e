"""The tracker against recorded streams: our own of Asterisk 16 and 22 (PJSIP), cacofonisk's of 13 (chan_sip)."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.telephony.inspect import inspect_ami
from gateway.telephony.lines import LineRules
from tests.unit.telephony.tracking import ASTERISK16, CACOFONISK, RECORDINGS

EXPECTED: dict[str, Any] = json.loads((RECORDINGS / "expected.json").read_text("utf-8"))
OLDER: dict[str, Any] = json.loads((ASTERISK16 / "expected.json").read_text("utf-8"))
GOLD: dict[str, Any] = (
    {
        name: value
        for name, value in json.loads((CACOFONISK / "expected.json").read_text("utf-8")).items()
        if name != "_meta"
    }
    if (CACOFONISK / "expected.json").exists()
    else {}
)
NO_GOLD = f"no cacofonisk recordings in {CACOFONISK}; set LEADGATE_CORPORA"

REASONS = {
    "direct_no_answer": "no_answer",
    "direct_caller_gives_up": "caller_hung_up",
    "direct_busy": "busy",
    "group_nobody": "caller_hung_up",
    "queue_abandoned": "queue_abandoned",
    "after_hours_announcement": "announcement",
    "ivr_abandoned": "ivr_abandoned",
    "missed_then_called_back": "caller_hung_up",
}
RANG = {
    "group_nobody": ["101", "102"],
    "group_second_answers": ["101", "102"],
    "queue_abandoned": ["101", "102"],
    "direct_busy": [],
    "after_hours_announcement": [],
    "ivr_abandoned": [],
    "outbound_no_answer": ["+79161112233"],
    "blind_transfer_by_manager": ["101", "103"],
    "attended_transfer": ["101", "103"],
    "click_to_call": ["101", "+79161112233"],
}


_CDR_TIME = re.compile(r"2026-\d\d-\d\d \d\d:\d\d:\d\d")


def _e164(number: str) -> str:
    return number if len(number) == 3 else f"+{number}"


@pytest.mark.parametrize("name", EXPECTED)
def test_our_recordings_give_the_calls_that_took_place(name: str) -> None:
    records = list(inspect_ami([RECORDINGS / f"{name}.ami"], region="RU"))
    expected = EXPECTED[name]["calls"]
    assert len(records) == len(expected)
    for record, call in zip(records, expected, strict=True):
        assert record["direction"] == call["direction"]
        assert record["caller"] == _e164(call["caller"])
        assert record["dialled"] == _e164(call["dialled"])
        answered = call["outcome"] == "answered"
        assert record["answered"] is answered
        assert (record["outcome"] == "answered") is answered
        if "answered_by" in call:
            assert record["answered_by"] == (call["answered_by"] and _e164(call["answered_by"]))
        if call["direction"] == "outbound" and not answered:
            assert record["outcome"] == "no_answer"
        wanted = (
            [{"kind": call["kind"], "by": call["answered_by"], "to": call["transferred_to"], "answered": True}]
            if "transferred_to" in call
            else []
        )
        assert record["transfers"] == wanted
        assert record["ended"] is True
        assert record["gap"] is False


@pytest.mark.parametrize(("name", "reason"), REASONS.items())
def test_our_recordings_say_why_a_call_was_missed(name: str, reason: str) -> None:
    first = next(inspect_ami([RECORDINGS / f"{name}.ami"], region="RU"))
    assert (first["outcome"], first["missed_reason"]) == ("missed", reason)


@pytest.mark.parametrize(("name", "rang"), RANG.items())
def test_our_recordings_say_who_was_rung(name: str, rang: list[str]) -> None:
    first = next(inspect_ami([RECORDINGS / f"{name}.ami"], region="RU"))
    assert first["rang"] == rang


@pytest.mark.parametrize("name", EXPECTED)
def test_the_times_agree_with_what_the_pbx_itself_billed(name: str) -> None:
    """The last call ends when the last CDR row says, which has whole seconds."""
    records = list(inspect_ami([RECORDINGS / f"{name}.ami"], region="RU"))
    for record in records:
        assert record["started_at"] <= (record["answered_at"] or record["ended_at"]) <= record["ended_at"]
        assert (record["talk_seconds"] is None) is (record["answered"] is False)
        assert record["talk_seconds"] is None or 0 < record["talk_seconds"] <= 12.1
        assert record["wait_seconds"] > 0
    billed = max(moment for row in EXPECTED[name]["cdr"] for moment in _CDR_TIME.findall(row))
    ended = datetime.fromisoformat(max(record["ended_at"] for record in records))
    assert abs(ended - datetime.fromisoformat(f"{billed}+00:00")) < timedelta(seconds=1.1)


@pytest.mark.parametrize("name", OLDER)
def test_recordings_of_asterisk_16_give_the_whole_record(name: str) -> None:
    """Voicemail, pickup, parking, Local queue members, click to call refused, a gateway that came late, and more."""
    records = list(inspect_ami([ASTERISK16 / f"{name}.ami"], region="RU"))
    assert len(records) == len(OLDER[name])
    for record, expected in zip(records, OLDER[name], strict=True):
        assert {field: record[field] for field in expected} == expected
        assert record["ended"] is True


def _gold_cases() -> list[tuple[str, dict[str, Any]]]:
    """The calls that cacofonisk's tests expect, without the legs that belong to another call's record."""
    return [
        (name, call)
        for name, gold in GOLD.items()
        for call in gold["calls"]
        if call["role"] == "primary" and not name.endswith("xfer_abcbac.json")
    ]


@pytest.mark.skipif(not GOLD, reason=NO_GOLD)
@pytest.mark.parametrize(("name", "call"), _gold_cases())
def test_cacofonisk_recordings_agree_with_its_own_tests(name: str, call: dict[str, Any]) -> None:
    records = list(inspect_ami([CACOFONISK / name], region="NL"))
    (record,) = [one for one in records if one["linkedid"] == call["linkedid"]]
    assert record["caller"] == call["caller"]
    assert record["dialled"] == _dutch(call["dialled"])
    assert record["answered"] is (call["outcome"] == "answered")
    if call["answered_by"] is None:
        assert record["answered_by"] is None
    elif call["answered_by_account"].startswith("voipgrid"):
        assert record["answered_by"] == call["answered_by"]
    else:
        assert record["answered_by"] == call["answered_by_account"]
    assert record["direction"] == _direction(call)
    transfers = [(one["kind"], one["to"], one["answered"]) for one in record["transfers"]]
    assert transfers == [
        ("blind" if one["type"] == "blind" else "attended", one["to_exten"], one["answered_by"] is not None)
        for one in call["transfers"]
    ]
    for ours, theirs in zip(record["transfers"], call["transfers"], strict=True):
        assert ours["by"] in (theirs.get("transferer"), theirs["transferer_account"])


def _dutch(number: str) -> str:
    return f"+31{number[1:]}" if number.startswith("0") else number


def _direction(call: dict[str, Any]) -> str:
    if call["caller_side"] == "trunk":
        return "inbound"
    return "internal" if len(call["dialled"]) == 3 else "outbound"


@pytest.mark.skipif(not GOLD, reason=NO_GOLD)
@pytest.mark.parametrize("name", GOLD)
def test_cacofonisk_recordings_give_one_record_a_conversation(name: str) -> None:
    """A consultation, and a call that a transfer merges with another, have no record of their own."""
    records = list(inspect_ami([CACOFONISK / name], region="NL"))
    counted = {"var_set/user_events.json": 2, "xfer_attended/xfer_abcbac.json": 1}
    assert len(records) == counted.get(name, 1)
    assert all(record["ended"] for record in records)


@pytest.mark.skipif(not GOLD, reason=NO_GOLD)
def test_two_calls_that_the_common_partner_joins_are_one_record() -> None:
    """202 and 203 called 201, who put them together: the earlier call stays, with a transfer to the later caller."""
    (record,) = inspect_ami([CACOFONISK / "xfer_attended/xfer_abcbac.json"], region="NL")
    assert (record["caller"], record["dialled"], record["answered_by"]) == ("202", "201", "150010001")
    assert record["transfers"] == [{"kind": "attended", "by": "150010001", "to": "203", "answered": True}]


@pytest.mark.skipif(not GOLD, reason=NO_GOLD)
@pytest.mark.parametrize(
    ("name", "caller", "dialled", "outcome"),
    [
        ("originate/ctd-account-world-deny-a.json", "201", None, "no_answer"),
        ("originate/cmn-world-world-unaccepted.json", None, "+31260010001", "no_answer"),
    ],
)
def test_click_to_call_that_the_first_person_refuses_is_an_outbound_call_that_did_not_take_place(
    name: str, caller: str | None, dialled: str | None, outcome: str
) -> None:
    (record,) = inspect_ami([CACOFONISK / name], region="NL")
    assert (record["direction"], record["caller"], record["dialled"]) == ("outbound", caller, dialled)
    assert (record["outcome"], record["answered"]) == (outcome, False)


def test_a_trunk_named_in_the_config_is_one_whatever_its_context() -> None:
    path = RECORDINGS / "direct_answered.ami"
    (record,) = inspect_ami(
        [path], region="RU", lines=LineRules(internal_contexts=("from-trunk",), trunks=("PJSIP/trunk",))
    )
    assert record["direction"] == "inbound"
    (record,) = inspect_ami([path], region="RU", lines=LineRules(internal_contexts=("from-trunk",)))
    assert record["direction"] != "inbound"


def test_all_recordings_are_there() -> None:
    assert {path.stem for path in Path(RECORDINGS).glob("*.ami")} == set(EXPECTED)
    assert {path.stem for path in Path(ASTERISK16).glob("*.ami")} == set(OLDER)
