"""One reading of one log, from the stored cursor to its end: rows in pages, calls out, and where to go on. Blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.core.types import Json
from gateway.telephony.history.cdr import call_from_cdr
from gateway.telephony.history.cdrgroups import CdrGroup, CdrGroups
from gateway.telephony.history.cel import calls_from_cel
from gateway.telephony.history.grouping import Group, OpenGroups
from gateway.telephony.history.page import Log, Page, Refused
from gateway.telephony.history.rows import CdrRow, CelRow
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord

OVERLAP = {"cel": 3_700.0, "cdr": 6 * 3600.0}
"""Seconds that are read again of a table. Its times are local ones, which go back by an hour in autumn; and a CDR
stands at the time of its beginning but is written at its end, so a call may be so long and still be found."""


@dataclass(slots=True)
class Told:
    """What one page of a log told."""

    records: list[CallRecord] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reading:
    """Call `page` until it gives None; after each, `cursor` says where another reading goes on. Not for two threads at
    once."""

    def __init__(
        self,
        log: Log,
        *,
        lines: LineRules,
        region: str,
        cursor: Mapping[str, Json] | None = None,
        since: float | None = None,
        quiet: Mapping[str, int] | None = None,
    ) -> None:
        """``since``: Unix time to begin at where there is no cursor; None: with the first row. ``quiet``: the
        `signatures` of an earlier reading."""
        self.rows = 0
        """Rows taken so far."""
        self._log = log
        self._lines = lines
        self._region = region
        self._quiet = quiet or {}
        self._place: Json | None = cursor.get("place") if cursor else None
        done = cursor.get("done", ()) if cursor else ()
        if isinstance(self._place, Mapping) and "at" in self._place:
            since = float(self._place["at"]) - OVERLAP[log.kind]
            self._pages = log.pages(None, since)
        else:
            since = None if self._place is not None else since
            self._pages = log.pages(self._place, since)
        self._cel = OpenGroups(done)
        self._cdr = CdrGroups(done, since)

    def page(self) -> Told | None:
        """The calls that the next page of rows completes; None at the end. Raises LogUnreadable."""
        page = next(self._pages, None)
        if page is None:
            return None
        for row, place in page.rows:
            if isinstance(row, CelRow):
                self._cel.feed(row, place)
            else:
                self._cdr.feed(row, place)
        self.rows += len(page.rows)
        self._place = _later(self._place, page)
        finished = [
            *self._cel_calls(self._cel.finished(self._quiet)),
            *self._cdr_calls(self._cdr.finished(self._quiet)),
        ]
        return Told(finished, page.refused, page.notes)

    def give_up(self, alive: Collection[str]) -> list[CallRecord]:
        """At the end: the calls that the PBX does not know any more (``alive``: linkedids that it knows) and of which
        nothing came since the earlier reading. They were cut."""
        return list(self._cel_calls(self._cel.give_up(alive, self._quiet)))

    def end(self, cut_before: float) -> list[CallRecord]:
        """At the end of a log that is read once: all calls but those that may still go on (`open_count`)."""
        return [*self._cel_calls(self._cel.end(cut_before)), *self._cdr_calls(self._cdr.rest())]

    @property
    def open_count(self) -> int:
        """Calls that are not over."""
        return self._cel.open_count

    def signatures(self) -> dict[str, int]:
        """The calls that are not over, for the next reading."""
        return {**self._cel.signatures(), **self._cdr.signatures()}

    @property
    def headless(self) -> int:
        """Calls that were left out because they began before the first row."""
        return self._cel.headless + self._cdr.headless

    def cursor(self) -> dict[str, Json] | None:
        """Where to go on: at the first row of a call that is not over; None while nothing was read."""
        groups = self._cel if self._log.kind == "cel" else self._cdr
        place = groups.first_place() or self._place
        if place is None:
            return None
        # a table is read again from further back in any case
        done = [] if isinstance(place, Mapping) and "at" in place else groups.straddling()
        return {"place": place, "done": done}

    def _cel_calls(self, groups: list[Group]) -> Iterator[CallRecord]:
        for group in groups:
            yield from calls_from_cel(group.rows, lines=self._lines, region=self._region, cut=group.cut)

    def _cdr_calls(self, groups: list[CdrGroup]) -> Iterator[CallRecord]:
        for group in groups:
            rows: list[CdrRow] = group.rows
            record = call_from_cdr(rows, lines=self._lines, region=self._region)
            if record is not None:
                yield record


def _later(place: Json | None, page: Page) -> Json | None:
    """A table's places are times: reading goes on at the latest, whatever order its rows came in."""
    if page.place is None:
        return place
    if isinstance(place, Mapping) and "at" in place and "at" in page.place:
        return max(place, page.place, key=lambda one: float(one["at"]))
    return page.place
