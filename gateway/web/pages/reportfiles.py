"""The rows behind a number of a report as a file: one row for each lead, call, callback or amount of spend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from io import BytesIO, StringIO

from sqlalchemy import Connection

from gateway.reports.table import Kind
from gateway.views.work import SpendView
from gateway.web.access import Viewer
from gateway.web.exports import Cell
from gateway.web.queries.reportrows import BehindRow, rows_behind, spend_behind
from gateway.web.sheets import write_csv, write_xlsx

COLUMNS = ("id", "at", "kind", "state", "reason", "line", "name", "phone", "email", "manager", "lead")
SPEND_COLUMNS = ("id", "source", "medium", "campaign", "channel", "from", "to", "amount", "currency", "comment")
"""Named like those of ``leadgate export``; ``leadgate import spend`` reads these."""
AT_ONCE = 500
"""Rows that are read by one statement."""


def behind_file(
    connection: Connection, kind: Kind, ids: Sequence[str], viewer: Viewer, *, file: str, zone: tzinfo
) -> tuple[bytes, int]:
    """All rows as ``file`` (``csv``, ``xlsx``), and how many they are. What the viewer does not see is absent."""
    columns = SPEND_COLUMNS if kind == "spend" else COLUMNS
    rows = _rows(connection, kind, ids, viewer)
    if file == "xlsx":
        book = BytesIO()
        count = write_xlsx(rows, columns, book, zone)
        return book.getvalue(), count
    text = StringIO(newline="")
    count = write_csv(rows, columns, text, zone)
    return b"\xef\xbb\xbf" + text.getvalue().encode(), count  # Excel reads UTF-8 only with a mark


def _rows(connection: Connection, kind: Kind, ids: Sequence[str], viewer: Viewer) -> Iterator[tuple[Cell, ...]]:
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        if kind == "spend":
            yield from map(_spend, spend_behind(connection, some, viewer))
        else:
            yield from map(_row, rows_behind(connection, kind, some, viewer))


def _row(row: BehindRow) -> tuple[Cell, ...]:
    contact = row.contact
    return (
        row.id,
        row.at,
        row.kind,
        row.state,
        row.reason,
        row.line,
        contact.name if contact else None,
        ", ".join(contact.phones) if contact else None,
        ", ".join(contact.emails) if contact else None,
        row.manager.name if row.manager else None,
        row.lead_id,
    )


def _spend(row: SpendView) -> tuple[Cell, ...]:
    return (
        row.id,
        row.source,
        row.medium,
        row.campaign,
        row.channel,
        row.first_day.isoformat(),
        row.last_day.isoformat(),
        float(row.cost.amount),
        row.cost.currency,
        row.comment,
    )
