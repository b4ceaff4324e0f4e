"""The adapter ``odoo`` by both its interfaces against its fake; tests/integration/crm_adapter has a real Odoo 19."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, Gone, Misconfigured, Rejected, Unavailable
from crm_adapter.http import Answer
from crm_adapter.odoo import build
from crm_adapter.odoo.bodies import plain
from crm_adapter.odoo.errors import judge_json2, judge_jsonrpc
from crm_adapter.options import BadOption
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.odoo import DATABASE, KEY, LOGIN, FakeOdoo


def json2_options(fake: FakeCrm) -> dict[str, Any]:
    """Odoo 19."""
    return {"url": fake.url, "database": DATABASE, "api_key": KEY, "timeout": 0.5}


def jsonrpc_options(fake: FakeCrm) -> dict[str, Any]:
    """Odoo 14 to 18."""
    return {**json2_options(fake), "api": "jsonrpc", "login": LOGIN}


class TestJson2(RecordContract, EdgeCases):
    """Odoo 19."""

    build = staticmethod(build)
    fake: ClassVar[Callable[[], FakeCrm]] = FakeOdoo
    mapped: ClassVar = {"lead": "referred", "contact": "city"}
    secrets = (KEY,)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return json2_options(fake)

    async def test_the_lead_made_before_its_answer_was_lost_is_made_again_as_the_same(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            side.links.kept.clear()  # restored from an old backup
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(fake.leads.rows) == 1
        assert f"__leadgate__.lead_{events.ident(2, 1).replace('-', '_')}" in fake.external

    async def test_sources_and_campaigns_are_made_once_and_set(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.story(1)[0], events.story(2)[0])
            assert [row["name"] for row in fake.utm["utm.campaign"].rows.values()] == ["kitchens"]
            assert {row["campaign_id"] for row in fake.leads.rows.values()} == {1}

    async def test_a_later_text_is_a_note_and_the_description_stays(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            (row,) = fake.leads.rows.values()
            row["description"] = "<p>What Anna wrote</p>"
            for step, stage in ((2, "contacted"), (3, "won")):
                later = {**events.lead(1, text="Ещё дверь"), "stage": stage}
                await side.push(events.event("lead.updated", later, step=step))
            notes = [one["body"] for one in fake.messages.rows.values()]
        assert row["description"] == "<p>What Anna wrote</p>"
        assert sum("Ещё дверь" in one for one in notes) == 1

    async def test_a_letter_is_from_the_customer_and_markup_is_shown_as_it_is(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(*events.story(1)[:1], events.story(1)[4])
            (letter,) = [one for one in fake.messages.rows.values() if one["message_type"] == "email"]
        assert letter["email_from"] == "ivan1@example.com"
        assert letter["author_id"] == 1
        assert "&lt;b&gt;Иван&lt;/b&gt;" in letter["body"]
        assert letter["date"] == "2026-11-22 09:31:00"

    async def test_a_recording_is_a_file_of_the_note_and_the_lead_once(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0], events.event("call.finished", events.call(1, recording=True), step=2))
            fake: Any = side.fake
            side.links.kept.clear()  # restored from an old backup
            await side.adapter.push(
                events.event("call.recording_ready", events.call(1, recording=True), step=3, attempt=2)
            )
            (file,), (note,) = fake.files.rows.values(), fake.messages.rows.values()
            (lead,) = fake.leads.rows
        assert (file["res_model"], file["res_id"], file["name"]) == ("crm.lead", lead, "1.wav")
        assert base64.b64decode(file["datas"]).startswith(b"RIFF")
        assert note["attachment_ids"] == [[4, file["id"], 0]]

    async def test_a_contact_that_people_archived_is_made_anew_and_the_old_one_stays_as_it_is(self) -> None:
        created, form, *_ = events.story(1)
        later = {**events.lead(1), "id": events.ident(2, 1, 2)}
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(created)
            old = await side.id_of("contact", 1)
            fake.archive("contact", old)
            await side.push(events.event("lead.created", later, step=2), form)
            (person,) = side.shown("contact")
            assert await side.id_of("contact", 1) != old
            assert fake.partners.rows[int(old)]["active"] is False
            side.links.kept.clear()  # restored from an old backup
            await side.push(events.event("contact.upserted", {**events.contact(1), "merged": []}, step=4))
            assert len(fake.partners.rows) == 2
            leads = [row["partner_id"] for row in fake.leads.rows.values()]
        assert person["phones"] == [events.phone(1)]
        assert len(set(leads)) == 2, "the new lead is of the new contact"

    async def test_news_of_a_lead_that_was_lost_are_written_to_it(self) -> None:
        """Odoo archives leads that were lost, so they seem to be gone."""
        created, form, call, updated, letter, _ = events.story(1)
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(created)
            fake.archive("lead", await side.id_of("lead", 1))
            await side.push(form, call, updated, letter)
            assert {one["model"] for one in fake.messages.rows.values()} == {"crm.lead"}
            assert len(fake.messages.rows) == 4

    async def test_a_merged_contact_keeps_its_name_although_our_external_id_leads_to_it(self) -> None:
        """Odoo's own merge hands external ids on to the partner that is left."""
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("contact.upserted", {**events.contact(1), "merged": []}))
            left = side.fake.seed_contact(name="Ivan the Regular", phone=events.phone(2))
            name = f"__leadgate__.contact_{events.ident(1, 1).replace('-', '_')}"
            side.fake.remove("contact", await side.id_of("contact", 1))
            fake.external[name] = ("res.partner", int(left))
            more = {**events.contact(1, more_emails=("second@example.com",)), "merged": []}
            await side.push(events.event("contact.upserted", more, step=2))
            (person,) = side.shown("contact")
        assert person["name"] == "Ivan the Regular"
        assert "second@example.com" in person["emails"]

    @pytest.mark.parametrize("number", ["+712", "12", "7"])
    async def test_a_number_that_is_too_short_to_be_searched_loses_no_lead(self, number: str) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone=events.phone(2))
            lead = events.lead(1)
            brief = {**lead["contact"], "phones": [number], "emails": []}
            await side.push(events.event("lead.created", {**lead, "contact": brief}))
            assert len(side.shown("contact")) == 2

    async def test_a_name_of_blanks_and_a_person_without_a_phone_are_taken(self) -> None:
        async with self.standing() as side:
            brief = {**events.contact(1), "name": "   ", "phones": [], "merged": []}
            await side.push(events.event("contact.upserted", brief))
            (person,) = side.shown("contact")
        assert (person["phones"], person["emails"]) == ([], ["ivan1@example.com"])
        assert person["name"].strip()

    async def test_a_wrong_database_is_said_in_clear_words(self) -> None:
        async with self.standing(database="nope") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "database" in str(error)

    async def test_a_note_that_people_deleted_gets_no_file(self) -> None:
        async with self.standing() as side:
            created, *_ = events.story(1)
            await side.push(created, events.event("call.finished", events.call(1), step=2))
            fake: Any = side.fake
            fake.messages.rows.clear()
            await side.push(events.event("call.recording_ready", events.call(1, recording=True), step=3))
            assert not fake.files.rows

    async def test_a_recording_is_an_attachment_by_link(self) -> None:
        call = events.call(1)
        call["details"]["recording_url"] = "https://gate.example.com/r/1.wav"
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.story(1)[0], events.event("call.finished", call, step=3))
            (note,) = fake.messages.rows.values()
        ((_, _, file),) = note["attachment_ids"]
        assert (file["type"], file["url"]) == ("url", "https://gate.example.com/r/1.wav")

    async def test_check_names_the_missing_right_and_the_unknown_field(self) -> None:
        async with self.standing(fields={"lead": {"x_nope": "{subject}"}}) as side:
            fake: Any = side.fake
            fake.may_create = False
            with pytest.raises(Misconfigured, match=r"All Documents.*field x_nope: is no field of crm\.lead"):
                await side.adapter.check()

    async def test_owners_are_read_back_and_asked_for(self) -> None:
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan", phone=events.phone(1))
            crm: Any = side.adapter.crm
            page = await crm.owners_since("2026-11-22 11:00:00", events.START)
            owner = await crm.find_owner(person_of(events.contact(1)))
        assert [(one.remote_id, one.user) for one in page.found] == [(known, "7")]
        assert (page.next_place, page.more) == ("2026-11-22 12:00:00", False)
        assert owner.id == "7"

    async def test_more_changes_than_a_page_are_read_on_from_where_it_ended(self) -> None:
        async with self.standing() as side:
            for number in range(1, 251):
                side.fake.seed_contact(name=f"Ivan {number}", phone=events.phone(number))
            crm: Any = side.adapter.crm
            first = await crm.owners_since("2026-11-22 11:00:00", events.START)
            second = await crm.owners_since(first.next_place, events.START)
        assert (len(first.found), first.more, first.next_place) == (200, True, "2026-11-22 11:00:00|200")
        assert (len(second.found), second.more, second.next_place) == (50, False, "2026-11-22 12:00:00")


class TestJsonRpc(TestJson2):
    """Odoo 14 to 18."""

    fake: ClassVar[Callable[[], FakeCrm]] = partial(FakeOdoo, old=True)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return jsonrpc_options(fake)

    async def test_a_second_number_goes_to_the_mobile(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            known = {**events.contact(1), "phones": [events.phone(1), events.phone(2)], "merged": []}
            await side.push(events.event("contact.upserted", known, step=2))
            (person,) = side.shown("contact")
        assert person["phones"] == [events.phone(1), events.phone(2)]

    async def test_a_wrong_login_is_said_in_clear_words(self) -> None:
        async with self.standing(login="nobody") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "look at database, login and api_key" in str(error)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("odoo.exceptions.AccessDenied", Misconfigured, "not accepted"),
        ("werkzeug.exceptions.Unauthorized", Misconfigured, "make a new one"),
        ("odoo.exceptions.AccessError", Misconfigured, "All Documents"),
        ("werkzeug.exceptions.NotFound", Misconfigured, "Is the app CRM installed"),
        ("odoo.exceptions.MissingError", Gone, "has the record no more"),
        ("odoo.exceptions.ValidationError", Rejected, "ValidationError"),
        ("builtins.ValueError", Rejected, "Invalid field"),
        ("psycopg2.errors.InvalidTextRepresentation", Rejected, "Invalid"),
        ("psycopg2.errors.SerializationFailure", Unavailable, "SerializationFailure"),
        ("psycopg2.OperationalError", Unavailable, "OperationalError"),
        ("", Rejected, "error"),
    ],
)
def test_errors_are_told_apart_by_their_names_not_their_status(name: str, kind: type[Exception], words: str) -> None:
    about = {"name": name, "message": "Invalid\nfield 'x'", "debug": "Traceback, with a secret"}
    shapes = [
        (judge_json2, 500, about),
        (judge_jsonrpc, 200, {"error": {"code": 200, "message": "Odoo Server Error", "data": about}}),
    ]
    for judge, status, document in shapes:
        with pytest.raises(kind) as caught:
            judge(Answer(status=status, headers={}, body=json.dumps(document).encode(), host="odoo.example.com"))
        assert type(caught.value) is kind
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>502 Bad Gateway</html>", b"[1]"])
def test_what_a_proxy_before_odoo_says_is_tried_again(body: bytes) -> None:
    with pytest.raises(Unavailable):
        judge_json2(Answer(status=502, headers={}, body=body, host="odoo.example.com"))


@pytest.mark.parametrize("judge", [judge_json2, judge_jsonrpc])
def test_a_page_instead_of_data_names_the_address(judge: Callable[[Answer], None]) -> None:
    with pytest.raises(Misconfigured, match="look at url"):
        judge(Answer(status=404, headers={}, body=b"<!DOCTYPE html><title>Our shop</title>", host="odoo.example.com"))


def test_the_words_of_a_description_are_compared_without_its_markup() -> None:
    assert plain("<p>a &amp; b<br>c</p>").split() == ["a", "&", "b", "c"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://odoo.example.com"}, "https"),
        ({"api_key": None}, "api_key is missing"),
        ({"api": "jsonrpc"}, "login is missing"),
        ({"api": "xmlrpc"}, "one of json2, jsonrpc"),
        ({"default_user": "anna"}, "number of a user"),
    ],
)
def test_bad_settings_are_refused_with_the_key(change: dict[str, Any], words: str) -> None:
    options = {"url": "https://odoo.example.com", "database": "crm", "api_key": "k", **change}
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
