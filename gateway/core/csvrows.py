"""CSV files as people export them: whatever separator and encoding, headings in any case and language. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Unusable

ENCODINGS = ("utf-8-sig", "cp1251")
"""Tried in this order; anything is valid windows-1251, so it is last (Excel's Russian default)."""
SEPARATORS = ",;\t"
MAX_CELL = 100_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet compute a cell (OWASP, "CSV Injection"), the full-width signs of Asian scripts too."""


class BadFile(LeadgateError):
    """A file that is no CSV file with the columns that are needed."""

    code = "bad_file"


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its cells by the columns' own names; absent ones are empty."""

    line: int
    """In the file, from 1: where a person finds it."""
    cells: Mapping[str, str]

    def get(self, name: str) -> str:
        """The cell without blanks around it."""
        return self.cells.get(name, "").strip()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be taken."""

    line: int
    why: str
    """A sentence."""


def read_rows(
    content: bytes, columns: Mapping[str, tuple[str, ...]], *, needed: tuple[str, ...], encoding: str = ""
) -> Iterator[Row]:
    """The rows below the headings, empty ones left out. ``columns``: our name -> what a heading may say.

    Raises BadFile at once where a needed column is missing or the file is no text.
    """
    text = _text(content, encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    try:
        headings = next(reader, [])
    except csv.Error as error:
        raise BadFile("The first line is no line of a CSV file: %(why)s.", why=error) from None
    places = _places(headings, columns)
    missing = [name for name in needed if name not in places]
    if missing:
        known = "; ".join(f"{name} ({', '.join(columns[name])})" for name in missing)
        raise BadFile("The first line must name the columns; missing: %(known)s.", known=known)
    return _rows(reader, places)


def _rows(reader: Iterator[list[str]], places: Mapping[str, int]) -> Iterator[Row]:
    while True:
        line = getattr(reader, "line_num", 0) + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadFile("Line %(line)s is no line of a CSV file: %(why)s.", line=line, why=error) from None
        if any(cell.strip() for cell in cells):
            found = {name: harmless(cells[place]) for name, place in places.items() if place < len(cells)}
            yield Row(line, found)


def _text(content: bytes, encoding: str) -> str:
    for name in (encoding,) if encoding else ENCODINGS:
        try:
            text = content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\x00" in text:
            raise BadFile("The file is no text: save it as CSV (UTF-8).")
        return text
    raise BadFile(
        "The file can't be read as %(encoding)s: say --encoding, or save it as CSV (UTF-8).",
        encoding=encoding or "text",
    )


def _separator(text: str) -> str:
    """The one that the headings have most of."""
    first = text.partition("\n")[0]
    return max(SEPARATORS, key=first.count)


def _places(headings: list[str], columns: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    said = {heading.strip().casefold(): place for place, heading in reversed(list(enumerate(headings)))}
    return {name: said[word] for name, words in columns.items() for word in reversed(words) if word in said}


def harmless(cell: str) -> str:
    """A cell without the apostrophe that ``guarded``, or a spreadsheet, put before it."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before it, unless it is a plain number such as a
    phone number. ``harmless`` takes it off again, whatever the cell was."""
    if not cell.lstrip("'").startswith(FORMULA) or _is_number(cell):
        return cell
    return "'" + cell


def _is_number(cell: str) -> bool:
    bare = cell[1:]
    return cell[0] in "+-" and bare.isascii() and bare.replace(".", "", 1).isdigit()


def parse_day(text: str) -> date:
    """``2026-11-22`` or ``22.11.2026``. Raises ValueError with a sentence."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day on the calendar has no zone
        except ValueError:
            continue
    raise Unusable("%(text)r is no day: write it like 2026-11-22 or 22.11.2026", text=text[:40])
