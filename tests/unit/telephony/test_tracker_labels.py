"""Outcome and missed reason from facts alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.telephony.tracker.labels import Facts, Leg, label, leg_result


def _leg(status: str = "", cause: int | None = None, *, rang: bool = True, trunk: bool = False) -> Leg:
    return Leg(who="101", trunk=trunk, rang=rang, status=status, cause=cause)


NO_ANSWER = _leg("NOANSWER", 0)
BUSY = _leg("BUSY", 17, rang=False)
REJECTED = _leg("NOANSWER", 21)
OFF = _leg("CHANUNAVAIL", 20, rang=False)
CANCELLED = _leg("CANCEL", 21)
UNCONFIRMED = _leg("ANSWER", 16)


def _facts(
    direction: str = "inbound", *, legs: tuple[Leg, ...] = (), stages: tuple[str, ...] = (), **facts: object
) -> Facts:
    defaults: dict[str, object] = {
        "answered": False, "originated": False, "up": False, "cause": 16, "caller_hung_up": False, "voicemail": False,
        "queue_result": "",
    }  # fmt: skip
    return Facts(direction=direction, legs=legs, stages=stages, **{**defaults, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "facts"),
    [
        ("no_answer", _facts(legs=(NO_ANSWER,), stages=("dial",))),
        ("no_answer", _facts(legs=(NO_ANSWER, BUSY), stages=("dial",))),
        ("no_answer", _facts(legs=(NO_ANSWER, REJECTED), stages=("dial",))),
        ("no_answer", _facts(legs=(UNCONFIRMED,), stages=("dial",))),
        ("rejected", _facts(legs=(REJECTED, BUSY), stages=("dial",))),
        ("busy", _facts(legs=(BUSY, BUSY), stages=("dial",))),
        ("busy", _facts(legs=(BUSY, OFF), stages=("dial",))),
        ("unavailable", _facts(legs=(OFF,), stages=("dial",))),
        ("unavailable", _facts(stages=("dial",))),
        ("caller_hung_up", _facts(legs=(CANCELLED,), stages=("dial",), caller_hung_up=True)),
        ("caller_hung_up", _facts(legs=(CANCELLED, REJECTED), stages=("dial",), caller_hung_up=True)),
        ("caller_hung_up", _facts(legs=(NO_ANSWER, CANCELLED), cause=127)),
        ("no_answer", _facts(legs=(NO_ANSWER,), stages=("dial", "announcement"), caller_hung_up=True)),
        ("caller_hung_up", _facts(caller_hung_up=True)),
        ("queue_abandoned", _facts(stages=("queue",), queue_result="abandoned", caller_hung_up=True, up=True)),
        ("queue_abandoned", _facts(stages=("ivr", "queue"), queue_result="waiting", legs=(CANCELLED,), up=True)),
        ("queue_timeout", _facts(stages=("queue",), queue_result="timeout", legs=(NO_ANSWER,), up=True)),
        (
            "queue_timeout",
            _facts(stages=("queue", "announcement"), queue_result="timeout", caller_hung_up=True, up=True),
        ),
        ("unavailable", _facts(stages=("queue", "announcement"), queue_result="empty", up=True)),
        ("no_answer", _facts(stages=("queue", "dial"), queue_result="timeout", legs=(NO_ANSWER,), up=True)),
        ("voicemail", _facts(stages=("dial", "voicemail"), voicemail=True, legs=(NO_ANSWER,), up=True)),
        ("voicemail", _facts(stages=("queue", "voicemail"), voicemail=True, queue_result="timeout", up=True)),
        ("ivr_abandoned", _facts(stages=("ivr",), caller_hung_up=True, up=True)),
        ("ivr_abandoned", _facts(stages=("announcement", "ivr"), up=True)),
        ("ivr_abandoned", _facts(stages=("program",), caller_hung_up=True, up=True)),
        ("ivr_abandoned", _facts(up=True, cause=0)),
        ("busy", _facts(stages=("ivr", "dial"), legs=(BUSY,), up=True)),
        ("announcement", _facts(stages=("announcement",), up=True)),
        ("announcement", _facts(stages=("announcement",), up=True, caller_hung_up=True)),
        ("announcement", _facts(up=True)),
        ("busy", _facts(stages=("busy",))),
        ("unavailable", _facts(stages=("refused",))),
        ("unavailable", _facts()),
    ],
)
def test_why_an_inbound_call_was_missed(reason: str, facts: Facts) -> None:
    assert label(facts) == ("missed", reason)


@pytest.mark.parametrize(
    ("outcome", "facts"),
    [
        ("no_answer", _facts("outbound", legs=(NO_ANSWER,))),
        ("no_answer", _facts("outbound", legs=(CANCELLED,), caller_hung_up=True)),
        ("no_answer", _facts("outbound", legs=(REJECTED,))),
        ("busy", _facts("outbound", legs=(BUSY,))),
        ("failed", _facts("outbound", legs=(OFF,))),
        ("failed", _facts("outbound")),
        ("failed", _facts("outbound", legs=(_leg("NOANSWER", 21, rang=False),))),
        ("no_answer", _facts("internal", legs=(OFF, NO_ANSWER))),
        ("no_answer", _facts("internal", stages=("queue",), up=True)),
        ("no_answer", _facts("outbound", originated=True, legs=(REJECTED,))),
        ("failed", _facts("outbound", originated=True, legs=(BUSY,))),
        ("busy", _facts("outbound", originated=True, up=True, legs=(UNCONFIRMED, BUSY))),
        ("failed", _facts("outbound", originated=True, up=True, legs=(UNCONFIRMED,))),
        ("no_answer", _facts("outbound", originated=True, up=True, legs=(_leg("ANSWER", 16, trunk=True),))),
    ],
)
def test_what_became_of_a_call_of_ours_that_nobody_answered(outcome: str, facts: Facts) -> None:
    assert label(facts) == (outcome, None)


@pytest.mark.parametrize("direction", ["inbound", "outbound", "internal"])
def test_an_answered_call_has_no_reason(direction: str) -> None:
    assert label(_facts(direction, answered=True, voicemail=True)) == ("answered", None)


def test_the_winner_of_a_fork_leaves_cancelled_losers() -> None:
    assert leg_result(_leg("", 26)) == "cancelled"


def test_facts_survive_storage_as_json_beside_other_keys() -> None:
    facts = _facts(legs=(NO_ANSWER, OFF), stages=("ivr", "dial"))
    stored = {**json.loads(json.dumps(facts.as_json())), "linkedids": ["1.1"], "new_key_of_a_later_version": 1}
    assert Facts.from_json(stored) == facts


def test_a_robot_that_took_the_call_is_a_program_and_no_phone() -> None:
    facts = Facts(
        direction="inbound", answered=False, originated=False, up=True, cause=16, caller_hung_up=False, voicemail=False,
        stages=("dial",), queue_result="", legs=(), robot=True,
    )  # fmt: skip
    assert label(facts).missed_reason == "ivr_abandoned"
    rung = Leg(who="101", trunk=False, rang=True, status="NOANSWER", cause=None)
    assert label(replace(facts, legs=(rung,))).missed_reason == "no_answer", "a person was tried too"
