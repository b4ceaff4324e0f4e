"""The adapter ``zoho``, and what is particular to Zoho."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Conflict, Context, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from crm_adapter.testkit.side import Side
from crm_adapter.zoho import build
from crm_adapter.zoho.errors import judge, judge_sign_in, meaning
from crm_adapter.zoho.settings import REGIONS
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.zoho import CLIENT, LINK, MARKER, REFRESH, SECRET, FakeZoho


def options(fake: FakeCrm) -> dict[str, Any]:
    """A self client with its refresh token."""
    keys = {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": REFRESH}
    return {"url": fake.url, "accounts_url": fake.url, **keys, "timeout": 0.5, "rate": 1000}


def fake_of(side: Side) -> FakeZoho:
    """The fake, as what it is."""
    assert isinstance(side.fake, FakeZoho)
    return side.fake


class TestZoho(RecordContract, EdgeCases):
    """The contract."""

    build = staticmethod(build)
    fake = FakeZoho
    mapped: ClassVar = {"lead": "City", "contact": "City"}
    secrets = (SECRET, REFRESH, "1000.access")

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return options(fake)

    async def test_each_record_carries_our_id_and_its_facts(self) -> None:
        async with self.standing(company="Unknown") as side:
            await side.push(*events.story(1))
            fake = fake_of(side)
            (contact,), (lead,) = fake.contacts.rows.values(), fake.leads.rows.values()
            answered, missed = fake.calls.rows.values()
        assert contact[MARKER] == events.ident(1, 1)
        assert (lead[MARKER], lead["Company"], lead["Lead_Source"]) == (events.ident(2, 1), "Unknown", "Web Form")
        assert lead[LINK] == {"id": str(contact["id"])}
        assert (answered["Call_Type"], answered["Call_Duration"]) == ("Inbound", "01:00")
        assert answered["Call_Start_Time"] == "2026-11-22T09:31:00+00:00"
        assert missed["Call_Type"] == "Missed"
        assert missed["What_Id"] == {"id": str(lead["id"])}

    async def test_what_people_wrote_stays(self) -> None:
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

    async def test_a_lead_that_was_converted_or_deleted_leaves_its_history_to_the_contact(self) -> None:
        async with self.standing() as side:
            created, _, call, updated, letter, _ = events.story(1)
            await side.push(created)
            fake_of(side).leads.rows.clear()
            await side.push(updated, call, letter)
            (logged,) = fake_of(side).calls.rows.values()
            (note,) = fake_of(side).notes.rows.values()
            assert not side.shown("lead")
        assert "Who_Id" in logged
        assert note["parent"].startswith("Contacts/")

    async def test_a_contact_that_people_deleted_is_made_anew(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            fake_of(side).contacts.rows.clear()
            await side.push(events.event("contact.upserted", events.contact(1, more_emails=("b@example.com",)), step=2))
            assert len(side.shown("contact")) == 1

    async def test_a_call_whose_answer_was_lost_is_found_by_its_unique_field(self) -> None:
        """Even where the try does not know that it is a second one."""
        async with self.standing() as side:
            created, _, call, *_ = events.story(1)
            await side.push(created)
            side.fake.choose = lambda asked: Trouble.LOST if asked.path.endswith("Calls") else None
            await side.error_of(call)
            side.fake.choose = None
            side.links.kept.pop(("call", str(call.data["id"])), None)
            done = await side.adapter.push(call)
            (logged,) = fake_of(side).calls.rows.values()
        assert done.remote_id == str(logged["id"])

    async def test_a_similar_number_is_not_taken_for_the_same(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone="+79990000001")
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(side.shown("contact")) == 2

    async def test_owners_are_read_back_and_asked_for(self) -> None:
        async with self.standing() as side:
            known = [side.fake.seed_contact(name=f"Ivan {n}", phone=events.phone(n)) for n in (1, 2)]
            crm: Any = side.adapter.crm
            page = await crm.owners_since("2026-11-22T08:00:00+00:00", events.START)
            after = await crm.owners_since(page.next_place, events.START)
            fresh = await crm.owners_since(None, events.START)
            person = person_of(events.contact(1))
            assert person is not None
            owner = await crm.find_owner(person)
        assert [(one.remote_id, one.user) for one in page.found] == [(one, "7") for one in known]
        assert page.next_place == "2026-11-22T09:00:01+00:00|1"
        assert (list(after.found), after.next_place) == ([], page.next_place)
        assert fresh.next_place == "2026-11-22T09:30:00+00:00"
        assert owner.id == "7"

    async def test_a_missing_field_is_said_with_what_to_make(self) -> None:
        async with self.standing() as side:
            fake_of(side).lacks = ("Leads",)
            with pytest.raises(Misconfigured, match=r"do not allow duplicate values.*Make a lookup field"):
                await side.adapter.check()

    async def test_check_names_mapped_fields_that_zoho_would_silently_ignore(self) -> None:
        fields = {"lead": {"City": "1", "Colour": "2"}, "contact": {"Created_By": "3"}, "call": {"Tone": "4"}}
        async with self.standing(fields=fields) as side:
            with pytest.raises(Misconfigured) as caught:
                await side.adapter.check()
        said = str(caught.value)
        assert "Leads.Colour: is missing" in said
        assert "Calls.Tone: is missing" in said
        assert "Contacts.Created_By: can't be written" in said
        assert "City" not in said

    async def test_check_says_that_a_scope_is_missing(self) -> None:
        async with self.standing() as side:
            fake_of(side).scopes = False
            with pytest.raises(Misconfigured, match=r"a scope is missing: .* docs/crm/zoho\.md"):
                await side.adapter.check()

    async def test_a_right_of_the_profile_that_is_missing_holds_all_and_loses_nothing(self) -> None:
        async with self.standing() as side:
            fake_of(side).forbidden = ("Leads",)
            error = await side.error_of(events.story(1)[0])
            assert isinstance(error, Misconfigured)
            assert "look at its profile" in str(error)
            fake_of(side).forbidden = ()
            await side.push(events.again(events.story(1)[0], 2))
            assert len(side.shown("lead")) == 1

    async def test_a_mail_of_another_contact_stays_there_and_holds_nothing_up(self) -> None:
        async with self.standing() as side:
            fake_of(side).unique_mails = True
            side.fake.seed_contact(name="Wife", phone=events.phone(9), email="both@example.com")
            lead = events.lead(1)
            lead["contact"] = {**lead["contact"], "emails": []}
            await side.push(events.event("lead.created", lead))
            known = {**events.contact(1), "emails": ["both@example.com"], "merged": []}
            await side.push(events.event("contact.upserted", known, step=2), events.story(1)[2])
            persons = {one["name"]: one["emails"] for one in side.shown("contact")}
            assert len(side.shown("call")) == 1
        assert persons == {"Wife": ["both@example.com"], "Иван 1 Петров": ["ivan1@example.com"]}

    async def test_a_refresh_token_of_another_region_is_said_although_the_status_is_200(self) -> None:
        async with self.standing(refresh_token="1000.other") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "region" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_DATA", Rejected),
        (400, "MANDATORY_NOT_FOUND", Rejected),
        (400, "DUPLICATE_DATA", Conflict),
        (401, "INVALID_TOKEN", Misconfigured),
        (401, "OAUTH_SCOPE_MISMATCH", Misconfigured),
        (403, "NO_PERMISSION", Misconfigured),
        (403, "CRM_EXPIRED", Misconfigured),
        (404, "INVALID_URL_PATTERN", Gone),
        (400, "AUTHORIZATION_FAILED", Misconfigured),
        (400, "INVALID_MODULE", Misconfigured),
        (429, "TOO_MANY_REQUESTS", Throttled),
        (400, "LIMIT_EXCEEDED", Throttled),
        (500, "INTERNAL_ERROR", Unavailable),
        (500, "", Unavailable),
    ],
)
def test_each_answer_of_zoho_has_its_meaning(status: int, code: str, kind: type[Exception]) -> None:
    document = {"code": code, "message": "said\nso", "details": {"api_name": "Phone", "id": "5"}}
    with pytest.raises(kind) as caught:
        judge(Answer(status=status, headers={}, body=json.dumps(document).encode(), host="www.zohoapis.eu"))
    assert "\n" not in str(caught.value)
    if isinstance(caught.value, Conflict):
        assert caught.value.remote_ids == ("5",)


@pytest.mark.parametrize("status", [200, 201, 202, 207, 400])
def test_a_record_that_is_refused_within_any_status_is_judged_by_itself(status: int) -> None:
    details = {"api_name": "Phone", "maximum_length": 30}
    error = {"code": "INVALID_DATA", "message": "invalid data", "status": "error", "details": details}
    judge(Answer(status=status, headers={}, body=json.dumps({"data": [error]}).encode(), host="x"))
    found = meaning(error)
    assert isinstance(found, Rejected)
    assert (found.field, "maximum_length 30" in str(found)) == ("Phone", True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error": "invalid_code"}', Misconfigured),
        (b'{"error": "Access Denied", "error_description": "too many requests continuously"}', Throttled),
    ],
)
def test_the_accounts_server_says_its_errors_with_200(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        judge_sign_in(Answer(status=200, headers={}, body=body, host="accounts.zoho.eu"))


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b"null", b'{"data": 1}'])
def test_an_answer_that_is_no_error_of_zoho_has_a_meaning_too(body: bytes) -> None:
    with pytest.raises(Rejected):
        judge(Answer(status=400, headers={}, body=body, host="x"))


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [({}, {"retry_after": 90}, 90), ({"Retry-After": "7"}, {"retry_after": 90}, 7), ({}, {}, 60), ({}, {"x": 1}, 60)],
)
def test_zoho_says_in_the_body_how_long_to_wait(headers: dict[str, str], details: dict[str, Any], seconds: int) -> None:
    body = json.dumps({"code": "TOO_MANY_REQUESTS", "message": "Rate limit exceeded.", "details": details}).encode()
    with pytest.raises(Throttled) as caught:
        judge(Answer(status=429, headers=headers, body=body, host="www.zohoapis.eu"))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [200, 403, 404, 503])
@pytest.mark.parametrize("to_judge", [judge, judge_sign_in])
def test_a_web_page_instead_of_data_is_said_and_passes(to_judge: Callable[[Answer], None], status: int) -> None:
    with pytest.raises(Unavailable, match="web page instead of data"):
        to_judge(Answer(status=status, headers={}, body=b"<!DOCTYPE html>", host="crm.zoho.eu"))


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_its_own_hosts(region: str) -> None:
    api, accounts = REGIONS[region]
    assert api.startswith("https://www.zohoapis.")
    assert accounts.startswith("https://accounts.zoho")
    build({"region": region, "client_id": "a", "client_secret": "b", "refresh_token": "c"}, Context(name="test"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"region": "ru"}, "one of com, eu"),
        ({"region": "eu"}, "client_id is missing"),
        ({"accounts_url": "http://accounts.zoho.eu"}, "accounts_url"),
        ({"client_id": "a", "client_secret": "b", "refresh_token": "c", "default_user": "Anna"}, "number of a user"),
        ({"client_id": "a", "client_secret": "b", "refresh_token": "c", "marker": "x y"}, "API name"),
    ],
)
def test_bad_settings_are_refused_with_the_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(given, Context(name="test"))
