"""Records that people deleted or merged in their CRM: who is asked for what, and what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from crm_adapter.base import Capabilities, Context, Event, Gone, RecordingFile
from crm_adapter.links import MemoryLinks
from crm_adapter.recordadapter import GONE, RecordAdapter, RecordOptions
from crm_adapter.recordcrm import Remote, Where
from crm_adapter.records import Call, Kind, Lead, Person
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import recording

CREATED = events.event("lead.created", events.lead(1))
UPDATED = events.event("lead.updated", events.lead(1, text="more"), step=2)
CALLED = events.event("call.finished", events.call(1), step=3)
PERSON, LEAD = events.ident(1, 1), events.ident(2, 1)


class Shelf:
    """A CRM in memory that says Gone for what is not there, and writes down what it was asked."""

    capabilities = Capabilities(contacts=True, leads=True, calls=True, cards=True, recordings="upload")
    name = "c"

    def __init__(self) -> None:
        self.contacts: dict[str, Person | None] = {}
        self.leads: dict[str, str | None] = {}
        self.calls: list[tuple[str | None, str | None]] = []
        self.cards: list[tuple[str | None, str | None]] = []
        self.files: list[str] = []
        self.asked: list[str] = []
        self.keeps_calls = True

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        return None

    async def find_contact(self, person: Person) -> Remote | None:
        self.asked.append("find_contact")
        fits = (one for one, known in self.contacts.items() if known is None or {*known.phones} & {*person.phones})
        return next((Remote(id=one) for one in fits), None)

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        self.asked.append(f"contact {known}")
        if known is not None:
            self._there(self.contacts, known)
        remote_id = known or f"{self.name}{len(self.asked)}"
        self.contacts[remote_id] = person
        return Remote(id=remote_id)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        self.asked.append(f"lead {known}")
        if known is not None:
            self._there(self.leads, known)
        self._there(self.contacts, where.contact)
        remote_id = known or f"l{len(self.asked)}"
        self.leads[remote_id] = where.contact
        return Remote(id=remote_id)

    async def log_call(self, call: Call, where: Where) -> Remote:
        self.asked.append(f"call {where.contact} {where.lead}")
        self._there(self.contacts, where.contact)
        self._there(self.leads, where.lead)
        self.calls.append((where.contact, where.lead))
        return Remote(id=f"t{len(self.calls)}")

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        if not self.keeps_calls:
            raise Gone("the call was deleted")
        self.files.append(remote_call)

    async def show_card(self, call: Call, where: Where, users: Sequence[str], others: Sequence[str]) -> str:
        self._there(self.contacts, where.contact)
        self._there(self.leads, where.lead)
        self.cards.append((where.contact, where.lead))
        return "card"

    async def close(self) -> None:
        return None

    @staticmethod
    def _there(records: dict[str, Any], remote_id: str | None) -> None:
        if remote_id is not None and remote_id not in records:
            raise Gone(f"{remote_id} is not there")


class Desk:
    """The adapter over a shelf on which one lead stands already."""

    def __init__(self) -> None:
        self.shelf, self.links = Shelf(), MemoryLinks()
        context = Context(
            name="test", links=self.links, managers=everybody, recording=recording, now=lambda: events.START
        )
        self.adapter = RecordAdapter(self.shelf, context, RecordOptions(users={"anna": "7", "oleg": "8"}))

    async def push(self, *happened: Event) -> None:
        for event in happened:
            await self.adapter.push(event)

    async def prepared(self) -> Desk:
        await self.push(CREATED)
        self.shelf.asked.clear()
        return self


async def everybody() -> Sequence[Any]:
    return events.MANAGERS


async def test_what_is_there_costs_no_more_requests() -> None:
    desk = await Desk().prepared()
    await desk.push(CALLED)
    assert desk.shelf.asked == ["call c2 l3"]


async def test_a_call_of_a_deleted_contact_makes_it_again_and_keeps_the_lead() -> None:
    desk = await Desk().prepared()
    desk.shelf.contacts.clear()
    await desk.push(CALLED)
    (again,) = desk.shelf.contacts
    assert desk.shelf.calls == [(again, "l3")]


async def test_a_call_of_a_deleted_lead_goes_to_the_contact_and_so_does_each_later_one() -> None:
    desk = await Desk().prepared()
    desk.shelf.leads.clear()
    await desk.push(CALLED)
    desk.shelf.asked.clear()
    await desk.push(events.event("call.finished", events.call(1, 2), step=4))
    assert desk.shelf.calls == [("c2", None)] * 2
    assert desk.shelf.asked == ["call c2 None"], "what was found out is remembered"


async def test_a_call_arrives_where_both_were_deleted() -> None:
    desk = await Desk().prepared()
    desk.shelf.contacts.clear()
    desk.shelf.leads.clear()
    await desk.push(CALLED)
    (again,) = desk.shelf.contacts
    assert desk.shelf.calls == [(again, None)]


async def test_news_of_a_deleted_lead_end_quietly_and_ask_nothing_from_then_on() -> None:
    desk = await Desk().prepared()
    desk.shelf.leads.clear()
    await desk.push(UPDATED)
    assert desk.links.kept[Kind.LEAD, LEAD].notes[GONE]
    desk.shelf.asked.clear()
    await desk.push(events.event("lead.updated", events.lead(1, text="even more"), step=5))
    assert not desk.shelf.asked
    assert not desk.shelf.leads


async def test_news_of_a_lead_whose_contact_was_deleted_give_it_the_new_contact() -> None:
    desk = await Desk().prepared()
    desk.shelf.contacts.clear()
    await desk.push(UPDATED)
    (again,) = desk.shelf.contacts
    assert desk.shelf.leads == {"l3": again}
    assert not desk.links.kept[Kind.LEAD, LEAD].notes.get(GONE)


async def test_of_a_merge_the_contact_that_was_left_is_taken_and_not_renamed_away() -> None:
    desk = await Desk().prepared()
    desk.shelf.contacts = {"left": None}
    await desk.push(CALLED)
    assert desk.shelf.calls == [("left", "l3")]
    assert desk.links.kept[Kind.CONTACT, PERSON].remote_id == "left"


async def test_a_search_that_still_finds_what_was_deleted_is_not_believed() -> None:
    """The search of some CRMs is minutes behind."""

    class Behind(Shelf):
        name = "new"

        async def find_contact(self, person: Person) -> Remote | None:
            return Remote(id="c2")

    desk = await Desk().prepared()
    desk.adapter.crm = behind = Behind()
    more = {**events.contact(1, more_emails=("b@example.com",)), "merged": []}
    await desk.push(events.event("contact.upserted", more))
    (made,) = behind.contacts
    assert made != "c2"
    assert desk.links.kept[Kind.CONTACT, PERSON].remote_id == made


async def test_a_card_of_a_deleted_contact_is_shown_with_a_new_one() -> None:
    desk = await Desk().prepared()
    desk.shelf.contacts.clear()
    await desk.push(events.event("call.ringing", events.call(1, answered=False), step=3))
    (again,) = desk.shelf.contacts
    assert desk.shelf.cards == [(again, None)]


async def test_the_recording_of_a_call_that_was_deleted_is_not_sent_again_and_again() -> None:
    desk = await Desk().prepared()
    desk.shelf.keeps_calls = False
    await desk.push(events.event("call.finished", events.call(1, recording=True), step=3))
    desk.shelf.keeps_calls = True
    await desk.push(events.event("call.recording_ready", events.call(1, recording=True), step=4))
    assert not desk.shelf.files


async def test_a_lead_that_can_be_made_nowhere_is_an_error() -> None:
    class Full(Shelf):
        async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
            raise Gone("the pipeline was deleted")

    desk = Desk()
    desk.adapter.crm = Full()
    with pytest.raises(Gone):
        await desk.push(CREATED)
