"""Working hours by examples that a person can check with a calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.routing.hours import Hours
from gateway.routing.week import CLOSED, Day, parse_day

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")
OFFICE = parse_day(["09:00-18:00"])
WITH_LUNCH = parse_day(["09:00-13:00", "14:00-18:00"])
NIGHT = parse_day(["22:00-06:00"])
ALWAYS = parse_day(["00:00-24:00"])


def weekdays(day: Day, zone: ZoneInfo = MOSCOW, weekend: Day = CLOSED) -> Hours:
    return Hours("office", zone, lambda at: day if at.weekday() < 5 else weekend)


def at(text: str, zone: ZoneInfo = MOSCOW, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


# 2026-11-20 is a Friday
@pytest.mark.parametrize(
    ("day", "moment", "opened"),
    [
        (OFFICE, "2026-11-20T08:59:59", False),
        (OFFICE, "2026-11-20T09:00", True),
        (OFFICE, "2026-11-20T17:59:59.999999", True),
        (OFFICE, "2026-11-20T18:00", False),
        (OFFICE, "2026-11-21T12:00", False),
        (WITH_LUNCH, "2026-11-20T12:59", True),
        (WITH_LUNCH, "2026-11-20T13:00", False),
        (WITH_LUNCH, "2026-11-20T14:00", True),
        (NIGHT, "2026-11-20T21:59", False),
        (NIGHT, "2026-11-20T22:00", True),
        (NIGHT, "2026-11-21T05:59", True),  # Friday's night shift
        (NIGHT, "2026-11-21T06:00", False),
        (NIGHT, "2026-11-21T22:00", False),
        (NIGHT, "2026-11-16T05:00", False),  # a Monday: nobody began on Sunday
        (ALWAYS, "2026-11-20T23:59:59", True),
        (ALWAYS, "2026-11-20T00:00", True),
        (ALWAYS, "2026-11-21T00:00", False),
        (CLOSED, "2026-11-20T12:00", False),
    ],
)
def test_open_by_the_clock_on_the_wall(day: Day, moment: str, opened: bool) -> None:
    assert weekdays(day).is_open(at(moment)) is opened
    assert weekdays(day).is_open(at(moment).astimezone(UTC)) is opened


@pytest.mark.parametrize(
    ("day", "moment", "expected"),
    [
        (OFFICE, "2026-11-20T12:00", "2026-11-20T12:00"),
        (OFFICE, "2026-11-20T03:00", "2026-11-20T09:00"),
        (OFFICE, "2026-11-20T18:00", "2026-11-23T09:00"),
        (OFFICE, "2026-11-21T12:00", "2026-11-23T09:00"),
        (WITH_LUNCH, "2026-11-20T13:30", "2026-11-20T14:00"),
        (NIGHT, "2026-11-20T12:00", "2026-11-20T22:00"),
        (NIGHT, "2026-11-21T06:00", "2026-11-23T22:00"),
    ],
)
def test_missed_at_night_is_due_when_somebody_is_there(day: Day, moment: str, expected: str) -> None:
    assert weekdays(day).next_working_moment(at(moment)) == at(expected)


@pytest.mark.parametrize(
    ("day", "moment", "minutes", "expected"),
    [
        (OFFICE, "2026-11-20T12:00", 30, "2026-11-20T12:30"),
        (OFFICE, "2026-11-20T17:45", 30, "2026-11-23T09:15"),
        (OFFICE, "2026-11-20T17:30", 30, "2026-11-20T18:00"),  # the first moment at which it has passed
        (OFFICE, "2026-11-20T23:00", 30, "2026-11-23T09:30"),
        (OFFICE, "2026-11-20T23:00", 0, "2026-11-23T09:00"),
        (OFFICE, "2026-11-20T09:00", 2 * 9 * 60 + 1, "2026-11-24T09:01"),
        (WITH_LUNCH, "2026-11-20T12:50", 20, "2026-11-20T14:10"),
        (NIGHT, "2026-11-20T23:00", 6 * 60, "2026-11-21T05:00"),
        (NIGHT, "2026-11-20T23:00", 8 * 60, "2026-11-23T23:00"),
    ],
)
def test_a_due_time_counts_working_minutes_only(day: Day, moment: str, minutes: int, expected: str) -> None:
    hours = weekdays(day)
    due = hours.add_working_time(at(moment), timedelta(minutes=minutes))
    assert due == at(expected)
    assert hours.working_time_between(at(moment), at(expected)) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-20T00:00", "2026-11-21T00:00", 9),
        ("2026-11-20T12:00", "2026-11-23T12:00", 9),
        ("2026-11-21T00:00", "2026-11-22T23:59", 0),
        ("2026-11-16T00:00", "2026-11-30T00:00", 90),
        ("2026-11-23T10:00", "2026-11-20T17:00", -2),  # the other way round
    ],
)
def test_time_between_two_moments(start: str, end: str, hours: int) -> None:
    assert weekdays(OFFICE).working_time_between(at(start), at(end)) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("evening", "hours"),
    [
        ("2026-03-27T22:00", 8),
        ("2026-03-28T22:00", 7),  # the clock goes from 02:00 to 03:00
        ("2026-10-24T22:00", 9),  # it goes from 03:00 to 02:00
        ("2026-10-25T22:00", 8),
    ],
)
def test_a_night_shift_is_shorter_or_longer_when_berlin_moves_its_clock(evening: str, hours: int) -> None:
    night = weekdays(NIGHT, BERLIN, weekend=NIGHT)
    start = at(evening, BERLIN)
    end = start.astimezone(UTC) + timedelta(hours=hours)
    assert end.astimezone(BERLIN).hour == 6
    assert night.working_time_between(start, end) == timedelta(hours=hours)
    assert night.add_working_time(start, timedelta(hours=hours)) == end


def test_hours_that_the_clock_skips_are_not_worked() -> None:
    skipped = weekdays(CLOSED, BERLIN, weekend=parse_day(["02:10-02:50"]))
    sunday = at("2026-03-29T00:00", BERLIN)
    assert skipped.working_time_between(sunday, at("2026-03-30T00:00", BERLIN)) == timedelta(0)
    assert skipped.next_working_moment(sunday) == at("2026-04-04T02:10", BERLIN)


def test_hours_that_the_clock_shows_twice_are_worked_twice() -> None:
    twice = weekdays(CLOSED, BERLIN, weekend=parse_day(["02:10-02:50"]))
    first, second = (at("2026-10-25T02:30", BERLIN, fold=fold) for fold in (0, 1))
    assert twice.is_open(first)
    assert twice.is_open(second)
    assert not twice.is_open(first + (at("2026-10-25T02:55", BERLIN) - first))
    assert twice.working_time_between(first.astimezone(UTC), second.astimezone(UTC)) == timedelta(minutes=40)


def test_moscow_keeps_its_clock_all_year() -> None:
    hours = weekdays(OFFICE)
    for month in (1, 4, 7, 10):
        first = hours.next_working_moment(datetime(2026, month, 15, tzinfo=UTC))
        assert first == datetime(2026, month, 15, 6, tzinfo=UTC)


def test_a_schedule_that_never_opens_says_so() -> None:
    never = Hours("never", MOSCOW, lambda _: CLOSED)
    now = at("2026-11-20T12:00")
    assert never.next_working_moment(now) is None
    assert never.add_working_time(now, timedelta(minutes=1)) is None
    assert never.working_time_between(now, now + timedelta(days=60)) == timedelta(0)


def test_more_work_than_will_ever_be_done_has_no_end() -> None:
    once = Hours("once", MOSCOW, lambda day: OFFICE if day == date(2026, 11, 20) else CLOSED)
    assert once.add_working_time(at("2026-11-20T09:00"), timedelta(hours=9)) == at("2026-11-20T18:00")
    assert once.add_working_time(at("2026-11-20T09:00"), timedelta(hours=9, seconds=1)) is None


def test_working_time_is_not_taken_away() -> None:
    with pytest.raises(ValueError, match="only be added"):
        weekdays(OFFICE).add_working_time(at("2026-11-20T12:00"), timedelta(minutes=-1))


def test_a_day_is_computed_once() -> None:
    asked: list[date] = []

    def day(when: date) -> Day:
        asked.append(when)
        return OFFICE

    hours = Hours("office", MOSCOW, day)
    for minute in range(600):
        hours.is_open(at("2026-11-20T10:00") + timedelta(seconds=minute))
    assert len(asked) <= 6


def test_the_open_times_of_a_day_are_told_by_its_own_clock() -> None:
    hours = weekdays(parse_day(["09:00-13:00", "14:00-18:00"]))
    monday = date(2026, 11, 23)
    shown = [(f"{span.start:%H:%M}", f"{span.end:%H:%M}") for span in hours.open_on(monday)]
    assert shown == [("09:00", "13:00"), ("14:00", "18:00")]
    assert hours.open_on(date(2026, 11, 22)) == []


def test_a_night_shift_is_told_on_both_of_its_days() -> None:
    night = weekdays(parse_day(["22:00-06:00"]), weekend=parse_day(["22:00-06:00"]))
    shown = [(f"{span.start:%H:%M}", f"{span.end:%H:%M}") for span in night.open_on(date(2026, 11, 24))]
    assert shown == [("00:00", "06:00"), ("22:00", "00:00")]
