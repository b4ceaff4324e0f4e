"""Interactions and leads are marked by the hours of what was dialled, written to or filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.core.types import Kind, Phase
from gateway.routing.calendars import Schedules
from gateway.routing.settings import HoursSettings
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, Lead
from tests.integration.processing.test_worker import House
from tests.support.clock import MONDAY
from tests.support.items import call, form, letter

OFFICE, HOTLINE = "+74950000101", "+74950000102"
NIGHT = MONDAY - timedelta(hours=9)
"""Midnight in Moscow."""
WEEK = {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
ALWAYS = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def calendar(**hours: object) -> Schedules:
    return Schedules.of(msgspec.convert(hours, HoursSettings), timezone="Europe/Moscow", region="RU")


@pytest.fixture
def house(any_store: Store, tmp_path: Path) -> House:
    hotline = {"name": "hotline", "lines": [HOTLINE, "hotline-form"], **ALWAYS}
    return House(any_store, tmp_path / "spool", calendar=calendar(**WEEK, country="RU", schedule=[hotline]))


def marks(house: House) -> tuple[list[object], list[object]]:
    """``after_hours`` of the interactions and of the leads, in the order of their birth."""
    interactions = [mark for _, mark in house.rows(Interaction.id, Interaction.after_hours)]
    return interactions, [mark for _, mark in house.rows(Lead.id, Lead.after_hours)]


@pytest.mark.parametrize(
    ("at", "line", "after"),
    [
        (MONDAY, OFFICE, False),
        (NIGHT, OFFICE, True),
        (NIGHT, HOTLINE, False),
        (datetime(2026, 11, 4, 9, tzinfo=UTC), OFFICE, True),
        (datetime(2026, 11, 4, 9, tzinfo=UTC), HOTLINE, True),
        (NIGHT, None, True),
    ],
)
async def test_a_call_and_its_lead_are_marked_by_the_line_dialled(
    house: House, at: datetime, line: str | None, after: bool
) -> None:
    await house.take(call("1", Phase.ENDED, outcome="missed", at=at, line=line))
    assert marks(house) == ([after], [after])
    created = next(event for event in house.events if event.type == "lead.created")
    finished = next(event for event in house.events if event.type == "call.finished")
    assert (created.data["after_hours"], finished.data["after_hours"]) == (after, after)


async def test_a_form_is_marked_by_its_key(house: House) -> None:
    await house.take(
        form("1", phone="+79260000001", occurred_at=NIGHT, line="site"),
        form("2", phone="+79260000002", occurred_at=NIGHT, line="hotline-form"),
    )
    assert marks(house) == ([True, False], [True, False])


async def test_a_letter_is_marked_when_it_was_read(house: House) -> None:
    await house.sink.accept(letter("1"))
    assert marks(house) == ([None], [])
    await house.settle()
    assert marks(house) == ([False], [False])


async def test_what_opens_no_lead_is_marked_too(house: House) -> None:
    await house.take(form("1", phone="+79260000001", occurred_at=NIGHT, kind=Kind.SPAM))
    assert marks(house) == ([True], [])


async def test_a_lead_keeps_the_mark_of_what_opened_it(house: House) -> None:
    await house.take(call("1", Phase.ENDED, outcome="missed", at=NIGHT))
    await house.take(call("2", Phase.ENDED, outcome="answered", at=MONDAY))
    assert marks(house) == ([True, False], [True])


async def test_a_later_report_of_the_call_that_knows_the_line_corrects_both(house: House) -> None:
    await house.take(call("1", Phase.RINGING, at=NIGHT, line=None))
    assert marks(house) == ([True], [True])
    await house.take(call("1", Phase.ENDED, outcome="missed", at=NIGHT, line=HOTLINE))
    assert marks(house) == ([False], [False])


async def test_without_hours_nothing_is_marked(any_store: Store, tmp_path: Path) -> None:
    empty = Schedules.of(None, timezone="Europe/Moscow", region="RU")
    for number, house in enumerate([House(any_store, tmp_path), House(any_store, tmp_path, calendar=empty)]):
        await house.take(call(str(number), Phase.ENDED, outcome="missed", at=NIGHT))
    assert marks(house) == ([None, None], [None])


async def test_a_mark_outlives_the_hours_that_made_it(house: House) -> None:
    await house.take(call("1", Phase.RINGING, at=NIGHT))
    later = House(house.store, house.sink.spool.folder)
    await later.take(call("1", Phase.ENDED, outcome="missed", at=NIGHT))
    assert marks(later) == ([True], [True])
