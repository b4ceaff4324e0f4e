"""The schedules of the company and its departments, made from the settings, found by what was dialled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.core.address import canonical_address
from gateway.core.phone import to_e164
from gateway.routing.hours import Hours
from gateway.routing.publicdays import PublicDays
from gateway.routing.settings import COMPANY, ExceptionSettings, HoursSettings, ScheduleSettings, WeekSettings
from gateway.routing.week import CLOSED, Day

YEARS = range(1990, 2200)
"""Of a moment outside of them, which some site or mail program made up, nothing is said."""
KEPT_LINES = 4096
"""Lines whose schedule is remembered: what a stranger dials or writes to is not bounded by the settings."""


class DayPlan:
    """What hours a local day has: the last exception that covers it, else the public holidays, else the week."""

    def __init__(
        self, name: str, week: tuple[Day, ...], exceptions: tuple[ExceptionSettings, ...], public: PublicDays | None
    ) -> None:
        self._name = name
        self._week = week
        self._exceptions = exceptions
        self._public = public

    def __call__(self, day: date) -> Day:
        """The intervals of that day, by the clock on the wall."""
        for exception in reversed(self._exceptions):
            if exception.covers(self._name, day):
                return exception.day()
        if self._public is not None and self._public.is_off(day):
            return CLOSED
        usual = self._week[day.weekday()]
        if not usual and self._public is not None and self._public.is_working_weekend(day):
            return self._before(day)
        return usual

    def _before(self, day: date) -> Day:
        """The hours of the last weekday that has any: a working Saturday is worked like the Friday before it."""
        return next((hours for back in range(1, 7) if (hours := self._week[(day - timedelta(back)).weekday()])), CLOSED)


class Schedules:
    """All schedules. Without ``[hours]`` there are none, and nothing is known of any line."""

    def __init__(
        self, company: Hours | None, named: Mapping[str, Hours], by_line: Mapping[str, str], region: str
    ) -> None:
        """``by_line``: `line_key` to the name of its schedule."""
        self.company = company
        self.named = named
        self._by_line = by_line
        self._region = region
        self._of_line = lru_cache(maxsize=KEPT_LINES)(self._find)

    @classmethod
    def of(cls, settings: HoursSettings | None, *, timezone: str, region: str) -> Schedules:
        """``timezone`` counts where the settings name none; ``region`` reads the numbers among the lines."""
        if settings is None:
            return cls(None, {}, {}, region)
        hours = {
            schedule.name: made
            for schedule in settings.schedule
            if (made := _hours(schedule.name, schedule, settings, timezone))
        }
        lines = {line_key(line, region): schedule.name for schedule in settings.schedule for line in schedule.lines}
        return cls(_hours(COMPANY, settings, settings, timezone), hours, lines, region)

    def of_line(self, line: str | None) -> Hours | None:
        """The schedule of a dialled number, a mail address or a form's key; the company's for all others."""
        return self._of_line(line) if line else self.company

    def after_hours(self, moment: datetime, line: str | None) -> bool | None:
        """True outside the working time of what was dialled; None where no schedule is known."""
        hours = self.of_line(line)
        if hours is None or moment.year not in YEARS:
            return None
        return not hours.is_open(moment)

    def _find(self, line: str) -> Hours | None:
        name = self._by_line.get(line_key(line, self._region))
        return self.company if name is None else self.named[name]


def line_key(line: str, region: str) -> str:
    """A line in the one spelling in which lines are compared."""
    address = canonical_address(line) if "@" in line and ":" not in line else None
    return address or to_e164(line, region) or line.strip().casefold()


def _hours(name: str, own: WeekSettings, company: HoursSettings, timezone: str) -> Hours | None:
    """One schedule; what it leaves out it has from the company. None where neither names a day."""
    week = own.week() or company.week()
    if week is None:
        return None
    with_country = own if own.country is not None else company
    wants_holidays = own.holidays if isinstance(own, ScheduleSettings) else True
    public = (
        PublicDays(with_country.country, with_country.subdivision)
        if wants_holidays and with_country.country is not None
        else None
    )
    zone = ZoneInfo(own.timezone or company.timezone or timezone)
    return Hours(name, zone, DayPlan(name, week, company.exception, public))
