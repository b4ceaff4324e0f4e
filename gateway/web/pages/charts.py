"""Geometry of the charts: numbers to rectangles. The templates draw them as SVG; styles and words are theirs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

SHADES = 9
"""Steps of a heat map between nothing and the most."""


@dataclass(frozen=True, slots=True)
class Column:
    """One upright bar, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The upright axis."""

    top: float
    """Value at its upper end; 0 is at the lower one."""
    ticks: tuple[float, ...]


def scale(values: Sequence[float | None], *, seconds: bool = False) -> Scale:
    """A round number above all values, and two or three ticks below it. ``seconds``: round in minutes and hours."""
    highest = max((value for value in values if value is not None), default=0.0)
    if highest <= 0:
        return Scale(1, (0, 1))
    step = _time_step(highest) if seconds else _step(highest)
    count = -(-highest // step)
    ticks = tuple(step * n for n in range(int(count) + 1))
    return Scale(step * count, ticks)


def _step(highest: float) -> float:
    """1, 2 or 5 times a power of ten, so that two to four of them reach ``highest``."""
    rough = highest / 3
    power: float = 10.0 ** floor(log10(rough))
    return next((factor * power for factor in (1, 2, 5) if rough <= factor * power), 10 * power)


def _time_step(highest: float) -> float:
    steps = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400)
    return next((step for step in steps if highest / 3 <= step), 86400 * max(1.0, highest // 3 // 86400))


def columns(values: Sequence[float | None], axis: Scale, *, width: float, height: float) -> list[Column]:
    """A bar for each value, side by side; one without a value has no height."""
    slot = width / max(1, len(values))
    gap = min(4.0, slot * 0.25)
    bars = []
    for place, value in enumerate(values):
        tall = height * (value or 0) / axis.top
        bars.append(Column(place * slot + gap / 2, height - tall, slot - gap, tall))
    return bars


def shade(value: float | None, highest: float) -> int:
    """0 for nothing, else 1 to SHADES."""
    if not value or highest <= 0:
        return 0
    return max(1, min(SHADES, round(value / highest * SHADES)))


def share_of(value: float | None, highest: float) -> float:
    """Length of a bar within a table's cell, from 0 to 100."""
    return 0.0 if not value or highest <= 0 else round(100 * value / highest, 1)


def labelled(count: int, most: int = 8) -> frozenset[int]:
    """Places of the labels below the bars that have room beside each other."""
    every = max(1, -(-count // most))
    return frozenset(range(0, count, every))
