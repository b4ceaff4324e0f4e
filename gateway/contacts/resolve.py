"""Handles to a contact: found, made, or two contacts joined when one item carries handles of both.

Runs inside the caller's transaction. Two processes that make the same contact at once meet the unique index of the
handles; the loser's transaction is run again and then finds what the winner made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select, update

from gateway.contacts.merge import merge
from gateway.core.clock import NewId
from gateway.core.types import Handle, HandleKind
from gateway.live.changes import ChangeKind, record
from gateway.storage.bulk import insert_rows
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Contact, ContactHandle, table_of

CONTACT, HANDLE = table_of(Contact), table_of(ContactHandle)

_KNOWN = Prepared(
    select(CONTACT.c.name, CONTACT.c.company, CONTACT.c.keep_until).where(CONTACT.c.id == bindparam("id"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What one item says of the person."""

    handles: Sequence[Handle]
    """Without the company's own; the surest first."""
    name: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The contact of a person."""

    contact_id: str
    created: bool
    merged: tuple[str, ...] = ()
    """Contacts that turned out to be the same person and are part of this one now."""


def resolve(
    connection: Connection, person: Person, *, at: datetime, keep_until: datetime | None, new_id: NewId, why: str
) -> Resolved | None:
    """The contact with these handles; None for a person without any. ``why`` goes into the log of a merge."""
    if not person.handles:
        return None
    owners = _owners(connection, person.handles)
    if not owners:
        contact_id = _create(connection, person, at=at, keep_until=keep_until, new_id=new_id)
        return Resolved(contact_id, created=True)
    winner, *losers = _oldest_first(connection, set(owners.values()))
    for loser in losers:
        merge(connection, winner_id=winner, loser_id=loser, reason=why, at=at, new_id=new_id)
    _add_handles(connection, winner, [handle for handle in person.handles if handle not in owners], at)
    _fill_gaps(connection, winner, person, at, keep_until)
    return Resolved(winner, created=False, merged=tuple(losers))


def is_known(connection: Connection, handles: Sequence[Handle]) -> bool:
    """Whether one of the handles belongs to a contact already."""
    return bool(_owners(connection, handles))


def _owners(connection: Connection, handles: Sequence[Handle]) -> dict[Handle, str]:
    """Which of the handles belong to whom."""
    values = {f"value_{place}": handle.value for place, handle in enumerate(handles)}
    rows = _handles_with(len(values)).rows(connection, **values) if values else []
    found = {Handle(HandleKind(row.kind), row.value): row.contact_id for row in rows}
    return {handle: found[handle] for handle in handles if handle in found}


@lru_cache(maxsize=32)
def _handles_with(count: int) -> Prepared:
    """The handles that have one of ``count`` values."""
    values: list[BindParameter[str]] = [bindparam(f"value_{place}") for place in range(count)]
    return Prepared(select(HANDLE.c.kind, HANDLE.c.value, HANDLE.c.contact_id).where(HANDLE.c.value.in_(values)))


def _oldest_first(connection: Connection, contact_ids: set[str]) -> list[str]:
    if len(contact_ids) == 1:
        return list(contact_ids)
    query = select(Contact.id).where(Contact.id.in_(contact_ids)).order_by(Contact.created_at, Contact.id)
    return list(connection.execute(query).scalars())


def _create(connection: Connection, person: Person, *, at: datetime, keep_until: datetime | None, new_id: NewId) -> str:
    contact_id = new_id()
    row = {
        "id": contact_id,
        "name": person.name,
        "company": person.company,
        "created_at": at,
        "updated_at": at,
        "keep_until": keep_until,
    }
    insert_rows(connection, CONTACT, [row])
    _add_handles(connection, contact_id, person.handles, at)
    return contact_id


def _add_handles(connection: Connection, contact_id: str, handles: Sequence[Handle], at: datetime) -> None:
    rows = [
        {"kind": handle.kind.value, "value": handle.value, "contact_id": contact_id, "created_at": at}
        for handle in dict.fromkeys(handles)
    ]
    insert_rows(connection, HANDLE, rows)


def _fill_gaps(
    connection: Connection, contact_id: str, person: Person, at: datetime, keep_until: datetime | None
) -> None:
    """A name learned later is kept, one that is there already stays: people correct names by hand."""
    known = _KNOWN.first(connection, id=contact_id)
    learned: dict[str, Any] = {
        column: value
        for column, value, old in (("name", person.name, known.name), ("company", person.company, known.company))
        if value and not old
    }
    if learned:
        record(connection, ChangeKind.CONTACT_UPDATED, contact_id, at)
        learned["updated_at"] = at
    if _is_much_later(keep_until, known.keep_until):
        learned["keep_until"] = keep_until
    if learned:
        connection.execute(update(Contact).where(Contact.id == contact_id).values(**learned))


def _is_much_later(wanted: datetime | None, stored: datetime | None) -> bool:
    """Retention counts from the last contact; moving it by less than a day is not worth a write."""
    if wanted is None or stored is None:
        return wanted is not stored
    return wanted - stored > timedelta(days=1)
