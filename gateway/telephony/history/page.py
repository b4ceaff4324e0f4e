"""What the readers of files and tables have in common: pages of rows, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Protocol

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence
from gateway.core.types import Json
from gateway.telephony.history.columns import LogKind
from gateway.telephony.history.rows import CdrRow, CelRow, LogClock, cdr_row, cel_row

PAGE_ROWS = 2_000
"""Rows that are in memory at once, beside those of open calls."""

Row = CelRow | CdrRow


class LogUnreadable(LeadgateError):
    """A CDR or CEL log that can't be read now; the text names it, says why, and what to do."""

    code = "log_unreadable"
    retryable = True


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that could not be taken."""

    where: str
    """The file and the byte at which it begins, or the table and its time."""
    why: Sentence
    """Why not; its subject is the row."""


@dataclass(slots=True)
class Page:
    """Some rows of a log, in order."""

    rows: list[tuple[Row, Json]] = field(default_factory=list)
    """Each with its place."""
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences about the log itself: it was rotated away, and so on."""
    place: Json = None
    """Where the page ends."""


class Log(Protocol):
    """A log that can be read from a place on. The methods block: call them in a thread."""

    kind: LogKind
    name: str
    """For people."""

    def pages(self, place: Json | None, since: float | None = None) -> Iterator[Page]:
        """From ``place`` to the end as it is now; without a place from Unix time ``since``, or the beginning.

        Raises LogUnreadable.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def row_reader(kind: LogKind, zone: tzinfo) -> Callable[[Mapping[str, object]], Row]:
    """Makes rows of named values; one for each reading of one log, as it learns what the log's times mean."""
    clock = LogClock(zone)
    if kind == "cel":
        return lambda fields: cel_row(fields, clock)
    return lambda fields: cdr_row(fields, clock)
