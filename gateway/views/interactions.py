"""Interactions of all channels as the API and the events tell them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.core.types import Channel
from gateway.storage.tables import Interaction, Sighting
from gateway.views.leads import source_view
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import HandleView, InteractionView, SightingView


def interactions_by_id(connection: Connection, interaction_ids: Iterable[str]) -> dict[str, InteractionView]:
    """These interactions by id; those that are gone are absent."""
    rows = connection.execute(select(Interaction).where(Interaction.id.in_(list(interaction_ids)))).all()
    return {view.id: view for view in interaction_views(connection, rows)}


def interaction_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[InteractionView]:
    """Rows of the table of interactions, in their order. A handful of statements for all."""
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    managers = manager_briefs(connection, [row.manager_id for row in rows])
    seen = sightings_of(connection, [row.id for row in rows if row.channel == Channel.MAIL.value])
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
            sightings=seen.get(row.id, []),
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


def sightings_of(connection: Connection, interaction_ids: Sequence[str]) -> dict[str, list[SightingView]]:
    """Where these letters were met, each place once. No statement where there are no letters."""
    if not interaction_ids:
        return {}
    first = func.min(Sighting.seen_at).label("first")
    query = (
        select(Sighting.interaction_id, Sighting.source, Sighting.place, first)
        .where(Sighting.interaction_id.in_(interaction_ids))
        .group_by(Sighting.interaction_id, Sighting.source, Sighting.place)
        .order_by(first, Sighting.source, Sighting.place)
    )
    found: dict[str, list[SightingView]] = {}
    for row in connection.execute(query):
        view = SightingView(source=row.source, place=row.place, seen_at=row.first)
        found.setdefault(str(row.interaction_id), []).append(view)
    return found
