"""The adapter ``bitrix24`` in both its modes, and what is particular to Bitrix24."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from crm_adapter import texts
from crm_adapter.base import Event, Misconfigured, RecordingFile, Rejected, Unavailable
from crm_adapter.bitrix24 import build
from crm_adapter.records import call_of, person_of
from crm_adapter.registry import BUILT_IN
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.support.fakecrm.bitrix24 import CODE, CONTACT, DEAL, LEAD, REFRESH, SECRET, FakeBitrix24


def webhook_options(fake: FakeCrm) -> dict[str, Any]:
    """An incoming webhook."""
    return {"url": f"{fake.url}/rest/1/{CODE}/", "timeout": 0.5, "rate": 1000}


def app_options(fake: FakeCrm) -> dict[str, Any]:
    """A local application."""
    return {
        "url": fake.url, "client_id": "local.1", "client_secret": SECRET, "refresh_token": REFRESH,
        "oauth_url": f"{fake.url}/oauth/token/", "timeout": 0.5, "rate": 1000,
    }  # fmt: skip


class TestWebhook(RecordContract):
    """Everything but telephony."""

    build = staticmethod(build)
    fake = FakeBitrix24
    mapped: ClassVar = {"lead": "ufCrm_1", "contact": "ufCrm_1"}
    secrets = (CODE,)

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return webhook_options(fake)

    async def test_a_webhook_may_show_no_card(self) -> None:
        async with self.standing() as side:
            await side.push(ringing())
            assert not side.fake.asked

    async def test_calls_become_activities_of_the_lead(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            fake: Any = side.fake
            (lead_id,) = fake.items[LEAD].rows
            first, missed = fake.activities.rows.values()
        assert (first["OWNER_TYPE_ID"], first["OWNER_ID"], first["TYPE_ID"]) == (LEAD, lead_id, 2)
        assert first["COMMUNICATIONS"][0]["ENTITY_TYPE_ID"] == CONTACT
        assert (first["COMPLETED"], missed["COMPLETED"]) == ("Y", "N"), "a missed call waits to be called back"
        assert "missed" in missed["SUBJECT"]

    async def test_what_people_wrote_into_the_comments_stays(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            fake: Any = side.fake
            (row,) = fake.items[LEAD].rows.values()
            row["comments"], row["title"] = "Called back, wants oak", "Big kitchen"
            await side.push(events.event("lead.updated", events.lead(1, text="Ещё дверь"), step=2))
        assert row["comments"].startswith("Called back, wants oak")
        assert "Ещё дверь" in row["comments"]
        assert row["title"] == "Big kitchen"

    async def test_an_owner_that_people_set_stays_unless_leadgate_owns(self) -> None:
        for owners, wanted in (("crm", 1), ("leadgate", 7)):
            async with self.standing(owners=owners) as side:
                await side.push(events.event("lead.created", events.lead(1)))
                fake: Any = side.fake
                (row,) = fake.items[LEAD].rows.values()
                row["assignedById"] = 1
                await side.push(events.event("lead.updated", events.lead(1, text="Ещё дверь"), step=2))
            assert row["assignedById"] == wanted, owners

    async def test_a_crm_without_leads_gets_deals(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.mode = 2
            await side.push(*events.story(1))
            assert len(fake.items[DEAL].rows) == 1
            assert not fake.items[LEAD].rows
            assert {row["OWNER_TYPE_ID"] for row in fake.activities.rows.values()} == {DEAL}

    async def test_check_names_the_missing_right_and_the_unknown_field(self) -> None:
        async with self.standing(fields={"lead": {"ufCrm_77": "{subject}"}}) as side:
            fake: Any = side.fake
            fake.scopes = ("crm",)
            with pytest.raises(Misconfigured, match=r"right user: is missing.*field ufCrm_77: is no field"):
                await side.adapter.check()
            assert not fake.commits

    @pytest.mark.parametrize("name", ["ufCrm_1", "UF_CRM_1"])
    async def test_a_custom_field_is_filled_under_either_of_its_names(self, name: str) -> None:
        """Bitrix24 shows UF_CRM_1 and passes over it in silence: its interface takes ufCrm_1 only."""
        async with self.standing(fields={"lead": {name: "{subject}"}, "contact": {name: "VIP"}}) as side:
            await side.push(events.story(1)[0])
            await side.push(events.event("lead.updated", {**events.lead(1), "subject": "Дверь"}, step=2))
            fake: Any = side.fake
            (lead,) = fake.items[LEAD].rows.values()
            (contact,) = fake.items[CONTACT].rows.values()
            said = [str(one.said) for one in await side.adapter.crm.examine() if name in one.subject]  # type: ignore[attr-defined]
        assert (lead["ufCrm_1"], contact["ufCrm_1"]) == ("Дверь", "VIP")
        assert said == ["is there.", "is there."]

    async def test_check_names_a_field_that_must_be_filled_and_a_kind_that_may_not_be_read(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.required = {"ufCrm_1"}
            with pytest.raises(Misconfigured, match=r"field ufCrm_1: Регион must be filled.*fields\.lead\.ufCrm_1"):
                await side.adapter.check()
            error = await side.error_of(events.story(1)[0])
            assert isinstance(error, Rejected)
            assert error.field == "ufCrm_1"
            fake.required, fake.forbidden = set(), {LEAD}
            with pytest.raises(Misconfigured, match=r"leads: can't be read: .*rights to read, add and change"):
                await side.adapter.check()
            assert not fake.items[LEAD].rows

    async def test_a_field_that_must_be_filled_and_is_mapped_is_well(self) -> None:
        async with self.standing(fields={kind: {"UF_CRM_1": "{channel|form}"} for kind in ("lead", "contact")}) as side:
            fake: Any = side.fake
            fake.required = {"ufCrm_1"}
            assert await side.adapter.check()
            await side.push(events.story(1)[0])
            assert len(side.shown("lead")) == 1

    async def test_a_lead_of_a_contact_that_people_deleted_has_a_contact_again(self) -> None:
        """Bitrix24 might take the old number of the contact in silence: a lead that nobody can call."""
        async with self.standing() as side:
            await side.push(events.event("contact.upserted", {**events.contact(1), "merged": []}))
            side.fake.remove("contact", await side.id_of("contact", 1))
            await side.push(events.event("lead.created", events.lead(1), step=2))
            (contact,) = side.shown("contact")
            (lead,) = side.shown("lead")
            assert str(lead["contact"]) == await side.id_of("contact", 1)
        assert contact["phones"] == [events.phone(1)]

    async def test_people_with_a_mail_only_and_with_a_name_of_blanks_have_something_to_be_called_by(self) -> None:
        async with self.standing() as side:
            for person, change in ((1, {"phones": []}), (2, {"name": "  "}), (3, {"name": "🙂 Ира", "emails": []})):
                lead = events.lead(person)
                known = {**lead["contact"], **change, **({"name": None} if person == 1 else {})}
                await side.push(events.event("lead.created", {**lead, "contact": known}))
            names = [one["name"] for one in side.shown("contact")]
        assert names == ["ivan1@example.com", events.phone(2), "🙂 Ира"]

    async def test_owners_are_read_back_page_by_page(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            for person in range(60):
                system = {"updatedTime": "2026-11-22T12:00:01+03:00", "assignedById": 7 + person % 2}
                fake.items[CONTACT].put({"name": "x", "fm": []}, system=system)
            crm: Any = side.adapter.crm
            first = await crm.owners_since("2026-11-22T12:00:00+03:00", events.START)
            second = await crm.owners_since(first.next_place, events.START)
            third = await crm.owners_since(second.next_place, events.START)
        assert (len(first.found), first.more, len(second.found), second.more) == (50, True, 10, False)
        assert {one.user for one in first.found} == {"7", "8"}
        assert len(third.found) == 50, "the moment itself is looked at again: nothing that changed within it is missed"

    async def test_owners_are_all_read_although_contacts_change_meanwhile(self) -> None:
        """Who counts pages passes over one for each contact that has gone to the end of the list since."""
        async with self.standing() as side:
            fake: Any = side.fake
            for person in range(60):
                system = {"updatedTime": f"2026-11-22T12:00:{person:02d}+03:00", "assignedById": 7}
                fake.items[CONTACT].put({"name": "x", "fm": []}, system=system)
            crm: Any = side.adapter.crm
            first = await crm.owners_since("2026-11-22T12:00:00+03:00", events.START)
            fake.items[CONTACT].rows[1]["updatedTime"] = "2026-11-22T12:01:00+03:00"
            second = await crm.owners_since(first.next_place, events.START)
        assert {one.remote_id for one in (*first.found, *second.found)} == {str(number) for number in range(1, 61)}
        assert (first.more, second.more, second.next_place) == (True, False, "2026-11-22T12:01:00+03:00")

    async def test_the_owner_of_a_caller_is_found_however_the_number_was_typed(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Ivan", phone=events.phone(1))
            crm: Any = side.adapter.crm
            found = person_of(events.contact(1))
            assert found is not None
            owner = await crm.find_owner(found)
        assert owner.id == "1"


def ringing(*, answered: bool = False, at: datetime | None = None) -> Event:
    """The call of ``events.call(1)`` while it rings at both phones, or when Oleg has just answered it."""
    call = events.call(1, answered=answered)
    call["phase"] = "answered" if answered else "ringing"
    name = "call.answered" if answered else "call.ringing"
    made = events.event(name, call, step=3 if answered else 2)
    return Event(type=name, message_id=made.message_id, timestamp=at or datetime.now(UTC), data=call)


class TestApp(RecordContract):
    """With telephony."""

    build = staticmethod(build)
    fake: ClassVar[Callable[[], FakeCrm]] = partial(FakeBitrix24, is_app=True)
    mapped: ClassVar = {"lead": "ufCrm_1"}
    secrets = (SECRET, REFRESH, "access-token", "refresh-token-1")

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return app_options(fake)

    async def test_a_call_is_registered_once_and_finished_with_its_result(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            fake: Any = side.fake
            first, missed = fake.statistics.rows.values()
            (contact_id,) = fake.items[CONTACT].rows
        assert (first["STATUS_CODE"], first["DURATION"], first["USER_ID"]) == ("200", 60, 8)
        assert (missed["STATUS_CODE"], missed["DURATION"]) == ("304", 0)
        assert first["EXTERNAL_CALL_ID"] == events.ident(3, 1, 1)
        assert first["CRM_ENTITY_TYPE"] == "LEAD"
        assert contact_id
        assert not fake.activities.rows

    async def test_check_says_that_the_statistics_may_not_be_read(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.shows_statistics = False
            with pytest.raises(Misconfigured, match=r"statistics of calls: can't be read\..*see the call statistics"):
                await side.adapter.check()

    @pytest.mark.parametrize("reason", ["no_answer", "caller_hung_up", "queue_timeout", "busy", "voicemail"])
    async def test_every_call_that_nobody_answered_counts_among_the_missed_ones(self, reason: str) -> None:
        async with self.standing() as side:
            call = events.call(1, answered=False)
            call["details"]["missed_reason"] = reason
            await side.push(events.event("call.finished", call))
            fake: Any = side.fake
            (row,) = fake.statistics.rows.values()
        assert (row["STATUS_CODE"], row["FAILED_REASON"]) == ("304", texts.MISSED[reason])

    async def test_a_call_of_somebody_who_works_there_no_more_is_not_lost(self) -> None:
        for card in (False, True):
            async with self.standing(users={"oleg": "9"}) as side:
                if card:
                    await side.push(ringing())
                await side.push(events.event("call.finished", events.call(1), step=3))
                fake: Any = side.fake
                (row,) = fake.statistics.rows.values()
            assert row["USER_ID"] == 1, "the user of the application"

    @pytest.mark.parametrize(
        ("name", "shown"), [("1.WAV", "1.wav"), ("1.mp3", "1.mp3"), ("1.ogg", "1.ogg"), ("1.gsm", "1.gsm")]
    )
    async def test_a_recording_of_any_kind_arrives(self, name: str, shown: str) -> None:
        """Telephony refuses all but wav and mp3; the rest are files of the call's activity."""
        async with self.standing() as side:
            await side.push(events.event("call.finished", events.call(1)))
            fake: Any = side.fake
            (row,) = fake.statistics.rows.values()
            call = call_of(events.call(1), events.START)
            file = RecordingFile(name=name, content_type="audio/x", content=b"x")
            crm: Any = side.adapter.crm
            await crm.attach_recording(call, row["CALL_ID"], file)
            await crm.attach_recording(call, row["CALL_ID"], RecordingFile(name=name, content_type="", content=b""))
        assert row["recording"] == shown

    async def test_a_number_that_telephony_does_not_take_is_an_activity_once(self) -> None:
        async with self.standing() as side:
            call = events.call(1)
            call["details"]["caller"] = "101"
            event = events.event("call.finished", call)
            await side.push(event)
            side.links.kept = {key: link for key, link in side.links.kept.items() if key[0] != "call"}
            await side.adapter.push(events.again(event, 2))
            fake: Any = side.fake
            assert len(fake.activities.rows) == 1
            assert not fake.calls

    async def test_a_card_is_shown_to_those_whose_phones_ring_and_ends_with_the_call(self) -> None:
        async with self.standing(users={"anna": "7", "oleg": "8"}) as side:
            fake: Any = side.fake
            await side.push(ringing())
            (card,) = fake.cards
            assert fake.cards[card] == {7, 8}, "one call, two screens"
            await side.push(ringing(answered=True))
            assert fake.cards[card] == {8}, "the one who answered; the other has work to do"
            assert not fake.statistics.rows
            await side.push(events.story(1)[0], events.event("call.finished", events.call(1), step=4))
            (call,) = fake.statistics.rows.values()
            (lead,) = fake.items[LEAD].rows
        assert not fake.cards
        assert len(fake.calls) == 1, "ringing, answered and over are one call"
        assert (call["CALL_ID"], call["STATUS_CODE"], call["USER_ID"]) == (card, "200", 8)
        assert fake.calls[card]["CRM_ENTITY_TYPE"] == "CONTACT"
        assert fake.bound == [{"activityId": 500 + call["id"], "entityTypeId": LEAD, "entityId": lead}]

    async def test_a_card_whose_answer_was_lost_is_the_same_card(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.choose = lambda asked: Trouble.LOST if "register" in asked.path else None
            assert isinstance(await side.error_of(ringing()), Unavailable)
            fake.choose = None
            await side.push(ringing(), events.event("call.finished", events.call(1), step=4))
            assert len(fake.calls) == len(fake.statistics.rows) == 1

    async def test_a_card_that_comes_too_late_disturbs_nobody(self) -> None:
        async with self.standing() as side:
            late = datetime.now(UTC) - timedelta(minutes=2)
            await side.push(ringing(at=late))
            assert not side.fake.asked

    async def test_a_withheld_number_and_a_phone_of_nobody_have_no_card(self) -> None:
        async with self.standing() as side:
            withheld, nobody = ringing(), ringing()
            for event, change in ((withheld, {"caller": None}), (nobody, {"rang": ["999"]})):
                call: Any = event.data
                call["details"] |= change
                if change.get("caller", "") is None:
                    call["contact"] = None
            fake: Any = side.fake
            await side.push(withheld, nobody)
            assert not fake.calls

    async def test_a_card_that_the_portal_forgot_does_not_lose_the_call(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(ringing())
            fake.calls.clear()
            await side.push(events.event("call.finished", events.call(1), step=4))
            assert len(fake.statistics.rows) == 1

    async def test_the_refresh_token_that_was_spent_is_never_used_again(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            for person in range(2, 5):
                side.fake.expire()
                await side.push(events.story(person)[0])
            assert len(side.shown("lead")) == 4

    async def test_a_dead_refresh_token_is_said_in_clear_words(self) -> None:
        async with self.standing(refresh_token="spent-long-ago") as side:
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured)
        assert "install the local application anew" in str(error)


PLAIN = {"string": str, "integer": int, "array": list, "object": dict, "boolean": bool}


@pytest.mark.parametrize("is_app", [False, True])
async def test_every_body_fits_the_vendors_own_schema(is_app: bool) -> None:
    folder = Path(os.environ.get("LEADGATE_CORPORA") or Path(__file__).parents[3] / "shared") / "crm" / "bitrix24"
    if not folder.is_dir():
        pytest.skip(f"no schemas of the vendor in {folder} (set LEADGATE_CORPORA)")
    side_of = TestApp() if is_app else TestWebhook()
    async with side_of.standing() as side:
        await side.push(*events.story(1), events.event("call.finished", events.call(1, 3, recording=True), step=9))
        await side.push(*[events.again(one, 2) for one in events.story(1)])
        asked = [one for one in side.fake.asked if "/rest/" in one.path]
    checked = 0
    for one in asked:
        method = one.path.rpartition("/")[2].removesuffix(".json")
        schema_file = folder / f"{method}.json"
        if not schema_file.exists():  # profile, scope and voximplant.statistic.get have no schema there
            continue
        schema = json.loads(schema_file.read_text(encoding="utf-8"))
        body = {key: value for key, value in one.json().items() if key != "auth"}
        params = {param["name"]: param for param in schema["params"]}
        assert set(body) <= set(params), f"{method}: {set(body) - set(params)}"
        for name, value in body.items():
            kind = PLAIN.get(params[name]["base"])
            loose = params[name].get("ref") or method == "crm.activity.add"
            assert kind is None or loose or isinstance(value, kind), f"{method}.{name}: {value!r}"
        missing = (
            {name for name, param in params.items() if param["required"] is True} - set(body) - {"USER_PHONE_INNER"}
        )
        assert not missing, f"{method}: {missing}"
        known = {field["name"] for field in schema["defs"].get("fieldsFields", {}).get("fields", [])}
        if known and method != "crm.activity.add":
            assert {name for name in body["fields"] if not name.startswith("ufCrm")} <= known, method
        checked += 1
    assert checked > 5


def test_the_adapter_is_registered() -> None:
    assert "bitrix24" in BUILT_IN
