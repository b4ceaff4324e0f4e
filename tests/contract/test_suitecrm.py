"""The adapter ``suitecrm``, and what is particular to SuiteCRM."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, CrmError, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.suitecrm import build
from crm_adapter.suitecrm.bodies import own_id
from crm_adapter.suitecrm.errors import DatabaseFailure, NoOperator, Taken, judge, judge_sign_in
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import WAV, RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from crm_adapter.testkit.side import Side
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.suitecrm import CLIENT, SECRET, FakeSuiteCrm


def suitecrm_options(fake: FakeCrm) -> dict[str, Any]:
    """A client of the client credentials grant; two phone fields, to search quickly."""
    keys = {"client_id": CLIENT, "client_secret": SECRET, "phones": ["phone_mobile", "phone_work"]}
    return {"url": fake.url, **keys, "timeout": 0.5, "rate": 1000}


def fake_of(side: Side) -> FakeSuiteCrm:
    """The fake, as what it is."""
    assert isinstance(side.fake, FakeSuiteCrm)
    return side.fake


class TestSuiteCrm(RecordContract, EdgeCases):
    """The contract."""

    build = staticmethod(build)
    fake = FakeSuiteCrm
    mapped: ClassVar = {"lead": "primary_address_city", "contact": "primary_address_city"}
    secrets = (SECRET, "access-of-suitecrm")

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return suitecrm_options(fake)

    async def test_each_record_has_our_id_and_its_facts(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            fake = fake_of(side)
            (contact,), (lead,) = fake.kept("Contacts"), fake.kept("Leads")
            answered, missed = fake.kept("Calls")
            letters = [row for row in fake.kept("Notes") if row["name"].startswith("Letter")]
        assert (contact["id"], contact["phone_mobile"]) == (events.ident(1, 1), events.phone(1))
        assert (lead["id"], lead["contact_id"], lead["lead_source"]) == (events.ident(2, 1), contact["id"], "Web Site")
        assert "utm_campaign: kitchens" in lead["description"]
        assert (answered["status"], answered["date_start"], answered["duration_minutes"]) == (
            "Held", "2026-11-22 09:31:00", 1,
        )  # fmt: skip
        assert (missed["status"], missed["duration_minutes"]) == ("Not Held", 0)
        assert (answered["parent_type"], answered["parent_id"]) == ("Leads", lead["id"])
        assert (answered["contact_id"], letters[0]["contact_id"]) == (contact["id"], contact["id"])

    async def test_what_looks_like_a_tag_stays_readable(self) -> None:
        """SuiteCRM takes tags out of every text."""
        async with self.standing() as side:
            letter = {**events.letter(1), "text": "Цена < 5 & > 3 <b>Иван</b>"}
            await side.push(events.story(1)[0], events.event("email.received", letter, step=5))
            (mail,) = side.shown("mail")
        assert "Цена ‹ 5 & › 3 ‹b›Иван‹/b›" in mail["text"]

    async def test_a_text_with_entities_is_not_added_twice(self) -> None:
        async with self.standing() as side:
            lead = events.lead(1, text='Шкаф & "полка" <1 м>')
            await side.push(events.event("lead.created", lead))
            side.links.kept.pop(("lead", str(lead["id"])))
            await side.push(events.event("lead.updated", lead, step=2, attempt=2))
            (shown,) = side.shown("lead")
        assert shown["text"].count("полка") == 1

    async def test_what_people_wrote_stays(self) -> None:
        async with self.standing() as side:
            created, _, _, updated, *_ = events.story(1)
            await side.push(created)
            lead = fake_of(side).rows["Leads"][events.ident(2, 1)]
            lead["description"] += "\nCalled back, wants oak"
            lead["last_name"] = "Petrov"
            await side.push(updated)
        assert "wants oak" in lead["description"]
        assert "4 метра" in lead["description"]
        assert lead["last_name"] == "Petrov"

    async def test_a_record_whose_id_is_taken_is_the_one_of_an_earlier_try(self) -> None:
        """Even where the try does not know that it is a second one."""
        async with self.standing() as side:
            created, _, call, *_ = events.story(1)
            await side.push(created)
            side.fake.choose = lambda asked: Trouble.LOST if asked.method == "POST" else None
            await side.error_of(call)
            side.fake.choose = None
            side.links.kept.pop(("call", str(call.data["id"])), None)
            done = await side.adapter.push(call)
            (logged,) = fake_of(side).kept("Calls")
        assert done.remote_id == logged["id"]

    async def test_a_number_of_any_phone_field_in_any_of_its_forms_is_found(self) -> None:
        async with self.standing(phones=["phone_mobile", "phone_work", "phone_home", "phone_other"]) as side:
            fake_of(side).put("Contacts", "11111111-0000-4000-8000-000000000009", {
                "last_name": "Ivan", "phone_other": events.phone(1).removeprefix("+")})  # fmt: skip
            await side.push(events.story(1)[0])
            (contact,) = side.shown("contact")
        assert contact["name"] == "Ivan"
        assert contact["emails"] == ["ivan1@example.com"]

    async def test_a_contact_is_found_by_its_mail(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Ivan", phone="+79990000001", email="ivan1@example.com")
            await side.push(events.story(1)[0])
            (contact,) = side.shown("contact")
        assert events.phone(1) in contact["phones"]

    async def test_a_mail_that_was_taken_from_a_contact_does_not_lead_to_it(self) -> None:
        """SuiteCRM's filter finds addresses that a contact had once."""
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone="+79990000001", email="ivan1@example.com")
            fake: Any = fake_of(side)
            real = fake._fits
            fake._fits = lambda module, row, asked: "filter[email1][eq]" in asked.query or real(module, row, asked)
            fake.rows["Contacts"][known]["email1"] = "other@example.com"
            await side.push(events.story(1)[0])
            assert len(side.shown("contact")) == 2

    async def test_a_suitecrm_that_cannot_search_mails_makes_contacts_all_the_same(self) -> None:
        async with self.standing() as side:
            fake_of(side).finds_mails = False
            await side.push(events.story(1)[0])
            assert len(side.shown("contact")) == 1

    async def test_a_search_that_fails_for_the_moment_makes_no_double(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            fake_of(side).finds_mails = False
            assert isinstance(await side.error_of(events.story(2)[0]), Unavailable)

    async def test_numbers_beyond_the_fields_go_into_the_description(self) -> None:
        async with self.standing() as side:
            phones = [f"+7926000000{number}" for number in range(1, 7)]
            many = {**events.contact(1, more_emails=("b@example.com", "c@example.com")), "phones": phones, "merged": []}
            await side.push(events.event("contact.upserted", many))
            fake_of(side).rows["Contacts"][many["id"]].pop("phone_home")
            await side.push(events.event("contact.upserted", {**many, "name": "Another"}, step=2))
            (contact,) = fake_of(side).kept("Contacts")
        assert contact["description"] == "+79260000005\n+79260000006\nc@example.com"
        assert contact["phone_home"] == "+79260000003"

    async def test_a_contact_that_people_deleted_is_made_anew_under_another_id(self) -> None:
        async with self.standing() as side:
            for number in range(3):
                more = events.contact(1, more_emails=(f"{number}@example.com",))
                await side.push(events.event("contact.upserted", more, step=number + 1))
                (contact,) = fake_of(side).kept("Contacts")
                fake_of(side).deleted.add(contact["id"])
        assert len(fake_of(side).rows["Contacts"]) == 3

    async def test_an_emoji_that_the_database_does_not_take_loses_no_lead(self) -> None:
        """Databases of SuiteCRM are mostly made with utf8, which has no room for it: the query fails for good."""
        async with self.standing() as side:
            fake_of(side).wide = False
            lead = events.lead(1, text="Нужна кухня 🙂 срочно")
            await side.push(events.event("lead.created", lead))
            await side.push(events.event("lead.updated", {**lead, "stage": "contacted"}, step=2))
            (shown,) = side.shown("lead")
        assert shown["text"].count("Нужна кухня □ срочно") == 1

    async def test_before_7_12_numbers_are_found_in_their_usual_spellings(self) -> None:
        """Without LIKE whole texts are compared."""
        async with self.standing() as side:
            fake_of(side).likes = False
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(1), typed="8 (926) 000-00-01")
            side.fake.seed_contact(name="Another", phone=events.phone(2))
            await side.push(events.story(1)[0])
            (lead,) = side.shown("lead")
            asked = [one for one in side.fake.asked if any("[like]" in name for name in one.query)]
            await side.push(events.story(3)[0])
            assert [one for one in side.fake.asked if any("[like]" in name for name in one.query)] == asked
        assert lead["contact"] == known

    async def test_one_request_finds_a_number_whatever_stands_between_its_digits(self) -> None:
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone="+79261000001", typed="+7 926 1000-001 ext 5")
            for number in range(60):  # more than a page of others whose digits stand in that order too
                side.fake.seed_contact(name=f"Other {number}", phone="+79261000001", typed=f"9926100000{number:02d}1")
            lead = events.lead(1)
            brief = {**lead["contact"], "phones": ["+79261000001"], "emails": []}
            await side.push(events.event("lead.created", {**lead, "contact": brief}))
            (shown,) = side.shown("lead")
            searches = [one for one in side.fake.asked if any("[like]" in name for name in one.query)]
        assert shown["contact"] == known
        assert len(searches) == 1

    async def test_a_deleted_lead_is_left_alone(self) -> None:
        async with self.standing() as side:
            created, _, call, updated, *_ = events.story(1)
            await side.push(created)
            fake_of(side).deleted.add(events.ident(2, 1))
            await side.push(updated, call)
            (logged,) = fake_of(side).kept("Calls")
            assert not side.shown("lead")
        assert logged["contact_id"] == events.ident(1, 1), "it is still seen with the contact"

    async def test_a_contact_that_was_made_and_deleted_before_the_next_try_is_made_under_another_id(self) -> None:
        async with self.standing() as side:
            created = events.story(1)[0]
            await side.push(created)
            side.fake.remove("contact", await side.id_of("contact", 1))
            side.links.kept.clear()  # the answer was lost
            await side.push(events.again(created, 2))
            (contact,), (lead,) = fake_of(side).kept("Contacts"), fake_of(side).kept("Leads")
        assert contact["id"] == own_id(events.ident(1, 1), "contact 2")
        assert lead["id"] == events.ident(2, 1)

    async def test_a_call_that_people_deleted_gets_no_recording(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0], events.event("call.finished", events.call(1), step=2))
            fake_of(side).deleted.add(events.ident(3, 1))
            await side.push(events.event("call.recording_ready", events.call(1, recording=True), step=3))
            assert not fake_of(side).rows["Notes"]

    async def test_the_recording_is_a_note_of_the_call_with_the_file(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0], events.event("call.finished", events.call(1, recording=True), step=2))
            (note,) = fake_of(side).kept("Notes")
        assert (note["parent_type"], note["parent_id"]) == ("Calls", events.ident(3, 1))
        assert base64.b64decode(note["filecontents"]) == WAV.content

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
        assert page.next_place == "2026-11-22 09:00:02"
        assert (fresh.found, fresh.next_place) == ([], "2026-11-22 09:30:00")
        assert owner.id == "7"

    async def test_more_changes_than_a_page_are_read_on_from_where_it_ended(self) -> None:
        async with self.standing() as side:
            for number in range(1, 61):
                side.fake.seed_contact(name=f"Ivan {number}", phone=events.phone(number))
            crm: Any = side.adapter.crm
            first = await crm.owners_since("2026-11-22 08:00:00", events.START)
            second = await crm.owners_since(first.next_place, events.START)
        assert (len(first.found), first.more, first.next_place) == (50, True, "2026-11-22 08:00:00|2")
        assert (len(second.found), second.more) == (10, False)

    async def test_a_missing_right_and_an_unknown_field_are_said(self) -> None:
        async with self.standing() as side:
            fake_of(side).forbids = {"Calls"}
            with pytest.raises(Misconfigured, match=r"module Calls: can't be read: .*Look at the role"):
                await side.adapter.check()
        async with self.standing(fields={"lead": {"city_c": "{source.utm.campaign}"}}) as side:
            with pytest.raises(Misconfigured, match="field city_c: is no field of Leads"):
                await side.adapter.check()
            fake_of(side).lists_fields = False
            await side.adapter.check()
            fake_of(side).put("Leads", events.ident(2, 9), {"last_name": "Ivan"})
            with pytest.raises(Misconfigured, match="field city_c: is no field of Leads"):
                await side.adapter.check()

    async def test_a_field_that_suitecrm_does_not_have_is_named_when_it_refuses(self) -> None:
        async with self.standing(fields={"lead": {"city_c": "{source.utm.campaign}"}}) as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Rejected)
        assert error.field == "city_c"

    async def test_a_wrong_client_is_said(self) -> None:
        async with self.standing(client_secret="another") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "OAuth2 Clients and Tokens" in str(error)


def refusal(detail: str, status: int = 400) -> Answer:
    """As SuiteCRM says what is wrong."""
    body = json.dumps({"errors": {"status": status, "title": None, "detail": detail}}).encode()
    return Answer(status=status, headers={}, body=body, host="crm.example")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (refusal("Bean Leads with id 5 is already exist"), Taken),
        (refusal("Leads module with id 5 is not found"), Gone),
        (refusal("Filter field email1 in Contact module is not found"), Rejected),
        (refusal("Filter operator like is invalid"), NoOperator),
        (refusal("Not found", 404), Misconfigured),
        (refusal("Property x_c in Lead module is invalid"), Rejected),
        (refusal("Database failure. Please refer to suitecrm.log for details."), DatabaseFailure),
        (refusal("Datenbank Fehler. Bitte sehen Sie in der Datei suitecrm.log nach."), DatabaseFailure),
        (refusal("[SuiteCRM] [API] Access Denied"), Misconfigured),
        (refusal("no", 403), Misconfigured),
        (refusal("Access token is invalid", 401), Misconfigured),
        (refusal("", 429), Throttled),
        (refusal("", 500), Unavailable),
        (refusal("", 503), Unavailable),
    ],
)
def test_each_answer_of_suitecrm_has_its_meaning(given: Answer, kind: type[CrmError]) -> None:
    with pytest.raises(kind) as caught:
        judge(given)
    assert type(caught.value) is kind or not issubclass(kind, Taken | Gone)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b'{"errors": 1}', b"[[[["])
def test_an_answer_that_is_no_error_of_suitecrm_has_a_meaning_too(body: bytes) -> None:
    with pytest.raises(Rejected):
        judge(Answer(status=400, headers={}, body=body, host="x"))


@pytest.mark.parametrize(
    ("status", "words"), [(400, "unsupported_grant_type"), (401, "unsupported_grant_type"), (404, "/legacy")]
)
def test_what_the_token_endpoint_refuses_is_said_with_the_way_out(status: int, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        judge_sign_in(Answer(status=status, headers={}, body=b'{"error": "unsupported_grant_type"}', host="x"))


def test_ids_are_uuids_whatever_the_marker_is() -> None:
    assert own_id(events.ident(1, 1)) == events.ident(1, 1)
    assert len({own_id("5"), own_id("6"), own_id("5", "recording"), own_id("5")}) == 3
    assert len(own_id("5")) == 36


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "url is missing"),
        ({"url": "http://crm.example.com", "client_id": "a", "client_secret": "b"}, "plain http"),
        ({"url": "https://crm.example.com", "client_id": "a"}, "client_secret is missing"),
        ({"url": "https://c.example.com", "client_id": "a", "client_secret": "b", "phones": ["fax"]}, "no phone field"),
    ],
)
def test_bad_settings_are_refused_with_the_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(given, Context(name="test"))


def test_all_phone_fields_are_searched_unless_some_are_named() -> None:
    adapter: Any = build({"url": "https://c.example.com", "client_id": "a", "client_secret": "b"}, Context(name="t"))
    assert adapter.crm._phones == ("phone_mobile", "phone_work", "phone_home", "phone_other")
