"""Pages of the board and of the tasks begin after a place, not after a number of rows: while others are reached, done,
put off or come in, nobody who stays is missed or shown twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from gateway.storage.store import Store
from gateway.storage.tables import Callback, Task
from gateway.web.queries.callbacks import Place, board, callbacks_page
from gateway.web.queries.filters import Filters, Page, Position
from gateway.web.queries.tasks import DONE, LATER, OVERDUE, Times, count_done, count_open, tasks_of
from tests.support.clock import MONDAY

TIMES = Times(now=MONDAY, tomorrow=MONDAY + timedelta(hours=14))
SIZE = 4
"""Rows of a page."""


def a_task(task_id: str, due: datetime, ended: datetime | None = None) -> dict[str, Any]:
    status = "open" if ended is None else "done"
    return {
        "id": task_id, "kind": "call", "text": "call", "due_at": due, "status": status, "ended_at": ended,
        "created_by": "gateway", "created_at": MONDAY, "updated_at": MONDAY,
    }  # fmt: skip


def a_callback(callback_id: str, due: datetime, put_off: datetime | None = None) -> dict[str, Any]:
    return {
        "id": callback_id, "state": "open" if put_off is None else "snoozed", "reason": "no_answer", "channel": "call",
        "tries": 1, "first_at": MONDAY, "last_at": MONDAY, "waiting_since": MONDAY, "due_at": due,
        "snoozed_until": put_off, "opened_at": MONDAY, "updated_at": MONDAY,
    }  # fmt: skip


def moments(count: int, chance: random.Random) -> list[datetime]:
    """Many of them are equal: then the id decides."""
    return [MONDAY + timedelta(minutes=chance.randrange(-9, 0)) for _ in range(count)]


async def put(store: Store, model: type[Task | Callback], rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:  # their columns differ
        await store.write(lambda c, row=row: c.execute(insert(model).values(**row)))  # type: ignore[misc]


@pytest.mark.parametrize("group", [OVERDUE, DONE])
async def test_who_pages_through_tasks_sees_each_that_stays_once(store: Store, group: str) -> None:
    chance = random.Random(group)
    ended: Callable[[datetime], datetime | None] = (lambda at: at) if group == DONE else (lambda _at: None)
    times = moments(41, chance)
    await put(store, Task, [a_task(f"t{number:02}", at, ended(at)) for number, at in enumerate(times)])
    seen: list[str] = []
    gone: set[str] = set()
    after: Position | None = None
    for turn in range(50):
        filters = Filters(limit=SIZE, after=after)
        page: Page[Any] = await store.read(lambda c, filters=filters: tasks_of(c, group, filters, TIMES))  # type: ignore[misc]
        seen += [task.id for task in page.items]
        if page.next is None:
            break
        after = Position.decode(page.next)
        left = [f"t{number:02}" for number in range(41) if f"t{number:02}" not in gone]
        taken = chance.sample(left, 2)  # some of these were shown, some were not yet
        gone.update(taken)
        other = "open" if group == DONE else "done"
        moved = {"status": other, "ended_at": None if group == DONE else MONDAY}
        await store.write(
            lambda c, taken=taken, moved=moved: c.execute(update(Task).where(Task.id.in_(taken)).values(**moved))  # type: ignore[misc]
        )
        early = MONDAY - timedelta(days=1) if group != DONE else MONDAY + timedelta(days=1)
        await put(store, Task, [a_task(f"new{turn}", early, ended(early))])  # above everything that was shown
    assert len(seen) == len(set(seen))
    assert {f"t{number:02}" for number in range(41)} - gone <= set(seen)
    assert not any(task_id.startswith("new") for task_id in seen)


async def test_who_pages_through_the_board_sees_each_that_stays_once(store: Store) -> None:
    chance = random.Random(7)
    times = moments(37, chance)
    put_off = [MONDAY + timedelta(hours=1) if chance.random() < 0.3 else None for _ in times]
    rows = [a_callback(f"d{n:02}", at, until) for n, (at, until) in enumerate(zip(times, put_off, strict=True))]
    await put(store, Callback, rows)
    seen: list[str] = []
    gone: set[str] = set()
    place: Place | None = None
    for turn in range(50):
        shown = await store.read(
            lambda c, place=place: board(c, Filters(status="waiting", now=MONDAY), limit=SIZE, after=place)  # type: ignore[misc]
        )
        if not shown:
            break
        seen += [row.id for row in shown]
        place = Place.decode(Place.of(shown[-1]).encode())
        left = sorted({row["id"] for row in rows} - gone)
        taken = chance.sample(left, 2)
        gone.update(taken)
        over = {"state": "reached_by_us", "closed_at": MONDAY}
        await store.write(
            lambda c, taken=taken, over=over: c.execute(update(Callback).where(Callback.id.in_(taken)).values(**over))  # type: ignore[misc]
        )
        await put(store, Callback, [a_callback(f"new{turn}", MONDAY - timedelta(days=1))])
    assert len(seen) == len(set(seen))
    assert {row["id"] for row in rows} - gone <= set(seen)
    assert not any(callback_id.startswith("new") for callback_id in seen)


async def test_the_pages_together_are_the_whole_list_in_its_order(store: Store) -> None:
    chance = random.Random(1)
    rows = [a_callback(f"d{n:02}", at, MONDAY if n % 4 == 0 else None) for n, at in enumerate(moments(30, chance))]
    await put(store, Callback, rows)
    filters = Filters(now=MONDAY)
    wanted = sorted(rows, key=lambda row: (row["snoozed_until"] is not None, row["due_at"], row["id"]))
    whole = await store.read(lambda c: board(c, filters))
    pages: list[str] = []
    place: Place | None = None
    while shown := await store.read(lambda c, place=place: board(c, filters, limit=7, after=place)):  # type: ignore[misc]
        pages += [row.id for row in shown]
        place = Place.of(shown[-1])
    assert pages == [row.id for row in whole] == [row["id"] for row in wanted]


async def test_callbacks_that_are_over_have_a_next_page(store: Store) -> None:
    rows = [a_callback(f"d{n:02}", MONDAY) | {"state": "closed", "closed_at": MONDAY} for n in range(9)]
    await put(store, Callback, rows)
    filters = Filters(status="over", now=MONDAY, limit=5)
    first = await store.read(lambda c: callbacks_page(c, filters))
    assert first.next is not None
    second = Filters(status="over", now=MONDAY, limit=5, after=Position.decode(first.next))
    rest = await store.read(lambda c: callbacks_page(c, second))
    assert sorted(row.id for row in [*first.items, *rest.items]) == [row["id"] for row in rows]
    assert rest.next is None


async def test_the_groups_are_counted_as_they_are_listed(store: Store) -> None:
    chance = random.Random(3)
    spread = [MONDAY + timedelta(hours=chance.randrange(-40, 60)) for _ in range(60)]
    tasks = [a_task(f"t{n}", at, MONDAY if n % 5 == 0 else None) for n, at in enumerate(spread)]
    await put(store, Task, tasks)

    def read(connection: Connection) -> tuple[Any, int, dict[str, int]]:
        many = Filters(limit=100)
        listed = {group: len(tasks_of(connection, group, many, TIMES).items) for group in (OVERDUE, "today", LATER)}
        return count_open(connection, many, TIMES), count_done(connection, many), listed

    counts, done, listed = await store.read(read)
    assert (counts.overdue, counts.today, counts.later) == (listed[OVERDUE], listed["today"], listed[LATER])
    assert done == sum(task["status"] == "done" for task in tasks) == 12
    overdue = await store.read(
        lambda c: c.execute(select(Task.id).where(Task.status == "open", Task.due_at < MONDAY)).all()
    )
    assert counts.overdue == len(overdue)


@pytest.mark.parametrize("cursor", ["", "x", "w", "s!!", "wMjAyNg", "zMjAyNi0wMS0wMVQwMDowMDowMCswMDowMHx4"])
def test_a_place_of_nobodys_making_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match=r"of ours|isoformat"):
        Place.decode(cursor)
