"""Facts of past days, kept in memory for as long as nothing of the day changes.

Each change of a row that a report reads makes the number of its UTC day in ``report_day`` grow, by a trigger of the
database and so in the same transaction, whoever made it. A report reads the numbers of its days together with the days
that are new or have changed, on one state of the database: what it shows is what is stored, never an older figure.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from gateway.reports.scope import Scope
from gateway.reports.stored import (
    CallFact,
    DutyFact,
    LeadFact,
    MoveFact,
    read_calls,
    read_duties,
    read_leads,
    read_moves,
)
from gateway.storage.tables import ReportDay, table_of

T = TypeVar("T")
Read = Callable[[Connection, datetime, datetime, ZoneInfo], list[T]]

REPORT_DAY = table_of(ReportDay)
MOST = 80_000
"""Facts that are kept: some 25 MB."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    facts: Sequence[Any]


class FactMemory:
    """One for all readers. Its days are shared: nobody changes a list that it gave."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, date, str], _Kept] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def leads(self, connection: Connection, scope: Scope) -> list[LeadFact]:
        """See ``stored.read_leads``."""
        return self._within(connection, scope, "lead", read_leads, lambda lead: lead.at)

    def calls(self, connection: Connection, scope: Scope) -> list[CallFact]:
        """See ``stored.read_calls``."""
        return self._within(connection, scope, "call", read_calls, lambda call: call.at)

    def duties(self, connection: Connection, scope: Scope) -> list[DutyFact]:
        """See ``stored.read_duties``."""
        return self._within(connection, scope, "duty", read_duties, lambda duty: duty.at)

    def moves(self, connection: Connection, scope: Scope) -> list[MoveFact]:
        """See ``stored.read_moves``."""
        return self._within(connection, scope, "lead", read_moves, lambda move: move.opened_at)

    def _within(
        self, connection: Connection, scope: Scope, kind: str, read: Read[T], at: Callable[[T], datetime]
    ) -> list[T]:
        """The facts of the scope's time. Its first and last UTC day are rarely whole: midnight is the company's."""
        first, last = scope.since.date(), (scope.until - timedelta(microseconds=1)).date()
        versions = _versions(connection, kind, first, last)
        found: list[T] = []
        for number in range((last - first).days + 1):
            day = first + number * DAY
            facts = self._day(connection, day, scope.zone, versions.get(day.isoformat(), 0), read)
            start = bisect_left(facts, scope.since, key=at) if day == first else 0
            end = bisect_left(facts, scope.until, key=at) if day == last else len(facts)
            found += facts[start:end]
        return found

    def _day(self, connection: Connection, day: date, zone: ZoneInfo, version: int, read: Read[T]) -> Sequence[T]:
        key = (read.__name__, day, zone.key)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.version == version:
                self._kept.move_to_end(key)
                return cast("Sequence[T]", kept.facts)
        midnight = datetime.combine(day, time(), UTC)
        facts = read(connection, midnight, midnight + DAY, zone)
        with self._lock:
            self._keep(key, _Kept(version, facts))
        return facts

    def _keep(self, key: tuple[str, date, str], kept: _Kept) -> None:
        before = self._kept.pop(key, None)
        self._kept[key] = kept
        self._count += 1 + len(kept.facts) - (1 + len(before.facts) if before is not None else 0)
        while self._count > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._count -= 1 + len(oldest.facts)


def _versions(connection: Connection, kind: str, first: date, last: date) -> Mapping[str, int]:
    query = select(REPORT_DAY.c.day, REPORT_DAY.c.version).where(
        REPORT_DAY.c.kind == kind, REPORT_DAY.c.day >= first.isoformat(), REPORT_DAY.c.day <= last.isoformat()
    )
    return {day: version for day, version in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy
