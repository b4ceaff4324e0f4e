"""Whose duty a callback is: the contact's owner, whose phone rang, whose lead it is, whom the rules name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from gateway.core.assignment import Assigned, AssignRequest
from gateway.storage.store import Store
from gateway.storage.tables import Absence, Contact, Lead, Manager
from tests.support.callbacks import IVAN, CallbackHouse, minute, missed, ours
from tests.support.seed import add_manager


class Rules:
    """The routing: gives everybody to one manager, and notes what it was asked."""

    def __init__(self, manager_id: str | None) -> None:
        self.manager_id = manager_id
        self.asked: list[AssignRequest] = []

    def assign(self, _connection: Connection, request: AssignRequest) -> Assigned:
        self.asked.append(request)
        return Assigned(manager_id=self.manager_id, rule="turns", extension=None)


def staff(connection: Connection) -> None:
    for number, login in enumerate(["anna", "boris", "clara", "dasha"], start=101):
        add_manager(connection, f"m-{login}", login, extensions=[str(number)])


@pytest.fixture
def rules() -> Rules:
    return Rules("m-dasha")


@pytest.fixture
async def house(store: Store, tmp_path: Path, rules: Rules) -> CallbackHouse:
    """The person is known, nobody waits."""
    house = CallbackHouse(store, tmp_path / "spool", asks=rules)
    await store.write(staff)
    await house.take(missed(minute(-60), rang=[]), ours(minute(-50)))
    rules.asked.clear()
    return house


async def own(house: CallbackHouse, *, contact: str | None = None, lead: str | None = None) -> None:
    def change(connection: Connection) -> None:
        connection.execute(update(Contact).values(owner_id=contact))
        connection.execute(update(Lead).values(manager_id=lead))

    await house.store.write(change)


async def owner(house: CallbackHouse, rang: list[str]) -> tuple[str | None, str | None]:
    """Who owns the callback of a new miss, and why."""
    await house.take(missed(minute(0), rang=rang))
    found = house.waiting()[0]
    return (found.owner.id if found.owner else None), found.owner_rule


async def test_owner_of_the_contact_comes_first(house: CallbackHouse, rules: Rules) -> None:
    await own(house, contact="m-anna", lead="m-clara")
    assert await owner(house, ["102"]) == ("m-anna", "contact")
    assert rules.asked == []


async def test_then_whose_phone_rang_last(house: CallbackHouse) -> None:
    await own(house, lead="m-clara")
    assert await owner(house, ["101", "999", "102", "888"]) == ("m-boris", "rang")


async def test_then_the_manager_of_the_lead_whom_the_rules_named_just_now(house: CallbackHouse, rules: Rules) -> None:
    await own(house, lead="m-clara")
    assert await owner(house, ["999"]) == ("m-clara", "lead")
    assert rules.asked == [], "their turn must not move on twice"


async def test_then_the_rules(house: CallbackHouse, rules: Rules) -> None:
    assert await owner(house, []) == ("m-dasha", "turns")
    (asked,) = rules.asked
    assert [handle.value for handle in asked.handles] == [IVAN]
    assert (asked.contact_id is not None, asked.lead_id is not None) == (True, True)


async def test_rules_that_name_nobody_leave_it_to_everybody(house: CallbackHouse, rules: Rules) -> None:
    rules.manager_id = None
    assert await owner(house, []) == (None, None)


async def test_who_is_away_is_passed_over(house: CallbackHouse) -> None:
    def leave(connection: Connection) -> None:
        for login in ("anna", "boris"):
            row = {
                "id": f"a-{login}", "manager_id": f"m-{login}", "starts_at": minute(0) - timedelta(days=1),
                "ends_at": minute(0) + timedelta(days=1), "reason": "vacation", "created_at": minute(-9999),
            }  # fmt: skip
            connection.execute(insert(Absence), row)

    await house.store.write(leave)
    await own(house, contact="m-anna")
    assert await owner(house, ["103", "102"]) == ("m-dasha", "turns")


async def test_who_was_disabled_owns_nothing(house: CallbackHouse) -> None:
    await own(house, contact="m-anna", lead="m-clara")
    away = update(Manager).where(Manager.id.in_(["m-anna", "m-boris", "m-clara"])).values(disabled_at=minute(-1))
    await house.store.write(lambda c: c.execute(away))
    assert await owner(house, ["102"]) == ("m-dasha", "turns")


async def test_the_owner_stays_while_the_person_tries_again(house: CallbackHouse) -> None:
    assert await owner(house, ["101"]) == ("m-anna", "rang")
    await house.take(missed(minute(5), rang=["102"]))
    (found,) = house.waiting()
    assert found.owner is not None
    assert (found.owner.id, found.tries) == ("m-anna", 2)
