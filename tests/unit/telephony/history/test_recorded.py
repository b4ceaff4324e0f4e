"""Logs that a real Asterisk wrote: each call must come out as a person beside both phones would tell it."""

from __future__ import annotations

import csv
import json
from datetime import UTC
from typing import Any

import pytest

from gateway.telephony.history.columns import CDR_NAMES
from gateway.telephony.history.rows import BadRow, LogClock, cdr_row
from gateway.telephony.record import CallRecord
from tests.unit.telephony.history.logs import DEMO, FAR, RECORDED, Rows, read, reading, recorded_cdr, recorded_cel

TRUTH: dict[str, dict[str, Any]] = json.loads((RECORDED / "truth.json").read_text(encoding="utf-8"))
"""By scenario: its ``team`` and the true ``call``."""

NOT_IN_A_CDR: dict[str, set[str]] = {
    "caller_gives_up": {"missed_reason"},  # who ended it is in no column
    "rejected": {"missed_reason"},
    "blind_transfer": {"transfers", "dialled"},  # Asterisk 16 writes the transfer's target over the dialled number
    "attended_transfer": {"transfers"},
    "attended_transfer_without_a_word": {"transfers"},
}
"""What a call detail record does not tell. Everything else must be right."""

NOT_WITHOUT_STEPS: dict[str, set[str]] = {"queue_abandoned": {"queue"}}
"""What is missing where cel.conf does not log the steps of the dialplan (``apps``)."""


def whole_log(kind: Any, rows: Any) -> list[CallRecord]:
    reader = reading(Rows(kind, rows))
    return [*read(reader).records, *reader.end(FAR)]


@pytest.fixture(scope="module")
def from_cel() -> list[CallRecord]:
    return whole_log("cel", recorded_cel())


@pytest.fixture(scope="module")
def from_cdr() -> list[CallRecord]:
    return whole_log("cdr", recorded_cdr())


def of_scenario(records: list[CallRecord], scenario: str) -> dict[str, Any]:
    """The one call of a scenario: every number in it ends with a phone of its team."""
    team = TRUTH[scenario]["team"]
    told = [record.as_json() for record in records]
    found = [
        record
        for record in told
        if any((record[side] or "")[-3:-1] == team for side in ("caller", "dialled", "answered_by"))
    ]
    assert len(found) == 1, json.dumps(found, indent=1)
    return found[0]


def truth_of(scenario: str, without: set[str]) -> dict[str, Any]:
    return {name: value for name, value in TRUTH[scenario]["call"].items() if name not in without}


@pytest.mark.parametrize("scenario", TRUTH)
def test_channel_events_tell_the_whole_truth_of_a_call(from_cel: list[CallRecord], scenario: str) -> None:
    told = of_scenario(from_cel, scenario)
    truth = truth_of(scenario, set())
    assert {name: told[name] for name in truth} == truth
    assert told["ended"]
    assert not told["gap"]


@pytest.mark.parametrize("scenario", TRUTH)
def test_channel_events_without_dialplan_steps_tell_nearly_as_much(scenario: str) -> None:
    rows = [row for row in recorded_cel() if row.kind not in ("APP_START", "APP_END", "LINKEDID_END")]
    told = of_scenario(whole_log("cel", rows), scenario)
    truth = truth_of(scenario, NOT_WITHOUT_STEPS.get(scenario, set()))
    assert {name: told[name] for name in truth} == truth


@pytest.mark.parametrize("scenario", TRUTH)
def test_call_detail_records_tell_the_truth_as_far_as_they_know_it(from_cdr: list[CallRecord], scenario: str) -> None:
    told = of_scenario(from_cdr, scenario)
    truth = truth_of(scenario, NOT_IN_A_CDR.get(scenario, set()))
    assert {name: told[name] for name in truth} == truth
    assert told["ended"]


def test_both_logs_tell_the_same_calls_under_the_same_ids(
    from_cel: list[CallRecord], from_cdr: list[CallRecord]
) -> None:
    assert {record.linkedid for record in from_cel} == {record.linkedid for record in from_cdr}
    assert len(from_cel) == len(TRUTH)


def test_nobody_is_answered_in_one_log_and_missed_in_the_other(
    from_cel: list[CallRecord], from_cdr: list[CallRecord]
) -> None:
    answered = {record.linkedid: (record.answered, record.answered_by) for record in from_cel}
    assert {record.linkedid: (record.answered, record.answered_by) for record in from_cdr} == answered


def test_times_of_a_dialled_call_agree_to_the_second(from_cel: list[CallRecord], from_cdr: list[CallRecord]) -> None:
    by_id = {record.linkedid: record for record in from_cel}
    compared = 0
    for record in from_cdr:
        if record.answered_at is not None:
            exact = by_id[record.linkedid].answered_at
            assert exact is not None
            assert abs((record.answered_at - exact).total_seconds()) <= 1
            compared += 1
    assert compared >= 8


def test_waiting_in_a_queue_is_not_told_as_talking(from_cdr: list[CallRecord]) -> None:
    told = of_scenario(from_cdr, "queue_answered")
    assert told["answered"]
    assert (told["answered_at"], told["wait_seconds"], told["talk_seconds"]) == (None, None, None)


@pytest.mark.parametrize("name", sorted(json.loads((DEMO / "expected.json").read_text(encoding="utf-8"))))
def test_call_detail_records_of_the_demo_agree_with_its_streams(name: str) -> None:
    expected = json.loads((DEMO / "expected.json").read_text(encoding="utf-8"))[name]
    rows = []
    for line in expected["cdr"]:
        try:
            rows.append(_row(line))
        except BadRow:
            continue  # the recording begins in the middle of a line
    calls = {record.linkedid: record for record in whole_log("cdr", rows)}
    told = sorted((record.outcome, record.answered_by or "") for record in calls.values())
    wanted = sorted(
        ("no_answer" if one["outcome"] == "missed" and one["direction"] == "outbound" else one["outcome"],
         _number(one.get("answered_by")))
        for one in expected["calls"]
    )  # fmt: skip
    if rows and len(rows) == len(expected["cdr"]):
        assert told == wanted
    else:
        assert len(told) <= len(wanted)


def _number(number: str | None) -> str:
    return f"+{number}" if number and len(number) == 11 else number or ""


def _row(line: str) -> Any:
    values = next(csv.reader([line]))
    if len(values) != 21:
        raise BadRow("half a line")
    return cdr_row(dict(zip(CDR_NAMES, values, strict=False)), LogClock(UTC))
