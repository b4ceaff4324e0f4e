"""The few figures that reports are made of. Medians, not means: one forgotten call must not spoil a month."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of ``values`` that at least ``share`` (0 < share <= 1) of them do not exceed; None without values.

    The nearest-rank definition: the answer is always one of the values, so it can be opened and looked at.
    """
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)]


def median(values: Sequence[float]) -> float | None:
    """Half of the values do not exceed it; by nearest rank, like the percentiles."""
    return percentile(values, 0.5)


def ratio(part: float, whole: float) -> float | None:
    """``part`` of ``whole`` from 0 to 1; None of nothing."""
    return part / whole if whole else None
