"""A report as a table whose every number knows the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

Unit = Literal["count", "seconds", "share", "money", "number"]
"""How a value is written: whole, as a duration, as a percentage (from 0 to 1), in the smallest unit of the currency, or
with one decimal."""
Kind = Literal["lead", "call", "callback", "spend"]

F = TypeVar("F")
K = TypeVar("K", bound=Hashable)


def _(msgid: str) -> str:
    """Marks a text for translation; the page translates it."""
    return msgid


class Fact(Protocol):
    """What is counted."""

    @property
    def id(self) -> str:
        """Of its row."""
        ...


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, and what it was counted from."""

    value: float | None
    """None where there is nothing to say: no call, no median."""
    of: Sequence[Fact] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """The ids of what it was counted from. Made when they are asked for: a page has hundreds of numbers, each of
        thousands of rows, and nobody opens more than one."""
        return tuple(fact.id for fact in self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of numbers."""

    key: str
    label: str
    """An English msgid."""
    unit: Unit = "count"
    opens: Kind | None = None
    """What the ids of its cells are; None where a number has no rows of its own."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    key: str
    """Stands in links: a day, an id, a name."""
    label: str | None
    """As shown; None: the key is translated by the page (``call``, ``none``)."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One report."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    total: Line | None = None
    """Counted over everything, not summed up from the lines: a median of medians is none."""
    currency: str | None = None

    def cell(self, line_key: str, column_key: str) -> tuple[Column, Cell] | None:
        """The number at a place, or None."""
        lines = [*self.lines, *([self.total] if self.total else [])]
        line = next((line for line in lines if line.key == line_key), None)
        place = next((n for n, column in enumerate(self.columns) if column.key == column_key), None)
        return (self.columns[place], line.cells[place]) if line is not None and place is not None else None


TOTAL = "total"
"""Key of the line over everything."""


def counted(facts: Sequence[Fact]) -> Cell:
    """How many facts."""
    return Cell(len(facts), facts)


def grouped(facts: Iterable[F], by: Callable[[F], K]) -> dict[K, list[F]]:
    """Facts by a key, in the order of their first appearance."""
    groups: dict[K, list[F]] = {}
    for fact in facts:
        groups.setdefault(by(fact), []).append(fact)
    return groups


def by_size(groups: dict[str, list[F]]) -> Sequence[tuple[str, list[F]]]:
    """The largest group first; equal ones by name, so that two looks show the same."""
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
