"""Due times, reminders and snoozes in working time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.callbacks import life
from gateway.callbacks.life import Standing, Try
from gateway.callbacks.schedule import Timetable
from gateway.callbacks.settings import CallbacksSettings, StepSettings, parse_preset
from gateway.routing.calendars import Schedules
from gateway.routing.settings import HoursSettings, ScheduleSettings
from tests.support.callbacks import HOTLINE, LINE, MOSCOW, WORKDAYS, minute


def table(hours: HoursSettings | None = WORKDAYS, **settings: Any) -> Timetable:
    wanted = CallbacksSettings(**settings)
    calendar = Schedules.of(hours, timezone="Europe/Moscow", region="RU")
    return Timetable(calendar=calendar, target=wanted.target, steps=wanted.step, zone=MOSCOW)


def waits(at: datetime, timetable: Timetable, line: str = LINE) -> Standing:
    return life.opened(Try(at=at, reason="no_answer", channel="call", line=line), timetable.timed)


DUE = [
    ("in working time", minute(0), minute(30)),
    ("just before the end of the day", minute(6 * 60 - 10), minute(21 * 60 + 20)),
    ("at night", minute(12 * 60), minute(21 * 60 + 30)),
    ("on Friday evening", minute(4 * 24 * 60 + 7 * 60), minute(7 * 24 * 60 - 180 + 30)),
]


@pytest.mark.parametrize(("at", "due"), [row[1:] for row in DUE], ids=[row[0] for row in DUE])
def test_until_when_the_person_should_be_reached(at: datetime, due: datetime) -> None:
    assert waits(at, table()).due_at == due


def test_without_hours_the_clock_counts() -> None:
    assert waits(minute(12 * 60), table(None)).due_at == minute(12 * 60 + 30)


def test_a_schedule_that_never_opens_is_no_reason_never_to_call_back() -> None:
    assert waits(minute(0), table(HoursSettings(mon=()))).due_at == minute(30)


def test_each_line_keeps_its_own_hours() -> None:
    day = ("00:00-24:00",)
    always = ScheduleSettings(
        name="hotline", lines=(HOTLINE,), mon=day, tue=day, wed=day, thu=day, fri=day, sat=day, sun=day
    )
    hours = HoursSettings(mon=("09:00-18:00",), tue=("09:00-18:00",), timezone="Europe/Moscow", schedule=(always,))
    timetable = table(hours)
    night = minute(12 * 60)
    assert waits(night, timetable, HOTLINE).due_at == night + timedelta(minutes=30)
    assert waits(night, timetable).due_at == minute(21 * 60 + 30)


def test_steps_come_one_after_the_other_and_then_no_more() -> None:
    timetable = table()
    standing = waits(minute(0), timetable)
    times = []
    for done in range(4):
        standing = timetable.timed(replace(standing, steps_done=done))
        times.append(standing.next_at)
    assert times == [minute(10), minute(30), minute(60), None]


def test_a_snooze_comes_before_any_step_and_an_end_needs_nothing() -> None:
    timetable = table()
    standing = waits(minute(0), timetable)
    assert timetable.timed(replace(standing, snoozed_until=minute(45))).next_at == minute(45)
    over = life.closed(standing, life.Reason.OTHER, minute(1), "console")
    assert timetable.timed(over).next_at is None


@pytest.mark.parametrize(
    ("preset", "now", "until"),
    [
        ("30m", minute(0), minute(30)),
        ("2h", minute(5 * 60), minute(22 * 60)),
        ("09:00", minute(0), minute(21 * 60)),
        ("17:59", minute(0), minute(29 * 60 + 59)),
        ("23:00", minute(0), minute(35 * 60)),  # nobody works then on any day: the hour itself
        ("12:00", minute(5 * 24 * 60), minute(7 * 24 * 60)),  # on Saturday
    ],
)
def test_presets(preset: str, now: datetime, until: datetime) -> None:
    assert table().snooze(preset, now, LINE) == until


def test_presets_without_hours_mean_the_clock_on_the_wall() -> None:
    assert table(None).snooze("09:00", minute(0), None) == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert table(None).snooze("1h", minute(12 * 60), None) == minute(13 * 60)


@pytest.mark.parametrize("text", ["", "m", "15", "15 m", "-1h", "0m", "24:00", "9:00", "09:60", "1441h", "٣m"])
def test_what_is_no_preset(text: str) -> None:
    with pytest.raises(ValueError, match="no preset"):
        parse_preset(text)


BAD_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"target_minutes": 0}, "target_minutes = 0"),
    ({"max_age_days": -1}, "max_age_days = -1"),
    ({"words": ("call me", " * ")}, "empty"),
    ({"snooze": ("15m", "soon")}, "'soon'"),
    ({"step": (StepSettings(after_minutes=30), StepSettings(after_minutes=10))}, "not in order"),
]


@pytest.mark.parametrize(("keys", "words"), BAD_SETTINGS)
def test_settings_that_make_no_sense_say_so(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CallbacksSettings(**keys)


@pytest.mark.parametrize(("minutes", "tell", "words"), [(-1, "owner", "after_minutes = -1"), (5, " ", "tell is empty")])
def test_a_step_that_makes_no_sense_says_so(minutes: int, tell: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        StepSettings(after_minutes=minutes, tell=tell)
