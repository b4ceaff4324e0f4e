"""Spans of the configuration, in working time and out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.leads.durations import parse_span
from gateway.routing.calendars import Schedules
from gateway.routing.settings import HoursSettings

HOURS = ("09:00-18:00",)
WEEK = Schedules.of(
    HoursSettings(mon=HOURS, tue=HOURS, wed=HOURS, thu=HOURS, fri=HOURS), timezone="Europe/Moscow", region="RU"
).company


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """November 2026 in Moscow, three hours ahead of UTC. The 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=3)


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        ("3d", at(20, 17), at(23, 17)),  # Friday's offer, three days on: Monday
        ("1d", at(20, 17), at(23, 9)),  # Saturday, so Monday's first moment
        ("2w", at(23, 10), at(30, 10) + timedelta(weeks=1)),
        ("2h", at(20, 17), at(23, 10)),  # an hour on Friday, one on Monday
        ("30m", at(23, 8), at(23, 9, 30)),
        ("0m", at(21, 12), at(23, 9)),
        ("0d", at(23, 12), at(23, 12)),
    ],
)
def test_spans_end_in_working_time(span: str, start: datetime, end: datetime) -> None:
    assert parse_span(span).after(start, WEEK) == end


@pytest.mark.parametrize(("span", "length"), [("3d", 72), ("90m", 1.5), ("4h", 4), ("1w", 168)])
def test_without_a_calendar_all_time_counts(span: str, length: float) -> None:
    assert parse_span(span).after(at(21, 3), None) == at(21, 3) + timedelta(hours=length)


@pytest.mark.parametrize("text", ["", "3", "d", "3 days", "-1d", "1.5h", "999999w", "٣d"])
def test_what_is_no_span_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"30m|ten years"):
        parse_span(text)
