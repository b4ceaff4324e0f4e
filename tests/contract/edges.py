"""Persons and texts that are unusual, for CRMs whose ways of counting we know. Inherit after RecordContract."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from crm_adapter.recordcrm import Examines
from crm_adapter.said import Said
from crm_adapter.testkit import events
from crm_adapter.testkit.fakecrm import PASSING, Trouble
from crm_adapter.testkit.side import Side


class EdgeCases:
    """Each has cost somebody a lead somewhere."""

    def standing(self, **more: Any) -> AbstractAsyncContextManager[Side]:
        """As in RecordContract."""
        raise NotImplementedError

    def changed(self, **more: Any) -> dict[str, Any]:
        """The lead of person 1 with another contact."""
        lead = events.lead(1)
        return {**lead, "contact": {**lead["contact"], **more}}

    async def test_a_person_with_a_mail_only_is_found_again(self) -> None:
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(9), email="ivan1@example.com")
            await side.push(events.event("lead.created", self.changed(phones=[])))
            assert await side.id_of("contact", 1) == known
            assert len(side.shown("contact")) == 1

    async def test_a_person_with_a_mail_only_is_made(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", self.changed(phones=[])))
            (person,) = side.shown("contact")
        assert (person["phones"], person["emails"]) == ([], ["ivan1@example.com"])

    async def test_a_name_of_blanks_is_no_name(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", self.changed(name=" \t ")))
            (person,) = side.shown("contact")
        assert person["name"] == events.phone(1)

    async def test_a_person_without_anything_has_a_name_all_the_same(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", self.changed(name=None, phones=[], emails=[])))
            (person,) = side.shown("contact")
        assert person["name"].strip()

    async def test_a_lead_whose_contact_was_deleted_meanwhile_gets_another(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("contact.upserted", {**events.contact(1), "merged": []}))
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(events.event("lead.created", events.lead(1)))
            (lead,), (_,) = side.shown("lead"), side.shown("contact")
            assert str(lead["contact"]) == await side.id_of("contact", 1)

    async def test_signs_that_need_two_places_are_counted_as_two(self) -> None:
        """🙂 is two characters where texts are UTF-16, and four bytes."""
        async with self.standing() as side:
            lead = self.changed(name="🙂" * 300)
            await side.push(events.event("lead.created", {**lead, "subject": "🙂" * 300, "text": "🙂" * 100_000}))
            letter = {**events.letter(1), "subject": "🙂" * 300, "text": "🙂" * 100_000}
            await side.push(events.event("email.received", letter, step=2))
            await side.push(events.event("form.received", {**events.form(1), "text": "🙂" * 100_000}, step=3))
            assert len(side.shown("lead")) == len(side.shown("mail")) == len(side.shown("form")) == 1

    async def test_markup_that_makes_a_text_longer_is_counted(self) -> None:
        async with self.standing() as side:
            text = "&\n" * 50_000
            await side.push(events.event("lead.created", {**events.lead(1), "text": text}))
            await side.push(events.event("form.received", {**events.form(1), "text": text}, step=2))
            letter = events.event("email.received", {**events.letter(1), "text": text}, step=3)
            await side.push(letter)
            written = len(side.fake.commits)
            side.links.kept.pop(("mail", str(letter.data["id"])))
            await side.adapter.push(events.again(letter, 2))
            assert len(side.fake.commits) == written, "the mark against doubles is there all the same"

    async def test_every_error_can_be_said_in_another_language(self) -> None:
        for trouble in (*PASSING, Trouble.REFUSED, Trouble.FORBIDDEN):
            async with self.standing() as side:
                side.fake.choose = lambda _, wanted=trouble: wanted
                error = await side.error_of(events.story(1)[0])
            assert isinstance(error.args[0], Said), f"{trouble}: {error!r}"

    async def test_every_finding_of_a_check_can_be_said_in_another_language(self) -> None:
        fields = {kind: {"no_such_field": "x"} for kind in ("contact", "lead")}
        async with self.standing(fields=fields) as side:
            assert isinstance(side.adapter.crm, Examines)
            found = await side.adapter.crm.examine()
            assert not side.fake.commits
        assert sum(not one.ok for one in found) == len(fields)
        for one in found:
            assert isinstance(one.said, Said), one
            assert one.ok or isinstance(one.remedy, Said), one
