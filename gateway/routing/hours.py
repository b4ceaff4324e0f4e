"""Working time of one schedule: whether it is open, when it opens next, and arithmetic in working time. Pure.

A moment is working time when the clock on the wall of the schedule's zone shows an open time on that local day. So an
hour that the clock skips in spring is never worked, one that it shows twice in autumn is worked twice, and a night
shift is an hour shorter or longer on those days. An interval over midnight belongs to the day on which it begins.

Everything is computed in UTC days, each once: there a stretch of constant offset is a plain shift of the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from gateway.routing.week import Day, on_the_wall

ONE_DAY = timedelta(days=1)
QUIET_DAYS = 800
"""Days without a minute of work after which a schedule counts as closed for good: two years and some."""
LAST_DAY = date(2200, 1, 1)
"""The arithmetic looks no further."""
KEPT_DAYS = 2048
"""UTC days kept computed: five years and a half, some 200 bytes each."""
KEPT_COUNTS = 32_768
"""Working times kept computed, some 150 bytes each: reports ask for those of the same month again and again."""

_PROBES = [timedelta(hours=hours) for hours in range(25)]
_SECOND = timedelta(seconds=1)
_NOTHING = timedelta(0)


class Span(NamedTuple):
    """Open time, UTC; the end is not part of it."""

    start: datetime
    end: datetime


class Stretch(NamedTuple):
    """A part of a UTC day in which the zone keeps one offset."""

    start: datetime
    end: datetime
    offset: timedelta


class Hours:
    """One schedule. All moments are timezone-aware; those that come back are in UTC."""

    def __init__(self, name: str, zone: tzinfo, day: Callable[[date], Day]) -> None:
        """``day`` gives the intervals of a local day, exceptions and holidays included."""
        self.name = name
        self.zone = zone
        self._day = day
        self._spans = lru_cache(maxsize=KEPT_DAYS)(self._compute)
        self._worked = lru_cache(maxsize=KEPT_COUNTS)(self._count)

    def is_open(self, moment: datetime) -> bool:
        """True in working time."""
        moment = moment.astimezone(UTC)
        return any(span.start <= moment < span.end for span in self._spans(moment.date()))

    def open_on(self, day: date) -> list[Span]:
        """The open times of a local day, in its own zone: what people read."""
        begin = datetime.combine(day, time(), self.zone).astimezone(UTC)
        end = datetime.combine(day + ONE_DAY, time(), self.zone).astimezone(UTC)
        spans = _joined(span for utc in _days(begin.date(), end.date()) for span in self._spans(utc))
        inside = ((max(span.start, begin), min(span.end, end)) for span in spans)
        return [Span(start.astimezone(self.zone), stop.astimezone(self.zone)) for start, stop in inside if start < stop]

    def next_working_moment(self, moment: datetime) -> datetime | None:
        """``moment`` itself when it is working time, else when it opens next; None where it never does."""
        return next((span.start for span in self._from(moment.astimezone(UTC))), None)

    def add_working_time(self, moment: datetime, duration: timedelta) -> datetime | None:
        """The first moment at which ``duration`` of working time has passed; None where so much never comes.

        No duration at all: the next working moment, for "at once" means when somebody is there. Raises ValueError for
        a negative one.
        """
        if duration < _NOTHING:
            raise ValueError("working time can only be added")
        for span in self._from(moment.astimezone(UTC)):
            if span.end - span.start >= duration:
                return span.start + duration
            duration -= span.end - span.start
        return None

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """Working time from ``start`` to ``end``; negative where ``end`` is the earlier one."""
        return -self._worked(end, start) if end < start else self._worked(start, end)

    def _count(self, start: datetime, end: datetime) -> timedelta:
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        worked = _NOTHING  # a report asks for thousands of these: no generators here
        for day in _days(start.date(), end.date()):
            for opened, closed in self._spans(day):
                each = min(closed, end) - max(opened, start)
                if each > _NOTHING:
                    worked += each
        return worked

    def _from(self, moment: datetime) -> Iterator[Span]:
        """Open time at ``moment`` and after it, in order."""
        quiet = 0
        for day in _days(moment.date(), LAST_DAY):
            spans = self._spans(day)
            quiet = 0 if spans else quiet + 1
            if quiet > QUIET_DAYS:
                return
            yield from (Span(max(span.start, moment), span.end) for span in spans if span.end > moment)

    def _compute(self, day: date) -> tuple[Span, ...]:
        """The open time of one UTC day, in order; what touches is one span."""
        return tuple(_joined(span for stretch in stretches(self.zone, day) for span in self._within(stretch)))

    def _within(self, stretch: Stretch) -> Iterator[Span]:
        first, last = (stretch.start + stretch.offset).date(), (stretch.end + stretch.offset - _SECOND).date()
        for local in _days(first, last):
            midnight = datetime.combine(local, time(), UTC) - stretch.offset
            for interval in on_the_wall(self._day(local), self._day(local - ONE_DAY)):
                start = max(stretch.start, midnight + timedelta(minutes=interval.start))
                end = min(stretch.end, midnight + timedelta(minutes=interval.end))
                if start < end:
                    yield Span(start, end)


def stretches(zone: tzinfo, day: date) -> list[Stretch]:
    """A UTC day cut where the zone's offset changes: one stretch on nearly all days, two where the clock is moved."""
    midnight = datetime.combine(day, time(), UTC)
    probes = [midnight + step for step in _PROBES]
    edges = [midnight]
    for before, after in pairwise(probes):
        if _offset(zone, before) != _offset(zone, after):
            edges.append(_change(zone, before, after))
    ends = [*edges[1:], probes[-1]]
    return [Stretch(start, end, _offset(zone, start)) for start, end in zip(edges, ends, strict=True) if start < end]


def _change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """The first second of the new offset, which ``after`` has and ``before`` has not."""
    new = _offset(zone, after)
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if _offset(zone, middle) == new:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or _NOTHING


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += ONE_DAY


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in order of their start, those that touch or overlap made one."""
    current: Span | None = None
    for span in spans:
        if current is None:
            current = span
        elif span.start <= current.end:
            current = Span(current.start, max(current.end, span.end))
        else:
            yield current
            current = span
    if current is not None:
        yield current
