"""Settings of the routing: working hours. They refuse what no calendar can be made of."""

from __future__ import annotations

import datetime
import difflib
import zoneinfo
from collections.abc import Mapping

import msgspec

from gateway.routing import publicdays
from gateway.routing.week import WEEKDAYS, Day, parse_day

MOST_SHORTER = 720
COMPANY = "company"
"""The schedule of ``[hours]`` itself, where exceptions name schedules."""


class NothingSaid(ValueError):
    """An exception that says neither that a day is closed nor when it is open."""

    key = "closed"
    """What `gateway.config` blames: the key that is not there."""


class WeekSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The week of one schedule. A day that is left out is closed, once any day is given."""

    timezone: str | None = None
    """IANA name of the zone in which the hours are meant."""
    mon: tuple[str, ...] | None = None
    """Intervals of that weekday, as ``["09:00-13:00", "14:00-18:00"]``; ``["22:00-06:00"]`` ends on the next day."""
    tue: tuple[str, ...] | None = None
    """The same for Tuesday."""
    wed: tuple[str, ...] | None = None
    """The same for Wednesday."""
    thu: tuple[str, ...] | None = None
    """The same for Thursday."""
    fri: tuple[str, ...] | None = None
    """The same for Friday."""
    sat: tuple[str, ...] | None = None
    """The same for Saturday."""
    sun: tuple[str, ...] | None = None
    """The same for Sunday."""
    country: str | None = None
    """Two-letter country whose public holidays are closed."""
    subdivision: str | None = None
    """Its state or region with holidays of its own (ISO 3166-2 without the country), as BY for Bavaria."""
    shorter_before_holidays: int | None = None
    """Minutes by which a working day before a public holiday ends earlier: 60 in Russia."""

    def __post_init__(self) -> None:
        for name, texts in self.given().items():
            try:
                parse_day(texts)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        if self.timezone is not None:
            _check_zone(self.timezone)
        if self.shorter_before_holidays is not None and not 0 <= self.shorter_before_holidays <= MOST_SHORTER:
            raise ValueError(f"shorter_before_holidays must be 0 to {MOST_SHORTER} minutes")
        if self.country is not None:
            publicdays.check(self.country, self.subdivision)
        elif self.subdivision is not None:
            raise ValueError("subdivision says nothing without its country. Set country too")

    def given(self) -> Mapping[str, tuple[str, ...]]:
        """The weekdays that the configuration names, with their intervals as written."""
        days = ((name, getattr(self, name)) for name in WEEKDAYS)
        return {name: texts for name, texts in days if texts is not None}

    def week(self) -> tuple[Day, ...] | None:
        """Monday to Sunday; None where no day is given."""
        given = self.given()
        return tuple(parse_day(given.get(name, ())) for name in WEEKDAYS) if given else None


class ScheduleSettings(WeekSettings, frozen=True, kw_only=True):
    """One ``[[hours.schedule]]``: the hours of a department, told by what was dialled, written to or filled in."""

    name: str
    """How exceptions and people call it."""
    lines: tuple[str, ...] = ()
    """Dialled numbers, mail addresses and keys of forms that keep these hours."""
    holidays: bool = True
    """Off: open on public holidays too."""

    def __post_init__(self) -> None:
        WeekSettings.__post_init__(self)
        if not self.name.strip() or self.name == COMPANY:
            raise ValueError(
                f"name {self.name!r} is none for a department ({COMPANY} is [hours] itself). Choose another"
            )


class ExceptionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[hours.exception]]``: days that differ from the week, whatever the public holidays are.

    Of several that cover a day the last one counts.
    """

    date: datetime.date | None = None
    """The one day, as ``2026-12-31``."""
    first: datetime.date | None = msgspec.field(default=None, name="from")
    """Or the first of several days."""
    last: datetime.date | None = msgspec.field(default=None, name="to")
    """And the last of them."""
    closed: bool = False
    """Closed on these days."""
    hours: tuple[str, ...] = ()
    """Or open so, as ``["09:00-15:00"]``."""
    schedules: tuple[str, ...] = ()
    """Names of the schedules that it is for, ``company`` for [hours] itself; none: for all."""
    reason: str = ""
    """Why, for people."""

    def __post_init__(self) -> None:
        if self.date is not None and (self.first or self.last):
            raise ValueError("date is set beside from and to. Keep one of the two")
        if self.date is None and not (self.first and self.last):
            raise ValueError("date is missing. Set date = 2026-12-31, or both from and to")
        if self.first and self.last and self.last < self.first:
            raise ValueError(f"to is {self.last}, before from, {self.first}. Exchange them")
        try:
            parse_day(self.hours)
        except ValueError as error:
            raise ValueError(f"hours: {error}") from None
        if self.closed and self.hours:
            raise ValueError("closed = true, but hours are set too. Keep one of the two")
        if not self.closed and not self.hours:
            raise NothingSaid('closed is missing. Set closed = true, or hours = ["09:00-15:00"]')

    def covers(self, schedule: str, day: datetime.date) -> bool:
        """True where it decides about this day of this schedule."""
        if self.schedules and schedule not in self.schedules:
            return False
        if self.first is not None and self.last is not None:
            return self.first <= day <= self.last
        return day == self.date

    def day(self) -> Day:
        """The intervals of each of its days."""
        return parse_day(self.hours)


class HoursSettings(WeekSettings, frozen=True, kw_only=True):
    """``[hours]``: when the company works. A schedule that leaves something out has it from here."""

    schedule: tuple[ScheduleSettings, ...] = ()
    """Departments with hours of their own."""
    exception: tuple[ExceptionSettings, ...] = ()
    """Days that differ from the week."""

    def __post_init__(self) -> None:
        WeekSettings.__post_init__(self)
        if not self.given() and not any(each.given() for each in self.schedule):
            raise ValueError('no day is given, so nobody would ever work. Write mon = ["09:00-18:00"] and so on')
        for each in self.schedule:
            if not self.given() and not each.given():
                raise ValueError(f"schedule {each.name!r} names no day, nor does [hours]. Write its mon, tue, ...")


def _check_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, sorted(zoneinfo.available_timezones()), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Write it like Europe/Moscow"
        raise ValueError(f"timezone {name!r} is not known. {hint}") from None
