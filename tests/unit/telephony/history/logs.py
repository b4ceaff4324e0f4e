"""The recorded logs, short ways to make rows, and a reading of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from gateway.telephony.history.columns import CDR_NAMES, CEL_NAMES, LogKind
from gateway.telephony.history.logfile import LogFile
from gateway.telephony.history.page import Page
from gateway.telephony.history.reading import Reading, Told
from gateway.telephony.history.rows import CdrRow, CelRow, LogClock, cdr_row, cel_row
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord

RECORDED = Path(__file__).parents[3] / "fixtures/history/asterisk16"
DEMO = Path(__file__).parents[4] / "gateway/demo/recordings"
REGION = "RU"
START = 1_795_300_000
"""Unix time at which hand-made calls begin."""
LONG_AGO = 0.0
FAR = 4e9
"""Unix times around all."""


def recorded_cel(name: str = "cel.csv") -> list[CelRow]:
    """The rows of a recorded channel event log."""
    clock = LogClock(UTC)
    with (RECORDED / name).open(encoding="utf-8", newline="") as file:
        return [cel_row(dict(zip(CEL_NAMES, values, strict=True)), clock) for values in csv.reader(file)]


def recorded_cdr() -> list[CdrRow]:
    """The rows of the recorded call detail records."""
    clock = LogClock(UTC)
    with (RECORDED / "cdr.csv").open(encoding="utf-8", newline="") as file:
        names = CDR_NAMES[:21]
        return [cdr_row(dict(zip(names, values, strict=True)), clock) for values in csv.reader(file)]


def cel(kind: str, at: float, uniqueid: str, linkedid: str, channel: str, **more: Any) -> CelRow:
    """One channel event ``at`` seconds after START; ids are running numbers of channels."""
    return CelRow(
        kind=kind,
        at=START + at,
        uniqueid=f"{START}.{uniqueid}",
        linkedid=f"{START}.{linkedid}",
        channel=channel,
        **more,
    )


def cdr(start: float, end: float, disposition: str, **more: Any) -> CdrRow:
    """One call detail record of a caller from the trunk, seconds after START."""
    values: dict[str, Any] = {
        "answer": None, "uniqueid": f"{START}.1", "linkedid": f"{START}.1", "source": "79261234567", "name": "",
        "destination": "74950000101", "context": "from-trunk", "channel": "PJSIP/trunk-00000001", "dstchannel": "",
        "application": "Dial", "arguments": "PJSIP/101,10", "billsec": 0,
    }  # fmt: skip
    if more.get("answer") is not None:
        more["answer"] += START
    return CdrRow(start=START + start, end=START + end, disposition=disposition, **(values | more))


class Rows:
    """A ``page.Log`` of rows in memory; a place is an index."""

    def __init__(self, kind: LogKind, rows: Sequence[CelRow | CdrRow]) -> None:
        self.kind: LogKind = kind
        self.name = "rows"
        self.rows = list(rows)

    def pages(self, place: Any, since: float | None = None) -> Iterator[Page]:
        begin = place["row"] if place else 0
        page = Page(place={"row": len(self.rows)})
        page.rows = [(row, {"row": begin + index}) for index, row in enumerate(self.rows[begin:])]
        return iter([page])

    def close(self) -> None:
        return None


def reading(log: Any, cursor: Mapping[str, Any] | None = None, **more: Any) -> Reading:
    """A reading with the default rules."""
    return Reading(log, lines=LineRules(), region=REGION, cursor=cursor, **more)


def read(reader: Reading) -> Told:
    """All pages as one."""
    whole = Told()
    while (told := reader.page()) is not None:
        whole.records += told.records
        whole.refused += told.refused
        whole.notes += told.notes
    return whole


def calls_of(path: Path, kind: LogKind, *, zone: tzinfo = UTC, **more: Any) -> list[CallRecord]:
    """Every call of a file that is not written any more."""
    reader = reading(LogFile(path, kind, zone, **more))
    return [*read(reader).records, *reader.end(FAR)]
