"""Interactions of all channels, and calls with their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, literal_column, or_, select

from gateway.core.types import Channel
from gateway.storage.tables import Interaction, Lead
from gateway.views.interactions import interaction_views
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import CallView, InteractionView
from gateway.web.queries.filters import (
    Filters,
    Page,
    Position,
    has_handle,
    has_words,
    newest_first,
    of_manager,
    visible,
)
from gateway.web.queries.search import contact_matches, interaction_matches

IS_CALL = Interaction.channel == literal_column("'call'")
"""This and the next are written into the statement, not bound: only so does SQLite see that the partial index fits."""
IS_OPEN = Interaction.phase.in_((literal_column("'ringing'"), literal_column("'answered'")))
MOST_OPEN = 2000
"""Calls that go on at once: more than any switchboard of ours carries."""
RECORD_FIELDS = frozenset(field for field in CallView.__struct_fields__) - {
    "id", "pbx", "line", "contact", "manager", "lead", "after_hours",
}  # fmt: skip
"""What is taken from the call's own record."""


@dataclass(frozen=True, slots=True)
class LastCall:
    """What became of a lead's latest call."""

    phase: str
    outcome: str | None
    missed_reason: str | None


def interactions_page(connection: Connection, filters: Filters) -> Page[InteractionView]:
    """Interactions, the newest first. ``status`` is the phase."""
    query = _filtered(filters)
    if filters.q:
        query = query.where(interaction_matches(connection, filters.q))
    if filters.channel is not None:
        query = query.where(Interaction.channel == filters.channel)
    if filters.status is not None:
        query = query.where(Interaction.phase == filters.status)
    rows, following = _page(connection, query, filters)
    return Page(interaction_views(connection, rows), following)


def calls_page(connection: Connection, filters: Filters) -> Page[CallView]:
    """Calls, the newest first. ``status`` is the outcome, or ``open`` for those that have not ended."""
    query = _filtered(filters).where(IS_CALL)
    if filters.q:  # a call has no text: it is found by its person
        query = query.where(contact_matches(connection, Interaction.contact_id, filters.q))
    if filters.channel not in {None, Channel.CALL.value}:
        return Page([], None)
    if filters.status == "open":
        # they are few and found at once; the list itself is read by time, and SQLite would look through all of it
        ids = connection.execute(select(Interaction.id).where(IS_OPEN).limit(MOST_OPEN)).scalars().all()
        query = query.where(Interaction.id.in_(ids))
    elif filters.status is not None:
        query = query.where(Interaction.outcome == filters.status)
    if filters.direction is not None:
        query = query.where(Interaction.direction == filters.direction)
    if filters.line:
        query = query.where(has_words(filters.line, (Interaction.line,)))
    rows, following = _page(connection, query, filters)
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    managers = manager_briefs(connection, [row.manager_id for row in rows])
    return Page([_call(row, contacts.get(row.contact_id), managers.get(row.manager_id)) for row in rows], following)


def visible_interactions(seen_by: str | None) -> list[ColumnElement[bool]]:
    """Conditions for what a viewer sees (``access.Viewer.seen_by``): what is of own leads, of nobody's or of none."""
    if seen_by is None:
        return []
    his = select(Lead.id).where(Lead.id == Interaction.lead_id, *visible(Lead.manager_id, seen_by))
    return [or_(Interaction.lead_id.is_(None), his.exists())]


def interaction(connection: Connection, interaction_id: str, scope: Filters) -> InteractionView | None:
    """One interaction; None too where ``scope.seen_by`` does not see it."""
    query = select(Interaction).where(Interaction.id == interaction_id, *visible_interactions(scope.seen_by))
    return next(iter(interaction_views(connection, connection.execute(query).all())), None)


def call(connection: Connection, interaction_id: str, scope: Filters) -> CallView | None:
    """One call, by the id of its interaction; None too where ``scope.seen_by`` does not see it."""
    row = connection.execute(
        select(Interaction).where(
            Interaction.id == interaction_id,
            Interaction.channel == Channel.CALL.value,
            *visible_interactions(scope.seen_by),
        )
    ).one_or_none()
    if row is None:
        return None
    contacts = contact_briefs(connection, [row.contact_id])
    managers = manager_briefs(connection, [row.manager_id])
    return _call(row, contacts.get(row.contact_id), managers.get(row.manager_id))


def last_calls(connection: Connection, lead_ids: Sequence[str]) -> dict[str, LastCall]:
    """Of these leads, those with calls: lead id -> what became of the latest."""
    query = (
        select(Interaction.lead_id, Interaction.phase, Interaction.outcome, Interaction.details)
        .where(Interaction.lead_id.in_(lead_ids), Interaction.channel == Channel.CALL.value)
        .order_by(Interaction.occurred_at, Interaction.id)
    )
    return {
        lead_id or "": LastCall(phase, outcome, details.get("missed_reason"))
        for lead_id, phase, outcome, details in connection.execute(query)
    }


def _filtered(filters: Filters) -> Select[Any]:
    query = select(Interaction).where(
        *has_handle(Interaction.contact_id, filters),
        *of_manager(Interaction.manager_id, filters.manager),
        *visible_interactions(filters.seen_by),
    )
    return newest_first(query, Interaction.occurred_at, Interaction.id, filters)


def _page(connection: Connection, query: Select[Any], filters: Filters) -> tuple[Sequence[Row[Any]], str | None]:
    rows = connection.execute(query).all()
    shown = rows[: filters.limit]
    if len(rows) <= filters.limit:
        return shown, None
    return shown, Position(shown[-1].occurred_at, shown[-1].id).encode()


def _call(row: Row[Any], contact: Any, manager: Any) -> CallView:
    record = {name: value for name, value in row.details.items() if name in RECORD_FIELDS and value is not None}
    # before its first record was understood, a call has only the columns
    record.setdefault("direction", row.direction)
    record.setdefault("outcome", row.outcome)
    record.setdefault("started_at", row.occurred_at)
    return CallView(
        id=row.id,
        pbx=row.source_name,
        line=row.line,
        contact=contact,
        manager=manager,
        lead=row.lead_id,
        after_hours=row.after_hours,
        **record,
    )
