"""CSV files as people export them, and cells that no spreadsheet computes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.csvrows import FORMULA, BadFile, guarded, harmless, parse_day, read_rows

COLUMNS = {"name": ("name", "имя"), "phone": ("phone", "телефон")}


@pytest.mark.parametrize(
    "content",
    [
        "name,phone\nИван,+7926\n".encode(),
        "\ufeffName;PHONE\r\nИван;+7926\r\n".encode(),
        "Телефон\tИмя\n+7926\tИван\n".encode("cp1251"),
        'phone,extra,name\n"+7926",x,"Иван"\n\n,,\n'.encode(),
        "name,phone\nИван,'+7926\n".encode(),
    ],
)
def test_files_of_all_programs_are_read(content: bytes) -> None:
    rows = list(read_rows(content, COLUMNS, needed=("name",)))
    assert [(row.line, row.get("name"), row.get("phone")) for row in rows] == [(2, "Иван", "+7926")]


def test_a_short_row_has_empty_cells() -> None:
    row = next(iter(read_rows(b"name,phone\nIvan\n", COLUMNS, needed=())))
    assert (row.get("phone"), row.get("nothing")) == ("", "")


@pytest.mark.parametrize(
    ("content", "needed", "encoding", "words"),
    [
        (b"a,b\n1,2\n", ("phone",), "", "missing: phone"),
        (b"", ("name",), "", "missing: name"),
        (b"name\n\x00\n", ("name",), "", "no text"),
        ("name\nИван".encode("cp1251"), ("name",), "utf-8", "utf-8"),
        (b"name\nx", ("name",), "no-such", "no-such"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(
    content: bytes, needed: tuple[str, ...], encoding: str, words: str
) -> None:
    with pytest.raises(BadFile, match=words):
        list(read_rows(content, COLUMNS, needed=needed, encoding=encoding))


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+79261234567", "+79261234567"),
        ("-12.50", "-12.50"),
        ("+1+1", "'+1+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("it's", "it's"),
        ("", ""),
        ("+", "'+"),
        ("＝1", "'＝1"),
    ],
)
def test_formulas_are_guarded_and_numbers_are_not(cell: str, shown: str) -> None:
    assert guarded(cell) == shown


@given(st.text(alphabet=st.one_of(st.sampled_from("=+-@'\t\r\n0123.＝"), st.characters())))
@example("'" * 5 + "=")
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell: str) -> None:
    shown = guarded(cell)
    assert harmless(shown) == cell or (shown == cell and harmless(cell) == cell)
    if shown.startswith(FORMULA):
        float(shown)  # only a plain number may begin like a formula


@pytest.mark.parametrize(("text", "day"), [("2026-11-22", date(2026, 11, 22)), ("22.11.2026", date(2026, 11, 22))])
def test_days_are_read_in_both_spellings(text: str, day: date) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize("text", ["", "11/22/2026", "2026-13-01", "tomorrow"])
def test_what_is_no_day_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="2026-11-22"):
        parse_day(text)
