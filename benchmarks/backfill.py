"""The backfill of one day from a CDR table of five million rows: seconds and memory, against the goal.

The table has the layout of FreePBX (``calldate`` with an index, no time of answer) and holds a hundred days. Making it
takes a minute or two and 1 GB in the temporary folder.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.harness import say
from gateway.app import settle_memory
from gateway.telephony.history.logtable import LogTable
from gateway.telephony.history.reading import Reading
from gateway.telephony.lines import LineRules

ROWS = 5_000_000
DAYS = 100
LAST_DAY = datetime(2026, 11, 22, tzinfo=UTC)
_NAMES = (
    "calldate", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec",
    "disposition", "uniqueid", "linkedid",
)  # fmt: skip


def figures(rows: int = ROWS) -> list[str]:
    """Sentences: how long one day takes, and at how much memory."""
    with tempfile.TemporaryDirectory(prefix="leadgate-bench-") as folder:
        path = Path(folder) / "asteriskcdrdb.db"
        say(f"making a table of {rows:,} rows ...")
        _make(path, rows)
        calls, seconds, own, _ = _read(path, traced=False)
        *_, peak = _read(path, traced=True)
    return [
        (
            f"one day ({calls:,} calls) of a CDR table of {rows:,} rows: {seconds:.1f} s (goal 10 s), "
            f"{own:.1f} s of them its own ({own / calls * 1e6:.0f} us a call), "
            f"at most {peak / 1e6:.0f} MB beside the program"
        )
    ]


def _make(path: Path, rows: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute(f"CREATE TABLE cdr ({', '.join(_NAMES)})")
        marks = ", ".join("?" for _ in _NAMES)
        database.executemany(f"INSERT INTO cdr VALUES ({marks})", _records(rows))
        database.execute("CREATE INDEX calldate ON cdr (calldate)")
    database.close()


def _records(rows: int) -> Iterator[tuple[object, ...]]:
    step, begin = timedelta(days=DAYS) / rows, LAST_DAY - timedelta(days=DAYS)
    for number in range(rows):
        at = begin + step * number
        stamp, uniqueid = at.strftime("%Y-%m-%d %H:%M:%S"), f"{int(at.timestamp())}.{number}"
        yield (stamp, f"7926{number % 10_000_000:07d}", "74950000101", "from-trunk", f"PJSIP/trunk-{number:08x}",
               f"PJSIP/101-{number:08x}", "Dial", "PJSIP/101,10", 12, 7, "ANSWERED", uniqueid, uniqueid)  # fmt: skip


def _read(path: Path, *, traced: bool) -> tuple[int, float, float, int]:
    """Calls, seconds, seconds of this process alone, and the peak of memory in bytes (0 unless ``traced``, which takes
    twice the time)."""
    since = (LAST_DAY - timedelta(days=1)).timestamp()
    log = LogTable(f"sqlite:///{path}", "cdr", UTC)
    if traced:
        tracemalloc.start()
    settle_memory()  # as the gateway does once it runs
    began, own = time.perf_counter(), time.process_time()
    reading = Reading(log, lines=LineRules(), region="RU", since=since)
    calls = 0
    while (told := reading.page()) is not None:
        calls += len(told.records)
    calls += len(reading.end(LAST_DAY.timestamp() + 1e9))
    seconds, own = time.perf_counter() - began, time.process_time() - own
    peak = tracemalloc.get_traced_memory()[1] if traced else 0
    tracemalloc.stop()
    log.close()
    return calls, seconds, own, peak
