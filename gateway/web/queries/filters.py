"""Filters that every list shares, and the place in a list where a page ends."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Boolean, ColumnElement, Select, false, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from gateway.core.types import HandleKind
from gateway.storage.tables import ContactHandle, Manager

T = TypeVar("T")

_NAMES_ONLY: ContextVar[bool] = ContextVar("names_only", default=False)
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
    stage: str | None = None
    """Of leads."""
    manager: str | None = None
    """Id or login; ``none`` for what belongs to nobody."""
    phone: str | None = None
    """E.164."""
    email: str | None = None
    """Canonical."""
    direction: str | None = None
    """Of calls."""
    line: str | None = None
    """Of calls: a part of the number that was dialled."""
    kind: str | None = None
    """Of documents."""
    q: str | None = None
    """Words to find in names, numbers, addresses and texts."""
    seen_by: str | None = None
    """Set by who asks, not by what is asked: only rows of this manager and of nobody (access.Viewer)."""
    inspects: bool = False
    """Set by who asks: whether he may see what is told to CRMs word by word."""
    now: datetime | None = None
    """Set by who answers, for what depends on the time: whether a callback is overdue."""
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


@contextmanager
def names_only() -> Iterator[None]:
    """Within, searches look at names alone and find numbers and addresses only as a whole: for who sees them masked.

    Otherwise a number could be found out digit by digit, in the handles as in any text. It is a property of the whole
    request, so that no list that somebody adds has to pass it on.
    """
    before = _NAMES_ONLY.set(True)
    try:
        yield
    finally:
        _NAMES_ONLY.reset(before)


def is_names_only() -> bool:
    """Whether the request is of somebody who sees numbers masked."""
    return _NAMES_ONLY.get()


def contains(words: str, columns: Iterable[ColumnElement[Any] | InstrumentedAttribute[Any]]) -> ColumnElement[bool]:
    """One of ``columns`` contains ``words``, in any case; none does for who sees numbers masked."""
    return false() if is_names_only() else has_words(words, columns)


def has_words(words: str, columns: Iterable[ColumnElement[Any] | InstrumentedAttribute[Any]]) -> ColumnElement[bool]:
    """One of ``columns`` contains ``words``, whoever asks: for columns that hold no customer's number or address."""
    spellings = {words} if words.isascii() else {words, words.lower(), words.upper(), words.capitalize(), words.title()}
    # SQLite folds the case of ASCII only, so other scripts are asked for in their usual spellings
    patterns = [f"%{_literal(spelling)}%" for spelling in sorted(spellings)]
    return or_(*(_Caseless(column, literal(pattern)) for column in columns for pattern in patterns))


class _Caseless(FunctionElement[bool]):
    """``column LIKE pattern`` in any case: SQLite's LIKE is that for ASCII, and twice as quick as with lower()."""

    name = "caseless"
    type = Boolean()
    inherit_cache = True


@compiles(_Caseless)
def _ilike(element: _Caseless, compiler: SQLCompiler, **how: Any) -> str:
    column, pattern = element.clauses
    return f"({compiler.process(column, **how)} ILIKE {compiler.process(pattern, **how)} ESCAPE '\\')"


@compiles(_Caseless, "sqlite")
def _like(element: _Caseless, compiler: SQLCompiler, **how: Any) -> str:
    column, pattern = element.clauses
    return f"({compiler.process(column, **how)} LIKE {compiler.process(pattern, **how)} ESCAPE '\\')"


def phone_digits(words: str) -> str | None:
    """The digits of what may be a number, or a part of one; None for all else."""
    digits = "".join(letter for letter in words if letter.isdigit())
    is_phone = len(digits) >= 4 and all(letter.isdigit() or letter in " +-().\u00a0" for letter in words)
    return digits if is_phone else None


def is_number(words: str) -> bool:
    """Whether ``words`` are so many digits that nothing but a phone number can be meant."""
    digits = phone_digits(words)
    return digits is not None and len(digits) >= 7


def _literal(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
