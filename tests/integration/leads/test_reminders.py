"""What time alone brings about: each thing once, to its owner, in the owner's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from gateway.core.placement import Placement
from gateway.core.types import Channel, Direction, Draft, Phase
from gateway.leads.change import LeadChange, change_lead
from gateway.leads.reminders import CURSOR, Sweep
from gateway.leads.rules import NewLeadTasks
from gateway.leads.settings import LeadsSettings, StageSettings, TaskRuleSettings
from gateway.leads.tasks import NewTask, TaskChange, add_task, change_task
from gateway.leads.worker import LeadReminders
from gateway.routing.calendars import Schedules
from gateway.routing.settings import HoursSettings
from gateway.storage.store import Store
from gateway.storage.tables import Cursor, Lead, Manager, Outgoing, Task
from tests.integration.leads.test_change import iter_ids, office
from tests.support.clock import MONDAY, FakeClock
from tests.support.desk import by, desk_of
from tests.support.seed import add_lead

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = LeadsSettings(
    stage=(StageSettings(key="new", name="Заявка", stuck_after="2d"), StageSettings(key="paid", won=True)),
    task=(TaskRuleSettings(name="quiet", when="quiet", after="7d", text="Напомнить о себе", kind="write"),),
)
IDS = iter_ids()


async def look(store: Store, at: datetime, settings: LeadsSettings = SETTINGS, **options: Any) -> int:
    sweep = Sweep(desk=desk_of(settings, **options), at=at, new_id=IDS, language="ru")
    return await store.write(sweep.run)


async def notices(store: Store) -> list[tuple[str, str]]:
    """Manager and subject of each."""
    query = select(Outgoing).where(Outgoing.way == "notice").order_by(Outgoing.id)
    found = await store.read(lambda c: c.execute(query).all())
    return sorted((row.manager_id, row.payload["subject"]) for row in found)


async def test_a_task_that_falls_due_is_told_once_to_its_owner(any_store: Store) -> None:
    await any_store.write(office)
    new = NewTask(text="Позвонить\nи узнать", due_at=MONDAY + HOUR, lead="l-ivan")
    task_id = await any_store.write(lambda c: add_task(c, desk_of(), new, by()))
    assert [await look(any_store, MONDAY + step * HOUR) for step in (0, 1, 2)] == [0, 1, 0]
    assert await notices(any_store) == [("m-anna", "Задача: Позвонить")]
    later = TaskChange(due_at=MONDAY + 3 * HOUR)
    await any_store.write(lambda c: change_task(c, task_id, later, by()))
    assert [await look(any_store, MONDAY + step * HOUR) for step in (2, 3, 4)] == [0, 1, 0]
    assert len(await notices(any_store)) == 2


async def test_tasks_that_are_done_or_nobodys_are_told_to_nobody(store: Store) -> None:
    await store.write(office)
    done = NewTask(text="Сделано", due_at=MONDAY, lead="l-ivan")
    task_id = await store.write(lambda c: add_task(c, desk_of(), done, by(new_id=IDS)))
    await store.write(lambda c: change_task(c, task_id, TaskChange(status="done"), by()))
    await store.write(lambda c: add_task(c, desk_of(), done, by(new_id=IDS)))
    await store.write(lambda c: c.execute(update(Task).where(Task.id != task_id).values(owner_id=None)))
    await look(store, MONDAY + DAY)
    assert await notices(store) == []


async def test_a_lead_that_is_stuck_is_told_once_a_stay(any_store: Store) -> None:
    await any_store.write(office)
    assert [await look(any_store, MONDAY + step * DAY) for step in (1, 2, 3, 4)] == [0, 1, 0, 0]
    assert await notices(any_store) == [("m-anna", "Лид в стадии «Заявка» дольше 2d")]
    desk = desk_of(SETTINGS)
    for at, change in ((5, LeadChange(stage="paid")), (6, LeadChange(stage="new"))):
        hand = by(at=MONDAY + at * DAY, new_id=IDS)
        await any_store.write(lambda c, change=change, hand=hand: change_lead(c, desk, "l-ivan", change, hand))  # type: ignore[misc]
    assert [await look(any_store, MONDAY + step * DAY) for step in (7, 8, 9)] == [0, 1, 0]
    assert len(await notices(any_store)) == 2


async def test_after_a_week_off_everything_of_the_week_is_told(store: Store) -> None:
    await store.write(office)
    await look(store, MONDAY)
    assert await look(store, MONDAY + 30 * DAY) == 2  # stuck, and quiet
    assert await look(store, MONDAY + 30 * DAY) == 1  # the task that the silence made is due
    assert await look(store, MONDAY + 30 * DAY) == 0


async def test_a_new_installation_does_not_dig_up_the_past(store: Store) -> None:
    await store.write(office)
    assert await look(store, MONDAY + 30 * DAY) == 0


async def test_a_lead_on_which_nothing_happens_gets_a_task_once_a_silence(any_store: Store) -> None:
    await any_store.write(office)
    await look(any_store, MONDAY)
    calendar = Schedules.of(HoursSettings(mon=("09:00-18:00",)), timezone="Europe/Moscow", region="RU").company
    for day in (6, 7, 8):
        await look(any_store, MONDAY + day * DAY + 20 * HOUR, calendar_of=lambda _: calendar)
    (task,) = await any_store.read(lambda c: c.execute(select(Task)).all())
    # noticed on the next Tuesday in the small hours; only Mondays are worked
    assert (task.rule, task.kind, task.due_at) == ("quiet", "write", datetime(2026, 12, 7, 6, tzinfo=UTC))
    await any_store.write(lambda c: c.execute(update(Lead).values(updated_at=MONDAY + 8 * DAY)))
    assert await look(any_store, MONDAY + 15 * DAY) == 2  # the second silence, and the first one's task is due
    assert len(await any_store.read(lambda c: c.execute(select(Task)).all())) == 2


async def test_the_notice_is_in_the_managers_language(store: Store) -> None:
    await store.write(office)
    await store.write(lambda c: c.execute(update(Manager).values(language="en")))
    await look(store, MONDAY)
    await look(store, MONDAY + 2 * DAY)
    assert await notices(store) == [("m-anna", "A lead has been in “Заявка” for more than 2d")]


def placement(lead_id: str | None, *, opened: bool) -> Placement:
    draft = Draft(direction=Direction.INBOUND, phase=Phase.ENDED, occurred_at=MONDAY)
    return Placement(
        interaction_id="i",
        connector="form",
        channel=Channel.FORM,
        draft=draft,
        contact_id="c-ivan",
        lead_id=lead_id,
        lead_opened=opened,
        after_hours=None,
        is_history=False,
        at=MONDAY,
        new_id=IDS,
        keep_until=None,
    )


async def test_a_lead_that_comes_in_gets_its_tasks_once_however_often_it_is_placed(any_store: Store) -> None:
    await any_store.write(office)
    rules = LeadsSettings(task=(TaskRuleSettings(name="first", stage="new", text="Позвонить", after="15m"),))
    follower = NewLeadTasks(desk_of(rules))
    for where in (
        placement("l-ivan", opened=True),
        placement("l-ivan", opened=True),
        placement("l-ivan", opened=False),
    ):
        assert await any_store.write(lambda c, where=where: follower.follow(c, where)) == ()  # type: ignore[misc]
    assert await any_store.write(lambda c: follower.follow(c, placement(None, opened=False))) == ()
    tasks = await any_store.read(lambda c: c.execute(select(Task)).all())
    assert [(task.owner_id, task.due_at) for task in tasks] == [("m-anna", MONDAY + timedelta(minutes=15))]


async def test_many_at_once_are_told_in_several_looks(store: Store) -> None:
    await store.write(office)

    def many(connection: Connection) -> None:
        for number in range(450):
            add_lead(connection, f"l-{number}", None, manager_id="m-oleg", stage_since=MONDAY)

    await store.write(many)
    await look(store, MONDAY)
    counts = [await look(store, MONDAY + 2 * DAY) for _ in range(4)]
    assert counts == [200, 200, 51, 0]
    assert len(await notices(store)) == 451


async def test_the_service_looks_at_once_and_says_so(store: Store) -> None:
    await store.write(office)
    task = NewTask(text="Сейчас", due_at=MONDAY, lead="l-ivan")
    await store.write(lambda c: add_task(c, desk_of(), task, by()))
    woken: list[int] = []
    service = LeadReminders(
        store=store,
        clock=FakeClock(),
        new_id=IDS,
        desk=desk_of(),
        language="ru",
        on_done=lambda: woken.append(1),
    )
    assert await service.look() == 1
    assert await service.look() == 0
    assert woken == [1]
    await service.start()
    await service.stop()
    assert await store.read(lambda c: c.execute(select(Cursor.name)).scalars().all()) == [CURSOR]


@pytest.mark.parametrize("opened", [True, False])
async def test_without_rules_nothing_is_made(store: Store, opened: bool) -> None:
    await store.write(office)
    await store.write(lambda c: NewLeadTasks(desk_of()).follow(c, placement("l-ivan", opened=opened)))
    assert await store.read(lambda c: c.execute(select(Task)).all()) == []
