"""Time and ids as things that are passed in, so that tests need neither sleep nor patching."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

_CHANCE = random.Random()  # noqa: S311 - ids must be unique, not secret; seeded by the system, and no call of it each time

NewId = Callable[[], str]
"""Makes an id that was never given before."""


class Clock(Protocol):
    """Wall time for what people read, monotonic time for what is measured."""

    def now(self) -> datetime:
        """The current moment, timezone-aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; for time-outs, leases and back-off."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def new_id() -> str:
    """A UUID version 7 (RFC 9562 section 5.7): unique without asking the database, and sorted by time of birth."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | _CHANCE.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
