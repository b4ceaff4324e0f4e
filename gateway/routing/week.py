"""The hours of a day as people write them: ``["09:00-13:00", "14:00-18:00"]``, ``["22:00-06:00"]``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

DAY_MINUTES = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Keys of the configuration, in the order of ``date.weekday()``."""

_WRITTEN = re.compile(r"(\d{1,2}):(\d{2})\s*[-\u2013]\s*(\d{1,2}):(\d{2})", re.ASCII)


class Interval(NamedTuple):
    """Open time of one local day, by the clock on the wall; the end is not part of it."""

    start: int
    """Minutes since midnight, below `DAY_MINUTES`."""
    end: int
    """Minutes since the same midnight; over `DAY_MINUTES` where it goes on after the next midnight."""


Day = tuple[Interval, ...]
"""In order, none overlapping; empty: closed."""

CLOSED: Day = ()


def parse_day(texts: Iterable[str]) -> Day:
    """The intervals of one day. Raises ValueError with a sentence that names the wrong one and the way out."""
    day = sorted(map(parse_interval, texts))
    for earlier, later in pairwise(day):
        if later.start < earlier.end:
            raise ValueError(f"{written(earlier)} and {written(later)} overlap. Make one interval of them")
    return tuple(day)


def parse_interval(text: str) -> Interval:
    """``09:00-18:00``; ``22:00-06:00`` ends on the next day; ``00:00-24:00`` is the whole day. Raises ValueError."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} are no hours. Write them as 09:00-18:00")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f"{text!r}: a day has the times 00:00 to 24:00, as 09:00-18:00")
    if start == end:
        raise ValueError(f"{text!r} is empty. Write 00:00-24:00 for the whole day, [] for closed")
    return Interval(start, end if end > start else end + DAY_MINUTES)


def written(interval: Interval) -> str:
    """As it is written in the configuration."""
    end = interval.end if interval.end <= DAY_MINUTES else interval.end - DAY_MINUTES
    return f"{interval.start // 60:02}:{interval.start % 60:02}-{end // 60:02}:{end % 60:02}"


def on_the_wall(today: Sequence[Interval], yesterday: Sequence[Interval]) -> Day:
    """When the clock shows open time on a day: its own intervals up to 24:00, and what yesterday's left after 00:00."""
    spilt = [Interval(0, each.end - DAY_MINUTES) for each in yesterday if each.end > DAY_MINUTES]
    own = [Interval(each.start, min(each.end, DAY_MINUTES)) for each in today]
    return tuple(sorted([*spilt, *own]))
