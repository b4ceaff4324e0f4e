"""The filter bar of the reports: from an address to a Scope and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from gateway.web.problems import Refused

PERIODS = ("today", "yesterday", "7d", "30d", "month", "last_month", "own")
DEFAULT_PERIOD = "7d"
MOST_DAYS = 800
"""Two years and their months: more can't be read on one page, and costs the others their answer."""
NAMES = ("period", "from", "to", "manager", "channel", "line", "source", "when", "clock")
CHOICES = {
    "channel": frozenset({"call", "mail", "form"}),
    "when": frozenset({"all", "working", "after"}),
    "clock": frozenset({"working", "wall"}),
}
MAX_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the filter bar says."""

    period: str
    first: date
    last: date
    values: Mapping[str, str]
    """The other filters that are set, by their names in the address."""

    def link(self, path: str, **more: str) -> str:
        """An address with these filters."""
        days = {"from": self.first.isoformat(), "to": self.last.isoformat()} if self.period == "own" else {}
        return f"{path}?{urlencode({'period': self.period, **days, **self.values, **more})}"


def read(query: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Asked:
    """Raises Refused (400) that names the filter and what is wrong with it."""
    today = now.astimezone(zone).date()
    period = query.get("period") or ("own" if query.get("from") else DEFAULT_PERIOD)
    if period not in PERIODS:
        raise _bad("period", f"there are {', '.join(PERIODS)}")
    first, last = days(period, today) if period != "own" else _own(query, today)
    values = {name: value[:MAX_TEXT] for name in NAMES[3:] if (value := (query.get(name) or "").strip())}
    for name, allowed in CHOICES.items():
        if name in values and values[name] not in allowed:
            raise _bad(name, f"there are {', '.join(sorted(allowed))}")
    if any("\x00" in value for value in values.values()):
        raise _bad("filter", "it contains a NUL")
    return Asked(period=period, first=first, last=last, values=values)


def days(period: str, today: date) -> tuple[date, date]:
    """First and last day of a named period."""
    first_of_month = today.replace(day=1)
    match period:
        case "yesterday":
            return today - timedelta(days=1), today - timedelta(days=1)
        case "7d":
            return today - timedelta(days=6), today
        case "30d":
            return today - timedelta(days=29), today
        case "month":
            return first_of_month, today
        case "last_month":
            last = first_of_month - timedelta(days=1)
            return last.replace(day=1), last
        case _:
            return today, today


def _own(query: Mapping[str, str], today: date) -> tuple[date, date]:
    first, last = _day(query, "from", today), _day(query, "to", today)
    if last < first:
        raise _bad("to", "it is before the first day")
    if (last - first).days >= MOST_DAYS:
        raise _bad("from", f"a report has at most {MOST_DAYS} days")
    return first, last


def _day(query: Mapping[str, str], name: str, default: date) -> date:
    text = query.get(name)
    if not text:
        return default
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _bad(name, "write it as 2026-11-22") from None
    if not 1990 <= day.year <= 2200:
        raise _bad(name, "this year is not in the calendar")
    return day


def _bad(name: str, why: str) -> Refused:
    return Refused(400, "bad_parameter", "The parameter %(name)s can't be used: %(why)s.", name=name, why=why)
