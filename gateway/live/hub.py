"""Wakes whoever shows things live, after each commit that changed something.

A wake-up carries no news: readers look into the table ``change`` for what came after the id they know. So nothing is
lost when wake-ups are, and with several processes on one database a reader still sees the others' changes by looking
now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

LOOK_ANYWAY_SECONDS = 2.0
"""Changes of other processes are seen this late at the latest."""


class Hub:
    """One a process. ``publish`` never waits and never fails."""

    def __init__(self, *, look_anyway: float = LOOK_ANYWAY_SECONDS) -> None:
        self._look_anyway = look_anyway
        self._waiting: set[asyncio.Event] = set()

    def publish(self) -> None:
        """Something was committed. Called on the event loop."""
        for event in self._waiting:
            event.set()

    @property
    def readers(self) -> int:
        """How many look at the moment."""
        return len(self._waiting)

    async def wakeups(self) -> AsyncGenerator[None]:
        """Yields once at the start, then after each publish (several at once count as one), or ``look_anyway`` on."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while True:
                event.clear()
                yield
                try:
                    async with asyncio.timeout(self._look_anyway):
                        await event.wait()
                except TimeoutError:
                    continue
        finally:
            self._waiting.discard(event)
