"""A call record as an Inbound."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.types import Channel, Direction, Handle, HandleKind, Inbound, Kind, Phase
from gateway.telephony.report import GAP, NO_DIRECTION, inbound_of
from tests.unit.telephony.fakes import START, call_record

IVAN = Handle(HandleKind.PHONE, "+79261234567")
ANSWERED: dict[str, Any] = {"answered": True, "answered_by": "101", "answered_at": START + timedelta(seconds=5)}
ENDED: dict[str, Any] = {"ended": True, "ended_at": START + timedelta(seconds=65)}


def report(**changes: Any) -> Inbound:
    return inbound_of(call_record(**changes), pbx="office", region="RU", received_at=START)


def test_a_ringing_call_is_reported_with_its_caller() -> None:
    inbound = report()
    draft = inbound.draft
    assert draft is not None
    assert (inbound.connector, inbound.source, inbound.channel) == ("ami", "office", Channel.CALL)
    assert inbound.key == "call:office:1795308174.29"
    assert (draft.direction, draft.phase, draft.kind) == (Direction.INBOUND, Phase.RINGING, Kind.MESSAGE)
    assert (draft.handles, draft.name, draft.line) == ((IVAN,), "Иван", "+74950000101")
    assert (draft.occurred_at, draft.ended_at, draft.problems) == (START, None, ())
    assert draft.details["outcome"] == "missed"
    assert draft.details["facts"] == {"linkedids": ["1795308174.29"]}


@pytest.mark.parametrize(
    ("changes", "phase"),
    [({}, Phase.RINGING), (ANSWERED, Phase.ANSWERED), (ENDED, Phase.ENDED), (ANSWERED | ENDED, Phase.ENDED)],
)
def test_the_phase_is_how_far_the_call_has_come(changes: dict[str, Any], phase: Phase) -> None:
    draft = report(**changes).draft
    assert draft is not None
    assert draft.phase is phase
    assert draft.ended_at == changes.get("ended_at")


def test_all_phases_share_the_key_and_each_is_its_own_report() -> None:
    reports = [report(), report(**ANSWERED), report(**ANSWERED, **ENDED)]
    assert len({inbound.key for inbound in reports}) == 1
    assert len({inbound.dedup_key for inbound in reports}) == 3
    assert all(inbound.dedup_key.startswith(inbound.key) for inbound in reports)


def test_the_same_end_twice_is_one_report_and_a_corrected_end_is_another() -> None:
    assert report(**ENDED).dedup_key == report(**ENDED).dedup_key
    assert report(**ENDED).dedup_key != report(**ENDED, recording="/var/spool/a.wav").dedup_key


def test_a_call_taken_up_again_while_it_rings_is_no_second_report() -> None:
    assert report().dedup_key == report(gap=True).dedup_key


@pytest.mark.parametrize(
    ("direction", "caller", "dialled", "handles", "line", "name"),
    [
        (Direction.INBOUND, "+79261234567", "+74950000101", (IVAN,), "+74950000101", "Иван"),
        (Direction.INBOUND, None, "+74950000101", (), "+74950000101", "Иван"),
        (Direction.OUTBOUND, "101", "+79261234567", (IVAN,), "101", None),
        (Direction.INTERNAL, "101", "102", (), "102", None),
        (Direction.INTERNAL, "+79261234567", "102", (), "102", None),
        (None, "+79261234567", None, (IVAN,), None, "Иван"),
    ],
)
def test_the_outside_person_is_found_on_either_side(
    direction: Direction | None,
    caller: str | None,
    dialled: str | None,
    handles: Any,
    line: str | None,
    name: str | None,
) -> None:
    draft = report(direction=direction, caller=caller, dialled=dialled).draft
    assert draft is not None
    assert (draft.handles, draft.line, draft.name) == (handles, line, name)


def test_what_is_not_sure_is_said() -> None:
    draft = report(direction=None, gap=True).draft
    assert draft is not None
    assert draft.direction is Direction.INBOUND
    assert draft.problems == (GAP, NO_DIRECTION)


def test_the_raw_bytes_are_the_record_and_its_facts_as_json() -> None:
    raw = json.loads(report(caller_name="Иван \ud800").raw)
    assert raw["record"]["caller"] == "+79261234567"
    assert raw["facts"] == {"linkedids": ["1795308174.29"]}
