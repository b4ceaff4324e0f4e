"""The schedules of the company and its departments, made from the settings, found by what was dialled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.core.address import canonical_address
from gateway.core.phone import to_e164
from gateway.routing.hours import Hours
from gateway.routing.publicdays import PublicDays
from gateway.routing.settings import COMPANY, ExceptionSettings, HoursSettings, ScheduleSettings, WeekSettings
from gateway.routing.week import CLOSED, Day, Interval

YEARS = range(1990, 2200)
"""Of a moment outside of them, which some site or mail program made up, nothing is said."""
KEPT_LINES = 4096
"""Lines whose schedule is remembered: what a stranger dials or writes to is not bounded by the settings."""


class DayPlan:
    """What hours a local day has: the last exception that covers it, else the public holidays, else the week."""

    def __init__(
        self,
        name: str,
        week: tuple[Day, ...],
        exceptions: Sequence[ExceptionSettings],
        public: PublicDays | None,
        *,
        shorter: int = 0,
    ) -> None:
        """``shorter``: minutes by which a working day before a public holiday ends earlier."""
        self._shorter = shorter
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
        if self._public is None:
            return usual
        if not usual and self._public.is_working_weekend(day):
            usual = self._before(day)
        if self._shorter and self._public.is_off(day + timedelta(1)):
            return ended_earlier(usual, self._shorter)
        return usual

    def _before(self, day: date) -> Day:
        """The hours of the last weekday that has any: a working Saturday is worked like the Friday before it."""
        return next((hours for back in range(1, 7) if (hours := self._week[(day - timedelta(back)).weekday()])), CLOSED)


class Schedules:
    """All schedules. Without ``[hours]`` there are none, and nothing is known of any line."""

    def __init__(self, settings: HoursSettings | None, *, timezone: str, region: str) -> None:
        """``timezone`` counts where the settings name none; ``region`` reads the numbers among the lines."""
        self._settings = settings
        self._timezone = timezone
        self._region = region
        schedules = settings.schedule if settings else ()
        self._by_line = {line_key(line, region): each.name for each in schedules for line in each.lines}
        self._entered: tuple[ExceptionSettings, ...] = ()
        self._make()

    @classmethod
    def of(cls, settings: HoursSettings | None, *, timezone: str, region: str) -> Schedules:
        """The schedules of the settings alone."""
        return cls(settings, timezone=timezone, region=region)

    def take(self, entered: tuple[ExceptionSettings, ...]) -> bool:
        """Count these days too, entered by people; they come after those of the settings. False where nothing changed.

        Whoever holds this object sees them at once.
        """
        if entered == self._entered:
            return False
        self._entered = entered
        self._make()
        return True

    @property
    def names(self) -> list[str]:
        """What exceptions and people may name."""
        return [COMPANY, *self.named] if self.company or self.named else []

    def _make(self) -> None:
        settings, timezone = self._settings, self._timezone
        hours: dict[str, Hours] = {}
        if settings is not None:
            exceptions = (*settings.exception, *self._entered)
            for schedule in settings.schedule:
                made = _hours(schedule.name, schedule, settings, timezone, exceptions)
                if made is not None:
                    hours[schedule.name] = made
            self.company: Hours | None = _hours(COMPANY, settings, settings, timezone, exceptions)
        else:
            self.company = None
        self.named: Mapping[str, Hours] = hours
        self._of_line = lru_cache(maxsize=KEPT_LINES)(self._find)

    def of_line(self, line: str | None) -> Hours | None:
        """The schedule of a dialled number, a mail address or a form's key; the company's for all others."""
        return self._of_line(line) if line else self.company

    def of_person(self, name: str | None) -> Hours | None:
        """The schedule that a manager keeps by its name; the company's for None and for one that is gone."""
        return self.named.get(name, self.company) if name else self.company

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


def ended_earlier(day: Day, minutes: int) -> Day:
    """The same day without its last ``minutes`` of work."""
    kept = list(day)
    while kept and minutes > 0:
        last = kept.pop()
        if last.end - last.start > minutes:
            kept.append(Interval(last.start, last.end - minutes))
            break
        minutes -= last.end - last.start
    return tuple(kept)


def _hours(
    name: str,
    own: WeekSettings,
    company: HoursSettings,
    timezone: str,
    exceptions: Sequence[ExceptionSettings],
) -> Hours | None:
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
    shorter = own.shorter_before_holidays
    if shorter is None:
        shorter = company.shorter_before_holidays or 0
    return Hours(name, zone, DayPlan(name, week, exceptions, public, shorter=shorter))
