"""Leads, calls and contacts as rows of a spreadsheet or lines of JSON, one row a lead, call, contact.

Read in pages, so that a hundred thousand rows need no more memory than one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.views.shapes import CallView, ContactBrief, ContactView, LeadView, ManagerBrief
from gateway.web.queries.filters import Filters, Page, Position
from gateway.web.queries.interactions import calls_page
from gateway.web.queries.leads import leads_page
from gateway.web.queries.people import contacts_page

PAGE = 500
Cell = str | int | float | bool | datetime | None
UTM = ("source", "medium", "campaign", "term", "content")


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of thing that can be exported."""

    columns: tuple[str, ...]
    page: Callable[[Connection, Filters], Page[Any]]
    row: Callable[[Any], tuple[Cell, ...]]

    def items(self, connection: Connection, filters: Filters) -> Iterator[msgspec.Struct]:
        """The objects themselves, the newest first."""
        filters = replace(filters, limit=PAGE)
        while True:
            page = self.page(connection, filters)
            yield from page.items
            if page.next is None:
                return
            filters = replace(filters, after=Position.decode(page.next))

    def rows(self, connection: Connection, filters: Filters) -> Iterator[tuple[Cell, ...]]:
        """Their cells, as ``columns`` names them."""
        return (self.row(item) for item in self.items(connection, filters))


def _lead(lead: LeadView) -> tuple[Cell, ...]:
    amount, currency = (float(lead.amount.amount), lead.amount.currency) if lead.amount else (None, None)
    return (
        lead.id,
        lead.created_at,
        lead.status,
        lead.stage,
        lead.stage_since,
        lead.reason,
        lead.channel,
        *_contact_cells(lead.contact),
        _name(lead.manager),
        amount,
        currency,
        lead.source.name,
        lead.source.page,
        *(lead.source.utm.get(name) for name in UTM),
        lead.subject,
        lead.text,
        "; ".join(f"{label}: {value}" for label, value in lead.fields.items()),
        lead.after_hours,
        lead.closed_at,
        len(lead.interactions),
    )


def _call(call: CallView) -> tuple[Cell, ...]:
    return (
        call.id,
        call.started_at,
        call.pbx,
        call.direction,
        call.outcome,
        call.missed_reason,
        call.caller,
        call.dialled,
        call.line,
        *_contact_cells(call.contact),
        call.answered_by,
        _name(call.manager),
        call.wait_seconds,
        call.talk_seconds,
        call.after_hours,
        call.lead,
        call.recording,
    )


def _contact(contact: ContactView) -> tuple[Cell, ...]:
    return (
        contact.id,
        contact.name,
        ", ".join(contact.phones),
        ", ".join(contact.emails),
        contact.company,
        _name(contact.manager),
        contact.created_at,
        contact.updated_at,
    )


def _contact_cells(contact: ContactBrief | None) -> tuple[Cell, ...]:
    if contact is None:
        return None, None, None
    return contact.name, ", ".join(contact.phones), ", ".join(contact.emails)


def _name(manager: ManagerBrief | None) -> str | None:
    return manager.name if manager is not None else None


EXPORTS: Mapping[str, Export] = {
    "leads": Export(
        ("id", "created_at", "status", "stage", "stage_since", "reason", "channel", "name", "phone", "email", "manager",
         "amount", "currency", "source", "page", *(f"utm_{name}" for name in UTM), "subject", "text", "fields",
         "after_hours", "closed_at", "interactions"),
        leads_page,
        _lead,
    ),
    "calls": Export(
        ("id", "started_at", "pbx", "direction", "outcome", "missed_reason", "caller", "dialled", "line", "name",
         "phone", "email", "answered_by", "manager", "wait_seconds", "talk_seconds", "after_hours", "lead",
         "recording"),
        calls_page,
        _call,
    ),
    "contacts": Export(
        ("id", "name", "phone", "email", "company", "manager", "created_at", "updated_at"),
        contacts_page,
        _contact,
    ),
}  # fmt: skip
"""``contacts`` has the columns that ``leadgate import contacts`` reads."""
