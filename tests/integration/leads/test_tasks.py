"""Tasks and notes of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.leads.notes import edit_note, put_note, remove_note
from gateway.leads.tasks import NewTask, TaskChange, add_task, change_task
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Note, Task
from gateway.web.queries.filters import Filters
from gateway.web.queries.work import agenda, contact_work, lead_work, task, tasks_page
from tests.integration.leads.test_change import office
from tests.support.clock import MONDAY
from tests.support.desk import by, desk_of

DAY = timedelta(days=1)


async def added(store: Store, **fields: Any) -> str:
    new = NewTask(**{"text": "Позвонить", "due_at": MONDAY + DAY, "lead": "l-ivan", **fields})
    await store.write(office)
    return await store.write(lambda c: add_task(c, desk_of(), new, by()))


async def one(store: Store, task_id: str) -> Any:
    return await store.read(lambda c: task(c, task_id, Filters()))


async def test_a_task_is_the_makers_and_shows_on_lead_and_contact(any_store: Store) -> None:
    task_id = await added(any_store, kind="meet")
    seen = await one(any_store, task_id)
    assert (seen.kind, seen.status, seen.owner.id, seen.contact.id, seen.created_by.name) == (
        "meet",
        "open",
        "m-anna",
        "c-ivan",
        "Анна",
    )
    lead, contact = await any_store.read(
        lambda c: (lead_work(c, "l-ivan", Filters()), contact_work(c, "c-ivan", Filters()))
    )
    assert lead is not None
    assert contact is not None
    assert [view.id for view in lead.tasks] == [view.id for view in contact.tasks] == [task_id]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": " "}, "task is empty"),
        ({"text": "x" * 2001}, "2000"),
        ({"lead": "none"}, "no lead"),
        ({"lead": None}, "for a lead or for a contact"),
        ({"lead": None, "contact": "none"}, "no contact"),
        ({"owner": "gone"}, "disabled"),
        ({"due_at": datetime(2026, 11, 24)}, "with its zone"),
        ({"due_at": datetime(9999, 1, 1, tzinfo=UTC)}, "can't be meant"),
    ],
)
async def test_tasks_that_make_no_sense_are_refused(store: Store, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(NotPossible, match=words):
        await added(store, **fields)


async def test_a_task_is_done_with_its_outcome_and_reopened(any_store: Store) -> None:
    task_id = await added(any_store)
    await any_store.write(lambda c: change_task(c, task_id, TaskChange(status="done", outcome="дозвонились"), by()))
    done = await one(any_store, task_id)
    assert (done.status, done.outcome, done.ended_by.name, done.ended_at, done.version) == (
        "done",
        "дозвонились",
        "Анна",
        MONDAY,
        2,
    )
    await any_store.write(lambda c: change_task(c, task_id, TaskChange(status="open", due_at=MONDAY + 2 * DAY), by()))
    again = await one(any_store, task_id)
    assert (again.status, again.ended_at, again.due_at) == ("open", None, MONDAY + 2 * DAY)
    actions = await any_store.read(lambda c: list(c.execute(select(Audit.action).order_by(Audit.id)).scalars()))
    assert actions == ["task.added", "task.done", "task.open"]


async def test_a_task_that_somebody_changed_meanwhile_is_a_conflict(store: Store) -> None:
    task_id = await added(store)
    await store.write(lambda c: change_task(c, task_id, TaskChange(owner="oleg"), by(), version=1))
    with pytest.raises(Conflict, match="Анна changed it"):
        await store.write(lambda c: change_task(c, task_id, TaskChange(status="done"), by("m-oleg"), version=1))
    with pytest.raises(NotFound):
        await store.write(lambda c: change_task(c, "none", TaskChange(status="done"), by()))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), 3),
        (Filters(status="open"), 2),
        (Filters(status="overdue", now=MONDAY), 1),
        (Filters(status="done"), 1),
        (Filters(manager="anna"), 2),
        (Filters(manager="none"), 0),
        (Filters(since=MONDAY, until=MONDAY + 2 * DAY), 1),
        (Filters(q="счёт"), 1),
        (Filters(phone="+79261234567"), 3),
        (Filters(channel="mail"), 0),
        (Filters(seen_by="m-oleg"), 1),
        (Filters(seen_by="m-anna"), 3),
    ],
)
async def test_lists_of_tasks(store: Store, filters: Filters, found: int) -> None:
    await store.write(office)

    def several(connection: Connection) -> None:
        ids = iter("abc")
        hand = by(new_id=lambda: next(ids))
        for text, due, owner in (("Счёт", -DAY, None), ("Звонок", DAY, None), ("Встреча", -DAY, "oleg")):
            new = NewTask(text=text, due_at=MONDAY + due, lead="l-ivan", owner=owner)
            add_task(connection, desk_of(), new, hand)
        change_task(connection, "c", TaskChange(status="done"), hand)

    await store.write(several)
    assert len((await store.read(lambda c: tasks_page(c, filters))).items) == found


async def test_the_agenda_has_what_is_due_the_most_urgent_first(store: Store) -> None:
    first = await added(store, due_at=MONDAY + 2 * DAY)
    new = NewTask(text="раньше", due_at=MONDAY, lead="l-ivan")
    earlier = await store.write(lambda c: add_task(c, desk_of(), new, by(new_id=lambda: "early")))
    today = await store.read(lambda c: agenda(c, "m-anna", MONDAY + DAY))
    week = await store.read(lambda c: agenda(c, "m-anna", MONDAY + 7 * DAY))
    assert [view.id for view in today] == [earlier]
    assert [view.id for view in week] == [earlier, first]


async def test_a_note_is_changed_and_removed_by_its_author_only(any_store: Store) -> None:
    await any_store.write(office)
    note_id = await any_store.write(
        lambda c: put_note(c, desk_of(), lead_id="l-ivan", contact_id="c-ivan", text=" первая ", by=by())
    )
    with pytest.raises(NotPossible, match="Only who wrote"):
        await any_store.write(lambda c: edit_note(c, note_id, "чужая", by("m-oleg")))
    await any_store.write(lambda c: edit_note(c, note_id, "вторая", by(at=MONDAY + DAY)))
    (kept,) = await any_store.read(lambda c: c.execute(select(Note)).all())
    assert (kept.text, kept.edited_at) == ("вторая", MONDAY + DAY)
    await any_store.write(lambda c: remove_note(c, note_id, by()))
    assert await any_store.read(lambda c: c.execute(select(Note)).all()) == []
    with pytest.raises(NotFound):
        await any_store.write(lambda c: remove_note(c, note_id, by()))
    details = await any_store.read(lambda c: list(c.execute(select(Audit.detail)).scalars()))
    assert "первая" not in str(details)  # what was written is nobody's business in the log
    assert await any_store.read(lambda c: c.execute(select(Task)).all()) == []
