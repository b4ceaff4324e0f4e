"""The list of contacts as the pages narrow it: with their leads, and with those of whom nothing was heard for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from gateway.storage.tables import Contact, Interaction, Lead
from gateway.views.interactions import interaction_views
from gateway.views.leads import lead_views
from gateway.views.shapes import ContactView, InteractionView, LeadView
from gateway.web.queries.filters import Filters, Page, of_manager, visible
from gateway.web.queries.interactions import visible_interactions
from gateway.web.queries.people import contact, contact_page_of, visible_contacts
from gateway.web.queries.search import contact_matches
from gateway.web.queries.work import ContactWork, contact_work

NO_LEAD = "none"
"""As ``lead``: contacts without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilters(Filters):
    """Filters of contacts; ``since`` and ``until`` are of when they became known."""

    lead: str | None = None
    """They have a lead of this status; ``none``: they have none."""
    quiet_since: datetime | None = None
    """Nothing came from or went to them from this moment on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the list tells of a contact besides itself."""

    last_at: datetime | None
    """When something last came from or went to the person."""
    lead: LeadView | None
    """The open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCard:
    """A contact with everything around it."""

    contact: ContactView
    work: ContactWork
    leads: list[LeadView]
    """Those that the viewer sees, the newest first."""
    talk: list[InteractionView]
    """The latest calls, letters and forms, the newest first."""


def contact_list(connection: Connection, filters: Filters) -> Page[ContactView]:
    """Contacts, the newest first; those merged into others are left out."""
    return contact_page_of(connection, select(Contact).where(*_conditions(connection, filters)), filters)


def count_contacts(connection: Connection, filters: Filters, most: int) -> int:
    """How many there are; counting ends at ``most``."""
    ids = select(Contact.id).where(*_conditions(connection, filters))
    if filters.since is not None:
        ids = ids.where(Contact.created_at >= filters.since)
    if filters.until is not None:
        ids = ids.where(Contact.created_at < filters.until)
    return connection.execute(select(func.count()).select_from(ids.limit(most).subquery())).scalar_one()


def _conditions(connection: Connection, filters: Filters) -> list[ColumnElement[bool]]:
    # coalesce, or SQLite would look up all contacts with merged_into null and sort them
    found = [func.coalesce(Contact.merged_into, "") == "", *of_manager(Contact.owner_id, filters.manager)]
    found += visible_contacts(filters.seen_by)
    of_contact = select(Interaction.id).where(Interaction.contact_id == Contact.id)
    if filters.channel is not None:
        found.append(of_contact.where(Interaction.channel == filters.channel).exists())
    if isinstance(filters, ContactFilters):
        leads = select(Lead.id).where(Lead.contact_id == Contact.id)
        if filters.lead == NO_LEAD:
            found.append(~leads.exists())
        elif filters.lead is not None:
            # the status is written into the statement where it is the one that has an index of its own
            has = Lead.status == (literal_column("'open'") if filters.lead == "open" else filters.lead)
            found.append(leads.where(has).exists())
        if filters.quiet_since is not None:
            found.append(~of_contact.where(Interaction.occurred_at >= filters.quiet_since).exists())
    if filters.q:
        found.append(contact_matches(connection, Contact.id, filters.q))
    return found


def known_of(connection: Connection, contact_ids: Sequence[str], seen_by: str | None) -> dict[str, Known]:
    """Of each of these contacts."""
    heard = select(Interaction.contact_id, func.max(Interaction.occurred_at)).where(
        Interaction.contact_id.in_(contact_ids)
    )
    last = {row[0]: row[1] for row in connection.execute(heard.group_by(Interaction.contact_id))}
    open_leads = select(Lead).where(
        Lead.contact_id.in_(contact_ids), Lead.status == "open", *visible(Lead.manager_id, seen_by)
    )
    leads = {
        view.contact.id: view for view in lead_views(connection, connection.execute(open_leads).all()) if view.contact
    }
    return {one: Known(last_at=last.get(one), lead=leads.get(one)) for one in contact_ids}


def contact_card(
    connection: Connection, contact_id: str, scope: Filters, *, talks: int, leads: int
) -> ContactCard | None:
    """The contact (of a merged one, the one it was merged into); None where there is none or it is not seen."""
    found = contact(connection, contact_id)
    work = contact_work(connection, found.id, scope) if found is not None else None
    if found is None or work is None:
        return None
    of_contact = select(Lead).where(Lead.contact_id == found.id, *visible(Lead.manager_id, scope.seen_by))
    lead_rows = connection.execute(of_contact.order_by(Lead.created_at.desc(), Lead.id.desc()).limit(leads)).all()
    talk = select(Interaction).where(Interaction.contact_id == found.id, *visible_interactions(scope.seen_by))
    newest = (Interaction.occurred_at.desc(), Interaction.id.desc())
    talk_rows = connection.execute(talk.order_by(*newest).limit(talks)).all()
    return ContactCard(
        contact=found,
        work=work,
        leads=lead_views(connection, lead_rows),
        talk=interaction_views(connection, talk_rows),
    )
