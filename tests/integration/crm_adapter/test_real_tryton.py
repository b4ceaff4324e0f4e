"""The adapter ``tryton`` and a real Tryton: what arrives, what it refuses, and answers that get lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crm_adapter.base import Context, CrmError, Event, Misconfigured, Rejected, Unavailable
from crm_adapter.links import MemoryLinks
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import managers
from crm_adapter.tryton import build
from tests.peers.tryton import DATABASE, PASSWORD, USER, TrytonPeer
from tests.support.faultproxy import FaultProxy

MOST_TRIES = 5


@asynccontextmanager
async def connected(url: str, **more: Any) -> AsyncIterator[RecordAdapter]:
    """An adapter for the Tryton at ``url``."""
    options = {"url": url, "database": DATABASE, "user": USER, "password": PASSWORD, **more}
    context = Context(name="test", allow_private=True, links=MemoryLinks(), managers=managers)
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


def opportunities(peer: TrytonPeer, person: int) -> list[dict[str, Any]]:
    """Those of one person, by our marker."""
    wanted = [["reference", "=", events.ident(2, person)]]
    return peer.read("sale.opportunity", wanted, "description", "comment", "party", "employee", "state")


def notes(peer: TrytonPeer, opportunity: int) -> list[str]:
    """The texts of its notes."""
    found = peer.read("ir.note", [["resource", "=", f"sale.opportunity,{opportunity}"]], "message")
    return [one["message"] for one in found]


async def test_a_story_arrives_in_a_real_tryton(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url) as adapter:
        assert "of our managers it knows: 2" in await adapter.check()
        await push(adapter, *events.story(1), *events.story(1)[:2])
    (lead,) = opportunities(tryton_peer, 1)
    assert lead["description"] == "Заявка 1"
    assert "кухня 3 метра" in lead["comment"]
    assert "кухня 4 метра" in lead["comment"]
    assert (lead["state"], lead["employee"]) == ("lead", tryton_peer.employees[0])
    mechanisms = tryton_peer.read("party.contact_mechanism", [["party", "=", lead["party"]]], "type", "value_compact")
    assert {one["value_compact"] for one in mechanisms} == {events.phone(1), "ivan1@example.com"}
    texts = notes(tryton_peer, lead["id"])
    assert [text.split()[0] for text in texts] == ["Form", "Incoming", "Letter", "Incoming"]
    assert "Когда привезёте?\n<b>Иван</b>" in texts[2]


async def test_a_party_that_people_made_is_found_however_its_number_was_typed(tryton_peer: TrytonPeer) -> None:
    typed = f"+7 (926) {events.phone(2)[5:8]}-{events.phone(2)[8:]}"
    mechanisms = [["create", [{"type": "mobile", "value": typed}]]]
    party = tryton_peer.create("party.party", {"name": "Ivan the Regular", "contact_mechanisms": mechanisms})
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, events.story(2)[0])
    (lead,) = opportunities(tryton_peer, 2)
    assert lead["party"] == party
    found = tryton_peer.read("party.contact_mechanism", [["party", "=", party]], "value_compact")
    assert [one["value_compact"] for one in found] == [events.phone(2), "ivan2@example.com"]


async def test_an_opportunity_is_of_the_party_whose_number_somebody_typed_by_hand(tryton_peer: TrytonPeer) -> None:
    """What Tryton does not take for a number was typed in as "other"."""
    parties = [_with_number(tryton_peer, typed) for _, typed in events.TYPED]
    async with connected(tryton_peer.url) as adapter:
        for person, (number, _) in enumerate(events.TYPED, start=100):
            brief = {**events.contact(person), "phones": [number], "emails": []}
            await push(adapter, events.event("lead.created", {**events.lead(person), "contact": brief}))
    made = [opportunities(tryton_peer, person)[0]["party"] for person in range(100, 100 + len(parties))]
    assert made == parties


def _with_number(peer: TrytonPeer, typed: str) -> int:
    for kind in ("mobile", "other"):
        mechanisms = [["create", [{"type": kind, "value": typed}]]]
        try:
            return peer.create("party.party", {"name": f"Typed {typed}", "contact_mechanisms": mechanisms})
        except RuntimeError as refused:
            if "is not valid" not in str(refused):
                raise
    raise AssertionError(f"{typed} is refused as everything")


async def test_a_number_that_tryton_does_not_believe_loses_no_customer(tryton_peer: TrytonPeer) -> None:
    strange = {**events.lead(3), "contact": {**events.contact(3), "phones": ["+712"]}}
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, events.event("lead.created", strange))
    (lead,) = opportunities(tryton_peer, 3)
    found = tryton_peer.read("party.contact_mechanism", [["party", "=", lead["party"]]], "type", "value")
    assert ("other", "+712") in [(one["type"], one["value"]) for one in found]


@pytest.mark.parametrize("answers", [0, 1])
async def test_lost_answers_lose_nothing_and_double_nothing(tryton_peer: TrytonPeer, answers: int) -> None:
    """Every connection is cut after a few bytes, so each answer in turn is lost at its first try."""
    person = 10 + answers
    async with FaultProxy(tryton_peer.port) as proxy, connected(f"http://127.0.0.1:{proxy.port}") as adapter:
        for event in events.story(person):
            for attempt in range(1, MOST_TRIES + 1):
                proxy.cut_after = 1 if attempt <= 1 + answers else None
                try:
                    await adapter.push(events.again(event, attempt))
                    break
                except Unavailable:
                    assert attempt < MOST_TRIES
        assert proxy.cuts
    (lead,) = opportunities(tryton_peer, person)
    assert len(notes(tryton_peer, lead["id"])) == 4
    assert lead["comment"].count("кухня 4 метра") == 1
    mails = tryton_peer.read("party.contact_mechanism", [["value", "=", f"ivan{person}@example.com"]])
    assert len(mails) == 1


async def test_long_answers_are_read(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, events.event("lead.created", events.lead(15, text="ё" * 9000)))
        await push(adapter, events.event("lead.updated", events.lead(15, text="Ещё дверь"), step=2))
    (lead,) = opportunities(tryton_peer, 15)
    assert lead["comment"].startswith("ё" * 9000)
    assert "Ещё дверь" in lead["comment"]


async def test_a_session_that_ended_is_renewed(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, events.story(20)[0])
        crm: Any = adapter.crm
        signed = await crm._server._session.headers()
        tryton_peer.call("common.db.logout", session=signed["Authorization"])
        await adapter.push(events.story(21)[0])
    assert opportunities(tryton_peer, 21)


async def test_a_wrong_password_is_said_in_clear_words(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url, user="nobody", password="wrong-one") as adapter:
        with pytest.raises(Misconfigured, match="the user or its password is not accepted") as caught:
            await adapter.push(events.story(30)[0])
    assert "wrong-one" not in str(caught.value)


async def test_a_mapped_field_that_tryton_does_not_have_is_rejected(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url, fields={"lead": {"nope": "{subject}"}}) as adapter:
        with pytest.raises(Misconfigured, match=r"field nope: is no field of sale\.opportunity"):
            await adapter.check()
        with pytest.raises(Rejected, match="nope"):
            await adapter.push(events.story(31)[0])


async def test_a_database_that_is_not_there_is_a_matter_of_the_settings(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url, database="sales") as adapter:
        with pytest.raises(Misconfigured, match="no such database"):
            await adapter.push(events.story(32)[0])


async def test_a_party_that_people_deleted_is_made_anew_and_its_history_goes_on(tryton_peer: TrytonPeer) -> None:
    created, _, call, updated, letter, _ = events.story(40)
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, created)
        (lead,) = opportunities(tryton_peer, 40)
        tryton_peer.call("model.party.party.delete", [lead["party"]], tryton_peer.context)
        await push(adapter, call, updated, letter)
        later = {**events.lead(40), "id": events.ident(2, 40, 2)}
        await push(adapter, events.event("lead.created", later, step=7))
    assert len(notes(tryton_peer, lead["id"])) == 2
    (second,) = tryton_peer.read("sale.opportunity", [["reference", "=", later["id"]]], "party")
    assert second["party"] != lead["party"]
    mechanisms = tryton_peer.read("party.contact_mechanism", [["party", "=", second["party"]]], "value_compact")
    assert {one["value_compact"] for one in mechanisms} == {events.phone(40), "ivan40@example.com"}


@pytest.mark.parametrize("kept", [True, False], ids=["with its party", "both"])
async def test_an_opportunity_that_people_deleted_stays_deleted_and_its_person_is_heard(
    tryton_peer: TrytonPeer, kept: bool
) -> None:
    person = 41 + kept
    created, form, call, updated, letter, _ = events.story(person)
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, created)
        (lead,) = opportunities(tryton_peer, person)
        tryton_peer.call("model.sale.opportunity.cancel", [lead["id"]], tryton_peer.context)
        tryton_peer.call("model.sale.opportunity.delete", [lead["id"]], tryton_peer.context)
        if not kept:
            tryton_peer.call("model.party.party.delete", [lead["party"]], tryton_peer.context)
        await push(adapter, call, updated, form, letter, updated)
    assert not opportunities(tryton_peer, person)
    (mail,) = tryton_peer.read("party.contact_mechanism", [["value", "=", f"ivan{person}@example.com"]], "party")
    assert (mail["party"] == lead["party"]) is kept
    found = tryton_peer.read("ir.note", [["resource", "=", f"party.party,{mail['party']}"]], "message")
    assert [one["message"].split()[0] for one in found] == ["Incoming", "Form", "Letter"]


async def test_the_party_that_replaced_another_is_used(tryton_peer: TrytonPeer) -> None:
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, events.story(43)[0])
        (lead,) = opportunities(tryton_peer, 43)
        left = tryton_peer.create("party.party", {"name": "Иван 43 Петров"})
        (wizard, *_) = tryton_peer.call("wizard.party.replace.create", tryton_peer.context)
        asked = {"ask": {"source": lead["party"], "destination": left}}
        tryton_peer.call("wizard.party.replace.execute", wizard, asked, "replace", {
            **tryton_peer.context, "active_model": "party.party", "active_id": lead["party"],
            "active_ids": [lead["party"]],
        })  # fmt: skip
        known = {**events.contact(43, more_emails=("second43@example.com",)), "merged": []}
        await push(adapter, events.event("contact.upserted", known, step=2))
    mechanisms = tryton_peer.read("party.contact_mechanism", [["party", "=", left]], "value_compact")
    assert {one["value_compact"] for one in mechanisms} == {
        events.phone(43), "ivan43@example.com", "second43@example.com",
    }  # fmt: skip


async def test_news_of_an_opportunity_that_was_lost_are_a_note(tryton_peer: TrytonPeer) -> None:
    created, *_, updated, _, _ = events.story(44)
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, created)
        (lead,) = opportunities(tryton_peer, 44)
        tryton_peer.call("model.sale.opportunity.lost", [lead["id"]], tryton_peer.context)
        await push(adapter, updated, updated)
    assert sum("кухня 4 метра" in text for text in notes(tryton_peer, lead["id"])) == 1


async def test_what_is_unusual_arrives_too(tryton_peer: TrytonPeer) -> None:
    lead = {**events.lead(45, text="🙂&<b>\n" * 30_000), "subject": " 🙂 " * 300}
    lead["contact"] = {**lead["contact"], "name": " \t ", "phones": []}
    letter = {**events.letter(45), "text": "ё" * 200_000, "subject": "ж" * 5000}
    async with connected(tryton_peer.url) as adapter:
        await push(adapter, events.event("lead.created", lead), events.event("email.received", letter, step=2))
    (made,) = opportunities(tryton_peer, 45)
    assert made["comment"].startswith("🙂&<b>\n🙂")
    (party,) = tryton_peer.read("party.party", [["id", "=", made["party"]]], "name")
    assert party["name"] == "ivan45@example.com"
    (text,) = notes(tryton_peer, made["id"])
    assert "ё" * 9000 in text
