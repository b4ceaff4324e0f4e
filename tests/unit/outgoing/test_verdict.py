"""What a try means for its row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.outgoing.submission import Later, Lost, Refused, SenderAtFault, SubmissionError, Taken, Unreachable
from gateway.outgoing.verdict import BACK_OFF, MOST_TRIES, judge, pause_after
from tests.support.clock import MONDAY


@pytest.mark.parametrize(
    ("outcome", "purpose", "number", "state", "result"),
    [
        (Taken(said="250 ok"), "answer", 1, "sent", "sent"),
        (Later("busy"), "answer", 1, "waiting", "later"),
        (Unreachable("away"), "answer", 1, "waiting", "unreachable"),
        (Later("busy"), "answer", MOST_TRIES, "failed", "later"),
        (Refused("no"), "answer", 1, "failed", "refused"),
        (Refused("no"), "notice", 1, "failed", "refused"),
        (SenderAtFault("password"), "answer", 99, "waiting", "sender_at_fault"),
        (Lost("cut"), "answer", 1, "unknown", "unknown"),
        (Lost("cut"), "acknowledgement", 1, "unknown", "unknown"),
        (Lost("cut"), "document", 1, "unknown", "unknown"),
        (Lost("cut"), "notice", 1, "waiting", "unknown"),
        (Lost("cut"), "summary", MOST_TRIES, "failed", "unknown"),
    ],
)
def test_the_outcome_decides(
    outcome: Taken | SubmissionError, purpose: str, number: int, state: str, result: str
) -> None:
    verdict = judge("1", purpose, number, outcome, at=MONDAY, random=lambda: 0.0)
    assert (verdict.state, verdict.result) == (state, result)
    assert (verdict.due_at > MONDAY) == (state == "waiting")


def test_a_fault_of_the_settings_does_not_count_as_a_try_of_the_letter() -> None:
    verdict = judge("1", "answer", 3, SenderAtFault("password"), at=MONDAY, random=lambda: 0.0)
    assert (verdict.attempts, verdict.sender_at_fault) == (2, True)


def test_pauses_grow_and_are_given_up_after_three_days() -> None:
    pauses = [pause_after(number, Later("busy"), lambda: 0.0) for number in range(1, MOST_TRIES)]
    assert pauses == sorted(pauses) == list(BACK_OFF)
    assert timedelta(days=3) < sum(pauses, timedelta()) < timedelta(days=4)


def test_jitter_adds_up_to_a_fifth() -> None:
    assert pause_after(1, Later("busy"), lambda: 1.0) == timedelta(seconds=72)


@pytest.mark.parametrize(("asked", "waits"), [(33.0, 33.0), (0.0, 1.0), (None, 60.0)])
def test_patience_that_was_asked_for_goes_before_the_table(asked: float | None, waits: float) -> None:
    assert pause_after(1, Later("busy", retry_after=asked), lambda: 0.0).total_seconds() == waits


def test_recipients_that_were_not_taken_are_told() -> None:
    verdict = judge("1", "answer", 1, Taken(said="250", refused=("a: 550 no",)), at=MONDAY, random=lambda: 0.0)
    assert (verdict.state, verdict.reason) == ("sent", "not taken for a: 550 no")


def test_what_was_given_up_says_how_often_it_was_tried() -> None:
    verdict = judge("1", "answer", MOST_TRIES, Later("busy"), at=MONDAY, random=lambda: 0.0)
    assert verdict.reason == f"given up after {MOST_TRIES} tries: busy"
