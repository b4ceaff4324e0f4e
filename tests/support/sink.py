"""For tests of connectors: a sink that remembers and can be told to fail or to hang, and a clock moved by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.core.errors import NotDurable
from gateway.core.types import Inbound, Outcome, Receipt


@dataclass
class RecordingSink:
    """Implements ``core.ports.Sink`` in memory, with the duplicate rule of the real one (unique ``dedup_key``)."""

    items: list[Inbound] = field(default_factory=list)
    """What was stored, in order; duplicates are not in it."""
    calls: int = 0
    error: Exception | None = None
    """Raised by the next calls until set to None."""
    outcome: Outcome = Outcome.STORED
    """What a new item becomes."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared by ``hang()``: calls wait until it is set."""
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a call has begun."""

    def __post_init__(self) -> None:
        self.open.set()
        self._ids: dict[str, str] = {}

    def refuse(self) -> None:
        """From now on nothing is durable."""
        self.error = NotDurable("neither the database nor the spool takes anything")

    def hang(self) -> None:
        """From now on calls wait for ``open``."""
        self.open.clear()

    async def accept(self, item: Inbound) -> Receipt:
        self.calls += 1
        self.entered.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        known = self._ids.get(item.dedup_key)
        if known is not None:
            return Receipt(Outcome.DUPLICATE, known)
        interaction_id = f"interaction-{len(self.items) + 1}"
        self._ids[item.dedup_key] = interaction_id
        self.items.append(item)
        return Receipt(self.outcome, interaction_id)


@dataclass
class ManualClock:
    """A clock that stands still until it is moved. Implements ``core.clock.Clock``."""

    moment: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)
        self.seconds += seconds
