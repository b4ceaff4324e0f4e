"""The part of the contract about people who delete and merge records in their CRM. ``FakeCrm.remove`` does it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from crm_adapter.testkit import events
from crm_adapter.testkit.side import Side


class RemovalContract:
    """See the module. Part of RecordContract."""

    def standing(self, **more: Any) -> AbstractAsyncContextManager[Side]:
        """A fresh fake and adapter."""
        raise NotImplementedError

    async def test_a_contact_that_people_deleted_is_made_anew_by_its_next_news(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            side.fake.remove("contact", await side.id_of("contact", 1))
            assert not side.shown("contact")
            known = {**events.contact(1, more_emails=("second@example.com",)), "merged": []}
            await side.push(events.event("contact.upserted", known, step=2))
            (person,) = side.shown("contact")
        assert person["phones"] == [events.phone(1)]
        assert sorted(person["emails"]) == ["ivan1@example.com", "second@example.com"]

    async def test_history_arrives_although_people_deleted_its_contact(self) -> None:
        created, _, call, updated, letter, missed = events.story(1)
        async with self.standing() as side:
            await side.push(created)
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(call, updated, letter, missed)
            shown, can = side.fake.shown(), side.adapter.capabilities
        assert len(shown["contact"]) <= 1
        assert len(shown["call"]) == (2 if can.calls else 0)
        assert len(shown["mail"]) == (1 if can.mail else 0)
        assert len(shown["lead"]) <= 1, "some CRMs delete the leads of a contact with it"

    async def test_a_lead_that_people_deleted_stays_deleted_and_its_person_is_heard_all_the_same(self) -> None:
        created, _, call, updated, letter, missed = events.story(1)
        async with self.standing() as side:
            await side.push(created)
            side.fake.remove("lead", await side.id_of("lead", 1))
            await side.push(call, updated, letter, missed, updated)
            shown, can = side.fake.shown(), side.adapter.capabilities
        assert not shown["lead"]
        assert len(shown["contact"]) == 1
        assert len(shown["call"]) == (2 if can.calls else 0)
        assert len(shown["mail"]) == (1 if can.mail else 0)

    async def test_a_person_whose_contact_and_lead_were_deleted_is_heard_all_the_same(self) -> None:
        created, _, call, updated, letter, missed = events.story(1)
        async with self.standing() as side:
            await side.push(created)
            contact, lead = await side.id_of("contact", 1), await side.id_of("lead", 1)
            side.fake.remove("lead", lead)
            side.fake.remove("contact", contact)
            await side.push(call, updated, letter, missed)
            shown, can = side.fake.shown(), side.adapter.capabilities
        assert not shown["lead"]
        assert len(shown["contact"]) == 1, "who calls again is a contact again"
        assert len(shown["call"]) == (2 if can.calls else 0)
        assert len(shown["mail"]) == (1 if can.mail else 0)

    async def test_of_two_merged_contacts_the_one_that_was_left_is_used(self) -> None:
        created, _, call, *_ = events.story(1)
        async with self.standing() as side:
            await side.push(created)
            left = side.fake.seed_contact(name="Ivan the Regular", phone=events.phone(1))
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(call, events.event("contact.upserted", {**events.contact(1), "merged": []}, step=4))
            later = {**events.contact(1, more_emails=("second@example.com",)), "merged": []}
            await side.push(events.event("contact.upserted", later, step=5))
            (person,) = side.shown("contact")
            assert await side.id_of("contact", 1) == left
        assert person["name"] == "Ivan the Regular"
        assert "second@example.com" in person["emails"]
