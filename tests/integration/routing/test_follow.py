"""New leads get their manager, once; who spoke is noted."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.types import Channel, Direction, Draft, Inbound, Kind, Phase, Source
from gateway.routing.assignments import ANSWERED, PERSON, Giving, give
from gateway.storage.store import Store
from gateway.storage.tables import Assignment, Audit, Contact, Interaction, Lead
from tests.integration.processing.test_worker import House
from tests.integration.routing.office import CUSTOMER, assigner, people, routed_house, rows
from tests.support.clock import MONDAY
from tests.support.items import call, form, handles
from tests.support.seed import add_contact

TURNS = {"give": "rotation", "to": ["anna", "boris"]}


async def opened(store: Store, folder: Path) -> House:
    await store.write(people)
    return routed_house(store, folder, assigner({"give": "owner"}, {"give": "last"}, TURNS))


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> House:
    return await opened(store, tmp_path)


@pytest.fixture
async def each_house(any_store: Store, tmp_path: Path) -> House:
    """On each of the two databases."""
    return await opened(any_store, tmp_path)


def told(item: Inbound, **details: Any) -> Inbound:
    """The same call with more in its record."""
    assert item.draft is not None
    draft = dataclasses.replace(item.draft, details={**item.draft.details, **details})
    return dataclasses.replace(item, draft=draft)


def managers(house: House) -> list[str | None]:
    """Whose the leads are, in the order of their birth."""
    return [manager for _, manager in house.rows(Lead.id, Lead.manager_id)]


async def test_a_form_gets_its_manager_at_once_and_so_does_the_contact(each_house: House) -> None:
    await each_house.take(form("1", phone=CUSTOMER))
    assert managers(each_house) == ["m-anna"]
    assert each_house.rows(Contact.id, Contact.owner_id)[0][1] == "m-anna"
    [created] = [event for event in each_house.events if event.type == "lead.created"]
    assert created.data["manager"]["id"] == "m-anna", "a CRM hears of the lead with its manager"
    [(rule, before, actor)] = rows(each_house.store, Assignment.rule, Assignment.before_id, Assignment.actor)
    assert (rule, before, actor) == ("rotation", None, "gateway")
    assert rows(each_house.store, Audit.id) == [], "the first manager is no deed that anyone must answer for"


async def test_a_second_form_of_the_same_person_changes_nobody(house: House) -> None:
    await house.take(form("1", phone=CUSTOMER), form("2", phone=CUSTOMER), form("3", phone="+79260000002"))
    assert managers(house) == ["m-anna", "m-boris"]
    assert len(rows(house.store, Assignment.id)) == 2


async def test_contacts_stay_without_owner_where_that_is_configured(store: Store, tmp_path: Path) -> None:
    await store.write(people)
    house = routed_house(store, tmp_path, assigner(TURNS, own_contacts=False))
    await house.take(form("1", phone=CUSTOMER))
    assert managers(house) == ["m-anna"]
    assert house.rows(Contact.id, Contact.owner_id)[0][1] is None


async def test_who_answers_an_unknown_caller_gets_him_before_any_rule(each_house: House) -> None:
    await each_house.take(call("1", Phase.RINGING))
    assert managers(each_house) == [None], "while it rings nobody knows who will answer"
    await each_house.take(told(call("1", Phase.ANSWERED), answered_by="102"))
    assert managers(each_house) == ["m-boris"]
    await each_house.take(told(call("1", Phase.ENDED, outcome="answered"), answered_by="102"))
    assert rows(each_house.store, Assignment.rule, Assignment.manager_id) == [(ANSWERED, "m-boris")]
    assert each_house.rows(Interaction.id, Interaction.manager_id)[0][1] == "m-boris"


async def test_a_call_that_rings_through_a_group_changes_its_manager_once_at_most(house: House) -> None:
    """mikopbx/ModuleBitrix24Integration #102: a register for each member changed the responsible several times."""
    await house.take(call("1", Phase.RINGING))
    for rang in (["101"], ["101", "102"], ["101", "102", "103"]):
        report = told(call("1", Phase.RINGING), rang=rang)
        await house.take(dataclasses.replace(report, dedup_key=f"ringing:{len(rang)}"))
    await house.take(told(call("1", Phase.ANSWERED), answered_by="103"))
    await house.take(told(call("1", Phase.ENDED, outcome="answered"), answered_by="103", transfers=[{"to": "101"}]))
    assert rows(house.store, Assignment.manager_id) == [("m-vera",)]


async def test_a_missed_call_of_a_stranger_is_given_by_the_rules_when_it_is_over(house: House) -> None:
    await house.take(call("1", Phase.RINGING))
    await house.take(call("1", Phase.ENDED, outcome="missed"))
    assert managers(house) == ["m-anna"]


async def test_a_missed_call_while_nobody_was_logged_in_has_a_contact_and_an_owner(house: House) -> None:
    """ringcentral/hubspot #301: missed calls when nobody was logged in created no contact."""
    await house.take(told(call("1", Phase.ENDED, outcome="missed"), rang=[], missed_reason="unavailable"))
    assert house.rows(Contact.id, Contact.owner_id)[0][1] == "m-anna"


async def test_a_known_caller_belongs_to_his_manager_while_it_rings(house: House) -> None:
    await house.store.write(lambda c: add_contact(c, "c-ivan", phones=[CUSTOMER], owner_id="m-vera"))
    await house.take(call("1", Phase.RINGING))
    assert managers(house) == ["m-vera"]
    await house.take(told(call("1", Phase.ENDED, outcome="answered"), answered_by="101"))
    assert managers(house) == ["m-vera"], "a colleague who answered for her does not take him away"
    assert house.rows(Interaction.id, Interaction.manager_id)[0][1] == "m-anna", "but it was he who spoke"


async def test_an_answer_by_nobody_known_leaves_it_to_the_rules(house: House) -> None:
    await house.take(told(call("1", Phase.ANSWERED), answered_by="700"))
    assert managers(house) == [None]
    await house.take(told(call("1", Phase.ENDED, outcome="answered"), answered_by="700"))
    assert managers(house) == ["m-anna"]


async def test_who_answers_takes_nobody_where_that_is_configured(store: Store, tmp_path: Path) -> None:
    await store.write(people)
    house = routed_house(store, tmp_path, assigner(TURNS, answered_takes=False))
    await house.take(told(call("1", Phase.ENDED, outcome="answered"), answered_by="103"))
    assert managers(house) == ["m-anna"]


async def test_a_call_answered_on_the_managers_mobile_is_his(house: House) -> None:
    await house.take(told(call("1", Phase.ENDED, outcome="answered"), answered_by="+79035550101"))
    assert managers(house) == ["m-anna"]


async def test_an_anonymous_caller_gets_a_manager_too_and_only_one(house: House) -> None:
    await house.take(call("1", Phase.RINGING, caller=None), call("1", Phase.ENDED, caller=None, outcome="missed"))
    assert managers(house) == ["m-anna"]
    await house.take(told(call("1", Phase.ENDED, caller=None, outcome="missed")))
    assert len(rows(house.store, Assignment.id)) == 1


async def test_of_an_outgoing_call_it_is_noted_who_made_it(house: House) -> None:
    await house.take(form("1", phone=CUSTOMER))
    out = call("2", Phase.ENDED, direction=Direction.OUTBOUND, outcome="no_answer")
    await house.take(told(out, caller="102"))
    noted = dict(house.rows(Interaction.key, Interaction.manager_id))
    assert noted == {"form:site:1": None, "call:office:2": "m-boris"}


async def test_of_a_letter_of_ours_it_is_noted_who_wrote_it(house: House) -> None:
    draft = Draft(
        direction=Direction.OUTBOUND, phase=Phase.ENDED, occurred_at=MONDAY, handles=handles(email="ivan@example.org"),
        source=Source(name="sales"), details={"from": {"name": "Anna", "email": "anna@example.com"}},
    )  # fmt: skip
    item = Inbound(connector="imap", source="sales", channel=Channel.MAIL, dedup_key="m:1", key="m:1", raw=b"",
                   received_at=MONDAY, draft=draft)  # fmt: skip
    await house.take(item)
    assert house.rows(Interaction.key, Interaction.manager_id) == [("m:1", "m-anna")]


@pytest.mark.parametrize("kind", [Kind.SPAM, Kind.TEST, Kind.BULK])
async def test_what_opens_no_lead_uses_up_no_turn(house: House, kind: Kind) -> None:
    await house.take(form("1", phone=CUSTOMER, kind=kind), form("2", phone="+79260000002"))
    assert managers(house) == ["m-anna"]


async def test_history_is_given_to_nobody(store: Store, tmp_path: Path) -> None:
    await store.write(people)
    house = House(store, tmp_path / "spool", history=timedelta(days=30))
    house.worker.followers = routed_house(store, tmp_path / "x", assigner(TURNS)).worker.followers
    old = call("1", Phase.ENDED, outcome="answered", at=MONDAY - timedelta(days=90))
    await house.take(dataclasses.replace(told(old, answered_by="101"), connector="cdr"))
    assert managers(house) == []
    assert rows(store, Assignment.id) == []
    assert house.rows(Interaction.id, Interaction.manager_id)[0][1] == "m-anna", "who talked then is known now"


async def test_without_managers_nothing_happens(store: Store, tmp_path: Path) -> None:
    house = routed_house(store, tmp_path, assigner(TURNS))
    await house.take(form("1", phone=CUSTOMER), told(call("1", Phase.ENDED, outcome="answered"), answered_by="101"))
    assert managers(house) == [None]


async def test_a_change_by_a_person_is_in_both_logs(each_house: House) -> None:
    await each_house.take(form("1", phone=CUSTOMER))
    [(lead_id, _)] = each_house.rows(Lead.id, Lead.manager_id)
    giving = Giving(lead_id=lead_id, manager_id="m-vera", rule=PERSON, actor="manager:m-boss")
    assert await each_house.store.write(lambda c: give(c, giving, MONDAY))
    assert not await each_house.store.write(lambda c: give(c, giving, MONDAY)), "she has it already"
    assert not await each_house.store.write(lambda c: give(c, dataclasses.replace(giving, lead_id="none"), MONDAY))
    assert managers(each_house) == ["m-vera"]
    assert rows(each_house.store, Assignment.id, Assignment.before_id, Assignment.actor)[-1][1:] == (
        "m-anna",
        "manager:m-boss",
    )
    [(action, actor, detail)] = rows(each_house.store, Audit.action, Audit.actor, Audit.detail)
    assert (action, actor, detail["before"], detail["after"]) == (
        "lead.assigned",
        "manager:m-boss",
        "m-anna",
        "m-vera",
    )
