"""Which of two reports of one ended call counts: the connector's, the channel events', or the detail records'."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.capture.precedence import combined, filled, needs_care, wins
from gateway.core.types import Draft, Phase
from tests.support.items import call

MISSED: dict[str, Any] = {
    "answered": False, "outcome": "missed", "missed_reason": "no_answer", "ended": True, "gap": False,
    "recording": None, "answered_by": None, "rang": ["101"], "transfers": [], "facts": {"up": False},
}  # fmt: skip
ANSWERED = {**MISSED, "answered": True, "outcome": "answered", "missed_reason": None, "answered_by": "101"}
LIVE: dict[str, Any] = {}
HOLED = {"gap": True}
CEL, CDR = {"from": "cel"}, {"from": "cdr"}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (MISSED | CEL, ANSWERED | LIVE, False),
        (MISSED | CDR, ANSWERED | LIVE, False),
        (ANSWERED | CEL, MISSED | HOLED, True),
        (ANSWERED | CDR, MISSED | HOLED, True),
        (MISSED | CDR, MISSED | HOLED, True),
        (MISSED | CDR, ANSWERED | HOLED, False),
        (MISSED | CEL, ANSWERED | HOLED, True),
        (MISSED | CDR, ANSWERED | CEL, False),
        (ANSWERED | CDR, MISSED | CEL, False),
        (MISSED | CEL, MISSED | CDR, True),
        (MISSED | LIVE, ANSWERED | CDR, True),
        (MISSED | HOLED, ANSWERED | CEL, False),
        (MISSED | CEL, ANSWERED | CEL, True),
    ],
)
def test_the_better_witness_wins(new: dict[str, Any], old: dict[str, Any], expected: bool) -> None:
    assert wins(new, old) is expected


def test_what_the_winner_does_not_know_is_filled_from_the_other() -> None:
    other = ANSWERED | CDR | {"recording": "a.wav", "talk_seconds": 7.0, "facts": {"cdr": {"billsec": 7}}}
    whole = filled(ANSWERED | LIVE, other)
    assert (whole["recording"], whole["talk_seconds"]) == ("a.wav", 7.0)
    assert whole["facts"] == {"up": False, "cdr": {"billsec": 7}}
    assert "from" not in whole


def test_nothing_is_filled_that_depends_on_an_answer_that_the_winner_denies() -> None:
    whole = filled(MISSED | LIVE, ANSWERED | CDR | {"recording": "a.wav", "talk_seconds": 7.0})
    assert (whole["answered_by"], whole.get("talk_seconds"), whole["recording"]) == (None, None, "a.wav")


def row(details: dict[str, Any], phase: str = "ended", **columns: Any) -> dict[str, Any]:
    values = {
        "phase": phase,
        "outcome": details["outcome"],
        "name": None,
        "line": None,
        "handles": [],
        "ended_at": None,
    }
    return {**values, "details": details, **columns}


def test_log_that_tells_nothing_new_changes_nothing() -> None:
    assert combined(row(MISSED), row(ANSWERED | CDR, name="Anna") | {"name": None}) == {}


def test_log_ends_a_call_that_is_stored_as_answered_though_its_record_doubts_it() -> None:
    stored = row(ANSWERED | {"ended": False}, phase="answered")
    changed = combined(stored, row(MISSED | CDR | {"ended_at": "then"}, ended_at="then"))
    assert (changed["phase"], changed["ended_at"], changed["outcome"]) == ("ended", "then", "answered")
    assert (changed["details"]["answered"], changed["details"]["ended_at"]) == (True, "then")


def test_caller_that_only_the_loser_knows_is_kept() -> None:
    stored = row(MISSED | HOLED, handles=[{"kind": "phone", "value": "+7"}], line="+7495")
    changed = combined(stored, row(MISSED | CDR))
    assert (changed["handles"], changed["line"]) == (stored["handles"], "+7495")


def test_reports_of_the_connector_alone_are_taken_as_they_come() -> None:
    columns = row(ANSWERED)
    assert combined(row(MISSED), columns) == columns


@pytest.mark.parametrize(
    ("phase", "stored", "source", "expected"),
    [
        (Phase.ENDED, Phase.RINGING, {}, False),
        (Phase.ENDED, Phase.ENDED, {}, True),
        (Phase.ENDED, Phase.RINGING, CDR, True),
        (Phase.ANSWERED, Phase.RINGING, {}, False),
    ],
)
def test_the_row_is_only_looked_at_where_it_matters(
    phase: Phase, stored: Phase, source: dict[str, str], expected: bool
) -> None:
    draft = call("1", phase, outcome="missed").draft
    assert draft is not None
    marked = Draft(
        direction=draft.direction, phase=phase, occurred_at=draft.occurred_at, details={**draft.details, **source}
    )
    assert needs_care(marked, stored) is expected
