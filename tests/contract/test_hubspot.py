"""The adapter ``hubspot``, and what is particular to HubSpot."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.hubspot import build
from crm_adapter.hubspot.errors import AlreadyThere, judge
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.hubspot import TOKEN, FakeHubSpot, table_of


def hubspot_options(fake: FakeCrm) -> dict[str, Any]:
    """A private app. HubSpot knows no extensions, so Oleg is named by hand."""
    return {"url": fake.url, "token": TOKEN, "users": {"oleg": "8"}, "rate": 1000, "timeout": 0.5}


class TestHubSpot(RecordContract, EdgeCases):
    """All that is the same for every CRM."""

    build = staticmethod(build)
    fake = FakeHubSpot
    mapped: ClassVar = {"lead": "campaign", "contact": "city"}
    secrets = (TOKEN,)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return hubspot_options(fake)

    async def test_records_of_the_timeline_belong_to_the_deal_and_the_contact(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(*events.story(1))
            links = {(kind, place) for kind, _, place, _ in fake.links}
        assert {(kind, place) for kind in ("calls", "emails", "notes") for place in ("contacts", "deals")} <= links

    async def test_a_contact_that_the_search_does_not_know_yet_is_completed_not_refused(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(9), email="ivan1@example.com")
            fake.late_search = True
            await side.push(events.story(1)[0])
            (person,) = side.shown("contact")
            (lead,) = side.shown("lead")
        assert str(lead["contact"]) == known
        assert person["name"] == "Ivan"
        assert person["phones"] == [events.phone(9), events.phone(1)]

    async def test_the_property_for_the_marker_is_unique_and_made_once(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.story(1)[0], events.story(2)[0])
            made = [one for one in fake.asked if one.method == "POST" and one.path == "/crm/v3/properties/deals"]
            about = fake.properties["deals"]["leadgate_id"]
        assert len(made) == 1
        assert about["hasUniqueValue"] is True

    async def test_a_property_made_by_a_lost_answer_is_used(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.choose = lambda asked: Trouble.LOST if asked.path == "/crm/v3/properties/deals" else None
            await side.error_of(events.story(1)[0])
            fake.choose = None
            await side.push(events.again(events.story(1)[0], 2))
            assert len(side.shown("lead")) == 1

    async def test_what_a_person_wrote_into_the_description_stays(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            (row,) = table_of(side.fake, "deals").rows.values()
            row["description"] = "Скидка 5 %"
            await side.push(events.event("lead.updated", events.lead(1, text="Ещё дверь"), step=2))
        assert row["description"].startswith("Скидка 5 %\n\nЕщё дверь")

    async def test_a_call_has_its_status_and_only_an_https_link(self) -> None:
        answered = events.call(1)
        answered["details"]["recording_url"] = "https://gate.example.com/r/1.wav"
        missed = events.call(1, 2, answered=False)
        missed["details"]["recording_url"] = "http://pbx.local/2.wav"
        async with self.standing() as side:
            await side.push(
                events.story(1)[0],
                events.event("call.finished", answered, step=2),
                events.event("call.finished", missed, step=3),
            )
            first, second = table_of(side.fake, "calls").rows.values()
        assert (first["hs_call_status"], second["hs_call_status"]) == ("COMPLETED", "NO_ANSWER")
        assert first["hs_call_recording_url"] == "https://gate.example.com/r/1.wav"
        assert "hs_call_recording_url" not in second

    async def test_a_letter_is_logged_as_received(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0], events.story(1)[4])
            (letter,) = table_of(side.fake, "emails").rows.values()
        assert letter["hs_email_direction"] == "INCOMING_EMAIL"
        assert json.loads(letter["hs_email_headers"])["from"] == {"email": "ivan1@example.com"}

    async def test_owners_are_read_back_and_asked_for(self) -> None:
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(1))
            crm: Any = side.adapter.crm
            page = await crm.owners_since("1763799999999", events.START)
            later = await crm.owners_since("1963799999999", events.START)
            owner = await crm.find_owner(person_of(events.contact(1)))
        assert [(one.remote_id, one.user) for one in page.found] == [(known, "7")]
        assert (page.next_place, page.more) == ("1795348800000", False)
        assert (later.found, later.next_place) == ([], "1963799999999")
        assert owner.id == "7"

    async def test_the_id_of_a_merged_contact_leads_to_what_it_became(self) -> None:
        created, _, call, *_ = events.story(1)
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(created)
            other = side.fake.seed_contact(name="Ivan", phone=events.phone(9))
            merged = fake.merge(int(await side.id_of("contact", 1)), int(other))
            known = events.contact(1, more_emails=("second@example.com",))
            await side.push(events.event("contact.upserted", {**known, "merged": []}, step=2), call)
            (person,) = side.shown("contact")
            assert await side.id_of("contact", 1) == str(merged)
        assert "second@example.com" in person["emails"]
        assert ("calls", "contacts", merged) in {(kind, place, to) for kind, _, place, to in fake.links}

    async def test_a_call_for_the_id_of_a_merged_contact_goes_to_what_it_became(self) -> None:
        created, _, call, *_ = events.story(1)
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(created)
            other = side.fake.seed_contact(name="Ivan", phone=events.phone(9))
            merged = fake.merge(int(await side.id_of("contact", 1)), int(other))
            await side.push(call)
        assert ("calls", "contacts", merged) in {(kind, place, to) for kind, _, place, to in fake.links}

    async def test_a_contact_is_made_anew_although_the_recycling_bin_holds_its_marker(self) -> None:
        created, _, call, *_ = events.story(1)
        async with self.standing() as side:
            fake: Any = side.fake
            fake.bin_holds_markers = True
            await side.push(created)
            side.fake.remove("contact", await side.id_of("contact", 1))
            known = events.contact(1, more_emails=("second@example.com",))
            await side.push(events.event("contact.upserted", {**known, "merged": []}, step=2), call)
            (_,) = side.shown("contact")
            assert len(side.shown("call")) == 1

    async def test_a_mail_of_another_contact_stays_there_and_holds_nothing_up(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Wife", phone=events.phone(9), email="both@example.com")
            await side.push(events.story(1)[0])
            known = {**events.contact(1, more_emails=("both@example.com",)), "merged": []}
            known["phones"] = [*known["phones"], events.phone(5)]
            await side.push(events.event("contact.upserted", known, step=2), events.story(1)[2])
            persons = {one["name"]: one for one in side.shown("contact")}
            assert len(side.shown("call")) == 1
        assert persons["Wife"]["emails"] == ["both@example.com"]
        assert persons["Иван 1 Петров"]["phones"] == [events.phone(1), events.phone(5)]

    async def test_a_mail_that_hubspot_would_refuse_does_not_cost_the_contact(self) -> None:
        async with self.standing() as side:
            lead = events.lead(1)
            lead["contact"] = {**lead["contact"], "emails": ["ы@пример.рф", "nonsense", "good@example.com"]}
            await side.push(events.event("lead.created", lead))
            (person,) = side.shown("contact")
        assert person["emails"] == ["good@example.com"]

    async def test_a_person_with_many_numbers_and_mails_is_searched_for_in_what_hubspot_takes(self) -> None:
        person = {**events.contact(1), "phones": [events.phone(n) for n in range(1, 30)]}
        person["emails"] = [f"{'long' * 50}{n}@example.com" for n in range(20)]
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(2), typed=events.phone(2))
            lead = {**events.lead(1), "contact": person}
            await side.push(events.event("lead.created", lead))
            assert await side.id_of("contact", 1) == known

    async def test_owners_are_read_back_although_more_changed_than_a_search_gives(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            for person in range(1, 6):
                known = int(side.fake.seed_contact(name="Ivan", phone=events.phone(person)))
                table_of(fake, "contacts").rows[known]["lastmodifieddate"] = f"2026-11-22T12:00:0{person}Z"
            crm: Any = side.adapter.crm
            crm.page, crm.most_found, fake.found_at_most = 2, 4, 4
            place, found = "1763799999999", []
            for _ in range(5):
                page = await crm.owners_since(place, events.START)
                found += [one.remote_id for one in page.found]
                place = page.next_place
                if not page.more:
                    break
        assert list(dict.fromkeys(found)) == ["1", "2", "3", "4", "5"]
        assert not page.more

    async def test_a_mapped_property_that_is_not_there_holds_all_and_loses_nothing(self) -> None:
        async with self.standing(fields={"lead": {"colour": "{source.utm.campaign}"}}) as side:
            error = await side.error_of(events.story(1)[0])
            assert isinstance(error, Misconfigured)
            assert "HubSpot has no property colour" in str(error)
            with pytest.raises(Misconfigured, match="property colour of deals: is missing"):
                await side.adapter.check()

    async def test_check_names_a_mapped_property_that_hubspot_sets_itself(self) -> None:
        async with self.standing(fields={"contact": {"hs_object_id": "{id}"}}) as side:
            with pytest.raises(Misconfigured, match="can't be written"):
                await side.adapter.check()

    async def test_check_names_the_rights_that_are_missing(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.scopes.remove("crm.objects.deals.write")
            with pytest.raises(Misconfigured, match=r"rights: are missing: crm\.objects\.deals\.write\."):
                await side.adapter.check()
            fake.scopes = None
            assert await side.adapter.check(), "HubSpot tells them for private apps only"

    async def test_check_names_a_pipeline_that_is_not_there(self) -> None:
        async with self.standing(pipeline="won") as side:
            with pytest.raises(Misconfigured, match=r"no pipeline won.*there are: default"):
                await side.adapter.check()

    async def test_check_names_a_stage_that_is_not_there(self) -> None:
        async with self.standing(stage="won") as side:
            with pytest.raises(Misconfigured, match="stages there are: appointmentscheduled, closedwon"):
                await side.adapter.check()

    async def test_records_have_an_address_where_the_portal_is_named(self) -> None:
        async with self.standing(portal=123) as side:
            done = await side.adapter.push(events.story(1)[0])
        assert done.url == "https://app.hubspot.com/contacts/123/record/0-3/1"


@pytest.mark.parametrize(
    ("status", "document", "kind", "words"),
    [
        (400, {"message": "bad", "errors": [{"context": {"propertyName": ["email"]}}]}, Rejected, "bad"),
        (401, {}, Misconfigured, "Put the new one into the configuration"),
        (403, {"message": "requires crm.objects.deals.write"}, Misconfigured, "crm.objects.deals.write"),
        (404, {"message": "not found"}, Gone, "404"),
        (
            400,
            {"message": "One or more associations are invalid", "context": {"INVALID_OBJECT_IDS": ["DEAL=1"]}},
            Gone,
            "deleted in HubSpot",
        ),
        (
            403,
            {"message": "no", "errors": [{"context": {"requiredGranularScopes": ["crm.x.read"]}}]},
            Misconfigured,
            "give the token one of these scopes: crm.x.read",
        ),
        (400, {"message": "Cannot set it on 5. 77 already has that value."}, AlreadyThere, "77"),
        (409, {"message": "Contact already exists. Existing ID: 77"}, AlreadyThere, "77"),
        (423, {}, Unavailable, "423"),
        (429, {"message": "You have reached your secondly limit."}, Throttled, "secondly"),
        (477, {"message": "Migration in progress"}, Throttled, "Migration"),
        (502, {}, Unavailable, "502"),
    ],
)
def test_each_status_of_hubspot_has_its_meaning(
    status: int, document: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        judge(Answer(status=status, headers={}, body=json.dumps(document).encode(), host="api.hubapi.com"))
    assert type(caught.value) is kind
    assert words in str(caught.value)
    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after == 10
    if status == 400 and "errors" in document:
        assert caught.value.field == "email"  # type: ignore[attr-defined]
    if isinstance(caught.value, AlreadyThere):
        assert caught.value.id == "77"


@pytest.mark.parametrize(("policy", "seconds"), [("SECONDLY", 1), ("TEN_SECONDLY_ROLLING", 10), ("DAILY", 1800)])
def test_the_limit_that_was_met_says_how_long_to_wait(policy: str, seconds: float) -> None:
    body = json.dumps({"message": "You have reached your limit.", "policyName": policy}).encode()
    with pytest.raises(Throttled) as caught:
        judge(Answer(status=429, headers={}, body=body, host="api.hubapi.com"))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [200, 403, 404, 502])
def test_a_web_page_instead_of_data_is_said_and_passes(status: int) -> None:
    with pytest.raises(Unavailable, match="web page instead of data"):
        judge(Answer(status=status, headers={}, body=b"<!DOCTYPE html><html>", host="example.com"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "token is missing"),
        ({"token": "x", "url": "http://api.hubapi.com"}, "https"),
        ({"token": "x", "users": {"anna": "Anna"}}, "number of a user"),
        ({"token": "x", "stages": "won"}, "did you mean stage"),
    ],
)
def test_bad_settings_are_refused_with_the_key(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
