"""What the clients know: which items they sent, and which of them the gateway acknowledged. And who compares.

The ledger lives outside the process that is killed. The promise: what was acknowledged is stored, once; what is stored
was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """Names of items, each made up by a client and carried by the item itself."""

    sent: set[str] = field(default_factory=set)
    """Tried at least once; the gateway may have any of them."""
    acknowledged: set[str] = field(default_factory=set)
    """Answered with 200 or 250; the gateway must have each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The difference between the ledger and the store; all empty when the promise was kept."""

    lost: frozenset[str]
    """Acknowledged, and not there."""
    doubled: frozenset[str]
    """There more than once."""
    ghosts: frozenset[str]
    """There, but never sent."""

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.doubled or self.ghosts)


def compare(ledger: Ledger, stored: Iterable[str]) -> Verdict:
    """Judge what is stored; a name stands in ``stored`` as often as its item is in the store."""
    counts = Counter(stored)
    return Verdict(
        lost=frozenset(ledger.acknowledged - counts.keys()),
        doubled=frozenset(name for name, times in counts.items() if times > 1),
        ghosts=frozenset(counts.keys() - ledger.sent),
    )
