"""Contacts from a CSV file: ``name, phone, email, company, manager``. A second run changes nothing.

A row whose handles nobody has makes a contact; one whose handles somebody has fills what that contact lacks and adds
its other handles. What is there already stays: people correct names by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from gateway.contacts.edit import ContactChange, ContactDesk, NewContact
from gateway.core.by import By
from gateway.core.csvrows import BadRow, Row
from gateway.core.errors import LeadgateError, NotPossible
from gateway.core.types import Handle, HandleKind
from gateway.storage.tables import Contact, ContactHandle, Manager

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "full name", "имя", "фио", "контакт"),
    "phone": ("phone", "phones", "телефон", "телефоны", "mobile"),
    "email": ("email", "e-mail", "mail", "почта", "эл. почта"),
    "company": ("company", "organization", "компания", "организация"),
    "manager": ("manager", "owner", "менеджер", "ответственный"),
}
"""Names that the columns may have; at least phone or email is needed."""
_SEVERAL = re.compile(r"[,;|\n]|\s/\s")


@dataclass(slots=True)
class Imported:
    """What an import did."""

    rows: int = 0
    made: int = 0
    completed: int = 0
    known: int = 0
    refused: list[BadRow] = field(default_factory=list)

    def add(self, other: Imported) -> None:
        """What the next rows of the same file did."""
        self.rows += other.rows
        self.made += other.made
        self.completed += other.completed
        self.known += other.known
        self.refused += other.refused


def import_rows(connection: Connection, rows: Iterable[Row], desk: ContactDesk, by: By) -> Imported:
    """Store some rows of a file; those that can't be taken are told with the reason."""
    managers, done = _managers(connection), Imported()
    for row in rows:
        done.rows += 1
        try:
            with connection.begin_nested():
                outcome = _import_row(connection, row, desk, managers, by)
        except LeadgateError as error:
            done.refused.append(BadRow(row.line, str(error)))
            continue
        done.made += outcome == "made"
        done.completed += outcome == "completed"
        done.known += outcome == "known"
    return done


def _import_row(connection: Connection, row: Row, desk: ContactDesk, managers: Mapping[str, str], by: By) -> str:
    """``made``, ``completed`` or ``known``. Raises NotPossible, Conflict."""
    handles = desk.handles(_several(row.get("phone")), _several(row.get("email")))
    if not handles:
        raise NotPossible("There is neither a phone number nor a mail address.")
    owner = _manager(row.get("manager"), managers)
    contacts = _owners(connection, handles)
    if len(contacts) > 1:
        raise NotPossible(
            "It belongs to %(count)s contacts (%(ids)s): merge them first.",
            count=len(contacts),
            ids=", ".join(sorted(contacts)),
        )
    if not contacts:
        phones = [h.value for h in handles if h.kind is HandleKind.PHONE]
        emails = [h.value for h in handles if h.kind is HandleKind.EMAIL]
        new = NewContact(name=row.get("name"), company=row.get("company"), phones=phones, emails=emails, manager=owner)
        desk.create(connection, new, by)
        return "made"
    return _complete(connection, contacts.pop(), row, handles, owner, desk, by)


def _complete(
    connection: Connection,
    contact_id: str,
    row: Row,
    handles: list[Handle],
    owner: str | None,
    desk: ContactDesk,
    by: By,
) -> str:
    """Fill what the contact lacks."""
    contact = connection.execute(select(Contact).where(Contact.id == contact_id)).one()
    query = select(ContactHandle.kind, ContactHandle.value).where(ContactHandle.contact_id == contact_id)
    known = [(kind, value) for kind, value in connection.execute(query.order_by(ContactHandle.id))]
    missing = [handle for handle in handles if (handle.kind.value, handle.value) not in known]
    values: dict[str, Any] = {}
    for name in ("name", "company"):
        if row.get(name) and not getattr(contact, name):
            values[name] = row.get(name)
    if owner is not None and contact.owner_id is None:
        values["manager"] = owner
    for kind, name in ((HandleKind.PHONE, "phones"), (HandleKind.EMAIL, "emails")):
        new = [handle.value for handle in missing if handle.kind is kind]
        if new:
            values[name] = [value for known_kind, value in known if known_kind == kind.value] + new
    if not values:
        return "known"
    desk.change(connection, contact_id, ContactChange(**values), by)
    return "completed"


def _several(cell: str) -> list[str]:
    """``8 926 123-45-67, +7 495 ...`` -> each of them."""
    return [part.strip() for part in _SEVERAL.split(cell) if part.strip()]


def _owners(connection: Connection, handles: list[Handle]) -> set[str]:
    found = set()
    for handle in handles:
        query = select(ContactHandle.contact_id).where(
            ContactHandle.value == handle.value, ContactHandle.kind == handle.kind.value
        )
        found |= set(connection.execute(query).scalars())
    return found


def _managers(connection: Connection) -> dict[str, str]:
    """What may stand in the column (id, login, name, extension) -> the manager's id. What means two means none."""
    found: dict[str, set[str]] = {}
    for row in connection.execute(select(Manager).where(Manager.disabled_at.is_(None))):
        for word in (row.id, row.login, row.name, *row.extensions):
            found.setdefault(word.casefold(), set()).add(row.id)
    return {word: next(iter(ids)) for word, ids in found.items() if len(ids) == 1}


def _manager(cell: str, managers: Mapping[str, str]) -> str | None:
    if not cell:
        return None
    found = managers.get(cell.casefold())
    if found is None:
        raise NotPossible(
            "There is no manager %(cell)r: write an id, a name or an extension of one active manager.", cell=cell[:60]
        )
    return found
