"""How many submissions a minute are taken for real ones. Counting only: the intake decides what follows."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds."""
REMEMBERED = 10_000
"""Senders that are counted at one moment; beyond, the one that began first is forgotten."""


@dataclass(slots=True)
class _Count:
    since: float
    number: int


class PerMinute:
    """Counts events of each sender in windows of a minute that begin with its first event."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def count(self, sender: str, now: float) -> int:
        """Count one event at ``now`` (monotonic seconds) and return how many there are in its window."""
        found = self._counts.get(sender)
        if found is not None and now - found.since < WINDOW:
            found.number += 1
            return found.number
        self._counts[sender] = _Count(now, 1)
        self._counts.move_to_end(sender)
        if len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)
        return 1
