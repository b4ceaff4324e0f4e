"""Filters that every list shares, and the place in a list where a page ends."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from gateway.core.types import HandleKind
from gateway.storage.tables import Contact, ContactHandle, Manager

T = TypeVar("T")

NOBODY = "none"
"""As ``manager``: what belongs to no manager."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: lists are sorted by time and id, both falling, so new rows never shift a page."""

    at: datetime
    id: str

    def encode(self) -> str:
        """As the opaque ``next`` of a page."""
        raw = f"{self.at.astimezone(UTC).isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, cursor: str) -> Position:
        """Raises ValueError for what ``encode`` did not make."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError("no cursor of ours") from None
        at, bar, item_id = raw.partition("|")
        moment = datetime.fromisoformat(at)
        if not bar or moment.tzinfo is None:
            raise ValueError("no cursor of ours")
        return cls(moment, item_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to. Absent means all."""

    since: datetime | None = None
    """Inclusive."""
    until: datetime | None = None
    """Exclusive."""
    channel: str | None = None
    status: str | None = None
    manager: str | None = None
    """Id or login; ``none`` for what belongs to nobody."""
    phone: str | None = None
    """E.164."""
    email: str | None = None
    """Canonical."""
    q: str | None = None
    """Words to find in names, numbers, addresses and texts."""
    seen_by: str | None = None
    """Set by who asks, not by what is asked: only rows of this manager and of nobody (access.Viewer)."""
    limit: int = 50
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None
    """Cursor of the next page; None on the last."""


Moment = InstrumentedAttribute[datetime]
Key = InstrumentedAttribute[str]


def newest_first(query: Select[Any], at: Moment, key: Key, filters: Filters) -> Select[Any]:
    """The time filters, the order and one row more than a page, to see whether there is a next one."""
    if filters.since is not None:
        query = query.where(at >= filters.since)
    if filters.until is not None:
        query = query.where(at < filters.until)
    if (after := filters.after) is not None:
        # the first comparison is the one that the index on (at, id) can use
        query = query.where(at <= after.at, or_(at < after.at, key < after.id))
    return query.order_by(at.desc(), key.desc()).limit(filters.limit + 1)


def has_handle(
    contact_id: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], filters: Filters
) -> list[ColumnElement[bool]]:
    """Conditions for ``phone`` and ``email``: the contact has exactly this handle."""
    wanted = ((HandleKind.PHONE, filters.phone), (HandleKind.EMAIL, filters.email))
    return [
        contact_id.in_(
            select(ContactHandle.contact_id).where(ContactHandle.kind == kind.value, ContactHandle.value == value)
        )
        for kind, value in wanted
        if value is not None
    ]


def of_manager(column: InstrumentedAttribute[str | None], manager: str | None) -> list[ColumnElement[bool]]:
    """Conditions for ``manager``."""
    if manager is None:
        return []
    if manager == NOBODY:
        return [column.is_(None)]
    return [column.in_(select(Manager.id).where(or_(Manager.id == manager, Manager.login == manager)))]


def visible(column: InstrumentedAttribute[str | None], seen_by: str | None) -> list[ColumnElement[bool]]:
    """Conditions for what a viewer sees; ``column`` has the manager to whom a row belongs."""
    return [] if seen_by is None else [or_(column.is_(None), column == seen_by)]


def contains(words: str, columns: Iterable[ColumnElement[Any] | InstrumentedAttribute[Any]]) -> ColumnElement[bool]:
    """One of ``columns`` contains ``words``, in any case."""
    spellings = {words} if words.isascii() else {words, words.lower(), words.upper(), words.capitalize(), words.title()}
    # SQLite folds the case of ASCII only, so other scripts are asked for in their usual spellings
    return or_(*(column.ilike(f"%{_literal(s)}%", escape="\\") for column in columns for s in sorted(spellings)))


def contact_matches(
    contact_id: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], words: str
) -> ColumnElement[bool]:
    """The contact's name, company or one of its handles contains ``words``; digits are also looked for in numbers."""
    named = select(Contact.id).where(contains(words, (Contact.name, Contact.company)))
    reachable = select(ContactHandle.contact_id).where(contains(words, (ContactHandle.value,)))
    found = [contact_id.in_(named), contact_id.in_(reachable)]
    digits = "".join(letter for letter in words if letter.isdigit())
    if len(digits) >= 4 and all(letter.isdigit() or letter in " +-().\u00a0" for letter in words):
        # the trunk prefix (8 in Russia, 0 in most of Europe) is not part of the number as it is stored
        parts = {digits, digits[1:]} if len(digits) > 4 and digits[0] in "08" else {digits}
        phones = select(ContactHandle.contact_id).where(
            ContactHandle.kind == HandleKind.PHONE.value,
            or_(*(ContactHandle.value.like(f"%{part}%") for part in sorted(parts))),
        )
        found.append(contact_id.in_(phones))
    return or_(*found)


def _literal(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
