"""Waiting, with the sleep passed in, so that tests of time-outs take no time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

Sleep = Callable[[float], Awaitable[None]]
"""``asyncio.sleep``, or a test's own."""

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T], sleep: Sleep) -> T:
    """The result of ``work``; raises TimeoutError, and cancels it, if ``sleep(seconds)`` is over first."""
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(sleep(seconds))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        timer.cancel()
        task.cancel()


class Backoff:
    """Growing pauses between attempts: ``first``, doubled up to ``ceiling`` seconds, each shortened by up to a half.

    The random half keeps the clients of a PBX that comes back from arriving all at once.
    """

    def __init__(self, first: float, ceiling: float, chance: Callable[[], float] = random.random) -> None:
        self._first = first
        self._ceiling = ceiling
        self._chance = chance
        self._next = first

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        pause = self._next * (1 - self._chance() / 2)
        self._next = min(self._next * 2, self._ceiling)
        return pause

    def reset(self) -> None:
        """Begin anew, after a success."""
        self._next = self._first
