"""Which hours a day has, and whose hours count for what was dialled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.routing.calendars import Schedules, ended_earlier, line_key
from gateway.routing.publicdays import PublicDays
from gateway.routing.settings import ExceptionSettings, HoursSettings
from gateway.routing.week import parse_day, written

MOSCOW = ZoneInfo("Europe/Moscow")
WEEK = {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu")} | {"fri": ["09:00-16:45"]}


def schedules(**hours: Any) -> Schedules:
    """Of settings as the file has them; in Moscow unless they say otherwise."""
    return Schedules.of(msgspec.convert(hours, HoursSettings), timezone="Europe/Moscow", region="RU")


def worked(book: Schedules, day: date, line: str | None = None) -> float:
    """Working hours of a local day."""
    hours = book.of_line(line)
    assert hours is not None
    midnight = datetime.combine(day, datetime.min.time(), hours.zone)
    return hours.working_time_between(midnight, midnight + timedelta(days=1)) / timedelta(hours=1)


def noon(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 12, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 1, 9), 0),  # a Friday off, transferred from Saturday 3 January
        (date(2026, 1, 12), 9),
        (date(2026, 2, 23), 0),
        (date(2026, 3, 9), 0),  # 8 March is a Sunday
        (date(2026, 5, 1), 0),
        (date(2026, 5, 11), 0),  # 9 May is a Saturday
        (date(2026, 6, 12), 0),
        (date(2026, 11, 4), 0),
        (date(2026, 11, 3), 9),
        (date(2026, 12, 31), 0),  # transferred from Sunday 4 January
        (date(2024, 4, 27), 7.75),  # a Saturday worked instead of Monday 29 April, like the Friday before
        (date(2024, 4, 29), 0),
        (date(2024, 11, 2), 7.75),
        (date(2024, 12, 28), 7.75),
        (date(2024, 12, 30), 0),
        (date(2026, 11, 21), 0),  # an ordinary Saturday
    ],
)
def test_russian_holidays_with_their_transferred_days(day: date, hours: float) -> None:
    assert worked(schedules(country="RU", **WEEK), day) == hours


def test_a_week_with_saturdays_keeps_its_saturday_hours_on_a_working_saturday() -> None:
    assert worked(schedules(country="RU", **WEEK, sat=["10:00-15:00"]), date(2024, 4, 27)) == 5


def test_without_a_country_a_holiday_is_a_day_like_others() -> None:
    assert worked(schedules(**WEEK), date(2026, 5, 1)) == 7.75


@pytest.mark.parametrize(("subdivision", "hours"), [("BY", 0), ("BE", 9), (None, 9)])
def test_holidays_of_a_part_of_a_country(subdivision: str | None, hours: float) -> None:
    book = schedules(country="DE", subdivision=subdivision, timezone="Europe/Berlin", **WEEK)
    assert worked(book, date(2026, 1, 6)) == hours  # Epiphany
    assert worked(book, date(2026, 12, 25)) == 0


def test_a_year_is_computed_once() -> None:
    days = PublicDays("RU")
    assert days.is_off(date(2026, 5, 1))
    assert not days.is_off(date(2026, 5, 2))
    assert not days.is_working_weekend(date(2026, 5, 2))
    assert days._year.cache_info().misses == 1


@pytest.mark.parametrize(
    ("exception", "day", "hours"),
    [
        ({"date": "2026-12-30", "hours": ["09:00-15:00"], "reason": "a short day"}, date(2026, 12, 30), 6),
        ({"date": "2026-11-20", "closed": True}, date(2026, 11, 20), 0),
        ({"date": "2026-05-01", "hours": ["10:00-12:00"]}, date(2026, 5, 1), 2),  # wins over the holiday
        ({"date": "2026-11-21", "hours": ["10:00-12:00"]}, date(2026, 11, 21), 2),  # and over the week
        ({"date": "2024-04-27", "closed": True}, date(2024, 4, 27), 0),  # and over the working Saturday
        ({"from": "2026-11-16", "to": "2026-11-20", "closed": True}, date(2026, 11, 16), 0),
        ({"from": "2026-11-16", "to": "2026-11-20", "closed": True}, date(2026, 11, 20), 0),
        ({"from": "2026-11-16", "to": "2026-11-20", "closed": True}, date(2026, 11, 23), 9),
        ({"date": "2026-11-20", "hours": ["20:00-02:00"]}, date(2026, 11, 20), 4),
        ({"date": "2026-11-20", "hours": ["20:00-02:00"]}, date(2026, 11, 21), 2),
    ],
)
def test_an_exception_wins(exception: dict[str, Any], day: date, hours: float) -> None:
    assert worked(schedules(country="RU", **WEEK, exception=[exception]), day) == hours


def test_of_several_exceptions_the_last_one_counts() -> None:
    holiday = {"from": "2026-12-31", "to": "2027-01-10", "closed": True}
    duty = {"date": "2027-01-05", "hours": ["10:00-14:00"], "schedules": ["support"]}
    support = {"name": "support", "lines": ["help@example.com"]}
    book = schedules(**WEEK, schedule=[support], exception=[holiday, duty])
    assert worked(book, date(2027, 1, 5)) == 0
    assert worked(book, date(2027, 1, 5), "help@example.com") == 4
    assert worked(book, date(2027, 1, 6), "help@example.com") == 0


def test_an_exception_may_be_for_the_company_alone() -> None:
    support = {"name": "support", "lines": ["help@example.com"]}
    outing = {"date": "2026-11-20", "closed": True, "schedules": ["company"]}
    book = schedules(**WEEK, schedule=[support], exception=[outing])
    assert worked(book, date(2026, 11, 20)) == 0
    assert worked(book, date(2026, 11, 20), "help@example.com") == 7.75


SUPPORT = {
    "name": "support",
    "lines": ["8 (495) 123-45-67", "Help@Example.com", "night-form", "200"],
    "holidays": False,
} | {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("+74951234567", False),
        ("74951234567", False),
        ("84951234567", False),
        ("help@example.com", False),
        ("HELP@example.com", False),
        ("night-form", False),
        ("200", False),
        ("+74951234568", True),
        ("info@example.com", True),
        ("site", True),
        ("sip:84951234567@pbx", False),
        ("", True),
        (None, True),
    ],
)
def test_what_was_dialled_decides_whose_hours_count(line: str | None, after: bool) -> None:
    book = schedules(country="RU", **WEEK, schedule=[SUPPORT])
    assert book.after_hours(noon(1, 1), line) is after


def test_a_department_has_from_the_company_what_it_leaves_out() -> None:
    east = {"name": "east", "lines": ["+74232000000"], "timezone": "Asia/Vladivostok"}
    book = schedules(country="RU", **WEEK, schedule=[east])
    assert book.after_hours(datetime(2026, 11, 20, 0, 30, tzinfo=UTC), "+74232000000") is False  # 10:30 there
    assert book.after_hours(datetime(2026, 11, 20, 0, 30, tzinfo=UTC), None) is True  # 03:30 in Moscow
    assert book.after_hours(datetime(2026, 11, 4, 0, 30, tzinfo=UTC), "+74232000000") is True  # a holiday
    assert book.named["east"].zone == ZoneInfo("Asia/Vladivostok")


def test_a_department_may_be_in_another_country() -> None:
    almaty = {"name": "almaty", "lines": ["+77272000000"], "country": "KZ", "timezone": "Asia/Almaty"}
    book = schedules(country="RU", **WEEK, schedule=[almaty])
    assert worked(book, date(2026, 12, 16)) == 9
    assert worked(book, date(2026, 12, 16), "+77272000000") == 0  # independence day
    assert worked(book, date(2026, 11, 4), "+77272000000") == 9


def test_a_department_of_another_country_keeps_no_part_of_the_company_s() -> None:
    vienna = {"name": "vienna", "lines": ["+4312345678"], "country": "AT", "timezone": "Europe/Vienna"}
    book = schedules(country="DE", subdivision="BY", **WEEK, schedule=[vienna])
    assert worked(book, date(2026, 10, 26), "+4312345678") == 0
    assert worked(book, date(2026, 10, 26)) == 9


def test_without_hours_nothing_is_known() -> None:
    book = Schedules.of(None, timezone="Europe/Moscow", region="RU")
    assert book.after_hours(noon(11, 20), "+74951234567") is None
    assert book.company is None


def test_with_hours_of_a_department_only_the_rest_is_unknown() -> None:
    book = schedules(schedule=[SUPPORT])
    assert book.after_hours(noon(11, 20), "night-form") is False
    assert book.after_hours(noon(11, 20), "site") is None


@pytest.mark.parametrize("moment", [datetime.min, datetime.max, datetime(1989, 12, 31), datetime(2200, 1, 1)])
def test_of_a_moment_that_somebody_made_up_nothing_is_said(moment: datetime) -> None:
    assert schedules(country="RU", **WEEK).after_hours(moment.replace(tzinfo=UTC), None) is None


@pytest.mark.parametrize("line", ["\0", "\ud800", "@", "a@b", "+" * 500, "９" * 20, "sip:;", " "])
def test_any_line_has_a_key(line: str) -> None:
    assert isinstance(line_key(line, "RU"), str)
    assert schedules(**WEEK, schedule=[SUPPORT]).after_hours(noon(11, 20), line) is False


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 4, 30), 8),  # before 1 May, a Thursday
        (date(2026, 5, 8), 6.75),  # a Friday before the Saturday of 9 May, which is a holiday itself
        (date(2026, 6, 11), 8),
        (date(2026, 11, 3), 8),
        (date(2026, 11, 5), 9),
        (date(2026, 5, 1), 0),
        (date(2024, 11, 2), 7.75),  # a worked Saturday; the next day is an ordinary Sunday
    ],
)
def test_a_working_day_before_a_holiday_is_shorter_where_that_is_configured(day: date, hours: float) -> None:
    assert worked(schedules(country="RU", shorter_before_holidays=60, **WEEK), day) == hours


def test_a_department_may_keep_its_whole_day_before_a_holiday() -> None:
    hotline = {"name": "hotline", "lines": ["+74950000102"], "shorter_before_holidays": 0}
    book = schedules(country="RU", shorter_before_holidays=60, schedule=[hotline], **WEEK)
    assert (worked(book, date(2026, 4, 30), "+74950000102"), worked(book, date(2026, 4, 30))) == (9, 8)


@pytest.mark.parametrize(
    ("minutes", "left"),
    [(60, ("09:00-13:00", "14:00-17:00")), (240, ("09:00-13:00",)), (300, ("09:00-12:00",)), (600, ())],
)
def test_the_end_of_the_day_is_cut_over_its_break(minutes: int, left: tuple[str, ...]) -> None:
    day = parse_day(["09:00-13:00", "14:00-18:00"])
    assert tuple(map(written, ended_earlier(day, minutes))) == left


def test_days_entered_by_people_count_at_once_for_whoever_holds_the_schedules() -> None:
    book = schedules(**WEEK, schedule=[{"name": "sales", "lines": ["+74950000102"]}])
    assert book.names == ["company", "sales"]
    assert book.after_hours(noon(11, 23), "+74950000102") is False
    closed = ExceptionSettings(date=date(2026, 11, 23), closed=True)
    assert book.take((closed,))
    assert not book.take((closed,)), "nothing changed"
    assert book.after_hours(noon(11, 23), "+74950000102") is True
    assert book.take(())
    assert book.after_hours(noon(11, 23), None) is False


def test_a_person_keeps_a_schedule_by_its_name_and_else_the_companys() -> None:
    book = schedules(**WEEK, schedule=[{"name": "sales", "mon": ["10:00-12:00"]}])
    assert book.of_person("sales") is book.named["sales"]
    assert book.of_person(None) is book.of_person("gone") is book.company
    nothing = Schedules.of(None, timezone="Europe/Moscow", region="RU")
    assert (nothing.of_person("sales"), nothing.names) == (None, [])
