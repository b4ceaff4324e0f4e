"""The adapter ``amocrm`` with both its tokens and both its intakes, and what is particular to amoCRM."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest

from crm_adapter.amocrm import build
from crm_adapter.amocrm.errors import judge
from crm_adapter.base import Context, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.support.fakecrm.amocrm import REFRESH, SECRET, TOKEN, FakeAmoCrm


def token_options(fake: FakeCrm) -> dict[str, Any]:
    """A long-lived token."""
    return {"url": fake.url, "token": TOKEN, "timeout": 0.5, "rate": 1000}


SPLIT = "+49 30 1234-506"
"""A way to write a number that nobody's numbering plan has."""


class TestToken(RecordContract):
    """The simple way."""

    build = staticmethod(build)
    fake = FakeAmoCrm
    misses: ClassVar = (SPLIT,)
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
        assert "Not answered: no_answer" in second["call_result"]

    async def test_a_call_whose_contact_people_deleted_goes_to_the_unsorted_inbox(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            fake: Any = side.fake
            fake.contacts.rows.clear()
            await side.push(events.event("call.finished", events.call(1), step=2))
            assert not fake.calls.rows
            (entry,) = fake.sip.rows.values()
        assert entry["metadata"]["from"] == events.phone(1)

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


class TestOAuth(RecordContract):
    """A token that runs out every day."""

    build = staticmethod(build)
    fake: ClassVar[Callable[[], FakeCrm]] = partial(FakeAmoCrm, oauth=True)
    misses: ClassVar = (SPLIT,)
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


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, Rejected, "name"),
        (401, Misconfigured, "revoked or has run out"),
        (402, Misconfigured, "not paid"),
        (403, Misconfigured, "blocked for asking too often"),
        (404, Rejected, "404"),
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
