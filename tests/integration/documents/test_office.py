"""Documents: numbered without gaps, stored for good, made into real PDF files, sent once."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pypdf
import pytest
from sqlalchemy import Connection, select

from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.documents import pdf as pdf_room
from gateway.documents.library import Library
from gateway.documents.office import NewDocument, Office, declare_void, next_number
from gateway.documents.pdf import NoPdf, to_pdf
from gateway.documents.sending import SendDocument, send
from gateway.documents.template import BadTemplate
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Document, DocumentFile, Outgoing, OutgoingFile
from tests.integration.leads.test_change import iter_ids, office
from tests.support.clock import MONDAY
from tests.support.desk import by
from tests.support.seed import add_contact

ITEMS = [{"name": "Кухня «Белая» <3 м>", "quantity": "1", "unit": "шт", "price": "125000.50"}]
COMPANY = {"name": "ООО «Кухни»", "bank": "Банк", "account": "40702810", "bic": "044525225", "tax_id": "7701"}
INVOICE = NewDocument(template="invoice", lead="l-ivan", fields={"items": ITEMS})


def desk(store: Store, folder: Path) -> Office:
    return Office(
        store=store,
        library=Library(folder),
        company=COMPANY,
        language="ru",
        currency="RUB",
        zone=ZoneInfo("Europe/Moscow"),
        keep=timedelta(days=10),
    )


async def all_of(store: Store, table: Any) -> list[Any]:
    return await store.read(lambda c: list(c.execute(select(table)).all()))


async def test_an_invoice_is_made_with_its_number_hash_and_readable_pdf(any_store: Store, tmp_path: Path) -> None:
    await any_store.write(office)
    papers = desk(any_store, tmp_path)
    document_id = await papers.make(INVOICE, by())
    (row,) = await all_of(any_store, Document)
    assert (row.id, row.kind, row.label, row.year, row.number) == (document_id, "invoice", "1/2026", 2026, 1)
    assert (row.lead_id, row.contact_id, row.amount, row.currency) == ("l-ivan", "c-ivan", 12_500_050, "RUB")
    assert row.sha256 == hashlib.sha256(row.html.encode()).hexdigest()
    assert row.keep_until == MONDAY + timedelta(days=10)
    content = await papers.pdf(document_id, MONDAY)
    text = " ".join(pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text().split())
    for words in ("Счёт на оплату № 1/2026", "Кухня «Белая» <3 м>", "125 000,50", "ООО «Кухни»", "Иван", "40702810"):
        assert words in text.replace("\u00a0", " ")
    assert await papers.pdf(document_id, MONDAY) == content  # the one that was made first, for good
    (file,) = await all_of(any_store, DocumentFile)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    (deed,) = await all_of(any_store, Audit)
    assert (deed.action, deed.object_id, deed.detail["label"]) == ("document.made", document_id, "1/2026")


async def test_numbers_have_no_gaps_however_many_are_made_at_once_and_whatever_fails(
    any_store: Store, tmp_path: Path
) -> None:
    await any_store.write(office)
    papers, ids = desk(any_store, tmp_path), iter_ids()

    def failing(connection: Connection) -> None:
        next_number(connection, "invoice", 2026)
        raise NotPossible("after the number was taken")

    async def fail() -> None:
        with pytest.raises(NotPossible):
            await any_store.write(failing)

    makes = [papers.make(INVOICE, by(new_id=ids)) for _ in range(12)]
    await asyncio.gather(*(job for pair in zip(makes, [fail() for _ in range(12)], strict=True) for job in pair))
    numbers = sorted(row.number for row in await all_of(any_store, Document))
    assert numbers == list(range(1, 13))


async def test_each_kind_and_year_counts_by_itself_and_the_year_is_that_of_the_wall(
    store: Store, tmp_path: Path
) -> None:
    await store.write(office)
    papers, ids = desk(store, tmp_path), iter_ids()
    eve = datetime(2026, 12, 31, 20, 59, tzinfo=UTC)  # a minute before midnight in Moscow
    offer = NewDocument(template="offer", lead="l-ivan", fields={"items": ITEMS})
    for new, at in ((INVOICE, eve), (INVOICE, eve + timedelta(minutes=1)), (offer, eve), (INVOICE, eve)):
        await papers.make(new, by(at=at, new_id=ids))
    assert sorted(row.label for row in await all_of(store, Document)) == ["1/2026", "1/2027", "2/2026", "КП-2026-0001"]


@pytest.mark.parametrize(
    ("new", "error", "words"),
    [
        (NewDocument(template="none", lead="l-ivan"), NotPossible, "no template"),
        (NewDocument(template="invoice", lead="none", fields={"items": ITEMS}), NotPossible, "no lead"),
        (NewDocument(template="invoice", contact="none", fields={"items": ITEMS}), NotPossible, "no contact"),
        (NewDocument(template="invoice", fields={"items": ITEMS}), NotPossible, "for whom"),
        (NewDocument(template="invoice", lead="l-ivan"), NotPossible, "Fill in"),
        (NewDocument(template="broken", lead="l-ivan"), BadTemplate, "can't be rendered"),
    ],
)
async def test_what_cant_be_made_takes_no_number(
    store: Store, tmp_path: Path, new: NewDocument, error: type[Exception], words: str
) -> None:
    await store.write(office)
    head = '+++\nkind = "invoice"\nname = "x"\ntitle = "x"\n+++\n{{ 1 / 0 }}'
    (tmp_path / "broken.ru.html").write_text(head, encoding="utf-8")
    papers = desk(store, tmp_path)
    with pytest.raises(error, match=words):
        await papers.make(new, by())
    await papers.make(INVOICE, by())
    assert [row.number for row in await all_of(store, Document)] == [1]


async def test_defaults_come_from_the_lead(store: Store, tmp_path: Path) -> None:
    await store.write(office)
    papers = desk(store, tmp_path)
    template = papers.library.get("contract", "ru")
    found = await papers.defaults(template, "l-ivan", None, by())
    assert found == {"customer": "Иван", "subject_matter": "", "amount": ""}


def sending(
    wish: SendDocument, *, pdf: bytes | None = b"%PDF-", minutes: int = 0
) -> Callable[[Connection], str | None]:
    hand = by(at=MONDAY + timedelta(minutes=minutes), new_id=iter_ids())
    return lambda connection: send(connection, "m-anna-1", wish, pdf, hand)


async def test_a_document_is_sent_as_a_letter_with_its_file(any_store: Store, tmp_path: Path) -> None:
    await any_store.write(office)
    papers = desk(any_store, tmp_path)
    document_id = await papers.make(INVOICE, by())
    assert document_id == "m-anna-1"
    content = await papers.pdf(document_id, MONDAY)
    assert await any_store.write(sending(SendDocument(to=["ivan@example.com"]), pdf=content)) == "l-ivan"
    (letter,) = await all_of(any_store, Outgoing)
    assert (letter.purpose, letter.lead_id, letter.contact_id, letter.manager_id) == (
        "document",
        "l-ivan",
        "c-ivan",
        "m-anna",
    )
    assert letter.payload["to"] == ["ivan@example.com"]
    assert letter.payload["subject"] == "Счёт № 1/2026"
    assert "Иван" in letter.payload["text"]
    (file,) = await all_of(any_store, OutgoingFile)
    assert (file.name, bytes(file.content)) == ("Счёт на оплату № 1 2026.pdf", content)
    (row,) = await all_of(any_store, Document)
    assert (row.sent_at, row.sent_to) == (MONDAY, ["ivan@example.com"])


async def test_a_second_click_sends_nothing_and_a_second_wish_does(store: Store, tmp_path: Path) -> None:
    await store.write(office)
    await desk(store, tmp_path).make(INVOICE, by())
    wish = SendDocument(to=["ivan@example.com"])
    await store.write(sending(wish))
    with pytest.raises(Conflict, match="a moment ago"):
        await store.write(sending(wish))
    await store.write(sending(SendDocument(to=["boss@example.com"])))
    await store.write(sending(wish, minutes=5))


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (SendDocument(), "no mail address"),
        (SendDocument(to=["nobody"]), "is no mail address"),
        (SendDocument(to=[f"a{n}@example.com" for n in range(21)]), "At most 20"),
        (SendDocument(to=["a@example.com"], message="x" * 100_001), "characters"),
    ],
)
async def test_letters_to_nowhere_are_refused(store: Store, tmp_path: Path, wish: SendDocument, words: str) -> None:
    await store.write(office)
    await desk(store, tmp_path).make(INVOICE, by())
    with pytest.raises(NotPossible, match=words):
        await store.write(sending(wish))


async def test_without_an_address_it_goes_to_the_contacts_first(store: Store, tmp_path: Path) -> None:
    await store.write(office)
    await store.write(lambda c: add_contact(c, "c-mail", name="Ольга", emails=["olga@example.com", "o@example.com"]))
    await desk(store, tmp_path).make(
        NewDocument(template="letter", contact="c-mail", fields={"topic": "т", "text": "п"}), by()
    )
    await store.write(sending(SendDocument(), pdf=None))
    (letter,) = await all_of(store, Outgoing)
    assert letter.payload["to"] == ["olga@example.com"]
    assert "<p>п</p>" in letter.payload["html"]


async def test_a_void_document_keeps_its_number_and_is_sent_no_more(any_store: Store, tmp_path: Path) -> None:
    await any_store.write(office)
    await desk(any_store, tmp_path).make(INVOICE, by())
    with pytest.raises(NotPossible, match="Say why"):
        await any_store.write(lambda c: declare_void(c, "m-anna-1", " ", by()))
    await any_store.write(lambda c: declare_void(c, "m-anna-1", "ошибка в сумме", by()))
    with pytest.raises(Conflict, match="already"):
        await any_store.write(lambda c: declare_void(c, "m-anna-1", "ещё раз", by()))
    with pytest.raises(NotPossible, match="ошибка в сумме"):
        await any_store.write(sending(SendDocument(to=["a@example.com"])))
    with pytest.raises(NotFound):
        await any_store.write(lambda c: declare_void(c, "none", "x", by()))


PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


async def test_a_template_fetches_nothing_from_outside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    secret = tmp_path.parent / "secret.png"
    secret.write_bytes(b"secret")
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    (tmp_path / "link.png").symlink_to(secret)
    addresses = [
        f"http://127.0.0.1:{port}/x.png",
        f"file://{secret}",
        "asset:../secret.png",
        "asset:link.png",
        "ftp://example.com/x",
        "//example.com/x",
    ]
    html = "".join(f'<img src="{address}"><link rel="stylesheet" href="{address}">' for address in addresses)
    html += f'<style>@import url("http://127.0.0.1:{port}/y.css"); p {{ background: url({addresses[0]}) }}</style>'
    html += f'<p>Text</p><img src="{PNG}"><img src="asset:logo.svg"><link rel="attachment" href="file:///etc/passwd">'
    with caplog.at_level("WARNING", logger="gateway.documents.pdf"):
        content = await asyncio.to_thread(to_pdf, html, Library(tmp_path))
    server.close()
    assert asked == []
    refused = {record.url for record in caplog.records if getattr(record, "action", "") == "document_fetch_refused"}  # type: ignore[attr-defined]
    assert {"asset:../secret.png", "asset:link.png", f"file://{secret}"} <= refused
    assert "asset:logo.svg" not in refused
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert "Text" in reader.pages[0].extract_text()
    assert not reader.attachments
    assert b"secret" not in content


async def test_where_pdf_cant_be_made_the_way_out_is_said_and_the_page_stays(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(office)
    papers = desk(store, tmp_path)
    document_id = await papers.make(INVOICE, by())
    import builtins

    real = builtins.__import__

    def without_pango(name: str, *rest: Any, **options: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_pango)
    assert "apt install libpango" in str(pdf_room.why_no_pdf())
    with pytest.raises(NoPdf, match="can be opened and printed as a page"):
        await papers.pdf(document_id, MONDAY)
    monkeypatch.undo()
    assert pdf_room.why_no_pdf() is None
    assert (await papers.pdf(document_id, MONDAY)).startswith(b"%PDF")
