"""Whose turn it is: smooth weighted round robin. Pure.

Each time everybody who may be chosen is owed his weight; who is owed most is chosen and pays the sum of the weights. So
over a whole round everyone gets exactly his share, and nobody gets his in a row. Who could not be chosen (away, at his
limit) is owed nothing for that time.

The method is the one of nginx ("smooth weighted round-robin balancing", commit 52327e0, 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one manager is owed by one rule."""

    manager_id: str
    credit: int = 0
    day: date
    taken: int = 0
    """How many he was given on ``day``."""

    def on(self, day: date) -> Turn:
        """The same on another day, which begins with nothing taken."""
        return self if self.day == day else replace(self, day=day, taken=0)


def choose(weights: Mapping[str, int], turns: Mapping[str, Turn], day: date) -> tuple[str, list[Turn]]:
    """Who is next of ``weights`` (manager id to weight, in the order of the rule, at least one), and the new turns."""
    owed = []
    for manager_id, weight in weights.items():
        turn = turns.get(manager_id, Turn(manager_id=manager_id, day=day)).on(day)
        owed.append(replace(turn, credit=turn.credit + weight))
    chosen = max(owed, key=lambda turn: turn.credit)  # of equals the first
    return chosen.manager_id, _paid(owed, chosen.manager_id, sum(weights.values()))


def _paid(owed: Sequence[Turn], chosen: str, price: int) -> list[Turn]:
    return [
        replace(turn, credit=turn.credit - price, taken=turn.taken + 1) if turn.manager_id == chosen else turn
        for turn in owed
    ]
