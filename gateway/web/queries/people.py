"""Contacts and managers: alone, and as the brief forms inside other objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from gateway.core.types import HandleKind
from gateway.storage.tables import Contact, Interaction, Lead, Manager
from gateway.views.people import handles_of, manager_briefs
from gateway.views.shapes import ContactView, ManagerView
from gateway.web.queries.filters import (
    Filters,
    Page,
    Position,
    has_handle,
    newest_first,
    of_manager,
    visible,
)
from gateway.web.queries.search import contact_matches

MERGE_HOPS = 20
"""A merged contact points to its winner, which may have been merged too."""


def contacts_page(connection: Connection, filters: Filters) -> Page[ContactView]:
    """Contacts, the newest first; those merged into others are left out.

    ``channel`` keeps contacts with an interaction of that channel; contacts have no status, so ``status`` keeps none.
    """
    # coalesce, or SQLite would look up all contacts with merged_into null and sort them
    query = select(Contact).where(
        func.coalesce(Contact.merged_into, "") == "",
        *has_handle(Contact.id, filters),
        *of_manager(Contact.owner_id, filters.manager),
        *visible_contacts(filters.seen_by),
    )
    if filters.channel is not None:
        reached = select(Interaction.id).where(
            Interaction.contact_id == Contact.id, Interaction.channel == filters.channel
        )
        query = query.where(reached.exists())
    if filters.q:
        query = query.where(contact_matches(connection, Contact.id, filters.q))
    return contact_page_of(connection, query, filters)


def contact_page_of(connection: Connection, query: Select[Any], filters: Filters) -> Page[ContactView]:
    """One page of the contacts that ``query`` selects."""
    rows = connection.execute(newest_first(query, Contact.created_at, Contact.id, filters)).all()
    shown = rows[: filters.limit]
    more = len(rows) > filters.limit
    return Page(
        _contact_views(connection, shown), Position(shown[-1].created_at, shown[-1].id).encode() if more else None
    )


def visible_contacts(seen_by: str | None) -> list[ColumnElement[bool]]:
    """Conditions for the contacts that a viewer sees: the viewer's own, nobody's, and those of the viewer's leads."""
    if seen_by is None:
        return []
    his = select(Lead.id).where(Lead.contact_id == Contact.id, Lead.manager_id == seen_by)
    return [or_(*visible(Contact.owner_id, seen_by), his.exists())]


def contact(connection: Connection, contact_id: str) -> ContactView | None:
    """One contact; of a merged one, the contact it was merged into."""
    for _ in range(MERGE_HOPS):
        row = connection.execute(select(Contact).where(Contact.id == contact_id)).one_or_none()
        if row is None:
            return None
        if row.merged_into is None:
            return _contact_views(connection, [row])[0]
        contact_id = row.merged_into
    return None


def seen_contact(connection: Connection, contact_id: str, scope: Filters) -> ContactView | None:
    """The same; None too where ``scope.seen_by`` does not see it."""
    found = contact(connection, contact_id)
    if found is None or scope.seen_by is None:
        return found
    query = select(Contact.id).where(Contact.id == found.id, *visible_contacts(scope.seen_by))
    return found if connection.execute(query).first() is not None else None


def contacts_by_id(connection: Connection, contact_ids: Sequence[str]) -> list[ContactView]:
    """These contacts in their order; those that are gone are left out."""
    rows = connection.execute(select(Contact).where(Contact.id.in_(contact_ids))).all()
    views = {view.id: view for view in _contact_views(connection, rows)}
    return [views[contact_id] for contact_id in contact_ids if contact_id in views]


def managers(connection: Connection, filters: Filters) -> list[ManagerView]:
    """All managers by name. ``manager`` is an id or login; ``status`` is ``active`` or ``disabled``."""
    query = select(Manager).order_by(Manager.name, Manager.id)
    if filters.manager is not None:
        query = query.where(or_(Manager.id == filters.manager, Manager.login == filters.manager))
    views = [_manager_view(row) for row in connection.execute(query)]
    words = (filters.q or "").casefold()
    return [
        view
        for view in views
        if (filters.status is None or filters.status == ("active" if view.active else "disabled"))
        and (filters.email is None or view.email == filters.email)
        and (filters.phone is None or view.mobile == filters.phone)
        and words in f"{view.name} {view.login} {view.email}".casefold()
    ]


def manager(connection: Connection, manager_id: str) -> ManagerView | None:
    """One manager."""
    row = connection.execute(select(Manager).where(Manager.id == manager_id)).one_or_none()
    return _manager_view(row) if row is not None else None


def _manager_view(row: Row[Any]) -> ManagerView:
    return ManagerView(
        id=row.id,
        login=row.login,
        name=row.name,
        role=row.role,
        email=row.email,
        mobile=row.mobile,
        extensions=row.extensions,
        active=row.disabled_at is None,
    )


def _contact_views(connection: Connection, rows: Iterable[Row[Any]]) -> list[ContactView]:
    rows = list(rows)
    handles = handles_of(connection, [row.id for row in rows])
    owners = manager_briefs(connection, [row.owner_id for row in rows])
    return [
        ContactView(
            id=row.id,
            name=row.name,
            company=row.company,
            phones=handles.get(row.id, {}).get(HandleKind.PHONE, []),
            emails=handles.get(row.id, {}).get(HandleKind.EMAIL, []),
            manager=owners.get(row.owner_id),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]
