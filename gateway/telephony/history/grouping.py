"""Which rows of a CEL log are one call, and when that call is over: rows in, complete calls out. Pure.

A call is over when each of its channels has ended and nothing followed for a while. Asterisk's LINKEDID_END says less:
it also comes in mid-call, when a channel changes its linkedid. A call that never ends was cut by a crash; that is told
by a channel born later with a smaller running number (Asterisk counts its channels from 0 at each start).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.core.types import Json
from gateway.telephony.history.rows import CelRow
from gateway.telephony.tracker.names import birth_order

SETTLE = 5.0
"""Seconds of the log's own time that must pass after the last end: rows of one moment may be out of order."""
LONGEST_CALL = 24 * 3600.0
"""Seconds without a row after which a call without an end is taken as cut."""
REMEMBERED = 20_000
"""Ids of finished calls: a row that trails one must not begin it again."""
MOST_ROWS = 5_000
"""Rows of one call that are kept: a caller in a queue that rings for hours makes more, and they say nothing new."""

Place = Json
"""Where in a log a row stands, as the reader of that log knows it."""

_OTHER_IDS = (
    "pickup_channel_uniqueid", "channel2_uniqueid", "transferee_channel_uniqueid", "transfer_target_channel_uniqueid",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Group:
    """The rows of one call so far."""

    place: Place
    """Where its first row stands."""
    first_at: float
    first_number: int
    """The running number of its first row."""
    rows: list[CelRow] = field(default_factory=list)
    ids: dict[str, None] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    """Uniqueids of channels without an end."""
    last_at: float = 0.0
    last_number: int = 0
    """The running number of its last row."""
    begun: bool = False
    """The birth of its first channel is among the rows."""
    cut: bool = False

    @property
    def key(self) -> str:
        """The linkedid of its first row."""
        return next(iter(self.ids))


class OpenGroups:
    """The calls of one log that are not over yet."""

    def __init__(self, done: Iterable[str] = ()) -> None:
        """``done``: linkedids of calls that an earlier reading of the same rows has told."""
        self.late = 0
        """Rows that came after their call was over."""
        self.headless = 0
        """Calls whose beginning lies before the first row that was read: left out."""
        self.rows_read = 0
        self._groups: dict[Group, None] = {}
        self._by_id: dict[str, Group] = {}
        self._done: dict[str, int] = dict.fromkeys(done, 0)
        """Linkedid -> running number of its call's last row."""
        self._settled: dict[str, int] = {}
        self._births: dict[str, tuple[int, int]] = {}
        self._latest = 0.0

    @property
    def open_count(self) -> int:
        """Calls that are not over."""
        return len(self._groups)

    def first_place(self) -> Place | None:
        """Where the earliest row of a call that is not over stands: reading goes on there the next time."""
        return min(self._groups, key=lambda group: group.first_number).place if self._groups else None

    def feed(self, row: CelRow, place: Place) -> None:
        """Take one row; rows come in the order in which they were written."""
        self.rows_read += 1
        ids = [row.linkedid, row.uniqueid, *(str(row.extra[name]) for name in _OTHER_IDS if row.extra.get(name))]
        if row.linkedid in self._done:
            self._done[row.linkedid] = self.rows_read
            self.late += 1
            return
        self._notice_restart(row)
        group = self._group_of(row, place, ids)
        self._latest = max(self._latest, row.at)
        group.last_at = max(group.last_at, row.at)
        group.last_number = self.rows_read
        if row.kind == "CHAN_START":
            group.alive.add(row.uniqueid)
            group.begun |= row.uniqueid == row.linkedid
        elif row.kind in ("HANGUP", "CHAN_END"):
            group.alive.discard(row.uniqueid)
        if len(group.rows) < MOST_ROWS or row.kind in ("HANGUP", "CHAN_END"):
            group.rows.append(row)

    def finished(self, quiet: Mapping[str, int]) -> list[Group]:
        """The calls that are over, forgotten here: nothing followed for `SETTLE` seconds of the log's time, or since an
        earlier reading (``quiet``, its `signatures`)."""
        return list(self._close([group for group in self._groups if group.cut or self._is_over(group, quiet)]))

    def give_up(self, alive: Collection[str], quiet: Mapping[str, int]) -> list[Group]:
        """Ends as cut the calls of which the PBX itself knows nothing any more (``alive``: linkedids of its own), if
        they were as they are in an earlier reading."""
        lost = [
            group
            for group in self._groups
            if group.alive and quiet.get(group.key) == len(group.rows) and not any(one in alive for one in group.ids)
        ]
        for group in lost:
            group.cut = True
        return list(self._close(lost))

    def end(self, cut_before: float) -> list[Group]:
        """At the end of a log that is not written any more: the calls that are over, and as cut those without a row
        since Unix time ``cut_before``. The others may still go on: they are left out."""
        for group in self._groups:
            group.cut = bool(group.alive) and group.last_at < cut_before
        return list(self._close([group for group in self._groups if group.cut or not group.alive]))

    def signatures(self) -> dict[str, int]:
        """The calls that are not over, and those that are over only for an earlier reading's word: a name for each that
        the next reading finds again -> how many rows it has."""
        return {**self._settled, **{group.key: len(group.rows) for group in self._groups}}

    def straddling(self) -> list[str]:
        """Ids of finished calls with rows behind `first_place`: whoever reads on from there must leave them out."""
        if not self._groups:
            return []
        first = min(group.first_number for group in self._groups)
        return [one for one, last in self._done.items() if last >= first]

    def _is_over(self, group: Group, quiet: Mapping[str, int]) -> bool:
        if group.alive:
            group.cut = self._latest - group.last_at >= LONGEST_CALL
            return group.cut
        if self._latest - group.last_at >= SETTLE:
            return True
        if quiet.get(group.key) != len(group.rows):
            return False
        self._settled[group.key] = len(group.rows)
        return True

    def _close(self, groups: Iterable[Group]) -> Iterator[Group]:
        for group in groups:
            del self._groups[group]
            for one in group.ids:
                if self._by_id.get(one) is group:
                    del self._by_id[one]
            for linkedid in {row.linkedid for row in group.rows}:
                self._done[linkedid] = group.last_number
            while len(self._done) > REMEMBERED:
                del self._done[next(iter(self._done))]
            if group.begun:
                yield group
            else:
                self.headless += 1

    def _group_of(self, row: CelRow, place: Place, ids: list[str]) -> Group:
        known = list(dict.fromkeys(self._by_id[one] for one in ids if one in self._by_id))
        if known:
            group = known[0]
            for other in known[1:]:
                group = self._join(group, other)
        else:
            group = Group(place=place, first_at=row.at, first_number=self.rows_read)
            self._groups[group] = None
        for one in ids:
            group.ids[one] = None
            self._by_id[one] = group
        return group

    def _join(self, one: Group, two: Group) -> Group:
        """Two calls have become one; the earlier keeps its place in the order."""
        if one is two:
            return one
        whole, part = (one, two) if one.first_number <= two.first_number else (two, one)
        whole.rows = sorted([*whole.rows, *part.rows], key=lambda row: row.at)
        whole.ids |= part.ids
        whole.alive |= part.alive
        whole.last_at = max(whole.last_at, part.last_at)
        whole.last_number = max(whole.last_number, part.last_number)
        whole.begun |= part.begun
        for one_id in part.ids:
            self._by_id[one_id] = whole
        del self._groups[part]
        return whole

    def _notice_restart(self, row: CelRow) -> None:
        """Channels are numbered from 0 at each start of the PBX: a smaller number later means that it started anew."""
        born = birth_order(row.uniqueid)
        if row.kind != "CHAN_START" or born == (0, 0):
            return
        system = row.uniqueid[: -len(f"{born[0]}.{born[1]}")]
        before = self._births.get(system)
        if before is not None and born[0] > before[0] + 1 and born[1] < before[1]:
            for group in self._groups:
                if group.alive and any(one.startswith(system) for one in group.alive):
                    group.cut = True
            self._births[system] = born
        elif before is None or born > before:
            self._births[system] = born
