"""Everything that is stored of one person: which rows of which tables, found from a number or an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, or_, select, type_coerce

from gateway.core.phone import for_people
from gateway.core.types import Handle, HandleKind
from gateway.storage.tables import (
    Base,
    Callback,
    Contact,
    ContactHandle,
    Document,
    Interaction,
    Lead,
    Outcall,
    Outgoing,
    table_of,
)

MERGE_HOPS = 20
"""Merged contacts point to their winner, which may have been merged too."""
CONTACT, HANDLE = table_of(Contact), table_of(ContactHandle)
INTERACTION, LEAD, CALLBACK = table_of(Interaction), table_of(Lead), table_of(Callback)
DOCUMENT, OUTGOING, OUTCALL = table_of(Document), table_of(Outgoing), table_of(Outcall)
_OWN = (
    (CONTACT, "contacts"), (LEAD, "leads"), (INTERACTION, "interactions"), (CALLBACK, "callbacks"),
    (DOCUMENT, "documents"),
)  # fmt: skip
_COLUMNS = {
    "contact_id": "contacts", "winner_id": "contacts", "loser_id": "contacts", "lead_id": "leads",
    "interaction_id": "interactions", "callback_id": "callbacks", "document_id": "documents",
}  # fmt: skip
"""Column of other tables -> whose ids stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What belongs to one person. Ids only: rows are read when they are told or removed."""

    handles: tuple[Handle, ...]
    """All of the person's, not only the one that was asked for."""
    contacts: tuple[str, ...]
    leads: tuple[str, ...]
    interactions: tuple[str, ...]
    callbacks: tuple[str, ...]
    documents: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether anything at all is stored."""
        return bool(self.contacts or self.interactions or self.leads)


KEPT = frozenset({"sighting"})
"""That a letter was met, by a hash: without it the mailbox would be read for it again and again. It lets go of the
letter by its foreign key."""


def find(connection: Connection, asked: Sequence[Handle]) -> Person:
    """The person with these handles; also what was never joined to a contact but carries one of them."""
    contacts = _contacts(connection, asked)
    handles = _handles(connection, contacts, asked)
    leads = _ids(connection, select(LEAD.c.id).where(LEAD.c.contact_id.in_(contacts)))
    carried = [_text(INTERACTION.c.handles).like(f'%"{_literal(handle.value)}"%', escape="\\") for handle in handles]
    owned = or_(INTERACTION.c.contact_id.in_(contacts), INTERACTION.c.lead_id.in_(leads), *carried)
    callbacks = or_(CALLBACK.c.contact_id.in_(contacts), CALLBACK.c.lead_id.in_(leads))
    documents = or_(DOCUMENT.c.contact_id.in_(contacts), DOCUMENT.c.lead_id.in_(leads))
    return Person(
        handles=handles,
        contacts=tuple(contacts),
        leads=leads,
        interactions=_ids(connection, select(INTERACTION.c.id).where(owned)),
        callbacks=_ids(connection, select(CALLBACK.c.id).where(callbacks)),
        documents=_ids(connection, select(DOCUMENT.c.id).where(documents)),
    )


def tables_of(person: Person) -> list[tuple[Table, ColumnElement[bool]]]:
    """Every table that has something of the person, and which rows. In an order in which they can be removed.

    A table belongs to a person by the names of its columns, so that no table that is added later is forgotten.
    """
    values = {name: list(getattr(person, kind)) for name, kind in _COLUMNS.items()}
    values["order_key"] = [*person.contacts, *person.leads]
    values["local_id"] = [*person.contacts, *person.leads, *person.interactions]
    own = {table.name: list(getattr(person, kind)) for table, kind in _OWN}
    found = []
    for table in reversed(Base.metadata.sorted_tables):
        if table.name in KEPT:
            continue
        if table.name in own:
            found.append((table, table.c.id.in_(own[table.name])))
            continue
        conditions = [table.c[name].in_(ids) for name, ids in values.items() if name in table.columns]
        if table is OUTGOING:
            conditions += _mentions(person)
        if table is OUTCALL:
            conditions.append(OUTCALL.c.number.in_([handle.value for handle in person.handles]))
        if conditions:
            found.append((table, or_(*conditions)))
    return found


def _mentions(person: Person) -> list[ColumnElement[bool]]:
    """Letters and notices that belong to nobody, as a reminder to a manager, but speak of the person."""
    values = [handle.value for handle in person.handles]
    words = {*values, *(for_people(value) for value in values if value.startswith("+"))}
    words |= {*person.callbacks, *person.leads, *person.contacts}  # in the links of notices
    return [_text(OUTGOING.c.payload).like(f"%{_literal(word)}%", escape="\\") for word in sorted(words)]


def _contacts(connection: Connection, asked: Sequence[Handle]) -> list[str]:
    """With all that were merged into one another."""
    wanted = or_(*((HANDLE.c.kind == handle.kind.value) & (HANDLE.c.value == handle.value) for handle in asked))
    found = set(_ids(connection, select(HANDLE.c.contact_id).where(wanted)))
    for _ in range(MERGE_HOPS):
        near = or_(CONTACT.c.id.in_(found), CONTACT.c.merged_into.in_(found))
        rows = connection.execute(select(CONTACT.c.id, CONTACT.c.merged_into).where(near)).all()
        more = {value for row in rows for value in row if value is not None}
        if more <= found:
            break
        found |= more
    return sorted(found)


def _handles(connection: Connection, contacts: Sequence[str], asked: Sequence[Handle]) -> tuple[Handle, ...]:
    rows = connection.execute(select(HANDLE.c.kind, HANDLE.c.value).where(HANDLE.c.contact_id.in_(contacts)))
    own: list[Handle] = [_handle(kind, value) for kind, value in rows]
    return tuple(dict.fromkeys([*asked, *own]))


def _handle(kind: str, value: str) -> Handle:
    return Handle(HandleKind(kind), value)


def _ids(connection: Connection, query: Any) -> tuple[str, ...]:
    return tuple(connection.execute(query).scalars().all())


def _text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A JSON column as the text that it is stored as."""
    return type_coerce(column, Text)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
