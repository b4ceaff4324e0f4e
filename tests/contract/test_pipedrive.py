"""The adapter ``pipedrive``, and what is particular to Pipedrive."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.pipedrive import build
from crm_adapter.pipedrive.errors import judge
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.pipedrive import CITY, TOKEN, FakePipedrive


def pipedrive_options(fake: FakeCrm) -> dict[str, Any]:
    """An API token."""
    return {"url": fake.url, "token": TOKEN, "rate": 1000, "timeout": 0.5}


class TestPipedrive(RecordContract, EdgeCases):
    """All that is the same for every CRM."""

    build = staticmethod(build)
    fake = FakePipedrive
    mapped: ClassVar = {"lead": CITY, "contact": CITY}
    secrets = (TOKEN,)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return pipedrive_options(fake)

    async def test_a_similar_number_is_not_taken_for_the_same(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone=f"{events.phone(1)}9")
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(side.shown("contact")) == 2

    async def test_a_lead_is_found_on_any_page(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            known = int(side.fake.seed_contact(name="Ivan", phone=events.phone(1)))
            for _ in range(5):
                fake.leads.put({"title": "old", "person_id": known, "owner_id": 1, "origin_id": "other"})
            await side.push(events.story(1)[0])
            side.links.kept.clear()
            await side.adapter.push(events.again(events.story(1)[0], 2))
            assert len(fake.leads.rows) == 6

    async def test_leads_of_withheld_numbers_share_one_person(self) -> None:
        async with self.standing() as side:
            for person in (1, 2):
                lead = {**events.lead(person, manager=None), "contact": None, "subject": None, "channel": "call"}
                await side.push(events.event("lead.created", lead))
            (nobody,) = side.shown("contact")
            assert nobody["name"] == "withheld number"
            assert [one["contact"] for one in side.shown("lead")] == [1, 1]

    async def test_what_comes_after_a_lead_was_made_a_deal_goes_to_the_person(self) -> None:
        created, form, call, updated, *_ = events.story(1)
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(created)
            fake.leads.rows.clear()
            await side.push(form, call, updated)
            (activity,) = fake.activities.rows.values()
            notes = [row for row in fake.notes.rows.values() if "lead_id" not in row]
        assert "lead_id" not in activity
        assert activity["participants"] == [{"person_id": 1, "primary": True}]
        assert len(notes) == 1, "the form; what the lead said is in the deal that people made of it"

    async def test_a_lead_that_people_archived_is_left_alone_and_its_history_goes_to_the_person(self) -> None:
        created, form, call, *_ = events.story(1)
        async with self.standing(owners="leadgate") as side:
            fake: Any = side.fake
            await side.push(created)
            (lead,) = fake.leads.rows.values()
            lead["archived"] = True
            oleg = events.lead(1, text="Нужна кухня 4 метра", manager=events.OLEG)
            await side.push(form, call, events.event("lead.updated", oleg, step=4))
            (activity,) = fake.activities.rows.values()
            notes = [row for row in fake.notes.rows.values() if "lead_id" not in row]
        assert lead["owner_id"] == 7
        assert "lead_id" not in activity
        assert len(notes) == 2

    async def test_a_person_of_whom_nothing_is_left_is_made_anew(self) -> None:
        created, _, call, *_ = events.story(1)
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(created)
            fake.persons.rows.clear()
            await side.push(call)
            assert len(side.shown("contact")) == len(side.shown("call")) == 1

    async def test_check_names_mapped_fields_that_are_not_there(self) -> None:
        fields = {"lead": {"value": "1", "abc": "2", CITY: "3"}, "contact": {"def": "4", CITY: "5"}}
        async with self.standing(fields=fields) as side:
            with pytest.raises(Misconfigured) as caught:
                await side.adapter.check()
        assert "field abc of a lead: is missing" in str(caught.value)
        assert "field def of a person: is missing" in str(caught.value)
        assert CITY not in str(caught.value)
        assert "field value" not in str(caught.value)

    async def test_check_says_that_the_token_is_no_administrators(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.is_admin = False
            crm: Any = side.adapter.crm
            (found,) = await crm.examine()
        assert (found.ok, "Admin's, who is no administrator" in found.said) == (True, True)

    async def test_the_lead_made_before_its_note_was_lost_gets_the_note_once(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.choose = lambda asked: Trouble.LOST if asked.path == "/api/v1/notes" and asked.body else None
            await side.error_of(events.story(1)[0])
            fake.choose = None
            await side.push(events.again(events.story(1)[0], 2))
            assert len(fake.notes.rows) == 1
            assert len(fake.leads.rows) == 1

    async def test_a_call_is_a_done_activity_with_its_length_and_the_link(self) -> None:
        call = events.call(1)
        call["details"] |= {"talk_seconds": 3725.0, "recording_url": "https://gate.example.com/r/1.wav"}
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.story(1)[0], events.event("call.finished", call, step=3))
            (activity,) = fake.activities.rows.values()
        assert (activity["type"], activity["done"], activity["duration"]) == ("call", True, "01:02:05")
        assert (activity["due_date"], activity["due_time"]) == ("2026-11-22", "09:31:00")
        assert "https://gate.example.com/r/1.wav" in activity["note"]

    async def test_handles_that_are_there_keep_their_labels(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            side.fake.seed_contact(name="Ivan", phone=events.phone(1), email="old@example.com")
            await side.push(events.story(1)[0])
            (row,) = fake.persons.rows.values()
        assert row["phones"][0]["label"] == "mobile"
        assert [(one["value"], one["primary"]) for one in row["emails"]] == [
            ("old@example.com", True), ("ivan1@example.com", False)
        ]  # fmt: skip

    async def test_owners_are_read_back_page_by_page_and_asked_for(self) -> None:
        async with self.standing() as side:
            for person in (1, 2, 3):
                side.fake.seed_contact(name="Ivan", phone=events.phone(person))
            crm: Any = side.adapter.crm
            first = await crm.owners_since("2026-11-22T11:00:00Z", events.START)
            second = await crm.owners_since(first.next_place, events.START)
            later = await crm.owners_since("2027-01-01T00:00:00Z", events.START)
            owner = await crm.find_owner(person_of(events.contact(2)))
        assert (len(first.found), first.more, len(second.found), second.more) == (2, True, 1, False)
        assert {one.user for one in first.found} == {"7"}
        assert (later.found, later.next_place) == ([], "2027-01-01T00:00:00Z")
        assert owner.id == "7"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "words"),
    [
        (400, {}, Rejected, "said too"),
        (401, {}, Misconfigured, "made anew"),
        (402, {}, Misconfigured, "not paid"),
        (403, {}, Misconfigured, "of an administrator"),
        (404, {}, Gone, "said too"),
        (410, {}, Gone, "said too"),
        (429, {"x-ratelimit-reset": "2"}, Throttled, "429"),
        (429, {}, Throttled, "429"),
        (429, {"x-daily-ratelimit-token-remaining": "0"}, Throttled, "goes on after midnight"),
        (503, {}, Unavailable, "503"),
    ],
)
def test_each_status_of_pipedrive_has_its_meaning(
    status: int, headers: dict[str, str], kind: type[Exception], words: str
) -> None:
    body = json.dumps({"success": False, "error": "said\ntoo"}).encode()
    with pytest.raises(kind, match=words) as caught:
        judge(Answer(status=status, headers=headers, body=body, host="example.pipedrive.com"))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    if isinstance(caught.value, Throttled):
        waits = {"x-ratelimit-reset": 2, "x-daily-ratelimit-token-remaining": 1800}
        assert caught.value.retry_after == next((waits[name] for name in headers), 10)


@pytest.mark.parametrize("status", [200, 403, 404, 503])
def test_a_web_page_instead_of_data_is_said_and_passes(status: int) -> None:
    with pytest.raises(Unavailable, match="web page instead of data"):
        judge(Answer(status=status, headers={}, body=b"<html><title>Sorry, you have been blocked", host="example.com"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "https://example.pipedrive.com"}, "token is missing"),
        ({"url": "http://example.pipedrive.com", "token": "x"}, "https"),
        ({"url": "https://example.pipedrive.com", "token": "x", "default_user": "Anna"}, "number of a user"),
        ({"url": "https://example.pipedrive.com", "token": "x", "tokens": "y"}, "did you mean token"),
    ],
)
def test_bad_settings_are_refused_with_the_key(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
