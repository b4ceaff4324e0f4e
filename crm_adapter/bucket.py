"""A token bucket: a CRM's rate limit kept on our side, since asking too fast costs more than waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Bucket:
    """``rate`` requests a second for good, ``burst`` at once after a rest. Waiting callers are served in order."""

    def __init__(
        self,
        rate: float,
        burst: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above 0 and room for one request")
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._tokens = burst
        self._at = clock()

    async def take(self) -> None:
        """Return when a request may go out. One that is cancelled while it waits gives its place back."""
        wait = self._reserve()
        if wait <= 0:
            return
        try:
            await self._sleep(wait)
        except BaseException:
            self._tokens += 1
            raise

    def _reserve(self) -> float:
        """Seconds until this caller's turn. The level goes below zero by those who wait, so no two share a turn."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
        self._at = now
        return -self._tokens / self._rate
