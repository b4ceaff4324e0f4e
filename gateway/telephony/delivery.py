"""Hands call reports to the sink: in order within a call, several calls at a time, again when it could not be stored.

A call waits with its newest report only. Each report holds all that the earlier ones of its call said, so when the
store is slower than the PBX nothing is lost by leaving out "ringing", and what waits is bounded by the number of calls.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from gateway.core.errors import LeadgateError
from gateway.core.ports import Sink
from gateway.core.sentences import NOTHING, Sentence
from gateway.core.types import Inbound
from gateway.telephony.ami.timing import Backoff, Sleep

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Reports under way: enough to fill a group commit of the store."""
CALLS_WAITING = 20_000
"""Calls whose report may wait: hours of a busy PBX, about 100 MB."""
TRIES = 5
"""Attempts for an error that says that trying again can't help."""
RETRY_PAUSES = (1.0, 30.0)


class Delivery:
    """What is on its way from one PBX to the store."""

    def __init__(
        self,
        sink: Sink,
        *,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        limit: int = CALLS_WAITING,
    ) -> None:
        self.lost = 0
        """Reports that were given up, since start."""
        self.problem = NOTHING
        """A sentence while the store does not take reports; else empty."""
        self._sink = sink
        self._sleep = sleep
        self._chance = chance
        self._limit = limit
        self._waiting: dict[str, Inbound] = {}
        self._under_way: dict[str, Inbound] = {}
        self._ready: asyncio.Queue[str] = asyncio.Queue()  # keys in _waiting that are not under way, oldest first
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def backlog(self) -> int:
        """Calls with a report that is not stored yet."""
        return len(self._waiting.keys() | self._under_way)

    def holds(self, key: str) -> bool:
        """Whether a report of this call is on its way."""
        return key in self._waiting or key in self._under_way

    def put(self, report: Inbound) -> None:
        """Take a report and return at once. When too many calls wait already it is counted as lost and logged."""
        key = report.key
        if key not in self._waiting and len(self._waiting) >= self._limit:
            self._give_up(report, "too many calls wait to be stored")
            return
        known = self.holds(key)
        self._waiting[key] = report
        self._idle.clear()
        if not known:
            self._ready.put_nowait(key)

    async def run(self) -> None:
        """Deliver until cancelled. What was not stored then is still in the backlog."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(self._work())

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is under way."""
        await self._idle.wait()

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            self._under_way[key] = self._waiting.pop(key)
            stored = False
            try:
                await self._store(key)
                stored = True
            finally:
                report = self._under_way.pop(key)
                if not stored:  # cancelled; a newer report that came meanwhile says more
                    self._waiting.setdefault(key, report)
                elif key in self._waiting:
                    self._ready.put_nowait(key)
                elif not self._waiting and not self._under_way:
                    self._idle.set()

    async def _store(self, key: str) -> None:
        """Until the sink has the call's newest report, or it is given up."""
        backoff = Backoff(*RETRY_PAUSES, self._chance)
        tries = 0
        while True:
            tries += 1
            report = self._under_way[key]
            try:
                await self._sink.accept(report)
            except Exception as error:
                if not _can_help(error) and tries >= TRIES:
                    self._give_up(report, f"the store can't take it: {error}")
                    return
                self._complain(report, error, tries)
            else:
                self.problem = NOTHING
                return
            await self._sleep(backoff.next())
            if key in self._waiting:
                self._under_way[key] = self._waiting.pop(key)
                tries = 0

    def _complain(self, report: Inbound, error: Exception, tries: int) -> None:
        self.problem = Sentence(
            "Calls can't be stored: %(words)s. They wait in memory and are tried again", {"words": error}
        )
        log.warning(
            "A call could not be stored, trying again",
            exc_info=None if _can_help(error) else error,
            extra={"action": "call_not_stored", "key": report.key, "reason": str(error), "tries": tries},
        )

    def _give_up(self, report: Inbound, why: str) -> None:
        self.lost += 1
        log.error(
            "The report of a call was lost",
            extra={"action": "call_lost", "key": report.key, "dedup_key": report.dedup_key, "reason": why},
        )


def _can_help(error: Exception) -> bool:
    """Whether trying again can help, as the error itself says; an error that is not one of ours says nothing."""
    return isinstance(error, LeadgateError) and error.retryable
