"""Spans of time as people write them in the configuration (``30m``, ``4h``, ``3d``, ``2w``), and where they end.

Minutes and hours are counted in working time where a calendar is known. Days and weeks are counted by the calendar on
the wall, and end at the next working moment: "three days after Friday's offer" is Monday morning's first work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST = timedelta(days=3660)
"""Ten years: more is a slip of the pen."""


class WorkingTime(Protocol):
    """A working calendar, as ``routing.hours.Hours`` is one."""

    def next_working_moment(self, moment: datetime) -> datetime | None:
        """``moment`` itself in working time, else the next one; None where it never comes."""
        ...

    def add_working_time(self, moment: datetime, duration: timedelta) -> datetime | None:
        """The moment at which so much working time has passed; None where so much never comes."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time and how it is counted."""

    length: timedelta
    by_the_clock: bool
    """Minutes and hours: of working time. Otherwise days and weeks."""

    def after(self, moment: datetime, calendar: WorkingTime | None) -> datetime:
        """When so much has passed since ``moment``; without a calendar all time is working time."""
        plain = moment + self.length
        if calendar is None:
            return plain
        if self.by_the_clock:
            return calendar.add_working_time(moment, self.length) or plain
        return calendar.next_working_moment(plain) or plain


def parse_span(text: str) -> Span:
    """``3d`` -> a Span. Raises ValueError with a sentence."""
    match = re.fullmatch(r"(\d{1,6})\s*([mhdw])", text.strip(), re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is no span of time. Write it like 30m, 4h, 3d or 2w")
    unit = match.group(2)
    length = int(match.group(1)) * _UNITS[unit]
    if not timedelta(0) <= length <= LONGEST:
        raise ValueError(f"{text!r} is longer than ten years")
    return Span(length, by_the_clock=unit in "mh")
