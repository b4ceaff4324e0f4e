"""What the result of a push means for its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapter.base import CrmError, Done, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.said import Said
from gateway.delivery.crmwords import kept
from gateway.delivery.verdict import (
    BACK_OFF,
    JITTER,
    MAX_DETAIL,
    MOST_TRIES,
    STOPPED,
    Claimed,
    Interrupted,
    judge,
    not_sent,
    pause_after,
)
from tests.support.clock import MONDAY as NOW


def row(number: int = 1) -> Claimed:
    return Claimed(id=7, message_id="m", payload={}, number=number)


def no_jitter() -> float:
    return 0.0


def test_what_the_crm_took_is_done_and_remembers_its_id() -> None:
    done = Done(remote_id="42", url="https://crm.example.com/42")
    verdict = judge(row(3), done, at=NOW, random=no_jitter)
    assert (verdict.state, verdict.result, verdict.done, verdict.attempts) == ("done", "done", done, 3)
    assert verdict.detail is None


@pytest.mark.parametrize(("number", "pause"), list(enumerate(BACK_OFF, start=1)))
def test_each_failed_try_waits_as_long_as_the_table_says(number: int, pause: timedelta) -> None:
    verdict = judge(row(number), Unavailable("down"), at=NOW, random=no_jitter)
    assert (verdict.state, verdict.result, verdict.due_at) == ("waiting", "unavailable", NOW + pause)
    assert verdict.attempts == number


def test_the_table_lasts_a_little_more_than_three_days() -> None:
    assert sum(BACK_OFF, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize("error", [Unavailable("down"), Throttled("slow"), RuntimeError("a bug")])
def test_after_the_last_try_a_row_is_dead_and_says_so(error: Exception) -> None:
    verdict = judge(row(MOST_TRIES), error, at=NOW, random=no_jitter)
    assert verdict.state == "dead"
    assert verdict.detail is not None
    assert verdict.detail.startswith("given up after 10 tries: ")


def test_a_rejected_row_is_dead_at_once_with_the_words_of_the_crm() -> None:
    verdict = judge(row(), Rejected("phone is too long"), at=NOW, random=no_jitter)
    assert (verdict.state, verdict.result, verdict.detail) == ("dead", "rejected", "phone is too long")
    assert verdict.hold is None


def test_a_misconfigured_crm_goes_on_hold_and_the_row_keeps_all_its_tries() -> None:
    verdict = judge(row(4), Misconfigured("the key expired"), at=NOW, random=no_jitter)
    assert (verdict.state, verdict.hold, verdict.attempts) == ("waiting", "the key expired", 3)


def test_an_interrupted_try_counts_because_it_may_have_arrived() -> None:
    verdict = judge(row(1), Interrupted(STOPPED), at=NOW, random=no_jitter)
    assert (verdict.state, verdict.result, verdict.attempts, verdict.due_at) == ("waiting", "interrupted", 1, NOW)


def test_a_row_put_back_before_its_push_is_as_it_was() -> None:
    verdict = not_sent(row(1), NOW)
    assert (verdict.state, verdict.result, verdict.attempts) == ("waiting", None, 0)


def test_a_bug_of_an_adapter_is_tried_again_and_its_text_is_not_kept() -> None:
    verdict = judge(row(), KeyError("secret value"), at=NOW, random=no_jitter)
    assert (verdict.state, verdict.result) == ("waiting", "adapter_error")
    assert verdict.detail is not None
    assert "KeyError" in verdict.detail
    assert "secret value" not in verdict.detail


def test_long_words_are_cut() -> None:
    detail = judge(row(), Rejected("x" * 10_000), at=NOW, random=no_jitter).detail
    assert detail is not None
    assert len(detail) == MAX_DETAIL


@pytest.mark.parametrize(
    ("asked", "seconds"), [(120.0, 120.0), (0.0, 1.0), (None, BACK_OFF[0].total_seconds()), (86_400.0, 86_400.0)]
)
def test_retry_after_goes_before_the_table(asked: float | None, seconds: float) -> None:
    error = Throttled("slow", retry_after=asked)
    assert pause_after(1, error, no_jitter).total_seconds() == seconds


@given(
    st.integers(1, 30),
    st.sampled_from([Unavailable("x"), Throttled("x"), Throttled("x", retry_after=3.0)]),
    st.floats(0, 1, exclude_max=True),
)
def test_a_pause_is_never_shorter_than_asked_and_at_most_a_fifth_longer(
    number: int, error: CrmError, random: float
) -> None:
    plain = pause_after(number, error, no_jitter)
    assert plain <= pause_after(number, error, lambda: random) <= plain * (1 + JITTER)
    assert plain >= timedelta(seconds=1)


@pytest.mark.parametrize("said", ["half of a smile: \ud83d", "a NUL: \x00."])
@pytest.mark.parametrize("make", [str, lambda text: Said("%(words)s", words=text)])
def test_what_no_database_takes_is_not_kept(said: str, make: Callable[[str], str]) -> None:
    verdict = judge(row(1), Rejected(make(said)), at=NOW, random=no_jitter)
    assert verdict.detail is not None
    assert "\x00" not in verdict.detail
    assert verdict.detail.encode().decode() == verdict.detail
    assert kept(verdict.detail) is None
