"""What a vendor's records look like, and a table that refuses everything else, as the vendor does."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class Invalid(Exception):
    """A document that the vendor would refuse."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(f"{name} {said}")
        self.name = name
        """The field at fault."""


class Missing(Invalid):
    """A record that is not there, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What one field takes."""

    type: str = "text"
    """``text``, ``int``, ``number``, ``flag``, ``moment`` (ISO 8601), ``list``, ``object`` or ``any``."""
    required: bool = False
    """When the record is made."""
    longest: int | None = None
    """Characters; those above U+FFFF count as two."""
    allowed: Sequence[Any] | None = None
    inner: Mapping[str, Field] | None = None
    """The fields of an object, or of each object of a list."""
    check: Callable[[Any], str | None] | None = None
    """Says what is wrong with a value, for what is particular to a vendor."""


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "moment": lambda value: isinstance(value, str) and _is_moment(value),
    "any": lambda value: value is not None,
}


def _places(text: str) -> int:
    """As Java, JavaScript and C# count characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def validate(fields: Mapping[str, Field], document: Any, *, whole: bool = True, at: str = "") -> None:
    """Raise Invalid for the first unknown field, wrong value or (``whole``) missing one."""
    if not isinstance(document, dict):
        raise Invalid(at or "body", "must be an object")
    for name, value in document.items():
        where = f"{at}.{name}" if at else name
        known = fields.get(name)
        if known is None:
            raise Invalid(where, "is not known")
        if value is not None:
            _validate_value(known, value, where)
    for name, known in fields.items():
        if whole and known.required and document.get(name) in (None, ""):
            raise Invalid(f"{at}.{name}" if at else name, "is required")


def _validate_value(known: Field, value: Any, where: str) -> None:
    if not _TYPES[known.type](value):
        raise Invalid(where, f"must be of type {known.type}")
    if known.longest is not None and isinstance(value, str) and _places(value) > known.longest:
        raise Invalid(where, "is too long")
    if known.allowed is not None and value not in known.allowed:
        raise Invalid(where, "is none of the allowed values")
    if known.inner is not None:
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            validate(known.inner, one, at=f"{where}[{number}]" if isinstance(value, list) else where)
    if known.check is not None and (said := known.check(value)):
        raise Invalid(where, said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One write that the fake CRM took."""

    table: str
    id: int
    made: bool
    """False: it was changed."""
    fields: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Table:
    """Records of one kind. Ids are numbers that were never given before."""

    name: str
    fields: Mapping[str, Field]
    commits: list[Commit]
    """Shared by the tables of one CRM: what was written, in order."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)

    def add(self, document: Mapping[str, Any], *, system: Mapping[str, Any] | None = None) -> int:
        """Validate and keep a new record; its id. ``system``: what the CRM itself adds."""
        validate(self.fields, dict(document))
        return self.put(document, system=system)

    def put(self, document: Mapping[str, Any], *, system: Mapping[str, Any] | None = None) -> int:
        """Keep a record that is there already when the test begins, or that the CRM makes by itself."""
        row_id = next(self.ids)
        self.rows[row_id] = copy.deepcopy({**document, **(system or {}), "id": row_id})
        self.commits.append(Commit(table=self.name, id=row_id, made=True, fields=copy.deepcopy(dict(document))))
        return row_id

    def get(self, row_id: int) -> dict[str, Any]:
        """The record itself. Raises Missing."""
        if row_id not in self.rows:
            raise Missing(f"{self.name} {row_id}", "is not there")
        return self.rows[row_id]

    def change(self, row_id: int, document: Mapping[str, Any]) -> None:
        """Validate and apply. Raises Missing."""
        row = self.get(row_id)
        validate(self.fields, dict(document), whole=False)
        row.update(copy.deepcopy(dict(document)))
        self.commits.append(Commit(table=self.name, id=row_id, made=False, fields=copy.deepcopy(dict(document))))

    def where(self, **wanted: Any) -> list[dict[str, Any]]:
        """Records with these values, the oldest first."""
        return [row for row in self.rows.values() if all(row.get(key) == value for key, value in wanted.items())]
