"""The adapter ``csv``: safe in a spreadsheet, one physical line an event."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapter.base import Context
from crm_adapter.csv import build
from crm_adapter.csv.rows import COLUMNS, MOST_CELL, Rows, cell
from crm_adapter.options import BadOption
from crm_adapter.testing import make_event
from crm_adapter.testkit import events
from tests.contract.files import FileContract


class TestCsv(FileContract):
    """The contract over rows."""

    name = "csv"


def rows_of(path: Path, **how: Any) -> list[dict[str, str]]:
    """As another program reads them."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, **how))


async def test_a_lead_and_a_call_fill_their_columns(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path), "columns": {"Бюджет": "{fields.Бюджет}", "=term": "{source.utm.term|none}"}}
    adapter = build(options, Context(name="test"))
    for event in events.story(1):
        await adapter.push(event)
    (path,) = tmp_path.iterdir()
    rows = rows_of(path)
    assert len(rows) == len(events.story(1))
    assert list(rows[0]) == [*COLUMNS, "Бюджет", "'=term"]
    lead, missed = rows[0], rows[5]
    assert (lead["phones"], lead["emails"]) == (events.phone(1), "ivan1@example.com")
    assert (lead["manager"], lead["utm_campaign"], lead["Бюджет"]) == ("Anna", "kitchens", "300 000")
    assert lead["id"] == lead["lead_id"] == missed["lead_id"]
    assert (missed["outcome"], missed["wait_seconds"], missed["'=term"]) == ("missed", "5.2", "none")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1", "'＝1"),
        ("  =1", "'  =1"),
        ("\t=1", "' =1"),
        ("a\r\nb\x00c\u2028d", "a b c d"),
        ("+79261234567", "+79261234567"),
        (["+79261234567", "+4930123456"], "+79261234567, +4930123456"),
        (["=1", "x"], "'=1, x"),
        ({"a": "=1"}, '{"a": "=1"}'),
        (-5, "-5"),
        (None, ""),
        (True, "True"),
        ("x" * 40_000, "x" * MOST_CELL),
    ],
)
def test_no_cell_is_a_formula(value: Any, shown: str) -> None:
    assert cell(value) == shown


@settings(max_examples=200, deadline=None)
@given(text=st.text(), name=st.text(), delimiter=st.sampled_from([",", ";", "\t"]))
def test_whatever_strangers_write_a_row_is_one_line_and_no_formula(text: str, name: str, delimiter: str) -> None:
    rows = Rows(delimiter=delimiter)
    event = make_event(data={"id": "1", "text": text, "name": name})
    line = rows.line(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert rows.message_id(line[:-1]) == event.message_id
    (cells,) = csv.reader([line.decode()], delimiter=delimiter)
    assert len(cells) == len(COLUMNS)
    assert not [one for one in cells if one.lstrip().startswith(("=", "+", "-", "@")) and not one[1:].isdigit()]


async def test_excel_gets_its_mark_and_semicolons(tmp_path: Path) -> None:
    adapter = build({"folder": str(tmp_path), "excel": True, "delimiter": ";"}, Context(name="test"))
    await adapter.push(make_event(1))
    await adapter.push(make_event(2))
    await adapter.push(make_event(2, attempt=2))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfmessage_id;type;")
    assert content.count(b"\xef\xbb\xbf") == 1
    assert content.count(b"\n") == 3


async def test_other_columns_within_a_day_begin_another_file_and_double_nothing(tmp_path: Path) -> None:
    await build({"folder": str(tmp_path)}, Context(name="test")).push(make_event(1))
    adapter = build({"folder": str(tmp_path), "columns": {"more": "{more}"}}, Context(name="test"))
    await adapter.push(make_event(1, attempt=2))
    await adapter.push(make_event(2))
    first, second = sorted(tmp_path.iterdir(), key=lambda path: len(path.name))
    assert second.name == "leadgate-2026-11-22.2.csv"
    assert (len(rows_of(first)), len(rows_of(second))) == (1, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folder": "/srv", "delimiter": "|"}, "delimiter must be one of"),
        ({"folder": "/srv", "columns": {"text": "{text}"}}, "there already"),
        ({"folder": "/srv", "columns": {"x": "{"}}, "stands alone"),
        ({"folder": "/srv", "columns": {"x": 1}}, "template in quotes"),
    ],
)
def test_bad_settings_are_refused_with_the_key(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
