"""``python -m benchmarks [ROW ...] [--rounds N]``: measure and print the table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager

from benchmarks import (
    backfill,
    backlog,
    p1_ami,
    p1_stored,
    p3_forms,
    p3_others,
    p5_smtp,
    p6_mail,
    p7_route,
    p8_store,
    p9_pages,
    p10_webhook,
    p11_eye,
    p12_start,
)
from benchmarks.harness import Benchmark, Line, head, measure, say, table

ROWS: dict[str, Callable[[], AbstractContextManager[list[Benchmark]]]] = {
    "p1": p1_ami.benchmark,
    "p1stored": p1_stored.benchmark,
    "p3": p3_forms.benchmark,
    "p3others": p3_others.benchmark,
    "p5": p5_smtp.benchmark,
    "p6": p6_mail.benchmark,
    "p7": p7_route.benchmark,
    "p8": p8_store.benchmark,
    "p10": p10_webhook.benchmark,
}


def main() -> None:
    """Measure what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    known = f"{', '.join(ROWS)}, p2, p9, p11, p12, backfill or backlog; default: all but p9 and the last two"
    parser.add_argument("rows", nargs="*", metavar="ROW", help=known)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rows = asked.rows or [*ROWS, "p2", "p11", "p12"]
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
    if "p6" in rows:
        print("\n" + "\n".join(p6_mail.figures()))
    if "backfill" in rows:
        print("\n" + "\n".join(backfill.figures()))
    if "backlog" in rows:
        print("\n" + "\n".join(backlog.figures()))
    if "p9" in rows:
        print("\n" + "\n".join(p9_pages.figures()))
    if "p11" in rows:
        print("\n" + "\n".join(p11_eye.figures()))
    if "p12" in rows:
        print("\n" + "\n".join(p12_start.figures()))


if __name__ == "__main__":
    main()
