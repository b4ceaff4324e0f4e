"""Contacts and managers as they stand inside other objects."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from gateway.core.types import HandleKind
from gateway.storage.tables import Contact, ContactHandle, Manager
from gateway.views.shapes import ContactBrief, ManagerBrief


def handles_of(connection: Connection, contact_ids: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Contact id -> kind -> values, the first known first. One statement for all."""
    found: dict[str, dict[str, list[str]]] = {}
    query = (
        select(ContactHandle.contact_id, ContactHandle.kind, ContactHandle.value)
        .where(ContactHandle.contact_id.in_(list(contact_ids)))
        .order_by(ContactHandle.id)
    )
    for contact_id, kind, value in connection.execute(query):
        found.setdefault(contact_id, {}).setdefault(kind, []).append(value)
    return found


def contact_briefs(connection: Connection, contact_ids: Iterable[str | None]) -> dict[str | None, ContactBrief]:
    """The brief forms of these contacts by id."""
    wanted = {contact_id for contact_id in contact_ids if contact_id is not None}
    handles = handles_of(connection, wanted)
    query = select(Contact.id, Contact.name).where(Contact.id.in_(wanted))
    return {
        contact_id: ContactBrief(
            id=contact_id,
            name=name,
            phones=handles.get(contact_id, {}).get(HandleKind.PHONE, []),
            emails=handles.get(contact_id, {}).get(HandleKind.EMAIL, []),
        )
        for contact_id, name in connection.execute(query)
    }


def manager_briefs(connection: Connection, manager_ids: Iterable[str | None]) -> dict[str | None, ManagerBrief]:
    """The brief forms of these managers by id."""
    wanted = {manager_id for manager_id in manager_ids if manager_id is not None}
    query = select(Manager.id, Manager.name).where(Manager.id.in_(wanted))
    return {manager_id: ManagerBrief(id=manager_id, name=name) for manager_id, name in connection.execute(query)}
