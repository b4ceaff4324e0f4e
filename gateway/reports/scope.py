"""What a report is asked about: which days, whose, over which lines; and how durations are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from gateway.reports.memory import FactMemory


class WorkingTime(Protocol):
    """A schedule, as reports use it (``routing.hours.Hours``)."""

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """Working time from ``start`` to ``end``."""
        ...


def no_hours(_line: str | None) -> WorkingTime | None:
    """Where no working hours are configured."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The filter bar. Everything absent means all."""

    first: date
    last: date
    """Both days are part of it."""
    zone: ZoneInfo
    """The company's: days, hours and weekdays are counted in it."""
    now: datetime
    manager: str | None = None
    """An id, or ``none`` for what belongs to nobody."""
    channel: str | None = None
    line: str | None = None
    """What was dialled, the mailbox or the form."""
    source: str | None = None
    """``utm_source``, or the configured name where an item has none."""
    when: str = "all"
    """``working``: only what came in working time; ``after``: only the rest."""
    clock: str = "working"
    """How durations are counted: ``working`` time of the line, or ``wall`` time."""
    seen_by: str | None = None
    """Only rows of this manager and of nobody: set by who asks."""
    hours_of: Callable[[str | None], WorkingTime | None] = field(default=no_hours, repr=False)
    """The schedule of a line."""
    counted: dict[tuple[datetime, datetime, str | None], float] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Durations that were counted already: a table asks for each on its own line and in the total."""
    memory: FactMemory | None = field(default=None, repr=False)
    """What is remembered of past days; None: all is read anew."""

    @property
    def since(self) -> datetime:
        """The first moment, UTC."""
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The first moment after it, UTC."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> list[date]:
        """Every day of it, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def midnights(self) -> list[datetime]:
        """The first moment of every day of it, and of the one after it, UTC."""
        return [_midnight(self.first + timedelta(days=n), self.zone) for n in range((self.last - self.first).days + 2)]

    def day_of(self, moment: datetime) -> date:
        """The company's day of a moment."""
        return moment.astimezone(self.zone).date()

    def seconds(self, start: datetime, end: datetime, line: str | None) -> float:
        """From ``start`` to ``end``, counted as ``clock`` says; wall time where the line has no hours."""
        if self.clock != "working":
            return (end - start).total_seconds()
        known = self.counted.get((start, end, line))
        if known is None:
            hours = self.hours_of(line)
            span = hours.working_time_between(start, end) if hours is not None else end - start
            known = self.counted[start, end, line] = span.total_seconds()
        return known


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
