"""The adapter ``odoo`` and a real Odoo 19, by both its interfaces. Runs by `make test-odoo`."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crm_adapter.base import Context, CrmError, Event, Misconfigured, Rejected, Unavailable
from crm_adapter.links import MemoryLinks
from crm_adapter.odoo import build
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.records import person_of
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import WAV, managers, recording
from tests.peers.odoo import DATABASE, LOGIN, OdooPeer
from tests.support.faultproxy import FaultProxy

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
        assert "2 of our managers are known" in await adapter.check()
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
    (partner,) = odoo.read("res.partner", [["id", "=", known]], "name", "phone", "email")
    assert partner == {"id": known, "name": "Ivan the Regular", "phone": typed, "email": "ivan21@example.com"}
    assert owner.id == str(odoo.users[1])
    assert (str(known), str(odoo.users[1])) in {(one.remote_id, one.user) for one in page.found}


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
    async with connected(odoo, api, fields={"lead": {"nope": "{subject}"}}) as adapter:
        with pytest.raises(Misconfigured, match=r"field nope: is no field of crm\.lead"):
            await adapter.check()
        with pytest.raises(Rejected, match="nope"):
            await adapter.push(events.story(32)[0])
