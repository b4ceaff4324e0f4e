"""Leads as the API and the events tell them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from gateway.core.money import plain
from gateway.storage.tables import Interaction, Lead
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import LeadView, MoneyView, SourceView


def leads_by_id(connection: Connection, lead_ids: Iterable[str]) -> dict[str, LeadView]:
    """These leads by id; those that are gone are absent."""
    rows = connection.execute(select(Lead).where(Lead.id.in_(list(lead_ids)))).all()
    return {view.id: view for view in lead_views(connection, rows)}


def source_view(source: dict[str, Any]) -> SourceView:
    """The stored source as the contract shows it."""
    return SourceView(
        name=source.get("name"),
        page=source.get("page"),
        utm=source.get("utm") or {},
        click_ids=source.get("click_ids") or {},
    )


def money_view(units: int | None, currency: str | None) -> MoneyView | None:
    """Stored money as the contract shows it."""
    if units is None or currency is None:
        return None
    return MoneyView(amount=plain(units, currency), currency=currency)


def lead_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[LeadView]:
    """Rows of the table of leads, in their order. A handful of statements for all."""
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    managers = manager_briefs(connection, [row.manager_id for row in rows])
    interactions = _interaction_ids(connection, [row.id for row in rows])
    return [
        LeadView(
            id=row.id,
            channel=row.channel,
            status=row.status,
            stage=row.stage,
            stage_since=row.stage_since or row.created_at,
            reason=row.reason,
            amount=money_view(row.amount, row.currency),
            contact=contacts.get(row.contact_id),
            manager=managers.get(row.manager_id),
            source=source_view(row.source),
            subject=row.subject,
            text=row.text,
            fields=row.fields,
            after_hours=row.after_hours,
            created_at=row.created_at,
            updated_at=row.updated_at,
            closed_at=row.closed_at,
            version=row.version,
            interactions=interactions.get(row.id, []),
        )
        for row in rows
    ]


def _interaction_ids(connection: Connection, lead_ids: Sequence[str]) -> dict[str, list[str]]:
    query = (
        select(Interaction.lead_id, Interaction.id)
        .where(Interaction.lead_id.in_(lead_ids))
        .order_by(Interaction.occurred_at, Interaction.id)
    )
    found: dict[str, list[str]] = {}
    for lead_id, interaction_id in connection.execute(query):
        found.setdefault(lead_id or "", []).append(interaction_id)
    return found
