"""Who waited for a call: reached or not, how fast, after how many tries."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.reports.facts import NOBODY, DutyFact, duties, manager_names
from gateway.reports.numbers import median, percentile, ratio
from gateway.reports.scope import Scope
from gateway.reports.table import TOTAL, Cell, Column, Line, Table, _, by_size, counted, grouped

MINUTE = 60.0
MANY = 5
"""Tries from which on it does not matter any more how many they were."""

BY_OWNER = (
    Column(key="all", label=_("Waited for a call"), opens="callback"),
    Column(key="in_time", label=_("Reached in time"), opens="callback"),
    Column(key="late", label=_("Reached late"), opens="callback"),
    Column(key="client", label=_("Client got through"), opens="callback"),
    Column(key="closed", label=_("Closed otherwise"), opens="callback"),
    Column(key="open", label=_("Still open"), opens="callback"),
    Column(key="overdue", label=_("Overdue now"), opens="callback"),
    Column(key="share", label=_("Reached"), unit="share", opens="callback"),
    Column(key="attempts", label=_("Our attempts each"), unit="number", opens="callback"),
)
RESPONSE = (
    Column(key="all", label=_("Waited for a call"), opens="callback"),
    Column(key="reached", label=_("Reached"), opens="callback"),
    Column(key="median", label=_("Median"), unit="seconds", opens="callback"),
    Column(key="p90", label=_("9 of 10 within"), unit="seconds", opens="callback"),
    Column(key="5", label=_("Within 5 min"), unit="share", opens="callback"),
    Column(key="15", label=_("Within 15 min"), unit="share", opens="callback"),
    Column(key="60", label=_("Within 1 h"), unit="share", opens="callback"),
)
TRIES = (
    Column(key="all", label=_("Waited for a call"), opens="callback"),
    Column(key="reached", label=_("Reached"), opens="callback"),
    Column(key="share", label=_("Share reached"), unit="share", opens="callback"),
)
BREACHES = (
    Column(key="late", label=_("Reached late"), opens="callback"),
    Column(key="open", label=_("Overdue now"), opens="callback"),
    Column(key="median", label=_("Median delay after due"), unit="seconds", opens="callback"),
)


def callbacks_report(connection: Connection, scope: Scope) -> Table:
    """By the manager whose duty it is."""
    return callbacks_table(duties(connection, scope), manager_names(connection), scope)


def callbacks_table(facts: Sequence[DutyFact], names: dict[str, str], scope: Scope) -> Table:
    """See BY_OWNER."""
    groups = by_size(grouped(facts, lambda duty: duty.owner_id or NOBODY))
    lines = tuple(Line(key, names.get(key), _by_owner(group, scope)) for key, group in groups)
    return Table(columns=BY_OWNER, lines=lines, total=Line(TOTAL, None, _by_owner(facts, scope)))


def _by_owner(facts: Sequence[DutyFact], scope: Scope) -> tuple[Cell, ...]:
    reached = [duty for duty in facts if duty.reached]
    over = [duty for duty in facts if duty.state == "closed"]
    still = [duty for duty in facts if duty.closed_at is None]
    return (
        counted(facts),
        counted([duty for duty in facts if duty.state == "reached_by_us" and duty.in_time]),
        counted([duty for duty in facts if duty.state == "reached_by_us" and not duty.in_time]),
        counted([duty for duty in facts if duty.state == "reached_by_client"]),
        counted(over),
        counted(still),
        counted([duty for duty in still if duty.overdue(scope.now)]),
        Cell(ratio(len(reached), len(facts)), reached),
        Cell(ratio(sum(duty.attempts for duty in facts), len(facts)), facts),
    )


def response_report(connection: Connection, scope: Scope) -> Table:
    """By day."""
    return response_table(duties(connection, scope), scope)


def response_table(facts: Sequence[DutyFact], scope: Scope) -> Table:
    """See RESPONSE. From the first missed try until one side reached the other; who was never reached is no median,
    but counts against every share."""
    groups = grouped(facts, lambda duty: scope.day_of(duty.at).isoformat())
    lines = tuple(
        Line(day.isoformat(), day.isoformat(), _response(groups.get(day.isoformat(), []), scope)) for day in scope.days
    )
    return Table(columns=RESPONSE, lines=lines, total=Line(TOTAL, None, _response(facts, scope)))


def _response(facts: Sequence[DutyFact], scope: Scope) -> tuple[Cell, ...]:
    reached = [duty for duty in facts if duty.reached]
    took = {duty.id: response_seconds(duty, scope) for duty in reached}
    seconds = [value for value in took.values() if value is not None]
    within = [_within(facts, took, minutes) for minutes in (5, 15, 60)]
    return (
        counted(facts),
        counted(reached),
        Cell(median(seconds), reached),
        Cell(percentile(seconds, 0.9), reached),
        *within,
    )


def _within(facts: Sequence[DutyFact], took: dict[str, float | None], minutes: int) -> Cell:
    fast = [duty for duty in facts if (seconds := took.get(duty.id)) is not None and seconds <= minutes * MINUTE]
    return Cell(ratio(len(fast), len(facts)), fast)


def response_seconds(duty: DutyFact, scope: Scope) -> float | None:
    """From the first try until the person was reached, counted as the scope says; None for who was not."""
    if not duty.reached or duty.closed_at is None:
        return None
    return max(0.0, scope.seconds(duty.at, duty.closed_at, duty.line))


def tries_report(connection: Connection, scope: Scope) -> Table:
    """By how often the person had tried."""
    return tries_table(duties(connection, scope))


def tries_table(facts: Sequence[DutyFact]) -> Table:
    """See TRIES."""
    groups = grouped(facts, lambda duty: str(min(duty.tries, MANY)))
    labels = {str(n): f"{n}+" if n == MANY else str(n) for n in range(1, MANY + 1)}
    lines = tuple(Line(key, label, _tries(groups.get(key, []))) for key, label in labels.items())
    return Table(columns=TRIES, lines=lines, total=Line(TOTAL, None, _tries(facts)))


def _tries(facts: Sequence[DutyFact]) -> tuple[Cell, ...]:
    reached = [duty for duty in facts if duty.reached]
    return counted(facts), counted(reached), Cell(ratio(len(reached), len(facts)), reached)


def breaches_report(connection: Connection, scope: Scope) -> Table:
    """What was not done in time, by the manager whose duty it is."""
    return breaches_table(duties(connection, scope), manager_names(connection), scope)


def breaches_table(facts: Sequence[DutyFact], names: dict[str, str], scope: Scope) -> Table:
    """See BREACHES."""
    broken = [duty for duty in facts if duty.overdue(scope.now)]
    groups = by_size(grouped(broken, lambda duty: duty.owner_id or NOBODY))
    lines = tuple(Line(key, names.get(key), _breaches(group, scope)) for key, group in groups)
    return Table(columns=BREACHES, lines=lines, total=Line(TOTAL, None, _breaches(broken, scope)))


def _breaches(broken: Sequence[DutyFact], scope: Scope) -> tuple[Cell, ...]:
    delays = [max(0.0, scope.seconds(duty.due_at, duty.closed_at or scope.now, duty.line)) for duty in broken]
    return (
        counted([duty for duty in broken if duty.closed_at is not None]),
        counted([duty for duty in broken if duty.closed_at is None]),
        Cell(median(delays), broken),
    )
