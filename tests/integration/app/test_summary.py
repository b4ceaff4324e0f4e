"""The daily summary: on working days, once, with the figures since the last one, in each reader's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from gateway.app.summary import DailySummary
from gateway.core.clock import new_id
from gateway.reports.settings import SummarySettings
from gateway.storage.store import Store
from gateway.storage.tables import Manager, Outgoing
from tests.integration.reports.test_facts import fill
from tests.support.clock import FakeClock
from tests.unit.reports.facts import HOURS

FRIDAY = datetime(2026, 11, 27, 5, 30, tzinfo=UTC)
"""08:30 in Moscow; the calls of ``fill`` came on Thursday."""


def made(store: Store, at: datetime, **settings: object) -> DailySummary:
    return DailySummary(
        settings=SummarySettings(**{"daily": "08:30", **settings}),  # type: ignore[arg-type]
        store=store,
        clock=FakeClock(at),
        new_id=new_id,
        zone=ZoneInfo("Europe/Moscow"),
        language="ru",
        hours_of=HOURS.of_line,
        link="http://leadgate.example.com",
        on_put=lambda: None,
    )


async def staffed(store: Store) -> None:
    """m1 is the owner and reads English, m2 a chief without an address."""
    await store.write(fill)
    owner = update(Manager).where(Manager.id == "m1").values(role="owner", email="m1@example.com", language="en")
    await store.write(lambda c: c.execute(owner))
    await store.write(lambda c: c.execute(update(Manager).where(Manager.id == "m2").values(role="chief")))


def letters(store: Store) -> list[Any]:
    return list(store.peek(lambda c: c.execute(select(Outgoing)).all()))


async def test_it_tells_the_figures_of_the_day_before(any_store: Store) -> None:
    await staffed(any_store)
    assert await made(any_store, FRIDAY).look() == 1
    (letter,) = letters(any_store)
    assert letter.payload["to"] == ["m1@example.com"]
    assert "Thu, Nov 26" in letter.payload["subject"]
    text = letter.payload["text"]
    assert "Calls: 3" in text
    assert "Were missed: 1" in text
    assert "Reached: 100%" in text
    assert "http://leadgate.example.com/reports?from=2026-11-26&to=2026-11-26" in text


async def test_once_a_day_whatever_restarts(store: Store) -> None:
    await staffed(store)
    assert await made(store, FRIDAY).look() == 1
    assert await made(store, FRIDAY + timedelta(minutes=1)).look() == 0
    assert await made(store, FRIDAY + timedelta(hours=2)).look() == 0


@pytest.mark.parametrize(
    ("at", "days"),
    [
        (FRIDAY - timedelta(minutes=1), None),
        (FRIDAY + timedelta(hours=6), None),
        (FRIDAY + timedelta(days=1), None),
        (FRIDAY + timedelta(days=3), "from=2026-11-27&to=2026-11-29"),
        (datetime(2026, 11, 24, 6, tzinfo=UTC), "from=2026-11-23&to=2026-11-23"),
    ],
    ids=["too early", "too late", "Saturday", "Monday tells of Friday too", "Tuesday of Monday"],
)
async def test_when_it_is_sent_and_what_of(store: Store, at: datetime, days: str | None) -> None:
    await staffed(store)
    count = await made(store, at).look()
    assert count == (0 if days is None else 1)
    assert all(days in letter.payload["text"] for letter in letters(store) if days)


async def test_it_goes_to_those_who_are_named(store: Store) -> None:
    await staffed(store)
    await store.write(lambda c: c.execute(update(Manager).where(Manager.id == "m2").values(email="m2@example.com")))
    assert await made(store, FRIDAY, to=("m2",)).look() == 1
    assert letters(store)[0].payload["to"] == ["m2@example.com"]
    assert "Сводка" in letters(store)[0].payload["subject"], "the company's language where none was chosen"


async def test_nobody_to_tell_and_no_time_is_no_letter(store: Store) -> None:
    await store.write(fill)
    assert await made(store, FRIDAY).look() == 0
    assert await made(store, FRIDAY, daily=None).look() == 0


@pytest.mark.parametrize("text", ["8:30", "25:00", "soon", "08:30:00"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time of the day"):
        SummarySettings(daily=text)
