"""The adapter ``hubspot``, and what is particular to HubSpot."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.hubspot import build
from crm_adapter.hubspot.errors import AlreadyThere, judge
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.support.fakecrm.hubspot import TOKEN, FakeHubSpot, table_of


def hubspot_options(fake: FakeCrm) -> dict[str, Any]:
    """A private app. HubSpot knows no extensions, so Oleg is named by hand."""
    return {"url": fake.url, "token": TOKEN, "users": {"oleg": "8"}, "rate": 1000, "timeout": 0.5}


class TestHubSpot(RecordContract):
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
        assert (first["hs_call_status"], second["hs_call_status"]) == ("COMPLETED", "MISSED")
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
        (401, {}, Misconfigured, "token rotated"),
        (403, {"message": "requires crm.objects.deals.write"}, Misconfigured, "crm.objects.deals.write"),
        (404, {"message": "not found"}, Rejected, "404"),
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
    if status == 400:
        assert caught.value.field == "email"  # type: ignore[attr-defined]


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
