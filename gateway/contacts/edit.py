"""People and programs make, change, merge and part contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.audit.log import Deed
from gateway.audit.log import record as write_down
from gateway.contacts.merge import merge, unmerge
from gateway.core.address import email_handle
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.core.phone import phone_handle
from gateway.core.placement import Event
from gateway.core.sentences import Sentence
from gateway.core.types import Handle, HandleKind
from gateway.live.changes import ChangeKind, record
from gateway.storage.tables import Contact, ContactHandle, ContactMerge, Manager
from gateway.views.people import contact_briefs

NAME, COMPANY = Sentence("The name"), Sentence("The company")
MAX_NAME = 300
MAX_HANDLES = 50


class NewContact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact to be made."""

    name: str = ""
    company: str = ""
    phones: list[str] = []
    """In any spelling."""
    emails: list[str] = []
    manager: str | None = None
    """The owner: id or login."""


class ContactChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a contact; what is left out stays."""

    name: str | UnsetType = UNSET
    company: str | UnsetType = UNSET
    phones: list[str] | UnsetType = UNSET
    """All of them: those that are not named are taken away."""
    emails: list[str] | UnsetType = UNSET
    manager: str | UnsetType | None = UNSET
    """Id or login; null: nobody."""


class Outgoing(Protocol):
    """The outbox, as this room sees it."""

    def wants_any(self) -> bool:
        """False where nobody is to be told of anything."""
        ...

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """Write the outbox rows of one event, in the transaction of its cause."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDesk:
    """What contacts are changed with."""

    region: str
    """Two-letter country whose national numbers are written without a country code."""
    is_own: Callable[[Handle], bool]
    """True for the company's own numbers and addresses, which are never a contact."""
    outgoing: Outgoing
    keep: timedelta | None = None

    def create(self, connection: Connection, new: NewContact, by: By) -> str:
        """A new contact; its id. Raises NotPossible; Conflict where somebody has one of the handles."""
        handles = self.handles(new.phones, new.emails)
        name, company = _text(new.name, NAME), _text(new.company, COMPANY)
        if not (handles or name or company):
            raise NotPossible("A contact has a name, a company, a phone number or a mail address at least.")
        self._refuse_taken(connection, handles, None)
        contact_id = by.new_id()
        row = {
            "id": contact_id,
            "name": name,
            "company": company,
            "owner_id": owner_id_of(connection, new.manager) if new.manager is not None else None,
            "created_at": by.at,
            "updated_at": by.at,
            "keep_until": by.at + self.keep if self.keep is not None else None,
        }
        connection.execute(insert(Contact), row)
        _add(connection, contact_id, handles, by)
        _deed(connection, "contact.added", contact_id, {}, by)
        self.tell(connection, contact_id, by.at)
        return contact_id

    def change(self, connection: Connection, contact_id: str, change: ContactChange, by: By) -> None:
        """Do all of it or nothing. Raises NotFound, NotPossible, Conflict."""
        contact = found_contact(connection, contact_id)
        values: dict[str, Any] = {}
        if change.name is not UNSET:
            values["name"] = _text(change.name, NAME)
        if change.company is not UNSET:
            values["company"] = _text(change.company, COMPANY)
        if change.manager is not UNSET:
            values["owner_id"] = None if change.manager is None else owner_id_of(connection, change.manager)
        changed = {name: value for name, value in values.items() if getattr(contact, name) != value}
        handles = self._set_handles(connection, contact_id, change, by)
        if not changed and not handles:
            return
        connection.execute(update(Contact).where(Contact.id == contact_id).values(**changed, updated_at=by.at))
        detail = {"changed": sorted(changed), **handles}
        if "owner_id" in changed:
            detail["owner"] = [contact.owner_id, changed["owner_id"]]
        _deed(connection, "contact.changed", contact_id, detail, by)
        self.tell(connection, contact_id, by.at)

    def merge(self, connection: Connection, winner_id: str, loser_id: str, by: By) -> str:
        """Make ``loser_id`` part of ``winner_id``; the id of the merge. Raises NotFound, NotPossible."""
        if winner_id == loser_id:
            raise NotPossible("A contact can't be merged with itself.")
        for contact_id in sorted((winner_id, loser_id)):  # in one order, so that two merges do not wait for each other
            found_contact(connection, contact_id)
        merge_id = merge(
            connection, winner_id=winner_id, loser_id=loser_id, reason="by hand", at=by.at, new_id=by.new_id
        )
        _deed(connection, "contact.merged", winner_id, {"with": loser_id, "merge": merge_id}, by)
        self.tell(connection, winner_id, by.at, merged=(loser_id,))
        return merge_id

    def part(self, connection: Connection, merge_id: str, by: By) -> str:
        """Undo a merge; the id of the contact that is one of its own again. Raises NotMerged."""
        unmerge(connection, merge_id, by.at)
        log = connection.execute(select(ContactMerge).where(ContactMerge.id == merge_id)).one()
        _deed(connection, "contact.parted", log.winner_id, {"from": log.loser_id, "merge": merge_id}, by)
        for contact_id in (log.winner_id, log.loser_id):
            self.tell(connection, contact_id, by.at)
        loser_id: str = log.loser_id
        return loser_id

    def handles(self, phones: Iterable[str], emails: Iterable[str]) -> list[Handle]:
        """Numbers and addresses in the spelling in which they are compared. Raises NotPossible that names a bad one."""
        found: list[Handle] = []
        for text in phones:
            handle = phone_handle(text, self.region)
            if handle is None:
                raise NotPossible("%(text)r is no phone number: write it like +79261234567.", text=text[:40])
            found.append(handle)
        for text in emails:
            handle = email_handle(text)
            if handle is None:
                raise NotPossible("%(text)r is no mail address.", text=text[:80])
            found.append(handle)
        for handle in found:
            if self.is_own(handle):
                raise NotPossible("%(value)s is the company's own: it is never a contact's.", value=handle.value)
        if len(found) > MAX_HANDLES:
            raise NotPossible("A contact has at most %(most)s numbers and addresses.", most=MAX_HANDLES)
        return list(dict.fromkeys(found))

    def tell(self, connection: Connection, contact_id: str, at: datetime, merged: Sequence[str] = ()) -> None:
        """Say to the open pages and the CRMs that a contact changed."""
        record(connection, ChangeKind.CONTACT_UPDATED, contact_id, at)
        if not self.outgoing.wants_any():
            return
        brief = msgspec.to_builtins(contact_briefs(connection, [contact_id])[contact_id])
        data = {**brief, "merged": list(merged)}
        event = Event(type="contact.upserted", order_key=contact_id, data=data, lead_id=None, interaction_id=None)
        self.outgoing.put(connection, event, at)

    def _set_handles(self, connection: Connection, contact_id: str, change: ContactChange, by: By) -> dict[str, Any]:
        """Add and take away; how many of each, where any."""
        wanted = {
            HandleKind.PHONE: None if change.phones is UNSET else self.handles(change.phones, ()),
            HandleKind.EMAIL: None if change.emails is UNSET else self.handles((), change.emails),
        }
        added, removed = 0, 0
        for kind, handles in wanted.items():
            if handles is None:
                continue
            self._refuse_taken(connection, handles, contact_id)
            query = select(ContactHandle.value).where(
                ContactHandle.contact_id == contact_id, ContactHandle.kind == kind
            )
            known = set(connection.execute(query).scalars())
            gone = known - {handle.value for handle in handles}
            theirs = (ContactHandle.contact_id == contact_id) & (ContactHandle.kind == kind.value)
            connection.execute(delete(ContactHandle).where(theirs, ContactHandle.value.in_(gone)))
            new = [handle for handle in handles if handle.value not in known]
            _add(connection, contact_id, new, by)
            added, removed = added + len(new), removed + len(gone)
        return {"handles_added": added, "handles_removed": removed} if added or removed else {}

    def _refuse_taken(self, connection: Connection, handles: Sequence[Handle], contact_id: str | None) -> None:
        """Raises Conflict that names the contact who has one of them."""
        for handle in handles:
            query = select(ContactHandle.contact_id).where(
                ContactHandle.value == handle.value, ContactHandle.kind == handle.kind.value
            )
            owner = connection.execute(query).scalar_one_or_none()
            if owner is not None and owner != contact_id:
                raise Conflict(
                    "%(value)s belongs to the contact %(owner)s: merge the two, or take it away there.",
                    value=handle.value,
                    owner=owner,
                )


def found_contact(connection: Connection, contact_id: str) -> Row[Any]:
    """The row of a contact that is its own. Raises NotFound, NotPossible."""
    row = connection.execute(select(Contact).where(Contact.id == contact_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("There is no contact with this id.")
    if row.merged_into is not None:
        raise NotPossible("This contact was merged into %(id)s: use that one.", id=row.merged_into)
    return row


def owner_id_of(connection: Connection, named: str) -> str:
    """The id of an active manager by id or login. Raises NotPossible."""
    query = select(Manager.id).where(or_(Manager.id == named, Manager.login == named), Manager.disabled_at.is_(None))
    found = connection.execute(query).scalars().first()
    if found is None:
        raise NotPossible("There is no active manager %(named)r.", named=named[:60])
    return found


def _text(text: str, what: Sentence) -> str | None:
    stripped = " ".join(text.split())
    if len(stripped) > MAX_NAME:
        raise NotPossible("%(what)s has more than %(most)s characters.", what=what, most=MAX_NAME)
    return stripped or None


def _add(connection: Connection, contact_id: str, handles: Sequence[Handle], by: By) -> None:
    rows = [{"kind": h.kind.value, "value": h.value, "contact_id": contact_id, "created_at": by.at} for h in handles]
    if not rows:
        return
    try:
        connection.execute(insert(ContactHandle), rows)
    except IntegrityError:  # another process was faster
        raise Conflict("One of the numbers and addresses belongs to another contact by now.") from None


def _deed(connection: Connection, action: str, contact_id: str, detail: dict[str, Any], by: By) -> None:
    deed = Deed(actor=by.actor, action=action, object_kind="contact", object_id=contact_id, detail=detail)
    write_down(connection, deed, by.at)
