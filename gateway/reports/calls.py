"""Calls from outside: when they come, over which lines, and how many nobody answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from gateway.reports.duties import response_seconds
from gateway.reports.facts import NOBODY, CallFact, DutyFact, calls, duties
from gateway.reports.numbers import median, ratio
from gateway.reports.scope import Scope
from gateway.reports.table import TOTAL, Cell, Column, Line, Table, _, by_size, counted, grouped

FIGURES = (
    Column(key="all", label=_("Calls"), opens="call"),
    Column(key="answered", label=_("Were answered"), opens="call"),
    Column(key="missed", label=_("Were missed"), opens="call"),
    Column(key="share", label=_("Missed share"), unit="share", opens="call"),
    Column(key="callers", label=_("Different callers"), opens="call"),
    Column(key="wait", label=_("Median wait for an answer"), unit="seconds", opens="call"),
    Column(key="talk", label=_("Median talk"), unit="seconds", opens="call"),
)
HOURS = tuple(Column(key=str(hour), label=f"{hour:02}", opens="call") for hour in range(24))
HOUR_SHARES = tuple(Column(key=str(hour), label=f"{hour:02}", unit="share", opens="call") for hour in range(24))
AFTER = (
    Column(key="all", label=_("Calls"), opens="call"),
    Column(key="after", label=_("After hours"), opens="call"),
    Column(key="share", label=_("Share after hours"), unit="share", opens="call"),
    Column(key="waited", label=_("Waited for a call"), opens="callback"),
    Column(key="reached", label=_("Reached"), opens="callback"),
    Column(key="median", label=_("Median after opening"), unit="seconds", opens="callback"),
)


def figures(facts: Sequence[CallFact]) -> tuple[Cell, ...]:
    """See FIGURES."""
    answered = [call for call in facts if call.outcome == "answered"]
    missed = [call for call in facts if call.outcome != "answered" and call.outcome is not None]
    firsts = {call.contact_id or call.id: call for call in reversed(facts)}
    return (
        counted(facts),
        counted(answered),
        counted(missed),
        Cell(ratio(len(missed), len(facts)), missed),
        counted(list(firsts.values())),
        Cell(median([call.wait for call in answered if call.wait is not None]), answered),
        Cell(median([call.talk for call in answered if call.talk is not None]), answered),
    )


def table_by(facts: Sequence[CallFact], by: Callable[[CallFact], str | None]) -> Table:
    """FIGURES for each value of ``by``, the most frequent first."""
    groups = by_size(grouped(facts, lambda call: by(call) or NOBODY))
    lines = tuple(Line(key, None if key == NOBODY else key, figures(group)) for key, group in groups)
    return Table(columns=FIGURES, lines=lines, total=Line(TOTAL, None, figures(facts)))


def lines_report(connection: Connection, scope: Scope) -> Table:
    """By the number that was dialled."""
    return table_by(calls(connection, scope), lambda call: call.line)


def queues_report(connection: Connection, scope: Scope) -> Table:
    """By the queue in which they waited."""
    return table_by([call for call in calls(connection, scope) if call.queue], lambda call: call.queue)


def reasons_report(connection: Connection, scope: Scope) -> Table:
    """The missed ones by the reason."""
    return table_by([call for call in calls(connection, scope) if call.missed], lambda call: call.reason)


def days_report(connection: Connection, scope: Scope) -> Table:
    """By day."""
    return days_table(calls(connection, scope), scope)


def days_table(facts: Sequence[CallFact], scope: Scope) -> Table:
    """FIGURES of each day, also of days without a call."""
    groups = grouped(facts, lambda call: scope.day_of(call.at))
    lines = tuple(Line(day.isoformat(), day.isoformat(), figures(groups.get(day, []))) for day in scope.days)
    return Table(columns=FIGURES, lines=lines, total=Line(TOTAL, None, figures(facts)))


def heat_report(connection: Connection, scope: Scope) -> Table:
    """All calls by weekday and hour."""
    return heat_table(calls(connection, scope), scope)


def heat_missed_report(connection: Connection, scope: Scope) -> Table:
    """Missed calls by weekday and hour."""
    return heat_table([call for call in calls(connection, scope) if call.missed], scope)


def heat_share_report(connection: Connection, scope: Scope) -> Table:
    """Of the calls of each weekday and hour, how many were missed."""
    return heat_share_table(calls(connection, scope), scope)


def heat_table(facts: Sequence[CallFact], scope: Scope) -> Table:
    """Monday is line ``0``; hours of the company's zone."""
    spots = _spots(facts, scope)
    lines = tuple(
        Line(str(weekday), None, tuple(counted(spots.get((weekday, hour), [])) for hour in range(24)))
        for weekday in range(7)
    )
    return Table(columns=HOURS, lines=lines)


def heat_share_table(facts: Sequence[CallFact], scope: Scope) -> Table:
    """As heat_table, with shares."""
    spots = _spots(facts, scope)

    def cell(weekday: int, hour: int) -> Cell:
        here = spots.get((weekday, hour), [])
        missed = [call for call in here if call.missed]
        return Cell(ratio(len(missed), len(here)), missed)

    lines = tuple(Line(str(day), None, tuple(cell(day, hour) for hour in range(24))) for day in range(7))
    return Table(columns=HOUR_SHARES, lines=lines)


def _spots(facts: Sequence[CallFact], scope: Scope) -> dict[tuple[int, int], list[CallFact]]:
    spots: dict[tuple[int, int], list[CallFact]] = {}
    for call in facts:
        local = call.at.astimezone(scope.zone)
        spots.setdefault((local.weekday(), local.hour), []).append(call)
    return spots


def after_hours_report(connection: Connection, scope: Scope) -> Table:
    """What came while nobody worked, by weekday, and how fast it was answered once somebody did."""
    return after_hours_table(calls(connection, scope), duties(connection, scope), scope)


def after_hours_table(facts: Sequence[CallFact], waiting: Sequence[DutyFact], scope: Scope) -> Table:
    """See AFTER. "After opening" is working time: the night itself does not count."""
    late = [duty for duty in waiting if duty.after_hours]
    by_day = grouped(facts, lambda call: str(call.at.astimezone(scope.zone).weekday()))
    late_by_day = grouped(late, lambda duty: str(duty.at.astimezone(scope.zone).weekday()))
    lines = tuple(
        Line(str(day), None, _after(by_day.get(str(day), []), late_by_day.get(str(day), []), scope)) for day in range(7)
    )
    return Table(columns=AFTER, lines=lines, total=Line(TOTAL, None, _after(facts, late, scope)))


def _after(facts: Sequence[CallFact], late: Sequence[DutyFact], scope: Scope) -> tuple[Cell, ...]:
    after = [call for call in facts if call.after_hours]
    reached = [duty for duty in late if duty.reached]
    seconds = [value for duty in reached if (value := response_seconds(duty, scope)) is not None]
    return (
        counted(facts),
        counted(after),
        Cell(ratio(len(after), len(facts)), after),
        counted(late),
        counted(reached),
        Cell(median(seconds), reached),
    )
