"""``leadgate export`` and ``import`` of tables: as a person runs them, on a real database."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import Connection

from gateway.__main__ import main
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from tests.support.seed import add_contact, add_lead, add_office

EVIL = '=HYPERLINK("http://evil.example.com","Заявка")'
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a small office in it, and a stranger whose name is a formula."""
    import asyncio

    folder = tmp_path / "data"
    folder.mkdir()
    upgrade(StorageSettings(), folder)

    async def fill() -> None:
        store = Store.open(StorageSettings(), folder)
        await store.start()
        await store.write(add_office)
        await store.write(lambda c: add_contact(c, "c-evil", name=EVIL))
        await store.write(lambda c: add_lead(c, "l-evil", "c-evil", subject="@SUM(A1)", amount=12345, currency="RUB"))
        await store.stop()

    asyncio.run(fill())
    return folder


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_leads_are_exported_one_row_each_without_formulas(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "leads.csv"
    assert run("export", "leads", "--data", data, "--output", out) == 0
    rows = read_csv(out)
    assert [row["id"] for row in rows] == ["l-evil", "l-caller", "l-ivan", "l-withheld", "l-letter"]
    evil, ivan = rows[0], rows[2]
    assert (evil["name"], evil["subject"], evil["amount"]) == ("'" + EVIL, "'@SUM(A1)", "123.45")
    assert (ivan["phone"], ivan["utm_source"], ivan["created_at"]) == (
        "'+79261234567, +74951234567",
        "yandex",
        "2026-11-23T11:20:00+03:00",
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["leads", "--status", "lost"], ["l-withheld"]),
        (["leads", "--manager", "anna"], ["l-ivan"]),
        (["leads", "--channel", "mail"], ["l-letter"]),
        (["leads", "--since", "2026-11-23", "--status", "open"], ["l-evil", "l-caller", "l-ivan"]),
        (["leads", "--until", "2026-01-01"], ["l-letter"]),
        (["calls"], ["i-missed", "i-call", "i-withheld"]),
        (["contacts", "--manager", "anna"], ["c-ivan"]),
    ],
)
def test_exports_are_narrowed_as_asked(data: Path, tmp_path: Path, words: list[str], found: list[str]) -> None:
    out = tmp_path / "out.jsonl"
    assert run("export", *words, "--data", data, "--output", out) == 0
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == found


def cells_of(path: Path) -> tuple[list[list[str]], str]:
    """The texts and numbers of a workbook's sheet, and its XML."""
    with zipfile.ZipFile(path) as book:
        raw = book.read("xl/worksheets/sheet1.xml").decode()
    rows = ElementTree.fromstring(raw).iter(f"{SHEET}row")
    return [["".join(cell.itertext()) for cell in row.iter(f"{SHEET}c")] for row in rows], raw


def test_a_workbook_holds_texts_and_no_formula(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "leads.xlsx"
    assert run("export", "leads", "--data", data, "--output", out) == 0
    rows, raw = cells_of(out)
    assert len(rows) == 6
    assert EVIL in rows[1]
    assert "<f>" not in raw
    assert "123.45" in rows[1]


def test_several_pages_are_exported_whole_and_once(data: Path, tmp_path: Path) -> None:
    import asyncio

    def many(connection: Connection) -> None:
        for number in range(1234):
            add_lead(connection, f"many-{number:05}", None)

    async def fill() -> None:
        store = Store.open(StorageSettings(), data)
        await store.start()
        await store.write(many)
        await store.stop()

    asyncio.run(fill())
    out = tmp_path / "leads.csv"
    assert run("export", "leads", "--data", data, "--output", out) == 0
    ids = [row["id"] for row in read_csv(out)]
    assert (len(ids), len(set(ids))) == (1239, 1239)


def test_what_was_exported_can_be_imported_and_changes_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "contacts.csv"
    assert run("export", "contacts", "--data", data, "--output", out) == 0
    capsys.readouterr()
    assert run("import", "contacts", "--data", data, out) == 1  # one has neither a number nor an address
    said = capsys.readouterr().out
    assert "4 rows: 0 contacts made, 0 completed, 3 known already" in said
    assert "There is neither a phone number nor a mail address" in said


def test_contacts_and_spend_are_imported_and_a_second_run_changes_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people, costs = tmp_path / "people.csv", tmp_path / "costs.csv"
    people.write_text("name,phone,manager\nОльга,+79995551122,anna\nПлохой,12,\n", encoding="utf-8")
    costs.write_bytes("источник;с;по;сумма\nyandex;01.11.2026;30.11.2026;10000,50\n".encode("cp1251"))
    for made, known in ((1, 0), (0, 1)):
        assert run("import", "contacts", "--data", data, people) == 1
        said = capsys.readouterr().out
        assert f"2 rows: {made} contacts made, 0 completed, {known} known already" in said
        assert "line 3: '12' is no phone number" in said
        assert run("import", "spend", "--data", data, costs) == 0
        assert f"1 rows: {made} amounts stored, 0 set anew, {known} known already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["export", "leads", "--since", "soon"], 2, "--since"),
        (["export", "leads", "--output", "/nonexistent/x.csv"], 1, "No such file"),
        (["import", "contacts", "/nonexistent.csv"], 1, "No such file"),
        (["import", "spend", __file__], 1, "must name the columns"),
    ],
)
def test_what_cant_be_done_is_said(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert run(*words, "--data", data) == code
    assert said in capsys.readouterr().err


def test_csv_on_standard_output_is_data_only(data: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("export", "contacts", "--data", data) == 0
    out, err = capfdbinary.readouterr()
    rows = list(csv.DictReader(io.StringIO(out.decode("utf-8-sig"))))
    assert len(rows) == 4
    assert b"4 contacts" in err
