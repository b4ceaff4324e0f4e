"""Column types that behave alike on SQLite and PostgreSQL.

They give SQLAlchemy their converters directly instead of through ``process_bind_param``: that halves what a row costs,
and rows are what the gateway is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text, TypeDecorator

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A row number that grows: INTEGER PRIMARY KEY on SQLite (the rowid), BIGINT on PostgreSQL."""

Uuid = String(36)
"""Ids of ``core.clock.new_id`` as text."""


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware moment, stored in UTC; naive values are refused, since nobody can tell what they mean.

    SQLite has no type for it: there it is text, ``2026-11-23 09:00:00.000000``, which sorts by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """See SQLAlchemy, TypeEngine.bind_processor."""
        return _to_text if dialect.name == "sqlite" else _checked

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002
        """See SQLAlchemy, TypeEngine.result_processor."""
        return _from_text if dialect.name == "sqlite" else _in_utc


def _checked(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError(f"a moment without a time zone can't be stored: {value!r}")
    return value


def _to_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC:
        _checked(value)
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]  # without +00:00


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """JSON as text, written by msgspec; the order of keys is kept (a form's fields have an order)."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002
        """See SQLAlchemy, TypeEngine.bind_processor."""
        return _to_json

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:  # noqa: ARG002
        """See SQLAlchemy, TypeEngine.result_processor."""
        return _from_json


def _to_json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _from_json(value: str | None) -> Any:
    return None if value is None else msgspec.json.decode(value)
