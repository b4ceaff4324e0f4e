"""Leaving a CRM alone that is down or asked for patience."""

from __future__ import annotations

from gateway.delivery.breaker import PATIENCE, PAUSES, THRESHOLD, Breaker


def breaker() -> Breaker:
    return Breaker(lambda: 0.0)


def tripped(now: float = 0.0) -> Breaker:
    one = breaker()
    for _ in range(THRESHOLD):
        one.failed(now)
    return one


def test_a_crm_that_answers_has_all_its_room() -> None:
    one = breaker()
    one.answered()
    assert one.room(0, 16) == 16
    assert not one.is_down


def test_a_few_failures_in_a_row_do_not_stop_a_crm() -> None:
    one = breaker()
    for _ in range(THRESHOLD - 1):
        one.failed(0)
    assert one.room(0, 16) == 16


def test_failures_with_answers_between_never_stop_it() -> None:
    one = breaker()
    for _ in range(50):
        one.failed(0)
        one.answered()
    assert one.room(0, 16) == 16


def test_too_many_failures_in_a_row_pause_it_then_one_push_tries_again() -> None:
    one = tripped()
    assert one.is_down
    assert one.room(PAUSES[0] - 0.1, 16) == 0
    assert one.resumes_in(1.0) == PAUSES[0] - 1.0
    assert one.room(PAUSES[0], 16) == 1


def test_each_failed_try_lengthens_the_pause_to_the_last_of_the_table() -> None:
    one, now = tripped(), 0.0
    for pause in (*PAUSES, PAUSES[-1], PAUSES[-1]):
        assert one.resumes_in(now) == pause
        now += pause
        one.failed(now)


def test_pushes_that_were_under_way_when_it_was_paused_do_not_lengthen_the_pause() -> None:
    one = tripped()
    for _ in range(16):
        one.failed(0.5)
    assert one.resumes_in(0.0) == PAUSES[0]


def test_one_answer_gives_all_the_room_back_and_forgets_the_past() -> None:
    one = tripped()
    one.failed(PAUSES[0])
    one.answered()
    assert one.room(PAUSES[0], 16) == 16
    for _ in range(THRESHOLD):
        one.failed(100.0)
    assert one.resumes_in(100.0) == PAUSES[0]


def test_a_throttling_crm_is_left_alone_as_long_as_it_asks_and_is_not_down() -> None:
    one = breaker()
    one.throttled(10.0, 30.0)
    assert one.room(39.0, 16) == 0
    assert one.is_patient(39.0)
    assert one.room(40.0, 16) == 16
    assert not one.is_down


def test_throttling_without_a_time_has_a_default_and_a_shorter_one_does_not_undo_a_longer() -> None:
    one = breaker()
    one.throttled(0.0, None)
    assert one.resumes_in(0.0) == PATIENCE
    one.throttled(0.0, 60.0)
    one.throttled(0.0, 1.0)
    assert one.resumes_in(0.0) == 60.0


def test_jitter_stretches_the_pause_by_at_most_a_fifth() -> None:
    one = Breaker(lambda: 0.999)
    for _ in range(THRESHOLD):
        one.failed(0)
    assert PAUSES[0] < one.resumes_in(0) <= PAUSES[0] * 1.2
