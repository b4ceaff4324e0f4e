"""What the settings of the hours refuse, and how they say it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.routing.settings import ExceptionSettings, HoursSettings, ScheduleSettings

OPEN = ("09:00-18:00",)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "no day is given"),
        ({"mon": ("9-18",)}, "mon: '9-18' are no hours"),
        ({"sun": ("09:00-13:00", "12:00-18:00")}, "sun: 09:00-13:00 and 12:00-18:00 overlap"),
        ({"mon": OPEN, "timezone": "Europe/Moskow"}, "Did you mean Europe/Moscow?"),
        ({"mon": OPEN, "timezone": "../etc"}, "timezone '../etc' is not known"),
        ({"mon": OPEN, "country": "XX"}, "country 'XX' has no known public holidays"),
        ({"mon": OPEN, "country": "ru"}, "country 'ru' has no known"),
        ({"mon": OPEN, "country": "DE", "subdivision": "BYY"}, "Did you mean BY?"),
        ({"mon": OPEN, "country": "RU", "subdivision": "MOW"}, "RU has none that matters"),
        ({"mon": OPEN, "subdivision": "BY"}, "without its country"),
        ({"schedule": (ScheduleSettings(name="support"),)}, "no day is given"),
        (
            {"schedule": (ScheduleSettings(name="support"), ScheduleSettings(name="night", mon=OPEN))},
            "schedule 'support' names no day",
        ),
    ],
)
def test_wrong_hours_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        HoursSettings(**keys)


@pytest.mark.parametrize("name", ["", " ", "company"])
def test_a_department_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(ValueError, match="Choose another"):
        ScheduleSettings(name=name)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "date is missing"),
        ({"closed": True}, "date is missing"),
        ({"from": "2026-01-01", "closed": True}, "both from and to"),
        ({"to": "2026-01-01", "closed": True}, "both from and to"),
        ({"date": "2026-01-01", "to": "2026-01-02", "closed": True}, "beside from and to"),
        ({"from": "2026-01-02", "to": "2026-01-01", "closed": True}, "before from"),
        ({"date": "2026-01-01"}, "closed is missing"),
        ({"date": "2026-01-01", "closed": True, "hours": OPEN}, "hours are set too"),
        ({"date": "2026-01-01", "hours": ("9",)}, "hours: '9' are no hours"),
        ({"date": "2026-02-30", "closed": True}, "Invalid"),
    ],
)
def test_wrong_exceptions_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        msgspec.convert(keys, ExceptionSettings)


def test_a_day_that_is_left_out_is_closed() -> None:
    week = HoursSettings(mon=OPEN, sun=()).week()
    assert week is not None
    assert [len(day) for day in week] == [1, 0, 0, 0, 0, 0, 0]
    assert ScheduleSettings(name="support").week() is None
