"""``leadgate import cdr``: a whole log into the store, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.core.clock import Clock
from gateway.core.ports import Sink
from gateway.core.types import Inbound, Outcome
from gateway.telephony.history.page import Log, Refused
from gateway.telephony.history.reading import Reading
from gateway.telephony.history.report import history_inbound
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord

AT_ONCE = 64
"""Calls handed over at a time: enough to fill a group commit."""
REFUSED_KEPT = 100
"""Rows that are named at the end; the others are counted."""
MAY_GO_ON = timedelta(hours=4)
"""A call without an end that was heard of since then may still go on; an older one was cut."""


@dataclass(slots=True)
class Imported:
    """What came of one log."""

    rows: int = 0
    stored: int = 0
    """Calls that were new, or told more than was known."""
    known: int = 0
    """Calls that were stored before."""
    still_open: int = 0
    headless: int = 0
    """Calls whose beginning is not in the log."""
    refused: int = 0
    reasons: list[Refused] = field(default_factory=list)
    """The first of the refused rows."""
    notes: list[str] = field(default_factory=list)


async def import_log(
    log: Log,
    sink: Sink,
    clock: Clock,
    *,
    pbx: str,
    lines: LineRules,
    region: str,
    progress: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Hand over every call of ``log``; ``progress`` is called after each page. Raises LogUnreadable, NotDurable."""
    done = Imported()
    reading = Reading(log, lines=lines, region=region)

    async def hand_over(records: Sequence[CallRecord]) -> None:
        now = clock.now()
        items = [history_inbound(record, log.kind, pbx=pbx, region=region, received_at=now) for record in records]
        for first in range(0, len(items), AT_ONCE):
            await _store(sink, items[first : first + AT_ONCE], done)

    while (told := await asyncio.to_thread(reading.page)) is not None:
        await hand_over(told.records)
        done.rows, done.headless = reading.rows, reading.headless
        done.refused += len(told.refused)
        done.reasons += told.refused[: REFUSED_KEPT - len(done.reasons)]
        done.notes += told.notes
        progress(done)
    await hand_over(await asyncio.to_thread(reading.end, (clock.now() - MAY_GO_ON).timestamp()))
    done.still_open, done.headless = reading.open_count, reading.headless
    return done


async def _store(sink: Sink, items: Sequence[Inbound], done: Imported) -> None:
    receipts = await asyncio.gather(*(sink.accept(item) for item in items))
    known = sum(1 for receipt in receipts if receipt.outcome is Outcome.DUPLICATE)
    done.known += known
    done.stored += len(receipts) - known
