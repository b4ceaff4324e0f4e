"""The adapter ``odoo`` and a real Odoo 19, by both its interfaces. Runs by `make test-odoo`."""

from __future__ import annotations

import asyncio
import base64
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crm_adapter.base import Context, CrmError, Event, Misconfigured, Rejected, Unavailable
from crm_adapter.links import MemoryLinks
from crm_adapter.odoo import build
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import WAV, managers, recording
from tests.acceptance.load import FORM_KEY, FORM_TABLE
from tests.peers.odoo import DATABASE, LOGIN, OdooPeer
from tests.support.faultproxy import FaultProxy
from tests.support.process import Api, Installation

pytestmark = pytest.mark.skipif(os.environ.get("LEADGATE_ODOO") != "1", reason="runs by `make test-odoo`")
MOST_TRIES = 5
APIS = ("json2", "jsonrpc")


@pytest.fixture(scope="module")
def odoo() -> Iterator[OdooPeer]:
    """One for all tests, each with persons of its own."""
    peer = OdooPeer.start()
    yield peer
    peer.stop()


@asynccontextmanager
async def connected(peer: OdooPeer, api: str, *, port: int | None = None, **more: Any) -> AsyncIterator[RecordAdapter]:
    """An adapter; ``port`` of a proxy."""
    url = f"http://127.0.0.1:{port or peer.port}"
    options = {"url": url, "database": DATABASE, "api_key": peer.key, "api": api, "login": LOGIN, **more}
    context = Context(name="test", allow_private=True, links=MemoryLinks(), managers=managers, recording=recording)
    adapter = build(options, context)
    try:
        yield adapter
    finally:
        await adapter.close()


async def push(adapter: RecordAdapter, *happened: Event) -> None:
    """As the worker does."""
    for event in happened:
        for attempt in range(1, MOST_TRIES + 1):
            try:
                await adapter.push(events.again(event, attempt))
                break
            except CrmError as error:
                if not error.retryable or attempt == MOST_TRIES:
                    raise


def leads(peer: OdooPeer, person: int) -> list[dict[str, Any]]:
    """Those of one person."""
    fields = ("name", "type", "description", "partner_id", "user_id", "source_id", "campaign_id", "phone_sanitized")
    return peer.read("crm.lead", [["email_from", "=", f"ivan{person}@example.com"]], *fields)


def messages(peer: OdooPeer, lead: int) -> list[dict[str, Any]]:
    """What we wrote into its chatter."""
    domain = [["model", "=", "crm.lead"], ["res_id", "=", lead], ["message_id", "like", "@leadgate>"]]
    return peer.read("mail.message", domain, "body", "message_type", "author_id", "subtype_id", "date", "email_from")


@pytest.mark.parametrize("api", APIS)
async def test_a_story_arrives_in_a_real_odoo(odoo: OdooPeer, api: str) -> None:
    person = 1 + APIS.index(api)
    async with connected(odoo, api) as adapter:
        assert "of our managers it knows: 2" in await adapter.check()
        await push(adapter, *events.story(person), *events.story(person)[:2])
    (lead,) = leads(odoo, person)
    assert (lead["name"], lead["type"]) == (f"Заявка {person}", "opportunity")
    assert "кухня 3 метра" in lead["description"]
    assert lead["user_id"][0] == odoo.users[0]
    assert lead["phone_sanitized"] == events.phone(person)
    assert (lead["source_id"][1], lead["campaign_id"][1]) == ("yandex", "kitchens")
    found = messages(odoo, lead["id"])
    assert sum("кухня 4 метра" in one["body"] for one in found) == 1
    assert sum("Incoming call" in one["body"] for one in found) == 2
    (letter,) = [one for one in found if one["message_type"] == "email"]
    assert letter["author_id"] == lead["partner_id"]
    assert "&lt;b&gt;Иван&lt;/b&gt;" in letter["body"]
    assert len(found) == 5


@pytest.mark.parametrize("api", APIS)
async def test_lost_answers_lose_nothing_and_double_nothing(odoo: OdooPeer, api: str) -> None:
    person = 11 + APIS.index(api)
    async with FaultProxy(odoo.port) as proxy, connected(odoo, api, port=proxy.port) as adapter:
        for event in events.story(person):
            for attempt in range(1, MOST_TRIES + 1):
                proxy.cut_after = 1 if attempt <= 2 else None
                try:
                    await adapter.push(events.again(event, attempt))
                    break
                except Unavailable:
                    assert attempt < MOST_TRIES
        assert proxy.cuts
    (lead,) = leads(odoo, person)
    assert len(messages(odoo, lead["id"])) == 5
    assert len(odoo.read("res.partner", [["email_normalized", "=", f"ivan{person}@example.com"]], "name")) == 1


async def test_a_partner_is_found_however_its_number_was_typed_and_keeps_its_name(odoo: OdooPeer) -> None:
    number = events.phone(21)
    typed = f"8 ({number[2:5]}) {number[5:8]}-{number[8:10]}-{number[10:]}"
    values = {"name": "Ivan the Regular", "phone": typed, "user_id": odoo.users[1]}
    (known,) = odoo.call("res.partner", "create", {"vals_list": [values]})
    async with connected(odoo, "json2") as adapter:
        await push(adapter, events.story(21)[0])
        crm: Any = adapter.crm
        owner = await crm.find_owner(person_of(events.contact(21)))
        page = await crm.owners_since("2020-01-01 00:00:00", events.START)
        odoo.call("res.partner", "write", {"ids": [known], "vals": {"user_id": odoo.users[0]}})
        later = await crm.owners_since(page.next_place, events.START)
    (partner,) = odoo.read("res.partner", [["id", "=", known]], "name", "phone", "email")
    assert partner == {"id": known, "name": "Ivan the Regular", "phone": typed, "email": "ivan21@example.com"}
    assert owner.id == str(odoo.users[1])
    assert (str(known), str(odoo.users[1])) in {(one.remote_id, one.user) for one in page.found}
    assert (str(known), str(odoo.users[0])) in {(one.remote_id, one.user) for one in later.found}


@pytest.mark.parametrize("own_search", [True, False], ids=["own search", "patterns"])
@pytest.mark.parametrize("api", APIS)
async def test_a_lead_is_of_the_partner_whose_number_somebody_typed_by_hand(
    odoo: OdooPeer, api: str, own_search: bool
) -> None:
    """By Odoo's own search without signs, and as an Odoo that has none is asked."""
    kind = 2 * APIS.index(api) + own_search
    shift = 10_000 * (1 + kind)  # other numbers for each: E.164 and typed, their last five digits raised
    numbers = [(_shifted(number, shift), _shifted(typed, shift)) for number, typed in events.TYPED]
    values = [{"name": f"Typed {typed}", "phone": typed} for _, typed in numbers]
    known = odoo.call("res.partner", "create", {"vals_list": values})
    async with connected(odoo, api) as adapter:
        crm: Any = adapter.crm
        fields = await crm._fields("res.partner")
        assert "phone_mobile_search" in fields
        if not own_search:
            del fields["phone_mobile_search"]
        for place, (number, _) in enumerate(numbers):
            person = 300 + 100 * kind + place
            brief = {**events.contact(person), "name": f"New {number}", "phones": [number], "emails": []}
            await push(adapter, events.event("lead.created", {**events.lead(person), "contact": brief}))
    wanted = [["name", "like", "Typed "], ["id", "in", known]]
    leads_of = {one["id"]: one["opportunity_ids"] for one in odoo.read("res.partner", wanted, "opportunity_ids")}
    missed = [typed for (_, typed), partner in zip(numbers, known, strict=True) if len(leads_of[partner]) != 1]
    assert not missed


def _shifted(number: str, by: int) -> str:
    """The number with its last five digits raised; the signs between them stay."""
    digits = [place for place, sign in enumerate(number) if sign.isdigit()][-5:]
    raised = f"{(int(''.join(number[place] for place in digits)) + by) % 100_000:05d}"
    signs = list(number)
    for place, sign in zip(digits, raised, strict=True):
        signs[place] = sign
    return "".join(signs)


def partner_of(peer: OdooPeer, person: int) -> dict[str, Any]:
    """The one that is not archived."""
    wanted = [["email_normalized", "=", f"ivan{person}@example.com"]]
    (partner,) = peer.read("res.partner", wanted, "name", "phone")
    return partner


@pytest.mark.parametrize("archived", [True, False], ids=["archived", "deleted"])
@pytest.mark.parametrize("api", APIS)
async def test_a_partner_that_people_deleted_is_made_anew_and_its_history_goes_on(
    odoo: OdooPeer, api: str, archived: bool
) -> None:
    person = 41 + 2 * APIS.index(api) + archived
    created, form, call, updated, letter, _ = events.story(person)
    async with connected(odoo, api) as adapter:
        await push(adapter, created)
        (lead,) = leads(odoo, person)
        old = lead["partner_id"][0]
        if archived:
            odoo.call("res.partner", "write", {"ids": [old], "vals": {"active": False}})
        else:
            odoo.call("res.partner", "unlink", {"ids": [old]})
        later = {**events.lead(person), "id": events.ident(2, person, 2)}
        await push(adapter, form, call, updated, letter, events.event("lead.created", later, step=7))
    partner = partner_of(odoo, person)
    assert partner["id"] != old
    assert partner["phone"].replace(" ", "").replace("-", "") == events.phone(person)
    assert len(messages(odoo, lead["id"])) == 4
    seconds = odoo.read("crm.lead", [["partner_id", "=", partner["id"]]], "name")
    assert len(seconds) == 1, "the new lead is of the new partner"


@pytest.mark.parametrize("kept", [True, False], ids=["with its partner", "both"])
@pytest.mark.parametrize("api", APIS)
async def test_a_lead_that_people_deleted_stays_deleted_and_its_person_is_heard(
    odoo: OdooPeer, api: str, kept: bool
) -> None:
    person = 51 + 2 * APIS.index(api) + kept
    created, form, call, updated, letter, missed = events.story(person)
    async with connected(odoo, api) as adapter:
        await push(adapter, created)
        (lead,) = leads(odoo, person)
        odoo.call("crm.lead", "unlink", {"ids": [lead["id"]]})
        if not kept:
            odoo.call("res.partner", "unlink", {"ids": [lead["partner_id"][0]]})
        await push(adapter, call, updated, form, letter, missed, updated)
    assert not leads(odoo, person)
    partner = partner_of(odoo, person)
    assert (partner["id"] == lead["partner_id"][0]) is kept
    domain = [["model", "=", "res.partner"], ["res_id", "=", partner["id"]], ["message_id", "like", "@leadgate>"]]
    assert len(odoo.read("mail.message", domain, "body")) == 4


@pytest.mark.parametrize("api", APIS)
async def test_news_of_a_lead_that_was_lost_are_written_to_it(odoo: OdooPeer, api: str) -> None:
    person = 61 + APIS.index(api)
    created, _, call, updated, *_ = events.story(person)
    async with connected(odoo, api) as adapter:
        await push(adapter, created)
        (lead,) = leads(odoo, person)
        odoo.call("crm.lead", "action_set_lost", {"ids": [lead["id"]]})
        await push(adapter, updated, call)
    assert not leads(odoo, person), "it is archived"
    assert len(messages(odoo, lead["id"])) == 2


async def test_the_partner_that_is_left_of_a_merge_is_used_and_keeps_its_name(odoo: OdooPeer) -> None:
    created, _, call, *_ = events.story(65)
    async with connected(odoo, "json2") as adapter:
        await push(adapter, created)
        (lead,) = leads(odoo, 65)
        (left,) = odoo.call("res.partner", "create", {"vals_list": [{"name": "Ivan the Regular", "phone": "+7495001"}]})
        both = [left, lead["partner_id"][0]]
        values = {"partner_ids": [[6, 0, both]], "dst_partner_id": left, "state": "selection"}
        wizard = "base.partner.merge.automatic.wizard"
        (merge,) = odoo.call(wizard, "create", {"vals_list": [values]})
        odoo.call(wizard, "action_merge", {"ids": [merge]})
        known = {**events.contact(65, more_emails=("second65@example.com",)), "merged": []}
        await push(adapter, call, events.event("contact.upserted", known, step=4))
    (partner,) = odoo.read("res.partner", [["id", "=", left]], "name", "email", "phone", "comment")
    assert partner["name"] == "Ivan the Regular"
    assert "second65@example.com" in partner["email"]
    assert not odoo.read("res.partner", [["id", "=", both[1]]], "name")
    assert odoo.read("crm.lead", [["partner_id", "=", left]], "name")


@pytest.mark.parametrize("api", APIS)
async def test_a_recording_is_a_file_of_the_lead_and_its_note_once(odoo: OdooPeer, api: str) -> None:
    person = 25 + APIS.index(api)
    ended = events.event("call.finished", events.call(person, recording=True), step=3)
    async with connected(odoo, api) as adapter:
        await push(adapter, events.story(person)[0], ended)
    async with connected(odoo, api) as forgetful:  # without its links it must look
        await forgetful.push(events.again(events.story(person)[0], 2))
        await forgetful.push(events.again(ended, 2))
    (lead,) = leads(odoo, person)
    wanted = [["res_model", "=", "crm.lead"], ["res_id", "=", lead["id"]]]
    (file,) = odoo.read("ir.attachment", wanted, "name", "datas", "mimetype")
    assert (file["name"], base64.b64decode(file["datas"])) == (WAV.name, WAV.content)
    notes = odoo.read("mail.message", [["attachment_ids", "in", [file["id"]]]], "body")
    assert len(notes) == 1
    assert "Incoming call" in notes[0]["body"]


async def test_a_recording_is_an_attachment_by_link(odoo: OdooPeer) -> None:
    call = events.call(22, recording=True)
    call["details"]["recording_url"] = "https://gate.example.com/r/22.wav"
    async with connected(odoo, "json2") as adapter:
        await push(adapter, events.story(22)[0], events.event("call.finished", call, step=3))
    (lead,) = leads(odoo, 22)
    wanted = [["res_model", "=", "crm.lead"], ["res_id", "=", lead["id"]]]
    (file,) = odoo.read("ir.attachment", [*wanted, ["type", "=", "url"]], "type", "url", "name")
    assert (file["type"], file["url"], file["name"]) == ("url", "https://gate.example.com/r/22.wav", "22.wav")


@pytest.mark.parametrize("api", APIS)
async def test_errors_mean_what_they_mean(odoo: OdooPeer, api: str) -> None:
    async with connected(odoo, api, api_key="x" * 40) as adapter:
        with pytest.raises(Misconfigured, match="key"):
            await adapter.push(events.story(31)[0])
    async with connected(odoo, api, database="nope") as adapter:
        with pytest.raises(Misconfigured, match=r"look at .*database"):
            await adapter.push(events.story(33)[0])
    async with connected(odoo, api, fields={"lead": {"nope": "{subject}"}}) as adapter:
        with pytest.raises(Misconfigured, match=r"field nope: is no field of crm\.lead"):
            await adapter.check()
        with pytest.raises(Rejected, match="nope"):
            await adapter.push(events.story(32)[0])


@pytest.mark.parametrize("api", APIS)
async def test_what_is_unusual_arrives_too(odoo: OdooPeer, api: str) -> None:
    person = 71 + APIS.index(api)
    lead = {**events.lead(person, text="🙂&<b>\n" * 30_000), "subject": " 🙂 " * 300}
    lead["contact"] = {**lead["contact"], "name": " \t ", "phones": []}
    letter = {**events.letter(person), "text": "ё" * 200_000, "subject": "ж" * 5000}
    strange = f"+71{person % 10}"
    short = {**events.lead(person + 2), "contact": {**events.contact(person + 2), "phones": [strange]}}
    async with connected(odoo, api) as adapter:
        await push(adapter, events.event("lead.created", short))
        await push(adapter, events.event("lead.created", lead), events.event("email.received", letter, step=2))
    assert partner_of(odoo, person + 2)["phone"] == strange
    assert partner_of(odoo, person)["name"] == f"ivan{person}@example.com"
    (made,) = leads(odoo, person)
    assert made["name"].startswith("🙂 🙂")
    assert "🙂&amp;&lt;b&gt;<br>🙂" in made["description"]
    (message,) = messages(odoo, made["id"])
    assert "ё" * 9000 in message["body"]


def configured(peer: OdooPeer, api: str, **more: str) -> str:
    """The table of the configuration."""
    keys = {"database": DATABASE, "api_key": peer.key, "api": api, "login": LOGIN, **more}
    lines = [f'{name} = "{value}"' for name, value in keys.items()]
    head = ["[[crm]]", 'name = "office"', 'adapter = "odoo"', "allow_private = true", f'url = "{peer.url}"']
    return "\n".join([*head, *lines, ""])


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({}, 0, "right on crm.lead: can be made."),
        ({"api_key": "x" * 40}, 1, "key"),
        ({"database": "nope"}, 1, "look at"),
    ],
    ids=["well", "wrong key", "wrong database"],
)
def test_crm_check_says_what_is_wrong_and_makes_nothing(
    odoo: OdooPeer, tmp_path: Path, api: str, more: dict[str, str], code: int, words: str
) -> None:
    models = ("res.partner", "crm.lead", "mail.message")
    before = [odoo.call(model, "search_count", {"domain": []}) for model in models]
    gate = Installation.make(tmp_path, more=configured(odoo, api, **more), environment={"LC_ALL": "C.UTF-8"})
    done = gate.run("crm", "check")
    assert (done.returncode, words in done.stdout) == (code, True), done.stdout + done.stderr
    assert odoo.key not in done.stdout + done.stderr
    assert [odoo.call(model, "search_count", {"domain": []}) for model in models] == before


PERSONS = 70
"""Each is a contact, a lead and a form: more than 200 deliveries."""


async def test_the_gateway_killed_among_200_deliveries_loses_none_and_doubles_none(
    odoo: OdooPeer, tmp_path: Path
) -> None:
    gate = Installation.make(tmp_path, more=FORM_TABLE + configured(odoo, "json2"))
    first = gate.start()
    await first.ready()
    try:
        await _send_forms(gate)
        while not _orders(odoo):  # the deliveries have begun
            await asyncio.sleep(0.05)
    finally:
        first.kill()
    before = len(_orders(odoo))
    second = gate.start()
    try:
        await second.ready()
        await Api(gate, gate.new_token()).settled(120)
    finally:
        second.kill()
    assert 0 < before < PERSONS, "it was killed in their midst"
    orders = _orders(odoo)
    assert sorted(one["partner_name"] for one in orders) == sorted(_name(number) for number in range(PERSONS))
    partners = odoo.read("res.partner", [["name", "like", "Killed "]], "name", "phone")
    assert len(partners) == PERSONS
    forms = Counter(row["res_id"] for row in odoo.read("mail.message", FORMS, "res_id", "body"))
    assert all(forms[one["id"]] == 1 for one in orders), "one note a form"


FORMS = [["model", "=", "crm.lead"], ["message_id", "like", "@leadgate>"], ["body", "like", "Killed "]]


def _name(number: int) -> str:
    return f"Killed {number}"


def _orders(peer: OdooPeer) -> list[dict[str, Any]]:
    """Their leads, with the name of the partner."""
    found = peer.read("crm.lead", [["partner_id.name", "like", "Killed "]], "partner_id")
    return [{"id": one["id"], "partner_name": one["partner_id"][1]} for one in found]


async def _send_forms(gate: Installation) -> None:
    async with aiohttp.ClientSession() as session:
        for number in range(PERSONS):
            fields = {"name": _name(number), "phone": f"+7999{number:07d}", "comment": "A kitchen"}
            async with session.post(f"http://127.0.0.1:{gate.public}/f/{FORM_KEY}", data=fields) as answer:
                assert answer.status == 200
