"""The adapter ``salesforce``, and what is particular to Salesforce."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Conflict, Context, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.salesforce import build
from crm_adapter.salesforce.bodies import likes, quoted
from crm_adapter.salesforce.errors import judge, judge_sign_in
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import WAV, RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from crm_adapter.testkit.side import Side
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.salesforce import CLIENT, LINK, MARKER, REFRESH, SECRET, FakeSalesforce


def options(fake: FakeCrm) -> dict[str, Any]:
    """Client credentials."""
    return {"url": fake.url, "client_id": CLIENT, "client_secret": SECRET, "timeout": 0.5, "rate": 1000}


def fake_of(side: Side) -> FakeSalesforce:
    """The fake, as what it is."""
    assert isinstance(side.fake, FakeSalesforce)
    return side.fake


class TestSalesforce(RecordContract, EdgeCases):
    """The contract with client credentials."""

    build = staticmethod(build)
    fake = FakeSalesforce
    mapped: ClassVar = {"lead": "City__c", "contact": "City__c"}
    secrets = (SECRET, "00D-access")

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return options(fake)

    async def test_each_record_carries_our_id_and_its_facts(self) -> None:
        async with self.standing(account="001x", company="Unknown") as side:
            await side.push(*events.story(1))
            fake = fake_of(side)
            (contact,), (lead,) = fake.contacts.rows.values(), fake.leads.rows.values()
            missed = list(fake.tasks.rows.values())[-1]
        assert (contact[MARKER], contact["AccountId"]) == (events.ident(1, 1), "001x")
        assert (lead[MARKER], lead["Company"], lead["LeadSource"]) == (events.ident(2, 1), "Unknown", "Web")
        assert "utm_campaign: kitchens" in lead["Description"]
        assert (missed["CallDisposition"], missed["WhoId"]) == ("missed", str(lead["id"]))
        assert "Not answered: nobody picked up" in missed["Description"]

    async def test_what_people_wrote_below_our_text_stays(self) -> None:
        async with self.standing() as side:
            created, _, _, updated, *_ = events.story(1)
            await side.push(created)
            (lead,) = fake_of(side).leads.rows.values()
            lead["Description"] += "\nCalled back, wants oak"
            lead["Company"] = "Oak Ltd"
            await side.push(updated)
        assert "wants oak" in lead["Description"]
        assert "4 метра" in lead["Description"]
        assert lead["Company"] == "Oak Ltd"

    async def test_a_converted_lead_is_left_to_the_people_and_calls_go_to_the_contact(self) -> None:
        async with self.standing() as side:
            created, _, call, updated, *_ = events.story(1)
            await side.push(created)
            (lead,) = fake_of(side).leads.rows.values()
            lead["IsConverted"] = True
            before = dict(lead)
            await side.push(updated, call)
            (task,) = fake_of(side).tasks.rows.values()
            assert lead == before
            assert int(task["WhoId"]) in fake_of(side).contacts.rows

    async def test_what_people_deleted_is_no_dead_letter(self) -> None:
        async with self.standing() as side:
            created, _, call, updated, *_ = events.story(1)
            await side.push(created)
            fake_of(side).leads.rows.clear()
            fake_of(side).contacts.rows.clear()
            await side.push(events.event("contact.upserted", events.contact(1, more_emails=("b@example.com",)), step=2))
            await side.push(updated, call)
            assert not side.shown("lead")
            assert len(side.shown("contact")) == 1, "a person who writes again is a contact again"
            assert len(side.shown("call")) == 1

    async def test_what_is_not_in_the_recycle_bin_either_is_no_question_of_rights(self) -> None:
        """Salesforce says INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY to the id of a record that was purged."""
        async with self.standing() as side:
            created, _, call, _, letter, _ = events.story(1)
            await side.push(created)
            fake_of(side).purged = True
            side.fake.remove("lead", await side.id_of("lead", 1))
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(call, letter)
            assert len(side.shown("contact")) == len(side.shown("call")) == len(side.shown("mail")) == 1

    async def test_the_recording_of_a_call_that_people_deleted_is_not_wanted(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            call = events.call(1, recording=True)
            side.fake.choose = lambda asked: Trouble.BUSY if asked.path.endswith("ContentVersion") else None
            await side.error_of(events.event("call.finished", call, step=2))
            side.fake.choose = None
            fake_of(side).tasks.rows.clear()
            await side.push(events.event("call.recording_ready", call, step=3))
            assert not fake_of(side).files.rows

    @pytest.mark.parametrize(
        ("zone", "day"),
        [("Europe/Moscow", "2026-11-23"), ("America/Los_Angeles", "2026-11-22"), ("Moon/Crater", "2026-11-22")],
    )
    async def test_a_call_of_the_night_is_dated_as_in_the_organisation(self, zone: str, day: str) -> None:
        call = events.call(1)
        call["details"] |= {"started_at": "2026-11-22T22:30:00+00:00"}
        async with self.standing() as side:
            fake_of(side).zone = zone
            await side.push(events.event("call.finished", call))
            (task,) = fake_of(side).tasks.rows.values()
        assert task["ActivityDate"] == day

    async def test_check_names_missing_rights_and_mapped_fields(self) -> None:
        fields = {"lead": {"City__c": "1", "Colour__c": "2"}, "call": {"Subject": "3", "Tone__c": "4"},
                  "contact": {"CreatedById": "5"}}  # fmt: skip
        async with self.standing(fields=fields) as side:
            fake_of(side).forbidden = ("Task", "ContentVersion")
            with pytest.raises(Misconfigured) as caught:
                await side.adapter.check()
        said = str(caught.value)
        for words in (
            "Task: can't be written", "ContentVersion: can't be written", "Lead.Colour__c: is missing",
            "Task.Tone__c: is missing", "Contact.CreatedById: can't be written",
        ):  # fmt: skip
            assert words in said
        assert "City__c" not in said

    async def test_numbers_and_mails_beyond_the_fields_are_lines_of_text(self) -> None:
        async with self.standing() as side:
            person = {**events.contact(1), "phones": [events.phone(n) for n in range(1, 6)]}
            person["emails"] = ["a@example.com", "b@example.com", "nonsense", "ы@example.com"]
            await side.push(events.event("contact.upserted", {**person, "merged": []}))
            (contact,) = fake_of(side).contacts.rows.values()
        assert contact["Email"] == "a@example.com"
        assert contact["Description"].splitlines() == [events.phone(4), events.phone(5), "b@example.com"]

    async def test_a_duplicate_rule_that_blocks_is_for_a_person_to_settle(self) -> None:
        """One that only warns holds nothing up: the contact and the lead of each story have the same mail."""
        async with self.standing() as side:
            fake_of(side).rule = "blocks"
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Conflict)
        assert "let the rule only report" in str(error)

    async def test_assignment_rules_give_only_what_belongs_to_nobody(self) -> None:
        async with self.standing() as side:
            fake_of(side).assigned_to = "1"
            await side.push(*events.story(1))
            await side.push(events.event("lead.created", events.lead(2, manager=None)))
            await side.push(events.event("lead.updated", events.lead(1, text="Ещё дверь"), step=7))
            owners = [lead["owner"] for lead in side.shown("lead")]
        assert owners == [events.ANNA_THERE, "1"]

    async def test_a_similar_number_is_not_taken_for_the_same(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone="+79990000001")
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(side.shown("contact")) == 2

    async def test_a_recording_whose_answer_was_lost_is_not_uploaded_twice(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            side.fake.choose = lambda asked: Trouble.LOST if asked.path.endswith("ContentVersion") else None
            call = events.event("call.finished", events.call(1, recording=True), step=2)
            await side.error_of(call)
            side.fake.choose = None
            await side.push(events.again(call, 2))
            (file,) = fake_of(side).files.rows.values()
        assert file["Title"] == WAV.name

    async def test_a_recording_may_take_longer_than_other_requests(self) -> None:
        async with self.standing() as side:
            fake_of(side).upload_seconds = 0.8  # the time-out of this test's options is 0.5
            call = events.event("call.finished", events.call(1, recording=True), step=2)
            await side.adapter.push(call)
            assert len(fake_of(side).files.rows) == 1

    async def test_owners_are_read_back_and_asked_for(self) -> None:
        async with self.standing() as side:
            known = [side.fake.seed_contact(name=f"Ivan {n}", phone=events.phone(n)) for n in (1, 2)]
            crm: Any = side.adapter.crm
            page = await crm.owners_since("2026-11-22T08:00:00Z", events.START)
            after = await crm.owners_since(page.next_place, events.START)
            fresh = await crm.owners_since(None, events.START)
            person = person_of(events.contact(1))
            assert person is not None
            owner = await crm.find_owner(person)
        assert [(one.remote_id, one.user) for one in page.found] == [(one, "7") for one in known]
        assert page.next_place.startswith("2026-11-22T09:00:01.000Z|")
        assert (list(after.found), after.next_place, after.more) == ([], page.next_place, False)
        assert fresh.next_place == "2026-11-22T09:30:00Z"
        assert owner.id == "7"

    async def test_a_missing_external_id_is_said_with_what_to_make(self) -> None:
        async with self.standing() as side:
            fake_of(side).lacks = ("Task", "Contact")
            with pytest.raises(Misconfigured, match="External ID and Unique"):
                await side.adapter.check()
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured), "it concerns every record: everything waits"
        assert MARKER in str(error)

    async def test_the_preview_is_what_would_be_sent(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            body = json.loads(side.fake.asked[-1].body)
        assert body["LastName"] == "Иван 1 Петров"
        assert body[LINK]

    async def test_a_refresh_token_signs_in_as_well(self) -> None:
        async with self.standing(refresh_token=REFRESH) as side:
            await side.push(events.story(1)[0])
            side.fake.expire()
            await side.push(events.story(2)[0])
            assert len(side.shown("lead")) == 2
        async with self.standing(refresh_token="revoked") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "connected app" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, "STRING_TOO_LONG", "Last Name: data value too large", Rejected),
        (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]", Rejected),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No leads on Sunday", Rejected),
        (400, "INVALID_FIELD", "No such column 'City__c' on sobject of type Lead", Misconfigured),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", Unavailable),
        (400, "DUPLICATES_DETECTED", "Use one of these records?", Conflict),
        (401, "INVALID_SESSION_ID", "Session expired or invalid", Misconfigured),
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Throttled),
        (403, "API_DISABLED_FOR_ORG", "The REST API is not enabled", Misconfigured),
        (404, "NOT_FOUND", "Provided external ID field does not exist", Misconfigured),
        (404, "NOT_FOUND", "The requested resource does not exist", Rejected),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "insufficient access rights on id", Misconfigured),
        (400, "INACTIVE_OWNER_OR_USER", "operation performed with inactive user", Misconfigured),
        (400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", Misconfigured),
        (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred", Unavailable),
        (503, "SERVER_UNAVAILABLE", "too busy", Unavailable),
    ],
)
def test_each_answer_of_salesforce_has_its_meaning(status: int, code: str, message: str, kind: type[Exception]) -> None:
    record = {"record": {"Id": "003a"}}
    body = [{"message": f"{message}\nmore", "errorCode": code, "fields": ["Company"],
             "duplicateResult": {"matchResults": [{"matchRecords": [record]}]}}]  # fmt: skip
    with pytest.raises(kind) as caught:
        judge(Answer(status=status, headers={}, body=json.dumps(body).encode(), host="x.my.salesforce.com"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    if isinstance(caught.value, Conflict):
        assert caught.value.remote_ids == ("003a",)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_client", "client_secret"),
        ("invalid_grant", "Run As user"),
        ("inactive_user", "is not active"),
        ("something_new", "look at the connected app"),
    ],
)
def test_each_refusal_of_a_token_says_what_to_do(code: str, words: str) -> None:
    body = json.dumps({"error": code, "error_description": "said\nso"}).encode()
    with pytest.raises(Misconfigured, match=words) as caught:
        judge_sign_in(Answer(status=400, headers={}, body=body, host="x.my.salesforce.com"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_a_web_page_instead_of_data_is_said_and_passes(status: int) -> None:
    with pytest.raises(Unavailable, match="web page instead of data"):
        judge(Answer(status=status, headers={}, body=b"<!DOCTYPE html>", host="login.salesforce.com"))


def test_several_records_with_one_external_id_are_a_conflict() -> None:
    body = b'["/services/data/v62.0/sobjects/Lead/00Qa", "/services/data/v62.0/sobjects/Lead/00Qb"]'
    with pytest.raises(Conflict) as caught:
        judge(Answer(status=300, headers={}, body=body, host="x"))
    assert caught.value.remote_ids == ("00Qa", "00Qb")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'["x"]', b"{}", b"null"])
@pytest.mark.parametrize("status", [300, 400, 404, 500])
def test_an_answer_that_is_no_error_of_salesforce_has_a_meaning_too(status: int, body: bytes) -> None:
    with pytest.raises((Rejected, Unavailable, Conflict)):
        judge(Answer(status=status, headers={}, body=body, host="x"))


def test_no_text_of_a_stranger_leaves_its_quotes() -> None:
    assert quoted("O'Neil\\' OR Id != '") == "'O\\'Neil\\\\\\' OR Id != \\''"
    assert likes("+79260000001") == ["%0%00%00%01", "%00%00%0%01", "%0%000%001"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "http://x.my.salesforce.com"}, "https"),
        ({"url": "https://x.my.salesforce.com"}, "client_id is missing"),
        ({"url": "https://x.my.salesforce.com", "client_id": "a", "client_secret": "b", "marker": "x' OR"}, "API name"),
        ({"url": "https://x.my.salesforce.com", "client_id": "a", "client_secret": "b", "version": "latest"}, "62.0"),
    ],
)
def test_bad_settings_are_refused_with_the_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(given, Context(name="test"))
