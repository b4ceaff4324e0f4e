"""Rows as CSV, XLSX or JSON lines. No cell is ever a formula: what a stranger wrote is computed by no spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import BinaryIO, TextIO

import msgspec

from gateway.core.csvrows import guarded
from gateway.web.exports import Cell

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_CELL = 32_767
"""Characters in a cell of Excel; the rest is cut off."""
MAX_ROWS = 1_048_575
"""Rows of a sheet of Excel below the headings."""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def write_csv(rows: Iterable[Sequence[Cell]], columns: Sequence[str], stream: TextIO, zone: tzinfo) -> int:
    """CSV with commas (RFC 4180); how many rows. Open ``stream`` with ``newline=""``."""
    writer = csv.writer(stream)
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_text(cell, zone) for cell in row])
        count += 1
    return count


def _text(cell: Cell, zone: tzinfo) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return str(cell)
    return guarded(cell.replace("\x00", ""))


def write_xlsx(rows: Iterable[Sequence[Cell]], columns: Sequence[str], stream: BinaryIO, zone: tzinfo) -> int:
    """A workbook with one sheet; how many rows. Texts are written as texts, whatever they look like."""
    import xlsxwriter

    book = xlsxwriter.Workbook(stream, {"constant_memory": True, "remove_timezone": True})
    bold = book.add_format({"bold": True})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name, bold)
        sheet.set_column(place, place, 20)
    count = 0
    for row in rows:
        if count >= MAX_ROWS:
            break
        count += 1
        for place, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(count, place, cell.astimezone(zone).replace(tzinfo=None), moment)
            elif isinstance(cell, bool):
                sheet.write_boolean(count, place, cell)
            elif isinstance(cell, int | float):
                sheet.write_number(count, place, cell)
            elif cell:
                sheet.write_string(count, place, _NOT_XML.sub("", cell)[:MAX_CELL])
    book.close()
    return count


def write_jsonl(items: Iterable[msgspec.Struct], stream: BinaryIO) -> int:
    """One object a line, as the API gives it; how many."""
    encoder = msgspec.json.Encoder()
    count = 0
    for item in items:
        stream.write(encoder.encode(item) + b"\n")
        count += 1
    return count
