"""The life of a callback: what each thing that happens makes of it. Pure: data and time in, data out.

The rule behind all others: a person waits since the first try that nobody answered since. An answer counts for the
tries that began before it, whatever the order in which the two are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from gateway.core.errors import Conflict, NotPossible


class State(StrEnum):
    """How far a callback is."""

    OPEN = "open"
    CLAIMED = "claimed"
    ATTEMPTED = "attempted"
    SNOOZED = "snoozed"
    REACHED_BY_US = "reached_by_us"
    REACHED_BY_CLIENT = "reached_by_client"
    CLOSED = "closed"
    MERGED = "merged"


WAITING = (State.OPEN, State.CLAIMED, State.ATTEMPTED, State.SNOOZED)
"""The person was not reached yet."""


class Step(StrEnum):
    """What can happen to a callback, as its history names it."""

    OPENED = "opened"
    TRIED = "tried"
    ATTEMPTED = "attempted"
    CLAIMED = "claimed"
    RELEASED = "released"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    NOTED = "noted"
    CALLED = "called"
    REMINDED = "reminded"
    CLOSED = "closed"
    REOPENED = "reopened"
    UNDONE = "undone"
    MERGED = "merged"
    PARTED = "parted"


class Reason(StrEnum):
    """Why a callback is over."""

    ANSWERED_OUR_CALL = "answered_our_call"
    CALLED_AGAIN = "called_again"
    """The person called again and was answered."""
    LETTER = "letter"
    """Somebody wrote to the person."""
    REACHED = "reached"
    """A manager says so: by another way."""
    NOT_NEEDED = "not_needed"
    WRONG_NUMBER = "wrong_number"
    SPAM = "spam"
    DUPLICATE = "duplicate"
    OTHER = "other"


BY_HAND = (Reason.REACHED, Reason.NOT_NEEDED, Reason.WRONG_NUMBER, Reason.SPAM, Reason.DUPLICATE, Reason.OTHER)
"""What a person may close with."""


class Outcome(StrEnum):
    """What a manager says of an attempt."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    WRONG_NUMBER = "wrong_number"
    CALL_LATER = "call_later"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try of the person to get through."""

    at: datetime
    reason: str
    channel: str
    line: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A callback as it stands. The fields are the columns of the table ``callback``, where they are explained."""

    reason: str
    channel: str
    line: str | None
    number: str | None
    tries: int
    first_at: datetime
    last_at: datetime
    waiting_since: datetime
    due_at: datetime
    next_at: datetime | None = None
    lead_id: str | None = None
    owner_id: str | None = None
    owner_rule: str | None = None
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    snoozed_until: datetime | None = None
    attempts: int = 0
    last_attempt_at: datetime | None = None
    steps_done: int = 0
    ending: State | None = None
    """The state in which it ended; None while it is not over."""
    in_time: bool | None = None
    close_reason: str | None = None
    closed_by: str | None = None
    closed_actor: str | None = None
    closed_at: datetime | None = None

    @property
    def state(self) -> State:
        """The last thing that a person would say of it."""
        if self.ending is not None:
            return self.ending
        if self.snoozed_until is not None:
            return State.SNOOZED
        if self.attempts:
            return State.ATTEMPTED
        return State.CLAIMED if self.claimed_by is not None else State.OPEN

    @property
    def waits(self) -> bool:
        """Not over."""
        return self.ending is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the person, by whichever way."""

    at: datetime
    ending: State
    reason: Reason
    interaction_id: str | None
    actor: str
    known_at: datetime
    """Now: when the gateway heard of it."""


Clocks = Callable[[Standing], Standing]
"""Sets ``due_at`` and ``next_at`` by the working hours (``schedule.Timetable.timed``)."""


def opened(first: Try, clocks: Clocks) -> Standing:
    """A new callback for one try."""
    standing = Standing(
        reason=first.reason,
        channel=first.channel,
        line=first.line,
        number=first.number,
        tries=1,
        first_at=first.at,
        last_at=first.at,
        waiting_since=first.at,
        due_at=first.at,
    )
    return clocks(standing)


def tried(standing: Standing, again: Try, clocks: Clocks) -> Standing:
    """One more try; the person is heard again, so a snooze ends. A try of before the last one is only counted."""
    counted = replace(standing, tries=standing.tries + 1, first_at=min(standing.first_at, again.at))
    if standing.waits:
        counted = replace(counted, waiting_since=min(standing.waiting_since, again.at))
    if again.at < standing.last_at:
        return clocks(counted) if standing.waits else counted
    heard = replace(
        counted,
        last_at=again.at,
        reason=again.reason,
        channel=again.channel,
        line=again.line or standing.line,
        number=again.number or standing.number,
        snoozed_until=None if standing.waits else standing.snoozed_until,
    )
    return clocks(heard) if standing.waits else heard


def answered(standing: Standing, answer: Answer, tries: Iterable[datetime], clocks: Clocks) -> Standing:
    """The person was reached. ``tries``: the moments of all tries; those after the answer are still open."""
    if not standing.waits or answer.at < standing.waiting_since:
        return standing
    later = [moment for moment in tries if moment > answer.at]
    if later:
        return clocks(replace(standing, waiting_since=max(min(later), standing.waiting_since)))
    return ended(standing, answer)


def ended(standing: Standing, answer: Answer) -> Standing:
    """Over, in time or late."""
    return replace(
        standing,
        ending=answer.ending,
        in_time=answer.at <= standing.due_at,
        close_reason=answer.reason.value,
        closed_by=answer.interaction_id,
        closed_actor=answer.actor,
        closed_at=max(answer.at, standing.last_at),
        snoozed_until=None,
        next_at=None,
    )


def attempted(standing: Standing, at: datetime) -> Standing:
    """We tried in vain; what was tried before the person began to wait does not count."""
    if not standing.waits or at < standing.waiting_since:
        return standing
    last = standing.last_attempt_at
    return replace(standing, attempts=standing.attempts + 1, last_attempt_at=max(at, last) if last else at)


def claimed(standing: Standing, manager_id: str, at: datetime) -> Standing:
    """One manager takes it on; claiming what one has claimed already changes nothing. Raises Conflict."""
    _must_wait(standing)
    if standing.claimed_by == manager_id:
        return standing
    if standing.claimed_by is not None:
        raise Conflict("Somebody else has claimed this callback already.")
    return replace(standing, claimed_by=manager_id, claimed_at=at)


def released(standing: Standing) -> Standing:
    """Nobody works on it."""
    _must_wait(standing)
    return replace(standing, claimed_by=None, claimed_at=None)


def assigned(standing: Standing, manager_id: str | None) -> Standing:
    """A person gives it to a manager, or takes it from all; another's claim ends."""
    _must_wait(standing)
    keeps = standing.claimed_by == manager_id
    return replace(
        standing,
        owner_id=manager_id,
        owner_rule="person",
        claimed_by=standing.claimed_by if keeps else None,
        claimed_at=standing.claimed_at if keeps else None,
    )


def snoozed(standing: Standing, until: datetime, now: datetime, clocks: Clocks) -> Standing:
    """Put off: no reminder until then. Raises NotPossible for the past."""
    _must_wait(standing)
    if until <= now:
        raise NotPossible("A callback can only be put off to a moment that is still to come.")
    return clocks(replace(standing, snoozed_until=until))


def woken(standing: Standing, clocks: Clocks) -> Standing:
    """The snooze is over."""
    return clocks(replace(standing, snoozed_until=None))


def closed(standing: Standing, reason: Reason, at: datetime, actor: str) -> Standing:
    """A person ends it. ``reached``: the person was spoken with by a way that the gateway does not see."""
    _must_wait(standing)
    reached = reason is Reason.REACHED
    return replace(
        standing,
        ending=State.REACHED_BY_US if reached else State.CLOSED,
        in_time=at <= standing.due_at if reached else None,
        close_reason=reason.value,
        closed_by=None,
        closed_actor=actor,
        closed_at=at,
        snoozed_until=None,
        next_at=None,
    )


def reopened(standing: Standing, at: datetime, clocks: Clocks) -> Standing:
    """It is not over after all: the person waits from now on, and reminders begin anew."""
    if standing.waits:
        raise Conflict("This callback is open already.")
    if standing.ending is State.MERGED:
        raise Conflict("This callback became part of another one of the same person. Part the contacts first.")
    return clocks(replace(_without_ending(standing), waiting_since=at, steps_done=0))


def restored(standing: Standing, before: Standing, changed: Iterable[str], clocks: Clocks) -> Standing:
    """``changed`` fields as they were ``before``: undo of one step. Times are computed anew.

    Attempts are counted down instead, for calls may have added others since.
    """
    values = {name: getattr(before, name) for name in changed}
    if "attempts" in values:
        values["attempts"] = max(standing.attempts - 1, 0)
        if values["attempts"] != before.attempts:
            values.pop("last_attempt_at", None)
    back = replace(standing, **values)
    return clocks(back) if back.waits else back


def changes(before: Standing, after: Standing) -> tuple[str, ...]:
    """The fields in which the two differ."""
    names = (field.name for field in fields(Standing))
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def corrected(standing: Standing, first: Try, answer: Answer, clocks: Clocks) -> Standing:
    """A try that became known after the answer that closed: it was answered by that too."""
    return ended(tried(_without_ending(standing), first, clocks), answer)


def _without_ending(standing: Standing) -> Standing:
    return replace(
        standing, ending=None, in_time=None, close_reason=None, closed_by=None, closed_actor=None, closed_at=None
    )


def _must_wait(standing: Standing) -> None:
    if not standing.waits:
        raise Conflict("This callback is over already (%(value)s). Reopen it first.", value=standing.state.value)
