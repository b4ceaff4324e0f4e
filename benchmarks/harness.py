"""Floors and subjects in turn (A B A B ...), medians, one table. Absolute figures of a shared machine say little."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run of one contender gave."""

    rate: float
    """Units a second; higher is better."""
    p99_ms: float | None = None
    """99th percentile of the answers, where there are answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Something that does the work."""

    name: str
    run: Callable[[], Measured]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One row of docs/performance.md: the same work by a floor and by us."""

    row: str
    """``P3``."""
    work: str
    unit: str
    floor: Contender
    subjects: Sequence[Contender]
    goal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table."""

    row: str
    work: str
    name: str
    rate: float
    unit: str
    ratio: float
    p99_ms: float | None
    goal: str


def measure(benchmark: Benchmark, rounds: int) -> list[Line]:
    """Run floor and subjects in turn, one warm-up first."""
    contenders = [benchmark.floor, *benchmark.subjects]
    for contender in contenders:
        contender.run()
    results: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            results[contender.name].append(contender.run())
    floor_rates = [measured.rate for measured in results[benchmark.floor.name]]
    lines = []
    for contender in contenders:
        found = results[contender.name]
        latencies = [measured.p99_ms for measured in found if measured.p99_ms is not None]
        lines.append(
            Line(
                row=benchmark.row,
                work=benchmark.work,
                name=contender.name,
                rate=statistics.median(measured.rate for measured in found),
                unit=benchmark.unit,
                # pair by pair: the machine's speed drifts between rounds, not within one
                ratio=statistics.median(
                    measured.rate / floor for measured, floor in zip(found, floor_rates, strict=True)
                ),
                p99_ms=statistics.median(latencies) if latencies else None,
                goal="" if contender is benchmark.floor else benchmark.goal,
            )
        )
    return lines


def head() -> str:
    """On what the table was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "aiosmtpd", "sqlalchemy", "msgspec"))
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}; "
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}"
    )


def table(lines: Sequence[Line]) -> str:
    """The lines as Markdown."""
    rows = ["| row | work | contender | rate | ratio | p99 | goal |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for line in lines:
        latency = f"{line.p99_ms:.1f} ms" if line.p99_ms is not None else ""
        rate = f"{line.rate:,.0f} {line.unit}"
        rows.append(f"| {line.row} | {line.work} | {line.name} | {rate} | {line.ratio:.2f} | {latency} | {line.goal} |")
    return "\n".join(rows)


def say(sentence: str) -> None:
    """Talk while it runs, on stderr: stdout is the table."""
    print(sentence, file=sys.stderr, flush=True)
