"""The last calls that the logs of a PBX know of, stored nowhere: what the doctor shows before the first start.

It blocks: call it in a thread.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from gateway.core.clock import Clock
from gateway.telephony.history.columns import LogKind
from gateway.telephony.history.importing import MAY_GO_ON
from gateway.telephony.history.page import Log, LogUnreadable
from gateway.telephony.history.reading import Reading
from gateway.telephony.history.sources import logs_of
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.settings import PbxSettings

BACK = tuple(timedelta(hours=4**step) for step in range(7))
"""How far back it is looked, in turn, until there are calls enough: an hour of a busy PBX, half a year of a quiet one.
A log is never read as a whole where its end is enough."""
LONGEST_LOOK = 15.0
"""Seconds after which it is not looked any further back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestCalls:
    """What one log knows."""

    kind: LogKind
    name: str
    """Of the log, for people."""
    records: tuple[CallRecord, ...]
    """The last calls that are over, the newest first."""


def latest_calls(settings: PbxSettings, zone: tzinfo, *, region: str, count: int, clock: Clock) -> LatestCalls | None:
    """The last ``count`` calls of the first log that has any, CEL before CDR; None where no log can be read."""
    found = None
    for log in logs_of(settings, zone):
        try:
            records = _latest(log, settings.lines, region, count, clock)
        except LogUnreadable:  # the examination of the logs says so
            continue
        finally:
            log.close()
        found = LatestCalls(kind=log.kind, name=log.name, records=records)
        if records:
            break
    return found


def _latest(log: Log, lines: LineRules, region: str, count: int, clock: Clock) -> tuple[CallRecord, ...]:
    """Raises LogUnreadable."""
    began, now = clock.monotonic(), clock.now()
    records: tuple[CallRecord, ...] = ()
    for back in BACK:
        reading = Reading(log, lines=lines, region=region, since=(now - back).timestamp())
        newest: deque[CallRecord] = deque(maxlen=4 * count)  # calls come in the order of their ends
        while (told := reading.page()) is not None:
            newest += told.records
        newest += reading.end((now - MAY_GO_ON).timestamp())
        records = tuple(sorted(newest, key=lambda record: record.started_at, reverse=True)[:count])
        if len(records) >= count or clock.monotonic() - began > LONGEST_LOOK:
            break
    return records
