"""The rows behind a number of a report: a few columns that all kinds share, each with a link to its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from gateway.reports.table import Kind
from gateway.storage.tables import Callback, Interaction, Lead, Spend, table_of
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import ContactBrief, ManagerBrief
from gateway.views.work import SpendView, spend_views
from gateway.web.access import Viewer

LEAD, INTERACTION, CALLBACK = table_of(Lead), table_of(Interaction), table_of(Callback)


@dataclass(frozen=True, slots=True, kw_only=True)
class BehindRow:
    """One lead, call or callback."""

    id: str
    kind: Kind
    at: datetime
    state: str
    """Of a lead its status, of a call its outcome, of a callback its state."""
    reason: str | None
    line: str | None
    contact: ContactBrief | None
    manager: ManagerBrief | None
    lead_id: str | None
    """Where a click leads."""


def rows_behind(connection: Connection, kind: Kind, ids: Sequence[str], viewer: Viewer) -> list[BehindRow]:
    """In the order of ``ids``; rows that are gone, or are not the viewer's to see, are absent."""
    read = {"lead": _leads, "call": _calls, "callback": _callbacks}[kind]
    rows = {row[0]: row for row in read(connection, ids) if viewer.sees(row[6])}
    contacts = contact_briefs(connection, [row[5] for row in rows.values()])
    managers = manager_briefs(connection, [row[6] for row in rows.values()])
    return [
        BehindRow(
            id=row_id,
            kind=kind,
            at=row[1],
            state=row[2],
            reason=row[3],
            line=row[4],
            contact=contacts.get(row[5]) if row[5] else None,
            manager=managers.get(row[6]) if row[6] else None,
            lead_id=row[7],
        )
        for row_id in ids
        if (row := rows.get(row_id)) is not None
    ]


def spend_behind(connection: Connection, ids: Sequence[str], viewer: Viewer) -> list[SpendView]:
    """The amounts behind a cost, in the order of ``ids``; none for who sees only his own leads."""
    if viewer.seen_by is not None:
        return []
    rows = {row.id: row for row in connection.execute(select(Spend).where(Spend.id.in_(list(ids))))}
    return spend_views(connection, [rows[row_id] for row_id in ids if row_id in rows])


Raw = tuple[str, datetime, str, str | None, str | None, str | None, str | None, str | None]


def _leads(connection: Connection, ids: Sequence[str]) -> list[Raw]:
    columns = (
        LEAD.c.id,
        LEAD.c.created_at,
        LEAD.c.status,
        LEAD.c.reason,
        LEAD.c.channel,
        LEAD.c.contact_id,
        LEAD.c.manager_id,
    )
    rows = connection.execute(select(*columns).where(LEAD.c.id.in_(list(ids))))
    return [(*row, row[0]) for row in rows]


def _calls(connection: Connection, ids: Sequence[str]) -> list[Raw]:
    names = ("id", "occurred_at", "outcome", "missed_reason", "line", "contact_id", "manager_id", "lead_id")
    rows = connection.execute(select(*(INTERACTION.c[n] for n in names)).where(INTERACTION.c.id.in_(list(ids))))
    return [tuple(row) for row in rows]


def _callbacks(connection: Connection, ids: Sequence[str]) -> list[Raw]:
    names = ("id", "first_at", "state", "reason", "line", "contact_id", "owner_id", "lead_id")
    rows = connection.execute(select(*(CALLBACK.c[n] for n in names)).where(CALLBACK.c.id.in_(list(ids))))
    return [tuple(row) for row in rows]
