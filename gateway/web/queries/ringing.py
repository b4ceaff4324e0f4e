"""Calls that ring or are spoken right now, for those whom they concern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnClause, Connection, literal_column, select

from gateway.storage.tables import Callback, Contact, Interaction, Lead, Manager, table_of
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import ContactBrief, ManagerBrief

INTERACTION, CONTACT, LEAD = table_of(Interaction), table_of(Contact), table_of(Lead)
CALLBACK, MANAGER = table_of(Callback), table_of(Manager)
STALE = timedelta(hours=4)
"""A call that began earlier and has not ended was lost sight of; nobody must see it ring for ever."""
MOST = 5
WORDS = 200

# the phases are written into the statement, or the partial index would not be seen to fit
_OPEN: tuple[ColumnClause[str], ...] = literal_column("'ringing'"), literal_column("'answered'")


@dataclass(frozen=True, slots=True, kw_only=True)
class RingingCall:
    """One call from outside that is under way."""

    id: str
    number: str | None
    name: str | None
    """As the contact or the PBX says."""
    answered: bool
    line: str | None
    started_at: datetime
    contact: ContactBrief | None
    owner: ManagerBrief | None
    lead_id: str | None
    last_words: str | None
    """What the person last wrote, or what the lead is about."""
    waits: bool
    """The person waits for a call of ours."""
    why: str
    """``phone``: the viewer's own phone rings; ``owner``: the person is the viewer's."""


def ringing(connection: Connection, manager_id: str, now: datetime) -> list[RingingCall]:
    """The calls that concern this manager: those at his own phones, and those of his own people. Newest first."""
    extensions = connection.execute(select(MANAGER.c.extensions).where(MANAGER.c.id == manager_id)).scalar() or []
    query = (
        select(INTERACTION, CONTACT.c.owner_id, LEAD.c.manager_id.label("lead_manager"), LEAD.c.text.label("lead_text"))
        .join_from(INTERACTION, CONTACT, CONTACT.c.id == INTERACTION.c.contact_id, isouter=True)
        .join(LEAD, LEAD.c.id == INTERACTION.c.lead_id, isouter=True)
        .where(INTERACTION.c.phase.in_(_OPEN), INTERACTION.c.direction == "inbound")
        .where(INTERACTION.c.occurred_at > now - STALE)
        .order_by(INTERACTION.c.occurred_at.desc(), INTERACTION.c.id)
    )
    concerned = []
    for row in connection.execute(query):
        why = _why(row, manager_id, extensions)
        if why is not None:
            concerned.append((row, why))
    return _told(connection, concerned[:MOST])


def _why(row: Any, manager_id: str, extensions: Sequence[str]) -> str | None:
    """Whether the viewer's phone is concerned, else whether the person is his own, else None.

    A call that somebody else answered no longer concerns those whose phones only rang.
    """
    details = row.details
    answered_by = details.get("answered_by")
    if row.phase == "answered" and answered_by is not None:
        return "phone" if answered_by in extensions else None
    if set(extensions) & set(details.get("rang") or ()):
        return "phone"
    return "owner" if manager_id in (row.owner_id, row.lead_manager) else None


def _told(connection: Connection, concerned: Sequence[tuple[Any, str]]) -> list[RingingCall]:
    contact_ids = [row.contact_id for row, _ in concerned if row.contact_id]
    contacts = contact_briefs(connection, contact_ids)
    owners = manager_briefs(connection, [row.owner_id or row.lead_manager for row, _ in concerned])
    waiting = select(CALLBACK.c.contact_id).where(
        CALLBACK.c.contact_id.in_(contact_ids), CALLBACK.c.closed_at.is_(None)
    )
    who_waits = set(connection.execute(waiting).scalars())
    return [
        RingingCall(
            id=row.id,
            number=row.details.get("caller"),
            name=row.name,
            answered=row.phase == "answered",
            line=row.line,
            started_at=row.occurred_at,
            contact=contacts.get(row.contact_id),
            owner=owners.get(row.owner_id or row.lead_manager),
            lead_id=row.lead_id,
            last_words=(row.lead_text or "").strip()[:WORDS] or None,
            waits=row.contact_id in who_waits,
            why=why,
        )
        for row, why in concerned
    ]
