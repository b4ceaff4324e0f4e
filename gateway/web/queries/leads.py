"""Leads: the list of the start page and of ``GET /api/v1/leads``."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from gateway.storage.tables import Interaction, Lead
from gateway.views.leads import lead_views
from gateway.views.shapes import LeadView
from gateway.web.queries.filters import (
    Filters,
    Page,
    Position,
    contact_matches,
    contains,
    has_handle,
    newest_first,
    of_manager,
)


def leads_page(connection: Connection, filters: Filters) -> Page[LeadView]:
    """Leads, the newest first."""
    query = select(Lead).where(*has_handle(Lead.contact_id, filters), *of_manager(Lead.manager_id, filters.manager))
    if filters.channel is not None:
        query = query.where(Lead.channel == filters.channel)
    if filters.status is not None:
        query = query.where(Lead.status == filters.status)
    if filters.q:
        query = query.where(
            or_(contains(filters.q, (Lead.subject, Lead.text)), contact_matches(Lead.contact_id, filters.q))
        )
    rows = connection.execute(newest_first(query, Lead.created_at, Lead.id, filters)).all()
    shown = rows[: filters.limit]
    more = len(rows) > filters.limit
    return Page(lead_views(connection, shown), Position(shown[-1].created_at, shown[-1].id).encode() if more else None)


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
