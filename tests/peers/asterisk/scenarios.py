"""Real calls, each with the truth about it. All are played side by side: each has a team of phones of its own."""

from __future__ import annotations

from tests.peers.asterisk.everyday import EVERYDAY
from tests.peers.asterisk.moves import MOVES
from tests.peers.asterisk.plays import DIRECT, Scenario
from tests.peers.asterisk.ways import WAYS

SCENARIOS: list[Scenario] = [*EVERYDAY, *WAYS, *MOVES]

__all__ = ["DIRECT", "SCENARIOS", "Scenario"]
