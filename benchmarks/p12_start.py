"""P12: how long until it is healthy, and what it costs at rest. No ratio: figures against the goal."""

from __future__ import annotations

import time

from benchmarks.processes import gateway

REST_SECONDS = 5.0


def figures() -> list[str]:
    """Sentences: start, memory, processor time at rest."""
    began = time.perf_counter()
    with gateway() as ours:
        started = time.perf_counter() - began
        time.sleep(1.0)
        before = cpu_seconds(ours.pid)
        time.sleep(REST_SECONDS)
        idle = (cpu_seconds(ours.pid) - before) / REST_SECONDS
        memory = ours.resident_kib() / 1024
    return [
        f"P12 start to listening on an empty database: {started:.2f} s (goal 2 s)",
        f"P12 resident memory at rest: {memory:.0f} MB (goal 150 MB)",
        f"P12 processor time at rest: {idle:.1%} of a core (goal 1 %)",
    ]


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, all its threads together."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - one line of /proc
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
