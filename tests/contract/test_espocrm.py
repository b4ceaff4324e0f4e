"""The adapter ``espocrm``, and what is particular to EspoCRM."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, CrmError, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.espocrm import build
from crm_adapter.espocrm.errors import Duplicate, Forbidden, judge
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm
from crm_adapter.testkit.side import Side
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.espocrm import KEY, LINK, MARKER, SECRET, FakeEspoCrm


def espocrm_options(fake: FakeCrm) -> dict[str, Any]:
    """An API user with a key."""
    return {"url": fake.url, "api_key": KEY, "timeout": 0.5, "rate": 1000}


def fake_of(side: Side) -> FakeEspoCrm:
    """The fake, as what it is."""
    assert isinstance(side.fake, FakeEspoCrm)
    return side.fake


class TestEspoCrm(RecordContract, EdgeCases):
    """The contract."""

    build = staticmethod(build)
    fake: ClassVar[Callable[[], FakeCrm]] = FakeEspoCrm
    mapped: ClassVar = {"lead": "addressCity", "contact": "addressCity"}
    secrets = (KEY,)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return espocrm_options(fake)

    async def test_each_record_carries_our_id_and_its_facts(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            fake = fake_of(side)
            (contact,), (lead,) = fake.contacts.rows.values(), fake.leads.rows.values()
            (letter,) = fake.letters.rows.values()
            answered, missed = fake.calls.rows.values()
        assert contact[MARKER] == events.ident(1, 1)
        assert (lead[MARKER], lead["source"], lead[f"{LINK}Id"]) == (events.ident(2, 1), "Web Site", str(contact["id"]))
        assert "utm_campaign: kitchens" in lead["description"]
        assert (answered["status"], answered["direction"], answered["dateStart"]) == (
            "Held", "Inbound", "2026-11-22 09:31:00",
        )  # fmt: skip
        assert (missed["status"], missed["dateStart"]) == ("Not Held", missed["dateEnd"])
        assert (answered["parentType"], answered["parentId"]) == ("Lead", str(lead["id"]))
        assert answered["contactsIds"] == [str(contact["id"])]
        assert (letter["from"], letter["to"]) == ("ivan1@example.com", "sales@example.com")
        assert letter["status"] == "Archived"

    async def test_a_letter_of_an_unknown_address_is_a_post(self) -> None:
        async with self.standing() as side:
            letter = events.letter(1)
            letter["contact"] = {**letter["contact"], "emails": []}
            await side.push(events.story(1)[0], events.event("email.received", letter, step=5))
            (post,) = fake_of(side).posts.rows.values()
            assert not side.shown("mail")
        assert "Когда привезёте?" in post["post"]
        assert post["post"].endswith(f"[leadgate {letter['id']}]")

    async def test_what_people_wrote_stays(self) -> None:
        async with self.standing() as side:
            created, _, _, updated, *_ = events.story(1)
            await side.push(created)
            (lead,) = fake_of(side).leads.rows.values()
            lead["description"] += "\nCalled back, wants oak"
            lead["lastName"] = "Petrov"
            await side.push(updated)
        assert "wants oak" in lead["description"]
        assert "4 метра" in lead["description"]
        assert lead["lastName"] == "Petrov"

    async def test_signs_that_espocrm_refuses_in_names_are_left_out(self) -> None:
        async with self.standing() as side:
            lead = events.lead(1)
            lead["contact"] = {**lead["contact"], "name": "Иван <b>=Петров"}
            await side.push(events.event("lead.created", lead))
            (contact,) = side.shown("contact")
        assert contact["name"] == "Иван b Петров"

    async def test_a_namesake_is_another_person(self) -> None:
        """EspoCRM's own check thinks that two people of one name are one, and answers 409."""
        async with self.standing() as side:
            side.fake.seed_contact(name="Иван 1 Петров", phone="+79990000001")
            await side.push(events.story(1)[0])
            assert len(side.shown("contact")) == 2

    async def test_a_double_that_only_espocrm_finds_is_used(self) -> None:
        async with self.standing() as side:
            fake = fake_of(side)
            known = fake.seed_contact(name="Ivan", phone="+79990000001", email="ivan1@example.com")
            crm: Any = side.adapter.crm
            crm._contact_of = nobody  # another program made the contact between our search and our request
            await side.push(events.story(1)[0])
            (contact,) = fake.contacts.rows.values()
        assert str(contact["id"]) == known
        assert [one["phoneNumber"] for one in contact["phoneNumberData"]][1:] == [events.phone(1)]

    async def test_a_number_that_was_typed_otherwise_is_found(self) -> None:
        async with self.standing() as side:
            fake_of(side).old_numbers = True
            known = side.fake.seed_contact(name="Ivan the Regular", phone=events.phone(1))
            await side.push(events.story(1)[0])
            (lead,) = side.shown("lead")
        assert lead["contact"] == known

    async def test_a_new_number_beside_an_old_one_that_is_refused_goes_into_the_description(self) -> None:
        async with self.standing() as side:
            fake_of(side).old_numbers = True
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(1))
            more = {**events.contact(1), "phones": [events.phone(1), events.phone(2)], "merged": []}
            await side.push(events.event("contact.upserted", more))
            contact = fake_of(side).contacts.rows[int(known)]
            await side.push(events.event("contact.upserted", more, step=2))
        assert contact["description"] == f"{events.phone(2)}\nivan1@example.com"

    async def test_a_similar_number_is_not_taken_for_the_same(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone="+79990000001")
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(side.shown("contact")) == 2

    async def test_a_deleted_lead_leaves_its_history_to_the_contact(self) -> None:
        async with self.standing() as side:
            created, form, call, updated, letter, _ = events.story(1)
            await side.push(created)
            fake_of(side).leads.rows.clear()
            await side.push(form, call, updated, letter)
            fake = fake_of(side)
            rows = [*fake.calls.rows.values(), *fake.posts.rows.values()]
            assert not side.shown("lead")
        assert {row["parentType"] for row in rows} == {"Contact"}

    async def test_a_call_of_a_deleted_contact_is_of_the_new_one_and_stays_with_its_lead(self) -> None:
        async with self.standing() as side:
            created, _, call, *_ = events.story(1)
            await side.push(created)
            old = await side.id_of("contact", 1)
            side.fake.remove("contact", old)
            await side.push(call)
            (logged,) = fake_of(side).calls.rows.values()
            assert logged["contactsIds"] == [await side.id_of("contact", 1)] != [old]
        assert logged["parentType"] == "Lead"

    async def test_a_lead_of_a_deleted_contact_is_made_with_a_new_one(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("contact.upserted", {**events.contact(1), "merged": []}))
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(events.story(1)[0])
            (lead,) = fake_of(side).leads.rows.values()
            assert lead[f"{LINK}Id"] == await side.id_of("contact", 1)

    async def test_a_deleted_record_that_an_administrator_is_shown_is_gone_all_the_same(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            (row,) = fake_of(side).leads.rows.values()
            row["deleted"] = True
            await side.push(events.story(1)[3])
        assert "4 метра" not in row["description"]

    async def test_a_forbidden_stream_of_a_record_that_is_there_is_a_missing_right(self) -> None:
        async with self.standing() as side:
            created, form, *_ = events.story(1)
            await side.push(created)
            fake_of(side).forbids = {"Note"}
            assert isinstance(await side.error_of(form), Forbidden)

    async def test_a_call_without_a_manager_is_given_to_the_api_user(self) -> None:
        async with self.standing() as side:
            call = {**events.call(1, answered=False), "manager": None}
            call["details"] = {**call["details"], "rang": []}
            await side.push(events.event("call.finished", call))
            (logged,) = fake_of(side).calls.rows.values()
        assert logged["assignedUserId"] == "robot"

    async def test_the_recording_is_a_file_in_the_stream_of_the_lead(self) -> None:
        async with self.standing() as side:
            created, *_ = events.story(1)
            await side.push(created, events.event("call.finished", events.call(1, recording=True), step=2))
            fake = fake_of(side)
            (post,), (file,) = fake.posts.rows.values(), fake.files.rows.values()
        assert post["parentType"] == "Lead"
        assert post["attachmentsIds"] == [str(file["id"])]
        assert file["file"].startswith("data:audio/wav;base64,UklGR")

    async def test_owners_are_read_back_and_asked_for(self) -> None:
        async with self.standing() as side:
            known = [side.fake.seed_contact(name=f"Ivan {n}", phone=events.phone(n)) for n in (1, 2)]
            crm: Any = side.adapter.crm
            page = await crm.owners_since("2026-11-22 08:00:00", events.START)
            fresh = await crm.owners_since(None, events.START)
            person = person_of(events.contact(1))
            assert person is not None
            owner = await crm.find_owner(person)
        assert [(one.remote_id, one.user) for one in page.found] == [(one, "7") for one in known]
        assert page.next_place == "2026-11-22 09:00:01"
        assert (fresh.found, fresh.next_place) == ([], "2026-11-22 09:30:00")
        assert owner.id == "7"

    async def test_more_changes_than_a_page_are_read_on_from_where_it_ended(self) -> None:
        async with self.standing() as side:
            for number in range(1, 131):
                side.fake.seed_contact(name=f"Ivan {number}", phone=events.phone(number))
            crm: Any = side.adapter.crm
            first = await crm.owners_since("2026-11-22 08:00:00", events.START)
            second = await crm.owners_since(first.next_place, events.START)
        assert (len(first.found), first.more, first.next_place) == (100, True, "2026-11-22 08:00:00|100")
        assert (len(second.found), second.more) == (30, False)

    @pytest.mark.parametrize(
        ("lacks", "forbids", "words"),
        [
            ({MARKER}, set(), "Make a field of the type Varchar named leadgateId"),
            ({LINK}, set(), "relationship Many-to-One from Lead to Contact"),
            (set(), {"Call"}, "right to Call: lacks create, read"),
        ],
    )
    async def test_what_is_missing_is_said_with_what_to_make(
        self, lacks: set[str], forbids: set[str], words: str
    ) -> None:
        async with self.standing() as side:
            fake_of(side).lacks, fake_of(side).forbids = lacks, forbids
            with pytest.raises(Misconfigured, match=words):
                await side.adapter.check()

    async def test_a_mapped_field_that_espocrm_would_ignore_is_told(self) -> None:
        async with self.standing(fields={"lead": {"cCity": "{source.utm.campaign}"}}) as side:
            with pytest.raises(Misconfigured, match="field cCity: is no field of Lead"):
                await side.adapter.check()


class ByHmac(TestEspoCrm):
    """The same side, signed by HMAC."""

    __test__ = False
    fake: ClassVar[Callable[[], FakeCrm]] = partial(FakeEspoCrm, hmac=True)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return {**espocrm_options(fake), "secret": SECRET}


async def test_signed_by_hmac_everything_arrives_too() -> None:
    async with ByHmac().standing() as side:
        await side.push(*events.story(1), events.event("call.recording_ready", events.call(1, recording=True), step=7))
        assert {kind: len(rows) for kind, rows in side.fake.shown().items()} == {
            "contact": 1, "lead": 1, "call": 2, "mail": 1, "form": 1,
        }  # fmt: skip
        assert not any("X-Api-Key" in asked.headers for asked in side.fake.asked)


async def test_a_wrong_secret_is_said_and_not_shown() -> None:
    async with ByHmac().standing(secret="another-secret") as side:
        error = await side.error_of(events.story(1)[0])
    assert isinstance(error, Misconfigured)
    assert "API key is not accepted" in str(error)
    assert "another-secret" not in str(error)


async def nobody(_person: object) -> None:
    """A search that came too early."""


def answer(status: int, document: Any = None, reason: str = "") -> Answer:
    """As EspoCRM gives it."""
    body = json.dumps(document).encode() if document is not None else b""
    return Answer(status=status, headers={"X-Status-Reason": reason} if reason else {}, body=body, host="crm.example")


def translated(label: str, **data: str) -> dict[str, Any]:
    """The body of an error for people."""
    return {"messageTranslation": {"label": label, "scope": None, "data": data}}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(400, translated("validationFailure", field="lastName", type="required")), Rejected),
        (answer(400, reason="Bad\nwhere"), Rejected),
        (answer(401), Misconfigured),
        (answer(402), Misconfigured),
        (answer(403, reason="No create access."), Forbidden),
        (answer(403, translated("cannotRelateForbidden")), Forbidden),
        (answer(403, translated("cannotRelateNonExisting")), Gone),
        (answer(404), Gone),
        (Answer(status=404, headers={}, body=b"<html>", host="crm.example"), Misconfigured),
        (answer(409, [{"id": "5", "name": "Ivan"}], "duplicate"), Duplicate),
        (answer(409, {"versionNumber": 3}, "modified"), Unavailable),
        (answer(429), Throttled),
        (answer(500, reason="SQLSTATE[40001]"), Unavailable),
        (answer(503), Unavailable),
    ],
)
def test_each_answer_of_espocrm_has_its_meaning(given: Answer, kind: type[CrmError]) -> None:
    with pytest.raises(kind) as caught:
        judge(given)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(". "), "an answer without a reason"
    if isinstance(caught.value, Duplicate):
        assert caught.value.remote_ids == ("5",)


def test_the_field_at_fault_is_named() -> None:
    with pytest.raises(Rejected, match="lastName: required") as caught:
        judge(answer(400, translated("validationFailure", field="lastName", type="required")))
    assert caught.value.field == "lastName"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b'{"messageTranslation": 1}', b"[[[["])
def test_an_answer_that_is_no_error_of_espocrm_has_a_meaning_too(body: bytes) -> None:
    with pytest.raises(Rejected):
        judge(Answer(status=400, headers={}, body=body, host="x"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "url is missing"),
        ({"url": "http://crm.example.com", "api_key": "k"}, "plain http"),
        ({"url": "https://crm.example.com"}, "api_key is missing"),
        ({"url": "https://crm.example.com", "api_key": "k", "marker": "c lead"}, "name of a field"),
        ({"url": "https://crm.example.com", "api_key": "k", "key": "k"}, "did you mean api_key"),
    ],
)
def test_bad_settings_are_refused_with_the_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(given, Context(name="test"))
