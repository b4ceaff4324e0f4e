"""Deliveries to CRMs, for people who ask what became of a lead."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from gateway.delivery.crmwords import read_back
from gateway.delivery.redact import redacted
from gateway.storage.tables import Attempt, Lead, Outbox
from gateway.views.shapes import AttemptView, DeliveryDetails, DeliveryView
from gateway.web.queries.filters import Filters, Page, has_handle, of_manager, visible
from gateway.web.queries.search import contact_matches


def deliveries_page(connection: Connection, filters: Filters, before: int | None) -> Page[DeliveryView]:
    """Deliveries, the newest first, those with an id below ``before``. ``channel``, ``manager``, ``phone``, ``email``
    and ``q`` are those of the lead that is told about."""
    query = select(Outbox)
    if before is not None:
        query = query.where(Outbox.id < before)
    if filters.since is not None:
        query = query.where(Outbox.created_at >= filters.since)
    if filters.until is not None:
        query = query.where(Outbox.created_at < filters.until)
    if filters.status is not None:
        query = query.where(Outbox.state == filters.status)
    of_lead = [*has_handle(Lead.contact_id, filters), *of_manager(Lead.manager_id, filters.manager)]
    if filters.channel is not None:
        of_lead.append(Lead.channel == filters.channel)
    if filters.q:
        of_lead.append(contact_matches(connection, Lead.contact_id, filters.q))
    if of_lead:
        query = query.where(Outbox.lead_id.in_(select(Lead.id).where(*of_lead)))
    if filters.seen_by is not None:
        query = query.where(or_(Outbox.lead_id.is_(None), _seen(filters.seen_by)))
    rows = connection.execute(query.order_by(Outbox.id.desc()).limit(filters.limit + 1)).all()
    shown = [DeliveryView(**_columns(row)) for row in rows[: filters.limit]]
    return Page(shown, str(shown[-1].id) if len(rows) > filters.limit else None)


def deliveries_of_lead(connection: Connection, lead_id: str, limit: int) -> list[DeliveryView]:
    """What is told, or to be told, about one lead, the newest first."""
    query = select(Outbox).where(Outbox.lead_id == lead_id).order_by(Outbox.id.desc()).limit(limit)
    return [_with_words(row) for row in connection.execute(query)]


def _with_words(row: Row[Any]) -> DeliveryView:
    """For pages: the reason can be said in the reader's language."""
    return DeliveryView(**{**_columns(row), "reason": read_back(row.reason, row.words)})


def delivery(connection: Connection, delivery_id: int, scope: Filters) -> DeliveryDetails | None:
    """One delivery with its payload and tries; None too where ``scope.seen_by`` does not see its lead.

    The payload tells who a person is only to those who inspect.
    """
    query = select(Outbox).where(Outbox.id == delivery_id)
    if scope.seen_by is not None:
        query = query.where(or_(Outbox.lead_id.is_(None), _seen(scope.seen_by)))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    tries = connection.execute(select(Attempt).where(Attempt.outbox_id == delivery_id).order_by(Attempt.id))
    payload = row.payload if scope.inspects else redacted(row.payload)
    return DeliveryDetails(**_columns(row), payload=payload, tries=[_attempt(attempt) for attempt in tries])


def _seen(seen_by: str) -> ColumnElement[bool]:
    return select(Lead.id).where(Lead.id == Outbox.lead_id, *visible(Lead.manager_id, seen_by)).exists()


def _attempt(row: Row[Any]) -> AttemptView:
    return AttemptView(
        number=row.number,
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=row.result,
        detail=row.detail,
    )


def _columns(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "crm": row.crm,
        "type": row.event_type,
        "message_id": row.message_id,
        "status": row.state,
        "lead": row.lead_id,
        "interaction": row.interaction_id,
        "attempts": row.attempts,
        "due_at": row.due_at,
        "reason": row.reason,
        "remote_id": row.remote_id,
        "remote_url": row.remote_url,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
