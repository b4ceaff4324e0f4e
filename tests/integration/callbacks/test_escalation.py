"""Reminders: whom, when, once, over restarts, in working time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gateway.callbacks.escalation import EscalationWorker
from gateway.callbacks.settings import CallbacksSettings, StepSettings
from gateway.core.clock import new_id
from gateway.storage.store import Store
from gateway.storage.tables import Manager, Outgoing
from tests.support.callbacks import IVAN, MOSCOW, CallbackHouse, minute, missed, ours, steps
from tests.support.patience import PATIENCE
from tests.support.seed import add_manager


def staff(connection: Connection) -> None:
    add_manager(connection, "m-anna", "anna", name="Anna", extensions=["101"], language="en")
    add_manager(connection, "m-boris", "boris", name="Борис", extensions=["102"], language="ru")
    add_manager(connection, "m-chief", "chief", name="Chief", role="chief", extensions=[])
    add_manager(connection, "m-owner", "owner", name="Owner", role="owner", extensions=[])


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> CallbackHouse:
    return await make(store, tmp_path)


async def make(store: Store, folder: Path, **settings: Any) -> CallbackHouse:
    house = CallbackHouse(store, folder / "spool", settings=CallbacksSettings(**settings))
    await store.write(staff)
    await house.take(missed(minute(0)))
    return house


def notices(house: CallbackHouse) -> list[tuple[str, str]]:
    """Login and subject of each, in their order."""
    query = (
        select(Manager.login, Outgoing.payload)
        .join(Manager, Manager.id == Outgoing.manager_id)
        .order_by(Outgoing.created_at, Manager.login)
    )
    return [(login, payload["subject"]) for login, payload in house.store.peek(lambda c: c.execute(query).all())]


def told(house: CallbackHouse) -> list[str]:
    return [login for login, _ in notices(house)]


async def test_owner_then_group_then_chief_each_at_its_minute(house: CallbackHouse) -> None:
    for at, logins in (
        (9.9, []),
        (10, ["anna"]),
        (29, ["anna"]),
        (30, ["anna", "anna", "boris"]),
        (60, ["anna", "anna", "boris", "chief"]),
        (600, ["anna", "anna", "boris", "chief"]),
    ):
        house.at(minute(at))
        await house.escalation.run_once()
        assert told(house) == logins, at
    assert steps(house.one()) == ["opened", "reminded", "reminded", "reminded"]
    assert [step.detail["told"] for step in house.one().history[1:]] == [["Anna"], ["Anna", "Борис"], ["Chief"]]


async def test_a_reminder_speaks_the_language_of_who_is_told_and_links_to_the_callback(house: CallbackHouse) -> None:
    house.at(minute(31))
    await house.escalation.run_once()
    assert notices(house) == [
        ("anna", "Overdue: call back +7 926 123-45-67"),
        ("anna", "Overdue: call back +7 926 123-45-67"),
        ("boris", "Просрочено: перезвоните, +7 926 123-45-67"),
    ]
    payload = house.store.peek(lambda c: c.execute(select(Outgoing.payload)).scalars().all())[-1]
    assert payload["link"] == f"/callbacks?id={house.one().id}"
    assert payload["urgency"] == "warning"
    assert "12:30" in payload["text"], "until when, in the company's zone"


async def test_nights_do_not_count(house: CallbackHouse) -> None:
    house.at(minute(8 * 60))  # 20:00
    await house.take(ours(minute(1)), missed(minute(8 * 60)))
    house.at(minute(20 * 60 + 59))
    await house.escalation.run_once()
    assert told(house) == []
    house.at(minute(21 * 60 + 10))  # 9:10 on the next morning
    await house.escalation.run_once()
    assert told(house) == ["anna"]


async def test_after_a_night_off_all_that_is_due_is_said_once(any_store: Store, tmp_path: Path) -> None:
    house = await make(any_store, tmp_path)
    house.at(minute(300))
    await house.escalation.run_once()
    again = EscalationWorker(
        store=any_store, clock=house.clock, new_id=new_id, timetable=house.timetable, zone=MOSCOW, language="en",
        on_changed=lambda: None,
    )  # fmt: skip
    await again.run_once()
    await house.escalation.run_once()
    assert told(house) == ["anna", "anna", "boris", "chief"]


async def test_two_workers_remind_once(any_store: Store, tmp_path: Path) -> None:
    house = await make(any_store, tmp_path)
    house.at(minute(11))
    key = house.one().id
    assert await any_store.write(lambda c: house.escalation.attend(c, key))
    assert not await any_store.write(lambda c: house.escalation.attend(c, key))
    assert told(house) == ["anna"]


async def test_a_unit_that_runs_twice_reminds_once(house: CallbackHouse) -> None:
    house.at(minute(11))
    key = house.one().id

    class Broken(Exception):
        pass

    def fails(connection: Connection) -> None:
        house.escalation.attend(connection, key)
        raise Broken

    with pytest.raises(Broken):
        await house.store.write(fails)
    assert told(house) == []
    await house.escalation.run_once()
    assert told(house) == ["anna"]


async def test_who_was_reached_is_not_reminded_of(house: CallbackHouse) -> None:
    await house.take(ours(minute(5)))
    house.at(minute(600))
    assert await house.escalation.run_once() == 0
    assert told(house) == []


async def test_nobody_is_reminded_during_a_snooze_and_then_of_all_that_was_due(house: CallbackHouse) -> None:
    key = house.one().id
    await house.store.write(lambda c: house.desk.snooze(c, key, house.by(), "1h"))
    house.at(minute(59))
    await house.escalation.run_once()
    assert told(house) == []
    house.at(minute(60))
    await house.escalation.run_once()
    assert house.one().state == "open"
    assert steps(house.one()) == ["opened", "snoozed", "woken", "reminded", "reminded", "reminded"]


async def test_who_claimed_it_is_reminded_instead_of_the_owner(house: CallbackHouse) -> None:
    key = house.one().id
    await house.store.write(lambda c: house.desk.claim(c, key, house.by("m-boris")))
    house.at(minute(10))
    await house.escalation.run_once()
    assert told(house) == ["boris"]


async def test_reopening_begins_the_reminders_anew(house: CallbackHouse) -> None:
    house.at(minute(60))
    await house.escalation.run_once()
    await house.take(ours(minute(61)))
    key = house.one().id
    house.at(minute(100))
    await house.store.write(lambda c: house.desk.reopen(c, key, house.by()))
    house.at(minute(110))
    await house.escalation.run_once()
    assert told(house) == ["anna", "anna", "boris", "chief", "anna"]


async def test_what_nobody_owns_goes_to_the_group_and_without_a_chief_to_the_owner_of_the_company(
    store: Store, tmp_path: Path
) -> None:
    house = CallbackHouse(store, tmp_path / "spool")
    await store.write(lambda c: add_manager(c, "m-owner", "owner", role="owner", extensions=[]))
    await house.take(missed(minute(0)))
    assert house.one().owner is None
    house.at(minute(60))
    await house.escalation.run_once()
    assert told(house) == ["owner", "owner", "owner"]


async def test_steps_are_what_the_settings_say(store: Store, tmp_path: Path) -> None:
    house = await make(store, tmp_path, step=(StepSettings(after_minutes=1, tell="boris"),))
    house.at(minute(1))
    await house.escalation.run_once()
    house.at(minute(1000))
    await house.escalation.run_once()
    assert told(house) == ["boris"]


async def test_without_any_steps_nobody_is_reminded(store: Store, tmp_path: Path) -> None:
    house = await make(store, tmp_path, step=())
    house.at(minute(1000))
    assert await house.escalation.run_once() == 0


async def test_nobody_to_remind_is_said_in_the_log_and_harms_nothing(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = CallbackHouse(store, tmp_path / "spool")
    await house.take(missed(minute(0)))
    house.at(minute(600))
    await house.escalation.run_once()
    assert steps(house.one()) == ["opened", "reminded", "reminded", "reminded"]
    assert {record.action for record in caplog.records} >= {"nobody_to_remind"}  # type: ignore[attr-defined]
    assert IVAN not in caplog.text


async def test_the_worker_starts_looks_and_stops(house: CallbackHouse) -> None:
    import asyncio

    woken = asyncio.Event()
    house.at(minute(11))
    worker = EscalationWorker(
        store=house.store, clock=house.clock, new_id=new_id, timetable=house.timetable, zone=MOSCOW, language="en",
        on_changed=woken.set,
    )  # fmt: skip
    await worker.start()
    async with asyncio.timeout(PATIENCE):
        await woken.wait()
    await worker.stop()
    assert told(house) == ["anna"]
