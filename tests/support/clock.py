"""A clock that stands still until a test moves it, and ids that can be read."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from gateway.core.clock import NewId

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A working day, noon in Moscow."""


class FakeClock:
    """Implements ``core.clock.Clock``."""

    def __init__(self, start: datetime = MONDAY) -> None:
        self._now = start
        self._seconds = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds


def counting_ids(prefix: str = "id") -> NewId:
    """id-1, id-2, ..."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"
