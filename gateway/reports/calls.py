"""Calls from outside: when they come, over which lines, and how many nobody answered."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Calls by what became of them."""

    facts: Sequence[CallFact]
    answered: list[CallFact]
    missed: list[CallFact]
    callers: dict[str, CallFact]
    """Each caller's first call, the latest caller first."""
    waits: list[float]
    """Of the answered ones, ascending; so are the talks."""
    talks: list[float]


def parts_of(facts: Sequence[CallFact]) -> Parts:
    """``facts``: the oldest first."""
    answered = [call for call in facts if call.outcome == "answered"]
    return Parts(
        facts=facts,
        answered=answered,
        missed=[call for call in facts if call.outcome != "answered" and call.outcome is not None],
        callers={call.contact_id or call.id: call for call in reversed(facts)},
        waits=sorted(call.wait for call in answered if call.wait is not None),
        talks=sorted(call.talk for call in answered if call.talk is not None),
    )


def joined(days: Sequence[Parts]) -> Parts:
    """All of them together, as ``parts_of`` all their facts: a month is not gone through twice."""
    callers: dict[str, CallFact] = {}
    for day in reversed(days):
        callers.update(day.callers)
    return Parts(
        facts=list(chain.from_iterable(day.facts for day in days)),
        answered=list(chain.from_iterable(day.answered for day in days)),
        missed=list(chain.from_iterable(day.missed for day in days)),
        callers=callers,
        waits=sorted(chain.from_iterable(day.waits for day in days)),
        talks=sorted(chain.from_iterable(day.talks for day in days)),
    )


def figures(parts: Parts) -> tuple[Cell, ...]:
    """See FIGURES."""
    facts, answered, missed = parts.facts, parts.answered, parts.missed
    return (
        counted(facts),
        counted(answered),
        counted(missed),
        Cell(ratio(len(missed), len(facts)), missed),
        counted(list(parts.callers.values())),
        Cell(median(parts.waits), answered),
        Cell(median(parts.talks), answered),
    )


def table_by(facts: Sequence[CallFact], by: Callable[[CallFact], str | None]) -> Table:
    """FIGURES for each value of ``by``, the most frequent first."""
    groups = by_size(grouped(facts, lambda call: by(call) or NOBODY))
    lines = tuple(Line(key, None if key == NOBODY else key, figures(parts_of(group))) for key, group in groups)
    return Table(columns=FIGURES, lines=lines, total=Line(TOTAL, None, figures(parts_of(facts))))


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
    """FIGURES of each day, also of days without a call. ``facts``: the oldest first."""
    ends = [bisect_left(facts, midnight, key=lambda call: call.at) for midnight in scope.midnights]
    parts = {
        day.isoformat(): parts_of(facts[start:end])
        for day, (start, end) in zip(scope.days, pairwise(ends), strict=True)
    }
    lines = tuple(Line(day, day, figures(of_day)) for day, of_day in parts.items())
    return Table(columns=FIGURES, lines=lines, total=Line(TOTAL, None, figures(joined(list(parts.values())))))


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
