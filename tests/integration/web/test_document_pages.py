"""Documents and spend by plain forms: making, looking, sending, declaring void; amounts entered, changed, removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy import select

from gateway.storage.store import Store
from gateway.storage.tables import Document, Outgoing, Spend
from tests.integration.web.site import Site
from tests.integration.web.work_office import as_user, ids_of, send, work_site

LETTER = {"template": "letter", "language": "ru"}


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    async with work_site(store, tmp_path) as running:
        yield running


async def make(site: Site, contact_id: str) -> str:
    """A letter for this contact, made through the API's own operation by a form; its id."""
    async with as_user(site, "chief") as chief:
        page = f"/documents/new?contact={contact_id}&template=letter&language=ru"
        _, form, _ = await chief.get(page)
        fields = dict.fromkeys(names_of(form), "Текст <b>письма</b>")
        status, text = await send(chief, page, "/documents/new", contact=contact_id, **LETTER, **fields)
        assert status == 303, text
        assert "The document was made." in text
    return await site.store.read(lambda c: c.execute(select(Document.id)).scalar_one())


def names_of(form: str) -> list[str]:
    """The fields of a template that a form asks for."""
    return [part.split('"')[0] for part in form.split('name="')[1:] if part.startswith("f-")]


async def test_the_way_to_a_document_begins_with_the_person(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        _, text, _ = await boss.get("/documents/new?q=%D0%98%D0%B2%D0%B0%D0%BD")
        assert 'href="/leads/l-ivan/document"' in text, "an open lead has its own page for it"
        _, text, _ = await boss.get("/documents/new?q=dubois")
        assert 'href="/documents/new?contact=c-letter"' in text
        _, text, _ = await boss.get("/documents/new?contact=c-letter")
        assert "template=invoice&amp;language=ru" in text
        status, _, answer = await boss.get("/documents/new?lead=l-ivan")
        assert (status, answer.headers["Location"]) == (303, "/leads/l-ivan/document")
        assert (await boss.get("/documents/new?contact=none"))[0] == 404
        assert (await send(boss, "/contacts", "/documents/new", contact="c-letter", template="none"))[0] == 404


async def test_what_was_typed_stays_where_a_document_cant_be_made(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        fields = {"contact": "c-letter", "template": "invoice", "language": "ru", "f-items-0-name": "Дверь <i>",
                  "f-items-0-price": "дорого"}  # fmt: skip
        status, text = await send(boss, "/contacts", "/documents/new", **fields)
    assert status == 422
    assert 'role="alert"' in text
    assert "Дверь &lt;i&gt;" in text


async def test_a_document_is_made_shown_sent_and_void(site: Site) -> None:
    document_id = await make(site, "c-letter")
    async with as_user(site, "boss") as boss:
        _, listed, _ = await boss.get("/documents?state=made&kind=letter&q=dubois")
        assert ids_of(listed, "document") == [document_id]
        _, card, _ = await boss.get(f"/documents/{document_id}")
        assert f'src="/api/v1/documents/{document_id}/page"' in card
        assert "marie-claire.dubois-lefevre@atelier-dubois.example.com" in card
        status, _, answer = await boss.get(f"/api/v1/documents/{document_id}/page")
        assert status == 200
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        status, text = await send(
            boss, f"/documents/{document_id}", f"/documents/{document_id}/send", to="a@example.com, b@example.com",
            subject="Письмо", message="Добрый день",
        )  # fmt: skip
        assert status == 303
        assert "The document is on its way." in text
        to = await site.store.read(lambda c: c.execute(select(Document.sent_to)).scalar_one())
        assert to == ["a@example.com", "b@example.com"]
        assert await site.store.read(lambda c: c.execute(select(Outgoing.purpose)).scalar_one()) == "document"
        again = {"to": "a@example.com, b@example.com"}
        page = f"/documents/{document_id}"
        assert (await send(boss, page, f"{page}/send", **again))[0] == 409, "a second click sends nothing"
        assert (await send(boss, page, f"{page}/void", reason=" "))[0] == 422
        _, text = await send(boss, page, f"{page}/void", reason="Ошибка в имени")
        assert "Ошибка в имени" in text
        assert f"{page}/send" not in text
        _, listed, _ = await boss.get("/documents?state=void")
        assert ids_of(listed, "document") == [document_id]
        assert (await boss.get("/documents?state=lost"))[0] == 400
        assert (await send(boss, page, f"{page}/dance"))[0] == 404
        assert (await boss.get("/documents/none"))[0] == 404


async def test_a_manager_sees_documents_of_his_people_and_an_auditor_only_looks(site: Site) -> None:
    document_id = await make(site, "c-ivan")
    async with as_user(site, "boris") as boris, as_user(site, "vera") as vera:
        _, text, _ = await boris.get("/documents")
        assert ids_of(text, "document") == []
        assert (await boris.get(f"/documents/{document_id}"))[0] == 404
        _, text, _ = await vera.get(f"/documents/{document_id}")
        assert "/void" not in text
        assert (await send(vera, "/contacts", f"/documents/{document_id}/void", reason="x"))[0] == 403


async def test_spend_is_entered_changed_and_removed(site: Site) -> None:
    amount = {
        "source": "yandex", "medium": "cpc", "campaign": "", "channel": "", "first_day": "2026-10-01",
        "last_day": "2026-10-31", "amount": "12 500,50", "currency": "rub", "comment": "",
    }  # fmt: skip
    async with as_user(site, "chief") as chief:
        status, text = await send(chief, "/spend", "/spend", **amount)
        assert status == 303
        assert "yandex" in text
        assert "12,500.50" in text
        status, text = await send(chief, "/spend", "/spend", **{**amount, "last_day": "2026-11-05"})
        assert status == 409, "some days would count twice"
        assert 'value="2026-11-05"' in text, "what was typed stays"
        assert (await send(chief, "/spend", "/spend", **{**amount, "first_day": "soon"}))[0] == 400
        assert (await send(chief, "/spend", "/spend", **{**amount, "amount": "much"}))[0] == 422
        spend_id = await site.store.read(lambda c: c.execute(select(Spend.id)).scalar_one())
        _, form, _ = await chief.get(f"/spend?edit={spend_id}")
        assert f'action="/spend/{spend_id}"' in form
        changed = {**amount, "amount": "13000", "version": "1"}
        assert (await send(chief, "/spend", f"/spend/{spend_id}", **changed))[0] == 303
        assert (await send(chief, "/spend", f"/spend/{spend_id}", **changed))[0] == 409, "it was changed meanwhile"
        assert await site.store.read(lambda c: c.execute(select(Spend.amount)).scalar_one()) == 1300000
        assert (await send(chief, "/spend", f"/spend/{spend_id}/remove"))[0] == 303
        _, text, _ = await chief.get("/spend")
        assert "Nothing is entered yet." in text


async def test_spend_is_for_those_who_lead(site: Site) -> None:
    async with as_user(site, "boris") as boris, as_user(site, "vera") as vera:
        for browser in (boris, vera):
            assert (await browser.get("/spend"))[0] == 403
            assert (await send(browser, "/contacts", "/spend", source="x", amount="1"))[0] == 403
