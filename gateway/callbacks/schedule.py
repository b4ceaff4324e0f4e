"""When a callback is due, when to remind, until when a snooze lasts: all in working time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from gateway.callbacks.life import Standing
from gateway.callbacks.settings import StepSettings, parse_preset

LOOK_AHEAD = 31
"""Days in which the next working day is looked for."""


class WorkingHours(Protocol):
    """One schedule (``routing.hours.Hours``)."""

    zone: tzinfo

    def next_working_moment(self, moment: datetime) -> datetime | None:
        """The moment itself in working time, else when it opens next; None: never."""
        ...

    def add_working_time(self, moment: datetime, duration: timedelta) -> datetime | None:
        """When so much working time has passed; None: never."""
        ...


class Calendar(Protocol):
    """All schedules (``routing.calendars.Schedules``)."""

    def of_line(self, line: str | None) -> WorkingHours | None:
        """The schedule of what was dialled, written to or filled in; None where none is known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """How long a person may wait, and who is reminded meanwhile."""

    calendar: Calendar
    target: timedelta
    """Working time until it is too late."""
    steps: Sequence[StepSettings]
    zone: tzinfo
    """For times of day where no hours are known."""

    def timed(self, standing: Standing) -> Standing:
        """The same with ``due_at`` and ``next_at``."""
        due = self.later(standing.waiting_since, self.target, standing.line)
        return replace(standing, due_at=due, next_at=self._next(standing))

    def later(self, moment: datetime, working: timedelta, line: str | None) -> datetime:
        """``working`` time after ``moment``; by the clock where no hours are known, or none ever come."""
        hours = self.calendar.of_line(line)
        found = hours.add_working_time(moment, working) if hours is not None else None
        return found if found is not None else moment + working

    def snooze(self, preset: str, now: datetime, line: str | None) -> datetime:
        """The moment that a preset means. Raises ValueError for a text that is none.

        ``1h`` is an hour of working time; ``09:00`` that time of the next day that is worked, or when its work begins.
        """
        wanted = parse_preset(preset)
        if isinstance(wanted, timedelta):
            return self.later(now, wanted, line)
        hours = self.calendar.of_line(line)
        zone = hours.zone if hours is not None else self.zone
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        moments = [datetime.combine(tomorrow + timedelta(days=ahead), wanted, zone) for ahead in range(LOOK_AHEAD)]
        if hours is not None:
            for moment in moments:
                opens = hours.next_working_moment(moment)
                if opens is not None and opens.astimezone(zone).date() == moment.date():
                    return opens.astimezone(UTC)
        return moments[0].astimezone(UTC)

    def step_at(self, standing: Standing) -> datetime | None:
        """When the next reminder is due; None where all were given."""
        if standing.steps_done >= len(self.steps):
            return None
        return self.later(standing.waiting_since, self.steps[standing.steps_done].after, standing.line)

    def _next(self, standing: Standing) -> datetime | None:
        if not standing.waits:
            return None
        return standing.snoozed_until if standing.snoozed_until is not None else self.step_at(standing)
