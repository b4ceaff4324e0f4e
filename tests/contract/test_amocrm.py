"""The adapter ``amocrm`` with both its tokens and both its intakes, and what is particular to amoCRM."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest

from crm_adapter.amocrm import build
from crm_adapter.amocrm.errors import judge
from crm_adapter.base import Context, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.said import Said
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.support.fakecrm.amocrm import REFRESH, SECRET, TOKEN, FakeAmoCrm


def token_options(fake: FakeCrm) -> dict[str, Any]:
    """A long-lived token."""
    return {"url": fake.url, "token": TOKEN, "timeout": 0.5, "rate": 1000}


class TestToken(RecordContract):
    """The simple way."""

    build = staticmethod(build)
    fake = FakeAmoCrm
    mapped: ClassVar = {"lead": "CITY", "contact": "CITY"}
    secrets = (TOKEN,)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return token_options(fake)

    async def test_a_call_carries_its_outcome_and_the_link_of_its_recording(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            answered = events.call(1)
            answered["details"]["recording_url"] = "https://gate.example.com/r/1.wav"
            await side.push(
                events.event("call.finished", answered, step=2),
                events.event("call.finished", events.call(1, 2, answered=False), step=3),
            )
            fake: Any = side.fake
            first, second = fake.calls.rows.values()
        assert (first["call_status"], second["call_status"]) == (4, 6)
        assert first["link"] == "https://gate.example.com/r/1.wav"
        assert "Not answered: nobody picked up" in second["call_result"]

    @pytest.mark.parametrize(
        ("reason", "status"), [("voicemail", 1), ("no_answer", 6), ("caller_hung_up", 6), ("busy", 7)]
    )
    async def test_a_missed_call_has_the_status_that_amocrm_has_for_it(self, reason: str, status: int) -> None:
        async with self.standing() as side:
            call = events.call(1, answered=False)
            call["details"]["missed_reason"] = reason
            await side.push(events.event("call.finished", call))
            (shown,) = side.shown("call")
        assert shown["status"] == status

    async def test_a_call_of_a_number_that_amocrm_finds_with_nobody_goes_to_the_unsorted_inbox_once(self) -> None:
        """The contact is there, but amoCRM compares numbers in its own way."""
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            fake: Any = side.fake
            (row,) = fake.contacts.rows.values()
            row["custom_fields_values"] = []
            call = events.event("call.finished", events.call(1), step=2)
            await side.push(call)
            (entry,) = fake.sip.rows.values()
            assert not fake.calls.rows
            for kept in [key for key in side.links.kept if key[0] == "call"]:  # the answer was lost
                del side.links.kept[kept]
            await side.adapter.push(events.again(call, 2))
            assert len(fake.sip.rows) == 1
        assert entry["metadata"]["from"] == events.phone(1)

    async def test_the_call_of_a_contact_that_people_deleted_is_shown_with_a_new_one(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(events.event("call.finished", events.call(1), step=2))
            fake: Any = side.fake
            (contact,) = fake.contacts.rows
            (call,) = fake.calls.rows.values()
            assert not fake.sip.rows
        assert call["contact"] == contact

    async def test_numbers_in_groups_are_found_even_if_only_texts_were_compared(self) -> None:
        """What the documentation says of the search leaves both open."""
        async with self.standing() as side:
            fake: Any = side.fake
            fake.compares_digits = False
            for person, (number, typed) in enumerate(events.TYPED, start=1):
                side.fake.seed_contact(name=f"Typed {person}", phone=number, typed=typed)
                known = {"id": events.ident(1, person), "phones": [number], "emails": []}
                found = await side.adapter.crm.find_contact(person_of(known) or pytest.fail("no person"))
                assert (found is None) == (typed == "+49 30 1234-506"), typed

    async def test_what_is_given_to_somebody_who_is_no_user_any_more_arrives_all_the_same(self) -> None:
        async with self.standing(users={"anna": "9"}) as side:
            await side.push(events.story(1)[0])
            (lead,) = side.shown("lead")
            (contact,) = side.shown("contact")
        assert (lead["owner"], contact["owner"]) == ("1", "1")

    async def test_check_names_a_missing_field_and_users_that_may_not_be_listed(self) -> None:
        async with self.standing(fields={"lead": {"777": "{subject}", "26": "x"}, "contact": {"CITY": "y"}}) as side:
            fake: Any = side.fake
            fake.lists_users = False
            words = r"list of users: can't be read: .*as an administrator.*field 777: is no field of a lead.*its number"
            with pytest.raises(Misconfigured, match=words):
                await side.adapter.check()
            found = {str(one.subject): one.ok for one in await side.adapter.crm.examine()}  # type: ignore[attr-defined]
            assert not fake.commits
        assert [name for name, ok in found.items() if not ok] == ["list of users", "field 777"]
        assert {"account", "field CITY", "field LEADGATE_ID of leads", "field 26"} <= set(found)

    async def test_people_with_a_mail_only_and_with_a_name_of_blanks_have_something_to_be_called_by(self) -> None:
        async with self.standing() as side:
            for person, change in ((1, {"phones": []}), (2, {"name": "  "}), (3, {"name": "🙂 Ира", "emails": []})):
                lead = events.lead(person)
                known = {**lead["contact"], **change, **({"name": None} if person == 1 else {})}
                await side.push(events.event("lead.created", {**lead, "contact": known}))
            names = [one["name"] for one in side.shown("contact")]
        assert names == ["ivan1@example.com", events.phone(2), "🙂 Ира"]

    async def test_a_similar_number_is_not_taken_for_the_same(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone=f"{events.phone(1)}9")
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(side.shown("contact")) == 2

    async def test_the_lead_made_before_its_note_was_lost_gets_the_note(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            side.fake.choose = lambda asked: Trouble.BUSY if asked.path.endswith("/notes") else None
            await side.error_of(events.story(1)[0])
            assert len(fake.leads.rows) == 1
            side.fake.choose = None
            await side.push(events.again(events.story(1)[0], 2))
            (lead,) = side.shown("lead")
        assert "кухня 3 метра" in lead["text"]

    async def test_the_field_for_the_marker_is_made_once(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0], events.story(2)[0])
            fake: Any = side.fake
            assert [one["code"] for one in fake.fields] == ["LEADGATE_ID"]

    async def test_owners_are_read_back_and_asked_for(self) -> None:
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(1))
            crm: Any = side.adapter.crm
            page = await crm.owners_since("1763799999", events.START)
            person = person_of(events.contact(1))
            assert person is not None
            owner = await crm.find_owner(person)
        assert [(one.remote_id, one.user) for one in page.found] == [(known, "7")]
        assert (page.next_place, page.more) == ("1763800000", False)
        assert owner.id == "7"

    async def test_owners_are_read_back_page_by_page_although_contacts_change_meanwhile(self) -> None:
        """Who counts pages passes over one for each contact that has gone to the end of the list since."""
        async with self.standing() as side:
            fake: Any = side.fake
            for person in range(260):
                system = {"responsible_user_id": 9 if person == 250 else 7, "updated_at": 1763800000 + person}
                fake.contacts.put({"name": str(person)}, system=system)
            crm: Any = side.adapter.crm
            first = await crm.owners_since("1763800000", events.START)
            fake.contacts.rows[1]["updated_at"] = 1763900000
            second = await crm.owners_since(first.next_place, events.START)
        assert (len(first.found), first.more) == (250, True)
        assert (second.more, second.next_place) == (False, "1763900000")
        assert [one.remote_id for one in second.found if one.user == "9"] == ["251"], "one who works there no more, too"

    async def test_more_contacts_of_one_second_than_a_page_takes_are_all_read(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            for person in range(510):
                fake.contacts.put({"name": str(person)}, system={"responsible_user_id": 7, "updated_at": 1763800001})
            crm: Any = side.adapter.crm
            place, pages = "1763800000", []
            for _ in range(3):
                page = await crm.owners_since(place, events.START)
                place = page.next_place
                pages.append((len(page.found), place))
        assert pages == [(250, "1763800001|2"), (250, "1763800001|3"), (10, "1763800001")]


class TestOAuth(RecordContract):
    """A token that runs out every day."""

    build = staticmethod(build)
    fake: ClassVar[Callable[[], FakeCrm]] = partial(FakeAmoCrm, oauth=True)
    secrets = (SECRET, REFRESH, "amo-access", "amo-refresh-1")

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        keys = {
            "client_id": "id",
            "client_secret": SECRET,
            "refresh_token": REFRESH,
            "redirect_uri": "https://x.example",
        }
        return {"url": fake.url, **keys, "timeout": 0.5, "rate": 1000}

    async def test_a_spent_refresh_token_is_said_in_clear_words(self) -> None:
        async with self.standing(refresh_token="spent") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "connect the integration anew" in str(error)


class TestUnsorted(TestToken):
    """Leads wait in the inbox until a person takes them."""

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return {**token_options(fake), "intake": "unsorted", "pipeline": 5}

    async def test_the_inbox_gets_the_page_and_the_source(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            fake: Any = side.fake
            (entry,) = fake.unsorted.rows.values()
        assert entry["source_uid"] == events.ident(2, 1)
        assert entry["metadata"]["form_page"].startswith("https://shop.example.com/")
        assert entry["pipeline_id"] == 5

    async def test_a_lead_that_was_taken_out_of_the_inbox_goes_on_as_a_lead(self) -> None:
        async with self.standing() as side:
            created, _, _, updated, letter, _ = events.story(1)
            await side.push(created)
            fake: Any = side.fake
            fake.waiting.clear()
            await side.push(updated, letter)
            (lead,) = side.shown("lead")
            assert len(side.shown("mail")) == 1
        assert "кухня 4 метра" in lead["text"]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, Rejected, "name"),
        (401, Misconfigured, "revoked or has run out"),
        (402, Misconfigured, "not paid"),
        (403, Misconfigured, "blocked for asking too often"),
        (404, Gone, "deleted in amoCRM"),
        (301, Misconfigured, "look at url"),
        (429, Throttled, "too many requests"),
        (500, Unavailable, "500"),
        (504, Unavailable, "504"),
    ],
)
def test_each_status_of_amocrm_has_its_meaning(status: int, kind: type[Exception], words: str) -> None:
    error = {"errors": [{"path": "0.name", "detail": "too\nlong"}]}
    body = json.dumps({"validation-errors": [error]}).encode()
    with pytest.raises(kind) as caught:
        judge(Answer(status=status, headers={}, body=body, host="example.amocrm.ru"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (400, {"errors": [{"path": "custom_fields_values.0.field_id", "detail": "NotSupportedChoice"}]}, "numbers and"),
        (400, {"errors": [{"detail": "This value should not be null."}]}, "refuses this: This value"),
        (400, None, "answered 400: Request validation failed"),
    ],
)
def test_a_refusal_names_the_field_and_the_way_out(status: int, document: Any, words: str) -> None:
    body = {"validation-errors": [document] if document else [], "detail": "Request validation failed"}
    with pytest.raises(Rejected) as caught:
        judge(Answer(status=status, headers={}, body=json.dumps(body).encode(), host="example.amocrm.ru"))
    assert words in str(caught.value)
    assert isinstance(caught.value.args[0], Said)


def test_a_web_page_is_no_answer_of_amocrm() -> None:
    with pytest.raises(Unavailable, match="look whether the address"):
        judge(Answer(status=200, headers={}, body=b"<html></html>", host="example.amocrm.ru"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "http://example.amocrm.ru", "token": "x"}, "https"),
        ({"url": "https://example.amocrm.ru"}, "client_id is missing"),
        ({"url": "https://example.amocrm.ru", "token": "x", "intake": "inbox"}, "one of leads, unsorted"),
        ({"url": "https://example.amocrm.ru", "token": "x", "default_user": "Anna"}, "number of a user"),
        ({"url": "https://example.amocrm.ru", "token": "x", "owners": "leadgat"}, "did you mean leadgate"),
    ],
)
def test_bad_settings_are_refused_with_the_key(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
