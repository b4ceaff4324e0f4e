"""Everything that the card of one lead shows: a few dozen short statements, each by an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from gateway.storage.tables import Assignment, Audit, Callback, Contact, ContactMerge, Interaction, Lead, Outcall
from gateway.storage.tables import Outgoing as OutgoingRow
from gateway.views.callbacks import CallbackDetails, callback_details
from gateway.views.interactions import interaction_views
from gateway.views.people import manager_briefs
from gateway.views.shapes import ContactView, DeliveryView, InteractionView, LeadView, ManagerBrief
from gateway.views.work import ActorView, actors
from gateway.web.queries.deliveries import deliveries_of_lead
from gateway.web.queries.filters import Filters, visible
from gateway.web.queries.leads import lead as one_lead
from gateway.web.queries.people import contact, contacts_by_id, visible_contacts
from gateway.web.queries.search import contact_matches
from gateway.web.queries.work import LeadWork, lead_work

SHOWN = 500
"""Rows of one kind on one card: more than anybody reads."""
OTHERS = 20
"""Other leads of the same person, found contacts: what is named beside the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutLetter:
    """A letter of ours: on its way, gone, or stuck."""

    id: str
    purpose: str
    state: str
    """waiting, sending, sent, failed, unknown, dropped."""
    reason: str | None
    to: list[str]
    subject: str
    text: str
    writer: ManagerBrief | None
    recorded: bool
    """It is part of the history as a letter by itself."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The lead was given to somebody."""

    to: ManagerBrief | None
    before: ManagerBrief | None
    rule: str
    actor: ActorView
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Another contact became part of this one."""

    id: str
    name: str | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """A call that was asked for and has not become one: it rings at the manager's, or failed."""

    id: str
    number: str
    state: str
    reason: str | None
    manager: ManagerBrief | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChange:
    """Who changed a lead last, for those who meant to change it too."""

    actor: ActorView
    at: datetime
    fields: Mapping[str, Any]
    """Column -> the value that it has now."""
    managers: Mapping[str | None, ManagerBrief]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCard:
    """One lead with everything around it."""

    lead: LeadView
    contact: ContactView | None
    work: LeadWork
    interactions: list[InteractionView]
    """The lead's, and those of the person that belong to no lead."""
    callbacks: list[CallbackDetails]
    deliveries: list[DeliveryView]
    letters: list[OutLetter]
    hand_overs: list[HandOver]
    merges: list[Joined]
    asked: list[AskedCall]
    others: list[LeadView]
    """Other leads of the person that the viewer sees, the newest first."""


def lead_card(connection: Connection, lead_id: str, scope: Filters) -> LeadCard | None:
    """The card; None where there is no such lead, or ``scope.seen_by`` does not see it. ``scope.now`` must be set."""
    lead = one_lead(connection, lead_id, scope)
    work = lead_work(connection, lead_id, scope)
    if lead is None or work is None:
        return None
    contact_id = lead.contact.id if lead.contact else None
    return LeadCard(
        lead=lead,
        contact=contact(connection, contact_id) if contact_id else None,
        work=work,
        interactions=history(connection, lead_id, contact_id),
        callbacks=_callbacks(connection, lead_id, contact_id, scope),
        deliveries=deliveries_of_lead(connection, lead_id, SHOWN),
        letters=_letters(connection, lead_id),
        hand_overs=_hand_overs(connection, lead_id),
        merges=_merges(connection, contact_id),
        asked=_asked(connection, contact_id, lead.created_at),
        others=_others(connection, lead_id, contact_id, scope),
    )


def last_change(connection: Connection, lead_id: str) -> LastChange | None:
    """As the log of deeds knows it."""
    deed = (
        select(Audit.actor, Audit.at, Audit.detail)
        .where(Audit.object_kind == "lead", Audit.object_id == lead_id)
        .order_by(Audit.id.desc())
        .limit(1)
    )
    row = connection.execute(deed).one_or_none()
    if row is None:
        return None
    fields = {name: pair[1] for name, pair in row.detail.items() if isinstance(pair, list) and len(pair) == 2}
    owners = manager_briefs(connection, [fields.get("manager_id")])
    return LastChange(actor=actors(connection, [row.actor])[row.actor], at=row.at, fields=fields, managers=owners)


def merge_candidates(connection: Connection, contact_id: str | None, words: str, scope: Filters) -> list[ContactView]:
    """Contacts that may be the same person: those that ``words`` find; without words those of the same name."""
    query = select(Contact.id).where(func.coalesce(Contact.merged_into, "") == "")
    if contact_id is not None:
        query = query.where(Contact.id != contact_id)
    if words:
        query = query.where(contact_matches(connection, Contact.id, words))
    else:
        name = connection.execute(select(Contact.name).where(Contact.id == contact_id)).scalar_one_or_none()
        if not name:
            return []
        query = query.where(Contact.name == name)
    query = query.where(*visible_contacts(scope.seen_by))
    ids = connection.execute(query.order_by(Contact.created_at.desc()).limit(OTHERS)).scalars().all()
    return contacts_by_id(connection, ids)


def history(connection: Connection, lead_id: str, contact_id: str | None) -> list[InteractionView]:
    """Calls, letters and forms of a lead, and those of its person that belong to no lead; the newest first."""
    belongs = Interaction.lead_id == lead_id
    if contact_id is not None:
        belongs = or_(belongs, (Interaction.contact_id == contact_id) & Interaction.lead_id.is_(None))
    newest = (Interaction.occurred_at.desc(), Interaction.id.desc())
    rows = connection.execute(select(Interaction).where(belongs).order_by(*newest).limit(SHOWN)).all()
    return interaction_views(connection, rows)


def _callbacks(connection: Connection, lead_id: str, contact_id: str | None, scope: Filters) -> list[CallbackDetails]:
    if scope.now is None:
        raise ValueError("a card can only be asked for at a time: set Filters.now")
    belongs = Callback.lead_id == lead_id
    if contact_id is not None:
        belongs = or_(belongs, (Callback.contact_id == contact_id) & Callback.closed_at.is_(None))
    newest = select(Callback.id).where(belongs).order_by(Callback.opened_at.desc(), Callback.id).limit(OTHERS)
    found = (callback_details(connection, key, scope.now) for key in connection.execute(newest).scalars().all())
    return [one for one in found if one is not None]


def _letters(connection: Connection, lead_id: str) -> list[OutLetter]:
    query = (
        select(OutgoingRow)
        .where(OutgoingRow.lead_id == lead_id, OutgoingRow.way == "letter", OutgoingRow.purpose != "notice")
        .order_by(OutgoingRow.created_at.desc())
        .limit(SHOWN)
    )
    rows = connection.execute(query).all()
    writers = manager_briefs(connection, [row.manager_id for row in rows])
    return [_letter(row, writers.get(row.manager_id)) for row in rows]


def _letter(row: Row[Any], writer: ManagerBrief | None) -> OutLetter:
    return OutLetter(
        id=row.id,
        purpose=row.purpose,
        state=row.state,
        reason=row.reason,
        to=list(row.payload.get("to") or ()),
        subject=row.payload.get("subject") or "",
        text=row.payload.get("text") or "",
        writer=writer,
        recorded=row.recorded_at is not None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _hand_overs(connection: Connection, lead_id: str) -> list[HandOver]:
    query = select(Assignment).where(Assignment.lead_id == lead_id).order_by(Assignment.id.desc()).limit(SHOWN)
    rows = connection.execute(query).all()
    people = manager_briefs(connection, [key for row in rows for key in (row.manager_id, row.before_id)])
    who = actors(connection, [row.actor for row in rows])
    return [
        HandOver(
            to=people.get(row.manager_id),
            before=people.get(row.before_id),
            rule=row.rule,
            actor=who[row.actor],
            at=row.at,
        )
        for row in rows
    ]


def _merges(connection: Connection, contact_id: str | None) -> list[Joined]:
    query = (
        select(ContactMerge.id, ContactMerge.reason, ContactMerge.merged_at, Contact.name)
        .join(Contact, Contact.id == ContactMerge.loser_id, isouter=True)
        .where(ContactMerge.winner_id == contact_id, ContactMerge.undone_at.is_(None))
        .order_by(ContactMerge.merged_at.desc(), ContactMerge.id.desc())
        .limit(OTHERS)
    )
    rows = connection.execute(query).all() if contact_id is not None else []
    return [Joined(id=row.id, name=row.name, reason=row.reason, at=row.merged_at) for row in rows]


def _asked(connection: Connection, contact_id: str | None, since: datetime) -> list[AskedCall]:
    query = (
        select(Outcall)
        .where(Outcall.contact_id == contact_id, Outcall.interaction_id.is_(None), Outcall.asked_at >= since)
        .order_by(Outcall.asked_at.desc())
        .limit(OTHERS)
    )
    rows = connection.execute(query).all() if contact_id is not None else []
    people = manager_briefs(connection, [row.manager_id for row in rows])
    return [
        AskedCall(
            id=row.id,
            number=row.number,
            state=row.state,
            reason=row.reason,
            manager=people.get(row.manager_id),
            at=row.asked_at,
        )
        for row in rows
    ]


def _others(connection: Connection, lead_id: str, contact_id: str | None, scope: Filters) -> list[LeadView]:
    if contact_id is None:
        return []
    query = (
        select(Lead.id)
        .where(Lead.contact_id == contact_id, Lead.id != lead_id, *visible(Lead.manager_id, scope.seen_by))
        .order_by(Lead.created_at.desc(), Lead.id.desc())
        .limit(OTHERS)
    )
    found = (one_lead(connection, key, scope) for key in connection.execute(query).scalars().all())
    return [one for one in found if one is not None]
