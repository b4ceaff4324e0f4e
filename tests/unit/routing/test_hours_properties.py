"""The arithmetic of working time agrees with counting minutes, in any zone, for any week, on any days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.hours import Hours, stretches
from gateway.routing.week import DAY_MINUTES, Day, Interval, parse_day, written
from tests.unit.routing.by_minutes import MINUTE, ByMinutes

ZONES = (
    "Europe/Moscow", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia", "America/Havana", "Asia/Beirut", "Africa/Casablanca", "UTC", "Pacific/Chatham",
)  # fmt: skip
CHANGES = (
    (2026, 3, 29), (2026, 10, 25), (2026, 3, 8), (2026, 11, 1), (2011, 3, 13), (2011, 11, 6), (2011, 12, 30),
    (2014, 10, 26), (2026, 4, 5), (2026, 10, 4), (2023, 3, 26), (2025, 12, 31), (2026, 2, 28),
)  # fmt: skip
"""Days on which some of the zones move their clock, by an hour or half, at midnight, or by a whole day."""
WINDOW = 4 * DAY_MINUTES


@st.composite
def days(draw: st.DrawFn) -> Day:
    """No, one or several intervals; the last one may go over midnight."""
    over_midnight = draw(st.booleans())
    edges = sorted(draw(st.sets(st.integers(0, DAY_MINUTES), max_size=6)))
    if len(edges) % 2:
        edges.pop()
    found = [Interval(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    if found and over_midnight:
        start = found[-1].start
        found[-1] = Interval(start, DAY_MINUTES + draw(st.integers(0, start - 1)) if start else DAY_MINUTES)
    return tuple(found)


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    year, month, day = draw(st.sampled_from(CHANGES))
    return datetime(year, month, day, tzinfo=UTC) + draw(st.integers(-2 * DAY_MINUTES, 2 * DAY_MINUTES)) * MINUTE


@st.composite
def both(draw: st.DrawFn) -> tuple[Hours, ByMinutes]:
    """The same schedule twice: a week, with single days that differ."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    week = draw(st.lists(days(), min_size=7, max_size=7))
    odd = {date(*draw(st.sampled_from(CHANGES))): draw(days()) for _ in range(2)}

    def day(at: date) -> Day:
        return odd.get(at, week[at.weekday()])

    return Hours("any", zone, day), ByMinutes(zone, day)


@settings(max_examples=60, deadline=None)
@given(both(), moments())
def test_open_is_what_the_clock_on_the_wall_says(pair: tuple[Hours, ByMinutes], moment: datetime) -> None:
    hours, slow = pair
    for step in range(0, WINDOW, 7):
        at = moment + step * MINUTE
        assert hours.is_open(at) == slow.is_open(at), at.astimezone(hours.zone)


@settings(max_examples=60, deadline=None)
@given(both(), moments())
def test_the_next_working_moment_is_the_first_open_minute(pair: tuple[Hours, ByMinutes], moment: datetime) -> None:
    hours, slow = pair
    found, expected = hours.next_working_moment(moment), slow.next_working_moment(moment, WINDOW)
    assert found == expected or (expected is None and (found is None or found >= moment + WINDOW * MINUTE))


@settings(max_examples=60, deadline=None)
@given(both(), moments(), st.integers(0, DAY_MINUTES))
def test_added_working_time_is_counted_minute_by_minute(
    pair: tuple[Hours, ByMinutes], moment: datetime, minutes: int
) -> None:
    hours, slow = pair
    found, expected = hours.add_working_time(moment, minutes * MINUTE), slow.add_working_time(moment, minutes, WINDOW)
    assert found == expected or (expected is None and (found is None or found > moment + (WINDOW - 1) * MINUTE))


@settings(max_examples=60, deadline=None)
@given(both(), moments(), st.integers(0, WINDOW))
def test_working_time_between_is_the_number_of_open_minutes(
    pair: tuple[Hours, ByMinutes], moment: datetime, minutes: int
) -> None:
    hours, slow = pair
    end = moment + minutes * MINUTE
    assert hours.working_time_between(moment, end) == slow.working_time_between(moment, end)
    assert hours.working_time_between(end, moment) == -slow.working_time_between(moment, end)


@settings(max_examples=150, deadline=None)
@given(both(), moments(), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40)))
def test_what_was_added_is_what_lies_between(
    pair: tuple[Hours, ByMinutes], moment: datetime, duration: timedelta
) -> None:
    hours, _ = pair
    end = hours.add_working_time(moment, duration)
    if end is not None:
        assert end >= moment
        assert hours.working_time_between(moment, end) == duration


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(1950, 1, 1), date(2100, 1, 1)))
def test_the_stretches_of_a_day_are_the_whole_day_and_have_one_offset_each(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    found = stretches(zone, day)
    assert sum((each.end - each.start for each in found), timedelta()) == timedelta(days=1)
    for each in found:
        for at in (each.start, each.start + (each.end - each.start) / 2, each.end - timedelta(seconds=1)):
            assert at.astimezone(zone).utcoffset() == each.offset


@given(days())
def test_written_hours_are_read_as_they_were(day: Day) -> None:
    assert parse_day([written(interval) for interval in day]) == day
