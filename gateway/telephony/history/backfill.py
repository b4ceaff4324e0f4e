"""Nothing lost while away: reads the logs of one PBX after each (re)connect and every few minutes.

The cursor of a log moves in the transaction of the last call that it covers, or alone where there was none; it never
passes a call that is not over. So a crash at any point repeats some calls, which the sink knows, and skips none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.ports import Cursors, Sink, SourceHealth
from gateway.core.sentences import NOTHING, Sentence, counted
from gateway.core.types import Cursor, Inbound, Json, Outcome
from gateway.telephony.ami.timing import Sleep
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.history.page import Log, Refused
from gateway.telephony.history.reading import Reading
from gateway.telephony.history.report import history_inbound
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two readings while nothing happens."""
SOON = 5.0
"""Seconds until the next reading while a call has just ended, or the PBX has just been reached."""
FIRST_READING = timedelta(days=1)
"""How far back the very first reading goes. For more there is ``leadgate import cdr``."""
AT_ONCE = 64
"""Calls handed over at a time: enough to fill a group commit."""
REMEMBERED = 20_000
"""Reports handed over already."""
REFUSED_LOGGED = 5
"""Rows of one page that can't be taken and are named in the log; the others are counted."""


@dataclass(slots=True)
class LogState:
    """One log between two readings."""

    log: Log
    cursor_name: str
    quiet: dict[str, int] = field(default_factory=dict)
    """Calls that were not over at the last reading, see ``Reading.signatures``."""
    problem: Sentence = NOTHING
    """A sentence while it can't be read."""
    refused: int = 0
    calls: int = 0
    """Calls that were new, since the start."""
    last_read_at: datetime | None = None


class Backfill:
    """A ``core.ports.Source`` for the logs of one ``[[pbx]]``."""

    def __init__(
        self,
        pbx: str,
        logs: Sequence[Log],
        sink: Sink,
        cursors: Cursors,
        clock: Clock,
        *,
        lines: LineRules,
        region: str,
        live: LiveCalls | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """``logs``: CEL before CDR. ``live``: what the connector of the same PBX tells by itself."""
        self._pbx = pbx
        self._states = [LogState(one, f"{one.kind}:{pbx}") for one in logs]
        self._sink = sink
        self._cursors = cursors
        self._clock = clock
        self._lines = lines
        self._region = region
        self._live = live or LiveCalls()
        self._sleep = sleep
        self._known: dict[str, None] = {}
        self._kicked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def has_logs(self) -> bool:
        """Whether there is anything to read."""
        return bool(self._states)

    async def start(self) -> None:
        """Begin to read, and return."""
        self._task = asyncio.create_task(self._run(), name=f"backfill:{self._pbx}")

    async def stop(self) -> None:
        """Stop where it is; the cursors say where to go on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for state in self._states:
            await asyncio.to_thread(state.log.close)

    def kick(self) -> None:
        """The PBX was reached (again): something may have been missed."""
        self._kicked.set()

    def health(self) -> list[SourceHealth]:
        """One entry a log."""
        return [
            SourceHealth(
                name=state.cursor_name,
                ok=not state.problem,
                state="unreadable" if state.problem else "reading" if state.last_read_at else "waiting",
                detail=state.problem or _passed_over(state.refused),
                last_event_at=state.last_read_at,
            )
            for state in self._states
        ]

    async def _run(self) -> None:
        pause = SOON
        while True:
            unsettled = False
            for state in self._states:
                unsettled |= await self._read_safely(state)
            # a call that is just over is told soon; where calls never cease, less and less soon
            pause = min(pause * 2, EVERY) if unsettled else EVERY
            if await self._kicked_within(pause):
                pause = SOON
                await self._sleep(SOON)  # the PBX writes the ends of the calls that were cut off

    async def _kicked_within(self, seconds: float) -> bool:
        tasks = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._kicked.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            kicked = self._kicked.is_set()
            self._kicked.clear()
            return kicked
        finally:
            await _end(tasks)

    async def _read_safely(self, state: LogState) -> bool:
        """True where calls ended so lately that they can't be told yet."""
        try:
            unsettled = await self.read(state)
        except LeadgateError as error:
            self._complain(state, error.sentence)
        except Exception as error:
            log.exception(
                "A log of the PBX could not be read", extra={"action": "backfill_failed", "source": state.cursor_name}
            )
            state.problem = Sentence("%(log)s: could not be read: %(words)s", {"log": state.log.name, "words": error})
        else:
            state.problem = NOTHING
            state.last_read_at = self._clock.now()
            return unsettled
        return False

    async def read(self, state: LogState) -> bool:
        """Read one log to its end. True where calls are not over, or only just.

        Raises LogUnreadable, StoreUnavailable, NotDurable.
        """
        reading = Reading(
            state.log,
            lines=self._lines,
            region=self._region,
            cursor=await self._cursors.get(state.cursor_name),
            since=(self._clock.now() - FIRST_READING).timestamp(),
            quiet=state.quiet,
        )
        while (told := await asyncio.to_thread(reading.page)) is not None:
            self._note(state, told.refused, told.notes)
            await self._hand_over(state, told.records, reading.cursor())
        alive = self._live.alive()
        if alive is not None:
            await self._hand_over(state, reading.give_up(alive), reading.cursor())
        before, state.quiet = state.quiet, reading.signatures()
        return state.quiet != before

    async def _hand_over(
        self, state: LogState, records: Sequence[CallRecord], place: Mapping[str, Json] | None
    ) -> None:
        """Store the calls, then the place behind them."""
        now = self._clock.now()
        items = [
            history_inbound(record, state.log.kind, pbx=self._pbx, region=self._region, received_at=now)
            for record in records
            if not self._live.has(record)
        ]
        items = [item for item in items if item.dedup_key not in self._known]
        behind = Cursor(name=state.cursor_name, value=place) if place is not None else None
        if items:
            items[-1] = replace(items[-1], cursor=behind)
        for first in range(0, len(items) - 1, AT_ONCE):
            await self._store(state, items[first : min(first + AT_ONCE, len(items) - 1)])
        await self._store(state, items[-1:])
        if behind is not None and not items and behind.value != await self._cursors.get(behind.name):
            await self._cursors.put(behind.name, behind.value)

    async def _store(self, state: LogState, items: Sequence[Inbound]) -> None:
        receipts = await asyncio.gather(*(self._sink.accept(item) for item in items))
        state.calls += sum(1 for receipt in receipts if receipt.outcome is Outcome.STORED)
        for item in items:
            self._known[item.dedup_key] = None
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def _note(self, state: LogState, refused: Sequence[Refused], notes: Sequence[str]) -> None:
        for sentence in notes:
            log.warning("%s", sentence, extra={"action": "backfill_note", "source": state.cursor_name})
        state.refused += len(refused)
        for row in refused[:REFUSED_LOGGED]:
            log.warning(
                "A row of the PBX's log could not be taken",
                extra={
                    "action": "row_refused",
                    "source": state.cursor_name,
                    "where": row.where,
                    "reason": str(row.why),
                },
            )

    def _complain(self, state: LogState, problem: Sentence) -> None:
        if state.problem != problem:  # once, not every five minutes
            log.warning(
                "A log of the PBX can't be read now",
                extra={"action": "backfill_unreadable", "source": state.cursor_name, "reason": str(problem)},
            )
        state.problem = problem


def _passed_over(rows: int) -> Sentence:
    if not rows:
        return NOTHING
    return counted(
        "%(num)s row could not be taken; the log says why", "%(num)s rows could not be taken; the log says why", rows
    )


async def _end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
