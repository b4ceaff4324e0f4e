"""Interactions of all channels as the API and the events tell them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from gateway.storage.tables import Interaction
from gateway.views.leads import source_view
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import HandleView, InteractionView


def interactions_by_id(connection: Connection, interaction_ids: Iterable[str]) -> dict[str, InteractionView]:
    """These interactions by id; those that are gone are absent."""
    rows = connection.execute(select(Interaction).where(Interaction.id.in_(list(interaction_ids)))).all()
    return {view.id: view for view in interaction_views(connection, rows)}


def interaction_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[InteractionView]:
    """Rows of the table of interactions, in their order. A handful of statements for all."""
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    managers = manager_briefs(connection, [row.manager_id for row in rows])
    return [
        InteractionView(
            id=row.id,
            channel=row.channel,
            connector=row.connector,
            source_name=row.source_name,
            phase=row.phase,
            direction=row.direction,
            kind=row.kind,
            outcome=row.outcome,
            line=row.line,
            name=row.name,
            subject=row.subject,
            text=row.text,
            fields=row.fields,
            source=source_view(row.source),
            handles=[HandleView(kind=handle["kind"], value=handle["value"]) for handle in row.handles],
            attachments=row.attachments,
            problems=row.problems,
            details=row.details,
            after_hours=row.after_hours,
            contact=contacts.get(row.contact_id),
            manager=managers.get(row.manager_id),
            lead=row.lead_id,
            occurred_at=row.occurred_at,
            ended_at=row.ended_at,
            received_at=row.received_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]
