"""Who is it: found, made, joined, parted again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from gateway.contacts.merge import NotMerged, unmerge
from gateway.contacts.resolve import Person, Resolved, resolve
from gateway.core.clock import NewId
from gateway.core.types import Handle
from gateway.storage.store import Store
from gateway.storage.tables import Change, Contact, ContactHandle, ContactMerge, Interaction, Lead, Outcall
from tests.support.clock import MONDAY, counting_ids
from tests.support.items import handles

IVAN_PHONE = handles(phone="+79261234567")
IVAN_MAIL = handles(email="ivan@example.com")


class People:
    """The contacts, by way of the real store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: NewId = counting_ids("c")
        self._day = 0

    async def meet(self, found: Sequence[Handle], name: str | None = None, company: str | None = None) -> Resolved:
        """Resolve a person, a day after the last one."""
        self._day += 1
        at = MONDAY + timedelta(days=self._day)
        person = Person(handles=found, name=name, company=company)
        who = await self._store.write(
            lambda connection: resolve(
                connection, person, at=at, keep_until=at + timedelta(days=730), new_id=self._ids, why="a test said so"
            )
        )
        assert who is not None
        return who

    async def add_lead(self, lead_id: str, contact_id: str, status: str = "open") -> None:
        """A lead with one interaction, i-LEAD."""

        def unit(connection: Connection) -> None:
            connection.execute(insert(Lead), _lead(lead_id, contact_id, status))
            connection.execute(insert(Interaction), _interaction(f"i-{lead_id}", contact_id, lead_id))

        await self._store.write(unit)

    def rows(self, *columns: Any) -> list[Any]:
        query = select(*columns).order_by(columns[0])
        return [tuple(row) for row in self._store.peek(lambda connection: connection.execute(query).all())]


def _lead(lead_id: str, contact_id: str, status: str) -> dict[str, Any]:
    moments = {"created_at": MONDAY, "updated_at": MONDAY}
    return {
        "id": lead_id, "contact_id": contact_id, "channel": "form", "status": status, "fields": {}, "source": {},
    } | moments  # fmt: skip


def _interaction(interaction_id: str, contact_id: str, lead_id: str) -> dict[str, Any]:
    return {
        "id": interaction_id, "key": interaction_id, "channel": "form", "connector": "form", "source_name": "site",
        "phase": "ended", "fields": {}, "source": {}, "handles": [], "attachments": [], "problems": [], "details": {},
        "contact_id": contact_id, "lead_id": lead_id, "occurred_at": MONDAY, "received_at": MONDAY,
        "updated_at": MONDAY,
    }  # fmt: skip


@pytest.fixture
def people(store: Store) -> People:
    return People(store)


async def test_the_first_sight_of_a_handle_makes_a_contact(people: People) -> None:
    who = await people.meet(IVAN_PHONE, name="Иван")
    assert who == Resolved("c-1", created=True)
    assert people.rows(Contact.id, Contact.name) == [("c-1", "Иван")]


async def test_the_second_sight_finds_it_and_learns_what_was_missing(people: People) -> None:
    await people.meet(IVAN_PHONE)
    who = await people.meet(IVAN_PHONE + IVAN_MAIL, name="Иван", company="Ромашка")
    assert who == Resolved("c-1", created=False)
    assert people.rows(Contact.id, Contact.name, Contact.company) == [("c-1", "Иван", "Ромашка")]
    assert len(people.rows(ContactHandle.value)) == 2


async def test_a_name_that_is_known_stays(people: People) -> None:
    await people.meet(IVAN_PHONE, name="Иван Петров")
    await people.meet(IVAN_PHONE, name="ivan")
    assert people.rows(Contact.id, Contact.name) == [("c-1", "Иван Петров")]


async def test_nobody_without_handles_is_a_contact(store: Store) -> None:
    nobody = Person(handles=())
    who = await store.write(
        lambda c: resolve(c, nobody, at=MONDAY, keep_until=None, new_id=counting_ids(), why="a test")
    )
    assert who is None


async def test_one_item_with_handles_of_two_contacts_joins_them(people: People) -> None:
    first = await people.meet(IVAN_PHONE)
    second = await people.meet(IVAN_MAIL, name="Иван")
    joined = await people.meet(IVAN_PHONE + IVAN_MAIL)
    assert joined == Resolved(first.contact_id, created=False, merged=(second.contact_id,))
    assert people.rows(ContactHandle.value, ContactHandle.contact_id) == [
        ("+79261234567", "c-1"),
        ("ivan@example.com", "c-1"),
    ]
    assert people.rows(Contact.id, Contact.name, Contact.merged_into) == [("c-1", "Иван", None), ("c-2", "Иван", "c-1")]
    assert [kind for _, kind in people.rows(Change.id, Change.kind)].count("contact.merged") == 1


async def test_when_both_had_an_open_lead_one_takes_the_history_of_the_other(people: People) -> None:
    await people.meet(IVAN_PHONE)
    await people.meet(IVAN_MAIL)
    await people.add_lead("l-1", "c-1")
    await people.add_lead("l-2", "c-2")
    await people.meet(IVAN_PHONE + IVAN_MAIL)
    assert people.rows(Lead.id, Lead.contact_id, Lead.status) == [("l-1", "c-1", "open"), ("l-2", "c-1", "merged")]
    assert people.rows(Interaction.id, Interaction.contact_id, Interaction.lead_id) == [
        ("i-l-1", "c-1", "l-1"),
        ("i-l-2", "c-1", "l-1"),
    ]


async def test_a_merge_can_be_undone_to_the_last_row(people: People, store: Store) -> None:
    await people.meet(IVAN_PHONE)
    await people.meet(IVAN_MAIL, name="Иван")
    await people.add_lead("l-1", "c-1")
    await people.add_lead("l-2", "c-2")
    await people.add_lead("l-3", "c-2", status="won")
    everything = (
        (ContactHandle.value, ContactHandle.contact_id),
        (Lead.id, Lead.contact_id, Lead.status, Lead.closed_at),
        (Interaction.id, Interaction.contact_id, Interaction.lead_id),
        (Contact.id, Contact.name, Contact.merged_into),
        (Outcall.id, Outcall.contact_id),
    )
    wish = {"id": "o-1", "number": "+79261234567", "contact_id": "c-2", "state": "refused"}
    times = {"asked_at": MONDAY, "updated_at": MONDAY}
    await store.write(lambda c: c.execute(insert(Outcall), {**wish, **times}).rowcount)
    before = [people.rows(*columns) for columns in everything]
    await people.meet(IVAN_PHONE + IVAN_MAIL)
    assert [people.rows(*columns) for columns in everything] != before
    assert people.rows(Outcall.id, Outcall.contact_id) == [("o-1", "c-1")], "what was asked for goes along"
    (merge_id, reason), *_ = people.rows(ContactMerge.id, ContactMerge.reason)
    assert reason == "a test said so"
    await store.write(lambda connection: unmerge(connection, merge_id, MONDAY))
    assert [people.rows(*columns) for columns in everything] == before
    with pytest.raises(NotMerged, match=merge_id):
        await store.write(lambda connection: unmerge(connection, merge_id, MONDAY))


async def test_a_chain_of_merges_leads_to_the_last_winner_and_back(people: People, store: Store) -> None:
    other = handles(email="ivan@work.example")
    for found in (IVAN_PHONE, IVAN_MAIL, other):
        await people.meet(found)
    await people.meet(IVAN_MAIL + other)  # c-3 into c-2
    await people.meet(IVAN_PHONE + IVAN_MAIL)  # c-2, and with it c-3, into c-1
    assert people.rows(Contact.id, Contact.merged_into) == [("c-1", None), ("c-2", "c-1"), ("c-3", "c-1")]
    merges = people.rows(ContactMerge.merged_at, ContactMerge.id)
    await store.write(lambda connection: unmerge(connection, merges[-1][1], MONDAY))
    assert people.rows(Contact.id, Contact.merged_into) == [("c-1", None), ("c-2", None), ("c-3", "c-2")]


async def test_a_name_corrected_after_the_merge_is_not_taken_back(people: People, store: Store) -> None:
    await people.meet(IVAN_PHONE)
    await people.meet(IVAN_MAIL, name="ivan")
    await people.meet(IVAN_PHONE + IVAN_MAIL)
    await store.write(lambda c: c.execute(update(Contact).values(name="Иван")).rowcount)
    (merge_id,), *_ = people.rows(ContactMerge.id)
    await store.write(lambda c: c.execute(update(Contact).where(Contact.id == "c-2").values(name="x")).rowcount)
    await store.write(lambda connection: unmerge(connection, merge_id, MONDAY))
    assert people.rows(Contact.id, Contact.name)[0] == ("c-1", "Иван")
