"""``python -m benchmarks [ROW ...] [--rounds N]``: measure and print the table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager

from benchmarks import p1_ami, p3_forms, p5_smtp, p8_store, p12_start
from benchmarks.harness import Benchmark, Line, head, measure, say, table

ROWS: dict[str, Callable[[], AbstractContextManager[list[Benchmark]]]] = {
    "p1": p1_ami.benchmark,
    "p3": p3_forms.benchmark,
    "p5": p5_smtp.benchmark,
    "p8": p8_store.benchmark,
}


def main() -> None:
    """Measure what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)}, p2 or p12; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rows = asked.rows or [*ROWS, "p2", "p12"]
    lines: list[Line] = []
    for name in [row for row in rows if row in ROWS]:
        say(f"{name} ...")
        with ROWS[name]() as benchmarks:
            for benchmark in benchmarks:
                lines += measure(benchmark, asked.rounds)
    print(head())
    print()
    if lines:
        print(table(lines))
    if "p2" in rows:
        print(f"\nP2 memory of an open call, 5,000 open: {p1_ami.bytes_per_open_call() / 1024:.1f} KiB (goal 5)")
    if "p12" in rows:
        print("\n" + "\n".join(p12_start.figures()))


if __name__ == "__main__":
    main()
