"""The inbox of leads and the card of one, by plain forms, as a browser without JavaScript sends them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pypdf
import pytest
import pytest_asyncio
from sqlalchemy import Connection, insert, select, update

from gateway.core.outcalls import CallRefused
from gateway.storage.store import Store
from gateway.storage.tables import (
    Audit,
    Callback,
    CallbackEvent,
    Contact,
    ContactHandle,
    Document,
    Lead,
    Note,
    Outbox,
    Outgoing,
    Task,
)
from tests.integration.web.lead_office import QUOTED, SOUND, lead_site
from tests.integration.web.site import PASSWORD, Browser, Site, new_browser
from tests.integration.web.test_callbacks_api import Phones
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE

IVAN = "/leads/l-ivan"


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path, phones: Phones) -> AsyncIterator[Site]:
    async with lead_site(store, tmp_path, phones) as running:
        yield running


@pytest_asyncio.fixture
async def boss(site: Site) -> AsyncIterator[Browser]:
    await site.add_user("chief", role="chief")
    async with new_browser(site) as browser:
        await browser.sign_in("chief")
        yield browser


@pytest_asyncio.fixture
async def boris(site: Site) -> AsyncIterator[Browser]:
    """A manager, who sees his own and nobody's."""
    await site.accounts.set_password("boris", PASSWORD)
    async with new_browser(site) as browser:
        await browser.sign_in("boris")
        yield browser


async def do(browser: Browser, form: str, path: str = IVAN, **fields: str) -> tuple[int, str]:
    """Send a form of the card with the version that the page shows; the page that follows."""
    _, text, _ = await browser.get(path)
    sent = {"csrf": await browser.csrf(path), "next": path, **fields}
    if (version := re.search(r'name="version" value="(\d+)"', text)) and "version" not in fields:
        sent["version"] = version[1]
    status, text, answer = await browser.post(f"{path}/{form}", sent)
    if status == 303:
        _, text, _ = await browser.get(answer.headers["Location"])
    return status, unescape(text)


async def one(site: Site, column: Any, *where: Any) -> Any:
    """The value of a column of the only row."""
    return await site.store.read(lambda c: c.execute(select(column).where(*where)).scalar_one())


def names(text: str) -> list[str]:
    return re.findall(r'class="name" href="[^"]+">([^<]+)<', text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("stage=offer", ["Пётр"]),
        ("manager=m-boris", ["Пётр"]),
        ("manager=none&status=lost", ["Unknown person"]),
        ("period=30d&channel=mail", ["Пётр"]),
        ("period=today&manager=m-anna", ["Иван Петров"]),
        ("q=8+%28903%29+765-43-21", ["Пётр"]),
        ("q=%2B7+903+765+43+21", ["Пётр"]),
        ("q=9037654321", ["Пётр"]),
        ("q=03765", ["Пётр"]),
        ("q=ivan%40EXAMPLE.com", ["Иван Петров"]),
        ("q=%D0%B8%D0%B2%D0%B0%D0%BD", ["Иван Петров"]),
        ("q=%D0%B1%D0%B5%D0%BB%D0%B0%D1%8F", ["Иван Петров"]),
        ("stage=nowhere", []),
    ],
)
async def test_filters_find_by_stage_owner_period_and_any_spelling(boss: Browser, query: str, found: list[str]) -> None:
    status, text, _ = await boss.get(f"/leads?{query}")
    assert status == 200
    assert names(text) == found
    assert ("No lead fits these filters." in text) is (not found)


async def test_mine_and_nobodys_are_links_that_keep_the_other_filters(boris: Browser) -> None:
    _, text, _ = await boris.get("/leads?channel=mail")
    assert 'href="/leads?channel=mail&amp;manager=mine"' in text
    _, text, _ = await boris.get("/leads?manager=mine")
    assert names(text) == ["Пётр"]
    _, text, _ = await boris.get("/leads?manager=none")
    assert "Пётр" not in names(text)
    assert len(names(text)) == 3


@pytest.mark.parametrize("query", ["period=soon", "channel=fax", "limit=0", "cursor=x", "q=a%00b"])
async def test_a_filter_that_makes_no_sense_is_refused(boss: Browser, query: str) -> None:
    assert (await boss.get(f"/leads?{query}"))[0] == 400


async def test_a_manager_does_not_see_anothers_lead_by_any_way(site: Site, boris: Browser) -> None:
    _, text, _ = await boris.get("/leads")
    assert "Иван Петров" not in text
    assert "Пётр" in text
    for path in (
        IVAN,
        f"{IVAN}/merge",
        f"{IVAN}/document",
        f"{IVAN}/letters/i-thread",
        "/leads/l-petr/letters/i-thread",
        "/api/v1/leads/l-ivan",
        "/api/v1/leads/l-ivan/work",
        "/api/v1/interactions/i-mail",
        "/api/v1/interactions/i-form/files/1",
        "/api/v1/interactions/i-thread/html",
        "/api/v1/interactions/i-thread/files/1",
        "/api/v1/calls/i-listen",
        "/api/v1/calls/i-listen/recording",
        "/api/v1/deliveries/1",
        "/api/v1/contacts/c-ivan",
    ):
        assert (await boris.get(path))[0] == 404, path
    assert (await boris.get("/api/v1/calls/i-petr/recording"))[0] == 200
    for form in ("stage", "note", "answer", "document", "new-contact"):
        status, _, _ = await boris.post(f"{IVAN}/{form}", {"csrf": await boris.csrf("/leads"), "text": "x"})
        assert status == 404, form
    for path in ("/api/v1/leads", "/api/v1/interactions", "/api/v1/calls", "/api/v1/deliveries", "/api/v1/contacts"):
        listed = (await boris.get(path))[1]
        assert "l-ivan" not in listed, path
        assert '"c-ivan"' not in listed, path


async def test_an_auditor_sees_everything_and_no_form(site: Site) -> None:
    await site.add_user("vera", role="auditor")
    async with new_browser(site) as vera:
        await vera.sign_in("vera")
        _, text, _ = await vera.get(IVAN)
        assert "Нужна кухня" in text
        assert f'action="{IVAN}/' not in text
        status, _ = await do(vera, "stage", stage="offer")
        assert status == 403


async def test_the_timeline_tells_calls_letters_forms_with_player_quotation_and_files(
    boss: Browser, site: Site
) -> None:
    _, text, _ = await boss.get(IVAN)
    assert '<audio class="player" controls preload="none" src="/api/v1/calls/i-listen/recording"' in text
    assert "Rang 101, 103" in text
    assert "What is quoted below" in text
    assert unescape(text).count(QUOTED) == 1
    assert f'<iframe class="letter" sandbox loading="lazy" src="{IVAN}/letters/i-thread"' in text
    assert "/api/v1/interactions/i-thread/files/1" in text
    assert text.index("Monday, 23 November") < text.index("Sunday, 22 November")
    async with boss.session.get(site.url("/api/v1/calls/i-listen/recording")) as answer:
        assert await answer.read() == SOUND


async def test_a_letter_is_shown_in_a_frame_without_its_script(boss: Browser) -> None:
    _, text, answer = await boss.get(f"{IVAN}/letters/i-thread")
    assert "<b>plan</b>" in text
    assert "steal" not in text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    _, text, answer = await boss.get(f"{IVAN}/letters/i-mail")
    assert (answer.content_type, "Прикладываю план" in text) == ("text/plain", True)
    assert (await boss.get(f"{IVAN}/letters/i-petr"))[0] == 404


async def test_the_views_of_the_timeline_are_links(boss: Browser) -> None:
    await do(boss, "stage", stage="offer")
    _, text, _ = await boss.get(f"{IVAN}?show=work")
    assert 'data-channel="mail"' not in text
    assert "New → <b>Offer sent</b>" in text
    _, text, _ = await boss.get(f"{IVAN}?show=crm")
    assert "lead.created" in text
    assert "Delivered" in text


async def test_stage_owner_amount_and_closing_are_forms(boss: Browser, site: Site) -> None:
    status, text = await do(boss, "stage", stage="meeting_set")
    assert (status, "The stage was changed." in text) == (303, True)
    await do(boss, "owner", manager="m-boris")
    status, text = await do(boss, "amount", amount="12 500,50", currency="rub")
    assert "RUB\xa012,500.50" in text
    assert "Анна Смирнова → <b>Борис</b>" in text
    await do(boss, "subject", subject="Кухня и стол")
    status, text = await do(boss, "close", status="lost", reason="Дорого")
    assert "Дорого" in text
    row = await site.store.read(
        lambda c: c.execute(select(Lead.stage, Lead.status, Lead.manager_id, Lead.amount, Lead.subject).where(
            Lead.id == "l-ivan")).one()
    )  # fmt: skip
    assert tuple(row) == ("meeting_set", "lost", "m-boris", 1250050, "Кухня и стол")
    await do(boss, "reopen")
    await do(boss, "amount", amount="")
    await do(boss, "close", status="spam")
    assert await one(site, Lead.status, Lead.id == "l-ivan") == "spam"
    _, text = await do(boss, "reopen")
    assert "The lead is open again." in text
    await do(boss, "close", status="won")
    assert await one(site, Lead.stage, Lead.id == "l-ivan") == "paid"


async def test_who_comes_second_is_told_who_changed_what_and_keeps_what_he_typed(boss: Browser, site: Site) -> None:
    await do(boss, "stage", stage="offer", version="1")
    site.clock.move(30)
    status, text = await do(boss, "close", status="lost", reason="Выбрали других", version="1")
    assert status == 409
    assert "Анна changed this lead 30 s ago: Stage — Offer sent." in text
    assert 'value="Выбрали других"' in text
    assert 'name="version" value="2"' in text
    assert await one(site, Lead.status, Lead.id == "l-ivan") == "open"
    status, _ = await do(boss, "close", status="lost", reason="Выбрали других", version="2")
    assert status == 303


async def test_what_is_refused_is_shown_with_what_was_typed(boss: Browser) -> None:
    for form, fields, sentence, kept in (
        ("amount", {"amount": "много"}, "is no amount", 'value="много"'),
        ("task", {"text": "Позвонить", "due_at": "1990-01-01T10:00"}, "can't be meant", 'value="Позвонить"'),
        ("contact", {"name": "Иван", "phones": "12"}, "12", "Иван"),
        ("note", {"text": "   "}, "The note is empty.", ""),
    ):
        status, text = await do(boss, form, **fields)
        assert status == 422, form
        assert 'role="alert"' in text
        assert sentence in text
        assert kept in text


@pytest.mark.parametrize(
    ("form", "fields", "status"),
    [
        ("dance", {}, 404),
        ("close", {"status": "asleep"}, 400),
        ("task", {"text": "x", "due_at": "tomorrow"}, 400),
        ("task", {"text": "x", "due_at": "2026-11-24T10:00", "kind": "sing"}, 400),
        ("task-end", {"task": "none"}, 404),
        ("task-end", {}, 422),
        ("note-edit", {"note": "none", "text": "x"}, 404),
        ("merge", {"other": "none"}, 404),
        ("stage", {"stage": "moon"}, 422),
        ("owner", {"manager": "m-oleg"}, 422),
        ("letter-retry", {"letter": "none"}, 404),
        ("send", {"document": "none"}, 404),
    ],
)
async def test_a_form_that_makes_no_sense_is_refused(
    boss: Browser, form: str, fields: dict[str, str], status: int
) -> None:
    assert (await do(boss, form, **fields))[0] == status


async def test_notes_are_added_and_ones_own_changed_and_removed(boss: Browser, boris: Browser, site: Site) -> None:
    path = "/leads/l-petr"
    await do(boris, "note", path, text="Звонить <b>утром</b>")
    _, raw, _ = await boris.get(path)
    assert "Звонить &lt;b&gt;утром&lt;/b&gt;" in raw
    note = await one(site, Note.id)
    assert f'value="{note}"' not in (await boss.get(path))[1], "only who wrote it can change it"
    assert (await do(boss, "note-edit", path, note=note, text="x"))[0] == 422
    await do(boris, "note-edit", path, note=note, text="Звонить вечером")
    assert await one(site, Note.text) == "Звонить вечером"
    await do(boris, "note-remove", path, note=note)
    assert await site.store.read(lambda c: c.execute(select(Note.id)).all()) == []


async def test_a_task_is_added_in_the_companys_time_and_done(boss: Browser, site: Site) -> None:
    _, text = await do(boss, "task", text="Выслать план", kind="write", due_at="2026-11-24T10:00", owner="m-anna")
    assert "Выслать план" in text
    assert (await one(site, Task.due_at)).isoformat() == "2026-11-24T07:00:00+00:00"
    _, text = await do(boss, "task-end", task=await one(site, Task.id), status="done", outcome="Выслан")
    assert "Task done" in text
    assert "Выслан" in text
    assert "Nothing is planned." in text


async def test_a_click_calls_from_ones_own_phone(boris: Browser, phones: Phones) -> None:
    path = "/leads/l-petr"
    assert 'href="tel:+79037654321"' in (await boris.get(path))[1]
    _, text = await do(boris, "call", path, number="+79037654321")
    assert "Your phone rings." in text
    assert [(call.number, call.manager_id, call.contact_id) for call in phones.asked] == [
        ("+79037654321", "m-boris", "c-petr")
    ]
    phones.refusal = CallRefused("You have no phone here: ask for an extension.", code="no_extension")
    status, text = await do(boris, "call", path, number="+79037654321")
    assert (status, "You have no phone here" in text) == (409, True)


async def test_a_letter_is_answered_from_the_address_it_came_to_and_once(boss: Browser, site: Site) -> None:
    _, text, _ = await boss.get(f"{IVAN}?answer=i-thread")
    assert 'id="answer" name="tools" open' in text
    assert 'value="Re: kitchen"' in text
    assert "План комнаты во вложении." in text
    key = re.search(r'name="key" value="([^"]+)"', text)
    assert key is not None
    fields = {"interaction": "i-thread", "key": key[1], "text": "Спасибо, считаем.", "subject": "Re: kitchen",
              "quote": "yes"}  # fmt: skip
    status, text = await do(boss, "answer-one", **fields)
    assert (status, "The letter is on its way." in text) == (303, True)
    assert "Our letter" in text
    await do(boss, "answer-one", **fields)
    letter = await site.store.read(lambda c: c.execute(select(Outgoing.payload, Outgoing.sender)).one())
    assert letter.sender == "info"
    assert letter.payload["to"] == ["ivan@example.com"]
    assert letter.payload["text"].startswith("Спасибо, считаем.")
    assert "> План комнаты" in letter.payload["text"]
    status, text = await do(boss, "answer-one", **{**fields, "key": "other", "sender": "sales", "text": "И ещё."})
    assert status == 303
    senders = await site.store.read(lambda c: c.execute(select(Outgoing.sender).order_by(Outgoing.id)).scalars().all())
    assert sorted(map(str, senders)) == ["info", "sales"]
    status, text = await do(boss, "answer-one", interaction="i-thread", text=" ", key="third")
    assert (status, "The answer has no text." in text) == (422, True)


async def test_a_letter_that_waits_can_be_dropped(boss: Browser, site: Site) -> None:
    await do(boss, "answer", text="Письмо", key="k")
    await do(boss, "letter-drop", letter=await one(site, Outgoing.id))
    assert await one(site, Outgoing.state) == "dropped"
    _, text, _ = await boss.get(IVAN)
    assert "Not sent" in text


async def test_the_contact_is_changed_and_what_belongs_to_another_is_refused(boss: Browser, site: Site) -> None:
    status, _ = await do(
        boss, "contact", name="Иван П.", company="Ромашка", phones="8 926 123-45-67\n8 800 200-00-00", emails=""
    )
    assert status == 303
    assert await one(site, Contact.company, Contact.id == "c-ivan") == "Ромашка"
    handles = select(ContactHandle.value).where(ContactHandle.contact_id == "c-ivan").order_by(ContactHandle.value)
    assert await site.store.read(lambda c: c.execute(handles).scalars().all()) == ["+78002000000", "+79261234567"]
    status, text = await do(boss, "contact", name="Иван П.", phones="+79037654321")
    assert status == 409
    assert "belongs to the contact c-petr" in text


async def test_contacts_are_found_joined_and_parted(boss: Browser, boris: Browser, site: Site) -> None:
    _, text, _ = await boss.get(f"{IVAN}/merge")
    assert "+7 916 111-22-33" in text, "the same name is proposed"
    assert "Пётр" not in text
    _, text, _ = await boss.get(f"{IVAN}/merge?q=765-43-21")
    assert "Пётр" in text
    assert "Nobody is found" in (await boss.get(f"{IVAN}/merge?q=xyz"))[1]
    _, text, _ = await boris.get("/leads/l-petr/merge?q=%D0%98%D0%B2%D0%B0%D0%BD")
    assert "+7 916 111-22-33" in text
    assert "+7 926 123-45-67" not in text, "that one is Anna's"
    _, text = await do(boss, "merge", other="c-ivan2")
    assert "The two contacts are one now." in text
    assert "+7 916 111-22-33" in text
    merge = re.search(r'name="merge" value="([^"]+)"', text)
    assert merge is not None
    _, text = await do(boss, "part", merge=merge[1])
    assert "The two contacts were parted." in text
    assert "+7 916 111-22-33" not in text


async def test_only_who_leads_parts_contacts(site: Site, boris: Browser) -> None:
    path = "/leads/l-petr"
    await do(boris, "merge", path, other="c-ivan2")
    _, text, _ = await boris.get(path)
    assert "Joined with Иван Петров" in text
    assert "Part them again" not in text
    assert (await do(boris, "part", path, merge="w-1"))[0] == 403


async def test_a_lead_of_nobody_gets_its_person(boss: Browser, site: Site) -> None:
    path = "/leads/l-withheld"
    status, text = await do(boss, "new-contact", path, name="Ольга", phones="8 905 000-11-22")
    assert status == 303
    assert "Ольга" in text
    assert "+7 905 000-11-22" in text
    assert await one(site, ContactHandle.value, ContactHandle.contact_id.in_(
        select(Lead.contact_id).where(Lead.id == "l-withheld"))) == "+79050001122"  # fmt: skip
    status, text = await do(boss, "new-contact", "/leads/l-caller", name="x", phones="+79037654321")
    assert (status, "belongs to the contact" in text) == (409, True)


async def test_a_known_person_can_be_chosen_for_a_lead_of_nobody(boss: Browser, site: Site) -> None:
    _, text, _ = await boss.get("/leads/l-withheld/merge?q=%D0%9F%D1%91%D1%82%D1%80")
    assert 'action="/leads/l-withheld/person"' in text
    await do(boss, "person", "/leads/l-withheld", other="c-petr")
    assert await one(site, Lead.contact_id, Lead.id == "l-withheld") == "c-petr"


async def test_a_missed_call_without_a_lead_opens_one_in_a_click(boss: Browser, site: Site) -> None:
    path = "/leads/l-letter"
    assert "Open a lead from it" in (await boss.get(path))[1]
    status, text = await do(boss, "open", path, interaction="i-loose")
    assert (status, "A lead was opened." in text) == (303, True)
    assert await one(site, Lead.channel, Lead.contact_id == "c-letter", Lead.status == "open") == "call"


async def test_a_document_is_made_sent_and_declared_void(boss: Browser, site: Site, tmp_path: Path) -> None:
    _, text, _ = await boss.get(f"{IVAN}/document")
    assert f'href="{IVAN}/document?template=invoice&amp;language=ru"' in text
    _, text, _ = await boss.get(f"{IVAN}/document?template=invoice&language=ru")
    assert "Иван Петров</textarea>" in text
    chosen = {"template": "invoice", "language": "ru"}
    status, text = await do(boss, "document", **chosen, **{"f-buyer": "ООО «Ромашка»"})
    assert (status, "ООО «Ромашка»" in text, 'role="alert"' in text) == (422, True, True)
    items = {"f-items-0-name": "Кухня", "f-items-0-quantity": "1", "f-items-0-price": "99 000"}
    status, text = await do(boss, "document", **chosen, **items)
    assert (status, "The document was made." in text) == (303, True)
    document = await one(site, Document.id)
    assert f"/api/v1/documents/{document}/pdf" in text
    async with boss.session.get(site.url(f"/api/v1/documents/{document}/pdf")) as answer:
        content = await answer.read()
        if answer.status == 200:
            (tmp_path / "invoice.pdf").write_bytes(content)
            assert len(pypdf.PdfReader(tmp_path / "invoice.pdf").pages) == 1
            status, text = await do(
                boss, "send", document=document, to="ivan@example.com", stage="offer", message="Вот."
            )
            assert (status, "The document is on its way." in text) == (303, True)
            assert await one(site, Lead.stage, Lead.id == "l-ivan") == "offer"
    status, text = await do(boss, "void", document=document, reason="Опечатка")
    assert "Опечатка" in text
    assert (await do(boss, "document", template="none", language="ru"))[0] == 404


async def test_every_deed_of_the_card_is_in_the_log(boss: Browser, site: Site) -> None:
    await do(boss, "stage", stage="offer")
    await do(boss, "note", text="x")
    await do(boss, "contact", name="Иван")
    actions = await site.store.read(lambda c: c.execute(select(Audit.action).order_by(Audit.id)).scalars().all())
    assert list(actions)[-3:] == ["lead.changed", "note.added", "contact.changed"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ru", ["Общение", "Стадия", "Что процитировано ниже", "Написать"]),
        ("en", ["Conversation", "What is quoted below", "Write"]),
    ],
)
async def test_the_card_speaks_both_languages(boss: Browser, language: str, words: list[str]) -> None:
    await do(boss, "stage", stage="offer")
    _, text, _ = await boss.get(IVAN, Accept_Language=language)
    for word in words:
        assert word in text
    assert len(text.encode()) < 60_000


async def test_the_live_feed_tells_a_manager_no_more_than_ids(site: Site, boris: Browser, boss: Browser) -> None:
    heard = {}
    for name, browser in (("boris", boris), ("boss", boss)):
        async with browser.session.get(site.url("/api/v1/events?last_event_id=0")) as answer:
            text = ""
            async with asyncio.timeout(PATIENCE):
                while "l-ivan" not in text:
                    text += (await answer.content.readany()).decode()
        heard[name] = text
    assert "Заявка с сайта" in heard["boss"]
    assert "Заявка с сайта" not in heard["boris"]
    assert 'data: {"id":"l-ivan"}' in heard["boris"]


async def test_who_waits_what_failed_and_where_the_crm_has_it_stands_on_the_card(boss: Browser, site: Site) -> None:
    def happen(connection: Connection) -> None:
        moments = dict.fromkeys(("first_at", "last_at", "waiting_since", "due_at", "opened_at", "updated_at"), MONDAY)
        duty = {"id": "d1", "contact_id": "c-ivan", "lead_id": "l-ivan", "state": "open", "reason": "no_answer",
                "channel": "call", "tries": 1, "steps_done": 0, **moments}  # fmt: skip
        connection.execute(insert(Callback), duty)
        step = {"callback_id": "d1", "at": MONDAY, "actor": "gateway", "detail": {"outcome": "busy"}}
        connection.execute(insert(CallbackEvent), {**step, "kind": "attempted", "note": "сам перезвонит"})
        letter = {"id": "o1", "key": "o1", "way": "letter", "purpose": "answer", "token": "t", "lead_id": "l-ivan",
                  "payload": {"to": ["ivan@example.com"], "subject": "Re: kitchen", "text": "Считаем."},
                  "state": "failed", "reason": "550 mailbox unavailable", "due_at": MONDAY, "created_at": MONDAY,
                  "updated_at": MONDAY}  # fmt: skip
        connection.execute(insert(Outgoing), letter)
        where = {"remote_id": "4711", "remote_url": "https://crm.example.com/4711"}
        connection.execute(update(Outbox).where(Outbox.id == 1).values(**where))

    await site.store.write(happen)
    site.clock.move(600)
    _, text, _ = await boss.get(IVAN)
    for expected in (
        '<p class="waits" data-overdue>',
        "Waits for our call: 10 min",
        "сам перезвонит",
        "550 mailbox unavailable",
        '<a href="https://crm.example.com/4711" rel="noreferrer noopener" target="_blank">4711</a>',
    ):
        assert expected in text, expected
    await do(boss, "letter-retry", letter="o1")
    assert await one(site, Outgoing.state) == "waiting"
