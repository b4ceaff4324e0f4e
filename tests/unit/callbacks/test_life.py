"""The life of one callback: hypothesis plays it against the obvious list of what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.callbacks import life
from gateway.callbacks.life import Answer, Reason, Standing, State, Try
from gateway.core.errors import Conflict
from tests.support.callbacks import minute

TARGET = timedelta(minutes=30)


def clocks(standing: Standing) -> Standing:
    """Every minute is worked."""
    waits = standing.ending is None
    return replace(
        standing,
        due_at=standing.waiting_since + TARGET,
        next_at=(standing.snoozed_until or standing.waiting_since + TARGET) if waits else None,
    )


def a_try(at: datetime) -> Try:
    return Try(at=at, reason="no_answer", channel="call", line="+74950000101", number="+79261234567")


def an_answer(at: datetime, *, by_us: bool = True) -> Answer:
    return Answer(
        at=at,
        ending=State.REACHED_BY_US if by_us else State.REACHED_BY_CLIENT,
        reason=Reason.ANSWERED_OUR_CALL if by_us else Reason.CALLED_AGAIN,
        interaction_id="i",
        actor="gateway",
        known_at=at,
    )


class Life(RuleBasedStateMachine):
    """Tries, answers and attempts in any order of their times; people's deeds between them.

    The model is the plain list of what is known. An answer that came before all tries that wait is none.
    """

    @initialize(at=st.integers(0, 100))
    def begin(self, at: int) -> None:
        self.tries = [minute(at)]
        self.answers: list[datetime] = []
        self.attempts: list[datetime] = []
        self.since = minute(at)
        self.claimed_by: str | None = None
        self.over = False
        self.standing = life.opened(a_try(minute(at)), clocks)

    @property
    def waits(self) -> bool:
        return not self.over

    @precondition(lambda self: self.waits)
    @rule(at=st.integers(0, 100))
    def tries_again(self, at: int) -> None:
        """The store hands over only tries that nobody answered (``follower``)."""
        if any(answer >= minute(at) for answer in self.answers):
            return
        self.tries.append(minute(at))
        self.since = min(self.since, minute(at))
        self.standing = life.tried(self.standing, a_try(minute(at)), clocks)

    @precondition(lambda self: self.waits)
    @rule(at=st.integers(0, 100), by_us=st.booleans())
    def is_answered(self, at: int, by_us: bool) -> None:
        moment = minute(at)
        self.standing = life.answered(self.standing, an_answer(moment, by_us=by_us), self.tries, clocks)
        if moment < self.since:
            return
        self.answers.append(moment)
        left = [one for one in self.tries if one > moment]
        self.over = not left
        if left:
            self.since = max(self.since, min(left))
        else:
            assert self.standing.state is (State.REACHED_BY_US if by_us else State.REACHED_BY_CLIENT)
            assert self.standing.in_time is (moment <= self.since + TARGET)

    @precondition(lambda self: self.waits)
    @rule(at=st.integers(0, 100))
    def is_tried_in_vain(self, at: int) -> None:
        if minute(at) >= self.since:
            self.attempts.append(minute(at))
        self.standing = life.attempted(self.standing, minute(at))

    @precondition(lambda self: self.waits)
    @rule(who=st.sampled_from(["anna", "boris"]))
    def is_claimed(self, who: str) -> None:
        if self.claimed_by not in (None, who):
            with pytest.raises(Conflict):
                life.claimed(self.standing, who, minute(200))
            return
        self.claimed_by = who
        self.standing = life.claimed(self.standing, who, minute(200))

    @precondition(lambda self: self.waits)
    @rule()
    def is_released(self) -> None:
        self.claimed_by = None
        self.standing = life.released(self.standing)

    @precondition(lambda self: self.waits)
    @rule(who=st.sampled_from(["anna", "boris", None]))
    def is_assigned(self, who: str | None) -> None:
        if self.claimed_by != who:
            self.claimed_by = None
        self.standing = life.assigned(self.standing, who)
        assert self.standing.owner_id == who

    @precondition(lambda self: self.waits)
    @rule(until=st.integers(201, 300))
    def is_snoozed(self, until: int) -> None:
        self.standing = life.snoozed(self.standing, minute(until), minute(200), clocks)
        assert self.standing.state is State.SNOOZED
        assert self.standing.next_at == minute(until)
        self.standing = life.woken(self.standing, clocks)

    @precondition(lambda self: self.waits)
    @rule(reason=st.sampled_from(life.BY_HAND))
    def is_closed_and_that_undone(self, reason: Reason) -> None:
        before = self.standing
        after = life.closed(before, reason, minute(200), "manager:m")
        assert not after.waits
        assert life.restored(after, before, life.changes(before, after), clocks) == clocks(before)

    @precondition(lambda self: self.over)
    @rule(at=st.integers(201, 300))
    def is_reopened(self, at: int) -> None:
        self.standing = life.reopened(self.standing, minute(at), clocks)
        self.over = False
        self.since = minute(at)

    @precondition(lambda self: self.over)
    @rule()
    def nothing_can_be_done_to_what_is_over(self) -> None:
        deeds: tuple[Callable[[], Standing], ...] = (
            lambda: life.claimed(self.standing, "anna", minute(200)),
            lambda: life.released(self.standing),
            lambda: life.assigned(self.standing, "anna"),
            lambda: life.snoozed(self.standing, minute(300), minute(200), clocks),
            lambda: life.closed(self.standing, Reason.OTHER, minute(200), "console"),
        )
        for deed in deeds:
            with pytest.raises(Conflict):
                deed()
        assert life.attempted(self.standing, minute(200)) == self.standing
        assert life.answered(self.standing, an_answer(minute(200)), self.tries, clocks) == self.standing

    @invariant()
    def stands_as_the_list_says(self) -> None:
        standing = self.standing
        assert standing.waits is self.waits
        assert (standing.tries, standing.attempts) == (len(self.tries), len(self.attempts))
        assert (standing.first_at, standing.last_at) == (min(self.tries), max(self.tries))
        assert standing.last_attempt_at == max(self.attempts, default=None)
        assert standing.claimed_by == self.claimed_by
        if self.waits:
            assert standing.waiting_since == self.since
            assert standing.due_at == self.since + TARGET
            expected = (
                State.ATTEMPTED if self.attempts else State.CLAIMED if self.claimed_by is not None else State.OPEN
            )
            assert standing.state is expected
        else:
            assert standing.next_at is None
            assert standing.closed_at is not None


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=120, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_merged_one_is_not_reopened() -> None:
    standing = replace(life.opened(a_try(minute(0)), clocks), ending=State.MERGED, closed_at=minute(1))
    with pytest.raises(Conflict, match="Part the contacts"):
        life.reopened(standing, minute(2), clocks)


def test_an_older_try_that_is_reported_late_changes_only_since_when_the_person_waits() -> None:
    standing = life.opened(a_try(minute(10)), clocks)
    older = Try(at=minute(2), reason="busy", channel="call", line="other", number="other")
    after = life.tried(standing, older, clocks)
    assert (after.reason, after.line, after.last_at) == ("no_answer", "+74950000101", minute(10))
    assert (after.first_at, after.waiting_since, after.due_at) == (minute(2), minute(2), minute(32))


def test_a_try_that_joins_a_closed_one_makes_it_late_where_the_person_waited_longer() -> None:
    standing = life.opened(a_try(minute(40)), clocks)
    ended = life.answered(standing, an_answer(minute(50)), [minute(40)], clocks)
    assert ended.in_time
    after = life.corrected(ended, a_try(minute(5)), an_answer(minute(50)), clocks)
    assert (after.state, after.in_time, after.tries) == (State.REACHED_BY_US, False, 2)
    assert after.first_at == minute(5)
