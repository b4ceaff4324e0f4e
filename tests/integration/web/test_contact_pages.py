"""Contacts by plain forms: the list, segments, files, the card with everything that can be done."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest_asyncio
from sqlalchemy import select

from gateway.storage.store import Store
from gateway.storage.tables import Audit, Contact, ContactMerge, Lead, Note, Segment, Task
from tests.integration.web.site import Site
from tests.integration.web.work_office import as_user, ids_of, send, work_site


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    async with work_site(store, tmp_path) as running:
        yield running


VIEWS = (
    ("", ["c-anon", "c-caller", "c-ivan", "c-letter", "c-petr"]),
    ("?q=dubois", ["c-letter"]),
    ("?q=8+903+765-43-21", ["c-petr"]),
    ("?manager=m-boris", ["c-petr"]),
    ("?lead=open", ["c-caller", "c-ivan", "c-petr"]),
    ("?lead=won", ["c-letter"]),
    ("?lead=none", ["c-anon"]),
    ("?channel=mail", ["c-ivan", "c-letter"]),
    ("?quiet=90", ["c-letter"]),
    ("?period=today&lead=none", ["c-anon"]),
)
"""Query and the rows that it leaves."""


async def test_filters_narrow_the_list_and_are_counted(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for query, ids in VIEWS:
            status, text, _ = await user.get(f"/contacts{query}")
            assert status == 200
            assert sorted(ids_of(text, "contact")) == ids, query
            assert f"<b>{len(ids)} contact" in text


async def test_a_filter_that_is_none_is_refused(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        for query in ["?lead=maybe", "?quiet=7", "?channel=fax", "?q=" + "x" * 201, "?cursor=x"]:
            assert (await boss.get(f"/contacts{query}"))[0] == 400, query


async def test_a_manager_sees_his_own_nobodys_and_those_of_his_leads(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        _, text, _ = await boris.get("/contacts")
        assert sorted(ids_of(text, "contact")) == ["c-anon", "c-caller", "c-letter", "c-petr"]
        assert (await boris.get("/contacts/c-ivan"))[0] == 404
        status, _ = await send(boris, "/contacts", "/contacts/c-ivan/note", text="x")
        assert status == 404
        _, table, _ = await boris.get("/contacts/table.csv")
        assert "ivan@example.com" not in table


async def test_a_filter_is_kept_named_counted_and_shared(site: Site) -> None:
    async with as_user(site, "boris") as boris, as_user(site, "chief") as chief:
        keep = {"name": "Купили", "lead": "won"}
        status, text = await send(boris, "/contacts?lead=won", "/contacts/segments", **keep)
        assert status == 303
        assert 'href="/contacts?lead=won" aria-current="true">Купили' in text
        assert (await send(boris, "/contacts?lead=won", "/contacts/segments", **keep))[0] == 409
        _, theirs, _ = await chief.get("/contacts")
        assert "Купили" not in theirs, "it is Boris's own"
        await send(boris, "/contacts?quiet=90", "/contacts/segments", name="Молчат", quiet="90", shared="yes")
        _, table, _ = await chief.get("/contacts/segments")
        assert "Молчат" in table
        assert "silent for 90 days" in table
        assert '<td class="number">1</td>' in table
        segment = select(Segment.id).where(Segment.name == "Молчат")
        segment_id = await site.store.read(lambda c: c.execute(segment).scalar_one())
        own = select(Segment.id).where(Segment.name == "Купили")
        own_id = await site.store.read(lambda c: c.execute(own).scalar_one())
        assert (await send(chief, "/contacts/segments", f"/contacts/segments/{own_id}/remove"))[0] == 404
        assert (await send(chief, "/contacts/segments", f"/contacts/segments/{segment_id}/remove"))[0] == 303
        _, left, _ = await boris.get("/contacts/segments")
        assert "Купили" in left
        assert "Молчат" not in left


BAD_SEGMENTS = (
    ({"name": "Все"}, 422),
    ({"name": " ", "lead": "won"}, 422),
    ({"name": "x" * 81, "lead": "won"}, 422),
    ({"name": "x", "lead": "maybe"}, 400),
)
"""What makes no sense, and the answer."""


async def test_a_segment_that_makes_no_sense_is_refused(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for fields, status in BAD_SEGMENTS:
            found, text = await send(user, "/contacts", "/contacts/segments", **fields)
            assert found == status, fields
            assert "<p" in text


async def test_the_files_have_what_the_list_has_and_their_taking_is_written_down(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        async with boss.session.get(site.url("/contacts/table.csv?lead=open")) as answer:
            body = await answer.read()
            assert answer.headers["Content-Disposition"].startswith('attachment; filename="contacts-2026-11-23.csv"')
        rows = list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))
        assert sorted(row["id"] for row in rows) == ["c-caller", "c-ivan", "c-petr"]
        async with boss.session.get(site.url("/contacts/table.xlsx?lead=open")) as answer:
            assert "xl/worksheets/sheet1.xml" in zipfile.ZipFile(BytesIO(await answer.read())).namelist()
    query = select(Audit.detail).where(Audit.action == "contacts.exported").order_by(Audit.id)
    taken = await site.store.read(lambda c: c.execute(query).scalars().all())
    assert [one["count"] for one in taken] == [3, 3]


async def test_the_card_has_everything_around_a_contact(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        status, text, _ = await boss.get("/contacts/c-ivan")
    assert status == 200
    for part in ("Иван Петров", "+7 926 123-45-67", "ivan@example.com", "/leads/l-ivan", "Дело номер 2", "Re: кухня"):
        assert part in text


async def test_a_contact_is_made_and_changed(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        status, text = await send(boss, "/contacts", "/contacts", name="Новый <b>", phone="8 916 555-00-11")
        assert status == 303
        assert "Новый &lt;b&gt;" in text
        status, text = await send(
            boss, "/contacts/c-petr", "/contacts/c-petr/change",
            name="Пётр Иванов", company="Окна", phones="+7 903 765-43-21\n8 916 000-00-77", emails="petr@example.com",
            manager="m-anna",
        )  # fmt: skip
        assert status == 303
        for part in ("Пётр Иванов", "Окна", "+7 916 000-00-77", "petr@example.com"):
            assert part in text
        taken, words = await send(boss, "/contacts/c-petr", "/contacts/c-petr/change", phones="+79261234567")
        assert taken == 409
        assert "<p" in words
    query = select(Contact.owner_id).where(Contact.id == "c-petr")
    assert await site.store.read(lambda c: c.execute(query).scalar_one()) == "m-anna"


async def test_notes_tasks_and_a_lead_are_added(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        _, text = await send(boss, "/contacts/c-anon", "/contacts/c-anon/note", text="Звонить <i>утром</i>")
        assert "Звонить &lt;i&gt;утром" in text
        note_id = await site.store.read(lambda c: c.execute(select(Note.id)).scalar_one())
        _, text = await send(boss, "/contacts/c-anon", "/contacts/c-anon/note-remove", note=note_id)
        assert "утром" not in text
        await send(boss, "/contacts/c-anon", "/contacts/c-anon/task", text="Позвонить", due_at="2026-11-24T10:00")
        query = select(Task.due_at).where(Task.contact_id == "c-anon")
        assert (await site.store.read(lambda c: c.execute(query).scalar_one())).hour == 7
        csrf = await boss.csrf("/contacts/c-anon")
        status, _, answer = await boss.post("/contacts/c-anon/lead", {"csrf": csrf, "subject": "Двери"})
        assert (status, answer.headers["Location"].startswith("/leads/")) == (303, True)
    subject = select(Lead.subject).where(Lead.contact_id == "c-anon")
    assert await site.store.read(lambda c: c.execute(subject).scalar_one()) == "Двери"


async def test_two_contacts_are_joined_and_parted(site: Site) -> None:
    async with as_user(site, "chief") as chief:
        _, text, _ = await chief.get("/contacts/c-ivan?other=916-111")
        assert 'name="other" value="c-anon"' in text
        status, text = await send(chief, "/contacts/c-ivan", "/contacts/c-ivan/merge", other="c-anon")
        assert status == 303
        assert "+7 916 111-22-33" in text
        status, _, answer = await chief.get("/contacts/c-anon")
        assert (status, answer.headers["Location"]) == (303, "/contacts/c-ivan")
        merge = await site.store.read(lambda c: c.execute(select(ContactMerge.id)).scalar_one())
        await send(chief, "/contacts/c-ivan", "/contacts/c-ivan/part", merge=merge)
        assert (await chief.get("/contacts/c-anon"))[0] == 200


NONSENSE: tuple[tuple[str, dict[str, str], int], ...] = (
    ("/contacts/c-ivan/dance", {}, 404),
    ("/contacts/c-ivan/note", {"text": " "}, 422),
    ("/contacts/c-ivan/task", {"text": "x", "due_at": "soon"}, 400),
    ("/contacts/c-ivan/change", {"phones": "no number"}, 422),
    ("/contacts/c-ivan/merge", {"other": "c-ivan"}, 422),
    ("/contacts/none/note", {"text": "x"}, 404),
    ("/contacts", {}, 422),
)
"""What makes no sense, and the answer."""


async def test_what_makes_no_sense_is_refused(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for path, fields, status in NONSENSE:
            found, text = await send(user, "/contacts", path, **fields)
            assert found == status, fields
            assert "<p" in text


async def test_an_auditor_looks_only(site: Site) -> None:
    async with as_user(site, "vera") as vera:
        _, text, _ = await vera.get("/contacts/c-ivan")
        assert "/contacts/c-ivan/change" not in text
        assert "/contacts/c-ivan/merge" not in text
        assert (await send(vera, "/contacts", "/contacts/c-ivan/note", text="x"))[0] == 403
