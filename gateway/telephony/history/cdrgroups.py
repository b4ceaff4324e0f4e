"""Which rows of a CDR log are one call, and when all of them are there: rows in, complete calls out. Pure.

Rows are written as their channels end, the caller's own mostly last. So a call is complete when the row of its first
channel is there and nothing followed for a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.core.types import Json
from gateway.telephony.history.rows import CdrRow
from gateway.telephony.tracker.names import epoch_of, parse_channel

SETTLE = 30.0
"""Seconds of the log's own time that must pass after the last row's end."""
ROOTLESS_SETTLE = 3600.0
"""The same for a call whose first channel has no row (yet): a talk may go on while the row of a phone that did not
answer is written."""
REMEMBERED = 20_000


@dataclass(slots=True, eq=False)
class CdrGroup:
    """The rows of one call so far."""

    place: Json
    """Where its first row stands."""
    first_number: int
    rows: list[CdrRow] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    last_number: int = 0
    last_end: float = 0.0

    @property
    def key(self) -> str:
        """The linkedid of its first row."""
        return next(iter(self.names))

    @property
    def rooted(self) -> bool:
        """The row of its first channel is there."""
        return any(row.uniqueid == row.linkedid for row in self.rows)

    @property
    def born_at(self) -> float:
        """Unix time of the call's beginning, whether or not its first row is there."""
        births = [epoch_of(row.linkedid) for row in self.rows]
        return min([birth for birth in births if birth is not None] or [row.start for row in self.rows])


class CdrGroups:
    """The calls of one CDR log of which rows may be missing."""

    def __init__(self, done: Iterable[str] = (), since: float | None = None) -> None:
        """``done``: linkedids that an earlier reading of the same rows has told. ``since``: Unix time; calls that began
        before it are left out, as rows of theirs may not have been read."""
        self.late = 0
        self.headless = 0
        """Calls that began before ``since``."""
        self.rows_read = 0
        self._since = since
        self._groups: dict[CdrGroup, None] = {}
        self._by_name: dict[str, CdrGroup] = {}
        self._done: dict[str, int] = dict.fromkeys(done, 0)
        self._settled: dict[str, int] = {}
        self._latest = 0.0

    def first_place(self) -> Json | None:
        """Where the earliest row of an incomplete call stands: reading goes on there the next time."""
        return min(self._groups, key=lambda group: group.first_number).place if self._groups else None

    def feed(self, row: CdrRow, place: Json) -> None:
        """Take one row."""
        self.rows_read += 1
        if row.linkedid in self._done:
            self._done[row.linkedid] = self.rows_read
            self.late += 1
            return
        names = list(_names(row))
        known = list(dict.fromkeys(self._by_name[name] for name in names if name in self._by_name))
        if known:
            whole = known[0]
            for part in known[1:]:
                self._join(whole, part)
        else:
            whole = CdrGroup(place=place, first_number=self.rows_read)
            self._groups[whole] = None
        whole.rows.append(row)
        whole.last_number = self.rows_read
        whole.last_end = max(whole.last_end, row.end)
        self._latest = max(self._latest, row.end)
        for name in names:
            whole.names[name] = None
            self._by_name[name] = whole

    def finished(self, quiet: Mapping[str, int]) -> list[CdrGroup]:
        """The calls that are complete, forgotten here: nothing followed for a while of the log's time, or since an
        earlier reading (``quiet``, its `signatures`)."""
        return list(self._close([group for group in self._groups if self._is_over(group, quiet)]))

    def rest(self) -> list[CdrGroup]:
        """At the end of a log that is not written any more: all that is left."""
        return list(self._close(list(self._groups)))

    def signatures(self) -> dict[str, int]:
        """The calls that are not complete, and those that are only for an earlier reading's word: a name that the next
        reading finds again -> how many rows."""
        return {**self._settled, **{group.key: len(group.rows) for group in self._groups}}

    def straddling(self) -> list[str]:
        """Ids of finished calls with rows behind `first_place`: whoever reads on from there must leave them out."""
        if not self._groups:
            return []
        first = min(group.first_number for group in self._groups)
        return [name for name, last in self._done.items() if last >= first]

    def _is_over(self, group: CdrGroup, quiet: Mapping[str, int]) -> bool:
        silence = self._latest - group.last_end
        if not group.rooted:
            return silence >= ROOTLESS_SETTLE
        if silence >= SETTLE:
            return True
        if quiet.get(group.key) != len(group.rows):
            return False
        self._settled[group.key] = len(group.rows)
        return True

    def _close(self, groups: Iterable[CdrGroup]) -> Iterator[CdrGroup]:
        for group in groups:
            del self._groups[group]
            for name in group.names:
                if self._by_name.get(name) is group:
                    del self._by_name[name]
            for linkedid in {row.linkedid for row in group.rows}:
                self._done[linkedid] = group.last_number
            while len(self._done) > REMEMBERED:
                del self._done[next(iter(self._done))]
            if self._since is not None and group.born_at < self._since:
                self.headless += 1
            else:
                yield group

    def _join(self, whole: CdrGroup, part: CdrGroup) -> None:
        if part.first_number < whole.first_number:
            whole.first_number, whole.place = part.first_number, part.place
        whole.rows += part.rows
        whole.names |= part.names
        whole.last_end = max(whole.last_end, part.last_end)
        for name in part.names:
            self._by_name[name] = whole
        del self._groups[part]


def _names(row: CdrRow) -> Iterator[str]:
    """What rows of one call have in common: the linkedid, or, where a log has none, the uniqueid or a channel (names
    are given once; the halves of a Local channel are one)."""
    yield row.linkedid
    if not row.chained:
        for channel in (row.channel, row.dstchannel):
            if channel:
                yield parse_channel(channel).pair or channel
