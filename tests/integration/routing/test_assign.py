"""The rules on stored data, on both databases: owners, last talks, turns that survive a restart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway.core.assignment import NOBODY
from gateway.core.types import Channel, Source
from gateway.routing.absences import NewAbsence
from gateway.routing.absences import add as enter_absence
from gateway.storage.store import Store
from gateway.storage.tables import Manager, Rotation, table_of
from tests.integration.routing.office import WEEK, asking, assigner, by, people, rows, schedules
from tests.support.clock import MONDAY
from tests.support.seed import add_contact, add_interaction, add_lead

MANAGER = table_of(Manager)
TURNS = {"give": "rotation", "to": ["anna", "boris", "vera"]}


def fill(connection: Any) -> None:
    """Three managers, and Ivan."""
    people(connection)
    add_contact(connection, "c-ivan", phones=["+79261234567"])


@pytest.fixture
async def filled(store: Store) -> Store:
    await store.write(fill)
    return store


@pytest.fixture
async def each_filled(any_store: Store) -> Store:
    """On each of the two databases."""
    await any_store.write(fill)
    return any_store


async def ask(store: Store, who: Any, request: Any) -> tuple[str | None, str, str | None]:
    assigned = await store.write(lambda connection: who.assign(connection, request))
    return assigned.manager_id, assigned.rule, assigned.extension


async def test_nobody_is_known_at_first(filled: Store) -> None:
    assert await ask(filled, assigner(), asking("c-ivan")) == (None, NOBODY, None)
    assert await ask(filled, assigner(), asking(None, None)) == (None, NOBODY, None)


async def test_the_owner_of_the_contact_comes_before_the_manager_of_the_lead(filled: Store) -> None:
    await filled.write(lambda c: add_lead(c, "l-1", "c-ivan", manager_id="m-vera"))
    assert await ask(filled, assigner(), asking("c-ivan")) == ("m-vera", "owner", "103")
    await filled.write(lambda c: add_contact(c, "c-owned", phones=["+79260000009"], owner_id="m-boris"))
    await filled.write(lambda c: add_lead(c, "l-2", "c-owned", manager_id="m-vera"))
    assert await ask(filled, assigner(), asking("c-owned")) == ("m-boris", "owner", "102")


async def test_an_anonymous_caller_keeps_the_manager_of_his_lead(filled: Store) -> None:
    await filled.write(lambda c: add_lead(c, "l-anonymous", None, manager_id="m-vera"))
    request = asking(None, None, lead_id="l-anonymous")
    assert await ask(filled, assigner(), request) == ("m-vera", "owner", "103")


async def test_a_crm_may_say_whose_contact_it_is(filled: Store) -> None:
    who = assigner()
    who._crm_owner = lambda request: {"c-ivan": "m-boris"}.get(request.contact_id or "")
    assert await ask(filled, who, asking("c-ivan")) == ("m-boris", "owner", "102")


async def test_the_last_manager_who_talked_not_the_last_who_was_called(each_filled: Store) -> None:
    def history(connection: Any) -> None:
        calls = [("m-vera", "answered", 50), ("m-anna", "answered", 10), ("m-boris", "no_answer", 5)]
        for manager, outcome, hours in calls:
            at = MONDAY - timedelta(hours=hours)
            add_interaction(connection, f"i-{manager}", channel="call", contact_id="c-ivan", manager_id=manager,
                            outcome=outcome, at=at)  # fmt: skip

    await each_filled.write(history)
    assert await ask(each_filled, assigner(), asking("c-ivan")) == ("m-anna", "last talk", "101")


async def test_turns_go_on_where_they_were_after_a_restart(each_filled: Store) -> None:
    chosen = []
    for number in range(6):
        fresh = assigner(TURNS)  # as after a restart: nothing is remembered but what is stored
        manager, rule, _ = await ask(each_filled, fresh, asking(None, f"+7926000000{number}"))
        assert rule == "rotation"
        chosen.append(manager)
    assert chosen == ["m-anna", "m-boris", "m-vera"] * 2
    assert rows(each_filled, Rotation.manager_id, Rotation.taken) == [("m-anna", 2), ("m-boris", 2), ("m-vera", 2)]


async def test_a_turn_that_was_rolled_back_was_not_taken(filled: Store) -> None:
    who = assigner(TURNS)

    def unit(connection: Any) -> None:
        who.assign(connection, asking())
        raise RuntimeError("the rest of the work failed")

    with pytest.raises(RuntimeError):
        await filled.write(unit)
    assert rows(filled, Rotation.manager_id) == []


async def test_the_same_person_minutes_later_keeps_who_he_was_given(filled: Store) -> None:
    who = assigner(TURNS)
    first = await ask(filled, who, asking())
    again = await ask(filled, who, asking(at=MONDAY + timedelta(minutes=5)))
    later = await ask(filled, who, asking(at=MONDAY + timedelta(hours=1)))
    assert [each[0] for each in (first, again, later)] == ["m-anna", "m-anna", "m-boris"]


async def test_explaining_uses_up_no_turn(filled: Store) -> None:
    who = assigner({"give": "owner"}, TURNS)
    told = [filled.peek(lambda c: who.explain(c, asking())) for _ in range(3)]
    assert {answer.manager_id for answer in told} == {"m-anna"}
    assert [tried.rule for tried in told[0].trail] == ["owner", "rotation"]
    assert rows(filled, Rotation.manager_id) == []


async def test_the_day_of_a_limit_is_the_companys(filled: Store) -> None:
    who = assigner({"give": "rotation", "to": ["anna"], "max_a_day": 1})
    late = MONDAY.replace(hour=20, minute=30)  # 23:30 in Moscow
    assert (await ask(filled, who, asking(None, None, at=late)))[0] == "m-anna"
    assert (await ask(filled, who, asking(None, None, at=late + timedelta(minutes=20))))[0] is None
    assert (await ask(filled, who, asking(None, None, at=late + timedelta(minutes=40))))[0] == "m-anna"


async def test_open_leads_are_counted_and_closed_ones_are_not(each_filled: Store) -> None:
    def leads(connection: Any) -> None:
        add_lead(connection, "l-1", None, manager_id="m-anna")
        add_lead(connection, "l-2", None, manager_id="m-boris", status="won")

    await each_filled.write(leads)
    who = assigner({"give": "manager", "to": ["anna", "boris"], "max_open": 1})
    assert (await ask(each_filled, who, asking()))[0] == "m-boris"


async def test_an_absence_counts_from_its_first_to_its_last_moment(each_filled: Store) -> None:
    new = NewAbsence(manager="anna", starts_at=MONDAY, ends_at=MONDAY + timedelta(days=7), substitute="vera")
    await each_filled.write(lambda c: enter_absence(c, new, by()))
    who = assigner({"give": "manager", "to": ["anna"]})
    moments = [-timedelta(seconds=1), timedelta(0), timedelta(days=7, seconds=-1), timedelta(days=7)]
    chosen = [(await ask(each_filled, who, asking(at=MONDAY + moment)))[0] for moment in moments]
    assert chosen == ["m-anna", "m-vera", "m-vera", "m-anna"]


async def test_a_manager_keeps_hours_of_his_own(filled: Store) -> None:
    hours = schedules(**WEEK, schedule=[{"name": "late", "mon": ["14:00-22:00"]}])
    late = update(MANAGER).where(MANAGER.c.id == "m-anna").values(hours="late")
    await filled.write(lambda c: c.execute(late).rowcount)
    who = assigner({"give": "manager", "to": ["anna", "boris"], "only": ["working"]}, hours=hours)
    noon, evening = MONDAY, MONDAY.replace(hour=16)  # 12:00 and 19:00 in Moscow
    assert [(await ask(filled, who, asking(at=at)))[0] for at in (noon, evening)] == ["m-boris", "m-anna"]


async def test_a_form_by_its_campaign_and_a_letter_by_its_address(filled: Store) -> None:
    who = assigner(
        {"name": "yandex", "give": "manager", "to": ["vera"], "channels": ["form"], "utm": {"source": "yandex"}},
        {"name": "support", "give": "manager", "to": ["boris"], "lines": ["support@example.com"]},
        {"name": "rest", "give": "manager", "to": ["anna"]},
    )
    form = asking(channel=Channel.FORM, line="site", source=Source(name="site", utm={"source": "yandex"}))
    letter = asking(channel=Channel.MAIL, line="Support@Example.com", source=Source(name="sales"))
    told = [(await ask(filled, who, request))[1] for request in (form, letter, asking())]
    assert told == ["yandex", "support", "rest"]
