"""Absences, and days with other hours: entered, counted, taken back, and all of it written down."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from gateway.app.routing import EnteredDays
from gateway.core.errors import NotFound
from gateway.core.types import Phase
from gateway.processing.recompute_hours import recompute_hours
from gateway.routing import absences, exceptions
from gateway.routing.absences import AbsenceError, NewAbsence
from gateway.routing.exceptions import HoursError, NewException
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Interaction, Lead
from tests.integration.processing.test_worker import House
from tests.integration.routing.office import WEEK, by, people, rows, schedules
from tests.support.clock import MONDAY, FakeClock
from tests.support.items import call, form

WEEK_AWAY: dict[str, Any] = {"starts_at": MONDAY, "ends_at": MONDAY + timedelta(days=7)}
MONDAY_ONLY: dict[str, Any] = {"first": MONDAY.date(), "last": MONDAY.date()}


class TestAbsences:
    async def test_entered_listed_and_taken_back_and_all_of_it_written_down(self, any_store: Store) -> None:
        await any_store.write(people)
        new = NewAbsence(manager="ANNA", substitute="m-boris", reason=" at the \n sea ", **WEEK_AWAY)
        view = await any_store.write(lambda c: absences.add(c, new, by("manager:m-boss")))
        assert (view.manager, view.substitute, view.reason) == ("anna", "boris", "at the sea")
        assert any_store.peek(absences.listed) == [view]
        assert any_store.peek(lambda c: absences.listed(c, since=MONDAY + timedelta(days=8))) == []
        await any_store.write(lambda c: absences.remove(c, view.id, by()))
        assert any_store.peek(absences.listed) == []
        added, removed = rows(any_store, Audit.id, Audit.action, Audit.actor)
        assert (added[1:], removed[1:]) == (("absence.added", "manager:m-boss"), ("absence.removed", "console"))

    @pytest.mark.parametrize(
        ("changes", "error", "said"),
        [
            ({"manager": "nobody"}, NotFound, "There are: anna, boris, vera"),
            ({"substitute": "nobody"}, NotFound, "no manager 'nobody'"),
            ({"substitute": "anna"}, AbsenceError, "Nobody stands in for himself"),
            ({"ends_at": MONDAY}, AbsenceError, "ends after it begins"),
            ({"ends_at": MONDAY + timedelta(days=2000)}, AbsenceError, "three years"),
        ],
    )
    async def test_what_can_not_be_is_said(
        self, store: Store, changes: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        await store.write(people)
        new = NewAbsence(**({"manager": "anna", **WEEK_AWAY} | changes))
        with pytest.raises(error, match=said):
            await store.write(lambda c: absences.add(c, new, by()))
        assert rows(store, Audit.id) == []

    async def test_what_is_not_there_can_not_be_taken_back(self, store: Store) -> None:
        with pytest.raises(NotFound, match="absence list"):
            await store.write(lambda c: absences.remove(c, "x", by()))


class TestDaysWithOtherHours:
    async def test_they_count_without_a_restart(self, any_store: Store) -> None:
        book = schedules(**WEEK)
        days = EnteredDays(any_store, book)
        await days.start()
        assert book.after_hours(MONDAY, None) is False
        new = NewException(**MONDAY_ONLY, reason="a holiday of ours")
        view = await any_store.write(lambda c: exceptions.enter(c, new, by(), known=book.names))
        assert any_store.peek(exceptions.listed) == [view]
        await days.look()
        assert book.after_hours(MONDAY, None) is True
        await any_store.write(lambda c: exceptions.take_back(c, view.id, by()))
        await days.look()
        assert book.after_hours(MONDAY, None) is False
        await days.stop()

    async def test_of_several_for_a_day_the_last_counts_also_over_the_file(self, store: Store) -> None:
        book = schedules(**WEEK, exception=[{"date": "2026-11-23", "closed": True}])
        assert book.after_hours(MONDAY, None) is True
        for number, hours in enumerate((["10:00-11:00"], ["12:00-15:00"])):
            new = NewException(**MONDAY_ONLY, hours=hours)
            await store.write(partial(exceptions.enter, new=new, by=by(ids=f"e{number}"), known=book.names))
        book.take(store.peek(exceptions.stored))
        assert book.after_hours(MONDAY, None) is False  # 12:00 in Moscow
        assert book.after_hours(MONDAY - timedelta(hours=2), None) is True

    async def test_they_may_be_for_one_schedule_only(self, store: Store) -> None:
        line = "+74950000102"
        book = schedules(**WEEK, schedule=[{"name": "sales", "lines": [line]}])
        new = NewException(**MONDAY_ONLY, schedules=["sales"])
        await store.write(lambda c: exceptions.enter(c, new, by(), known=book.names))
        book.take(store.peek(exceptions.stored))
        assert (book.after_hours(MONDAY, line), book.after_hours(MONDAY, None)) == (True, False)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"hours": ["9-18"]}, "are no hours"),
            ({"schedules": ["suport"]}, "There are: company"),
            ({"last": date(2026, 1, 1)}, "before from"),
            ({"last": date(2030, 1, 1)}, "more than 366 days"),
        ],
    )
    async def test_what_can_not_be_is_said(self, store: Store, changes: dict[str, Any], said: str) -> None:
        new = NewException(**(MONDAY_ONLY | changes))
        with pytest.raises(HoursError, match=said):
            await store.write(lambda c: exceptions.enter(c, new, by(), known=["company"]))

    async def test_what_is_not_there_can_not_be_taken_back(self, store: Store) -> None:
        with pytest.raises(NotFound):
            await store.write(lambda c: exceptions.take_back(c, "x", by()))


async def test_what_is_stored_is_marked_anew_after_the_hours_were_changed(any_store: Store, tmp_path: Any) -> None:
    book = schedules(**WEEK)
    house = House(any_store, tmp_path / "spool", calendar=book)
    evening = MONDAY.replace(hour=17)
    await house.take(form("1", phone="+79260000001"), call("2", Phase.ENDED, caller="+79260000002", outcome="missed"))
    await house.take(call("3", Phase.ENDED, caller="+79260000003", outcome="missed", at=evening))
    assert [mark for _, mark in rows(any_store, Interaction.id, Interaction.after_hours)] == [False, False, True]
    closed = NewException(**MONDAY_ONLY)
    await any_store.write(lambda c: exceptions.enter(c, closed, by(), known=book.names))
    book.take(any_store.peek(exceptions.stored))
    clock = FakeClock()
    dry = await recompute_hours(any_store, clock, book, dry_run=True)
    assert (dry.looked_at, dry.changed, dry.leads) == (3, 2, 2)
    assert [mark for _, mark in rows(any_store, Lead.id, Lead.after_hours)] == [False, False, True]
    done = await recompute_hours(any_store, clock, book)
    assert (done.changed, done.leads) == (2, 2)
    for table in (Interaction, Lead):
        assert [mark for _, mark in rows(any_store, table.id, table.after_hours)] == [True, True, True]
    again = await recompute_hours(any_store, clock, book)
    assert (again.looked_at, again.changed) == (3, 0)
    assert (await recompute_hours(any_store, clock, book, since=evening)).looked_at == 1
