"""Leads: the list of the start page and of ``GET /api/v1/leads``."""

from __future__ import annotations

from sqlalchemy import Connection, select

from gateway.storage.tables import Lead
from gateway.views.leads import lead_views
from gateway.views.shapes import LeadView
from gateway.web.queries.filters import (
    Filters,
    Page,
    Position,
    has_handle,
    newest_first,
    of_manager,
    visible,
)
from gateway.web.queries.search import lead_matches


def leads_page(connection: Connection, filters: Filters) -> Page[LeadView]:
    """Leads, the newest first."""
    query = select(Lead).where(
        *has_handle(Lead.contact_id, filters),
        *of_manager(Lead.manager_id, filters.manager),
        *visible(Lead.manager_id, filters.seen_by),
    )
    if filters.channel is not None:
        query = query.where(Lead.channel == filters.channel)
    if filters.status is not None:
        query = query.where(Lead.status == filters.status)
    if filters.stage is not None:
        query = query.where(Lead.stage == filters.stage)
    if filters.q:
        query = query.where(lead_matches(connection, filters.q))
    rows = connection.execute(newest_first(query, Lead.created_at, Lead.id, filters)).all()
    shown = rows[: filters.limit]
    more = len(rows) > filters.limit
    return Page(lead_views(connection, shown), Position(shown[-1].created_at, shown[-1].id).encode() if more else None)


def lead(connection: Connection, lead_id: str, scope: Filters) -> LeadView | None:
    """One lead; None too where ``scope.seen_by`` does not see it."""
    query = select(Lead).where(Lead.id == lead_id, *visible(Lead.manager_id, scope.seen_by))
    return next(iter(lead_views(connection, connection.execute(query).all())), None)
