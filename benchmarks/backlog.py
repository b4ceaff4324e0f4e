"""A backlog after a CRM was away for long: drains at the CRM's limit, in flat memory, while forms come in as before.

``python -m benchmarks backlog``; ``LEADGATE_BENCH_BACKLOG`` (100,000) and ``LEADGATE_BENCH_PER_SECOND`` (500) make it
smaller. The gateway is the real process, the sink another, the clients a third.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.harness import Measured, say
from benchmarks.load import drive
from benchmarks.p10_webhook import crm_of, fill
from benchmarks.processes import Gateway, free_port, gateway, running
from benchmarks.sink import counted
from gateway.delivery.settings import CrmSettings
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store

BACKLOG = int(os.environ.get("LEADGATE_BENCH_BACKLOG", "100000"))
PER_SECOND = float(os.environ.get("LEADGATE_BENCH_PER_SECOND", "500"))
FORMS, CONNECTIONS, RUNS = 1000, 4, 3
"""Of each run of the clients; the median of the runs counts."""
PIECE = 2000
"""Rows of one transaction while the outbox is filled."""


def figures() -> list[str]:
    """Sentences for the table's foot."""
    say(f"backlog of {BACKLOG:,}: the same gateway without one ...")
    with _standing(0) as (idle, _):
        before = _capture_p99(idle)
    say("with it ...")
    with _standing(BACKLOG) as (busy, port):
        time.sleep(3)
        memory = [busy.resident_kib()]
        during = _capture_p99(busy)
        while counted(port)[0] < BACKLOG:
            memory.append(busy.resident_kib())
            time.sleep(1)
        count, seconds = counted(port)
        memory.append(busy.resident_kib())
        after = _capture_p99(busy)
    rate = count / seconds if seconds else float("inf")
    first, most, last = (kib / 1024 for kib in (memory[0], max(memory), memory[-1]))
    limit = f"{rate:.0f} a second ({rate / PER_SECOND:.2f} of the limit)"
    others = f"{after:.0f} ms when it was empty, {before:.0f} ms in a gateway that never had one"
    return [
        f"Backlog of {BACKLOG:,} for a CRM that takes {PER_SECOND:g} a second: drained at {limit}",
        f"Backlog: resident memory {first:.0f} MB when it began, {most:.0f} at most, {last:.0f} when it was empty",
        f"Backlog: form POST over {CONNECTIONS} connections, p99 {during:.0f} ms with it, {others}",
    ]


@contextmanager
def _standing(backlog: int) -> Iterator[tuple[Gateway, int]]:
    port = free_port()
    table = crm_of(port, per_second=PER_SECOND)
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    prepare = partial(_fill, crm=CrmSettings.from_table(table), backlog=backlog)
    with running(["-m", "benchmarks.sink", str(port)], port), gateway(f"[[crm]]\n{lines}\n", prepare) as standing:
        yield standing, port


def _capture_p99(standing: Gateway) -> float:
    """Milliseconds, the median of the runs. Few connections: how long one visitor waits, not how much goes in."""
    runs = [_run(standing) for _ in range(RUNS)]
    return sorted(run.p99_ms or 0.0 for run in runs)[RUNS // 2]


def _run(standing: Gateway) -> Measured:
    return drive("http", standing.http, connections=CONNECTIONS, count=FORMS)


def _fill(data: Path, *, crm: CrmSettings, backlog: int) -> None:
    """The database as it is after the CRM was away."""
    data.mkdir(parents=True)
    upgrade(StorageSettings(), data)
    asyncio.run(_fill_store(data, crm, backlog))


async def _fill_store(data: Path, crm: CrmSettings, backlog: int) -> None:
    store = Store.open(StorageSettings(), data)
    await store.start()
    for first in range(0, backlog, PIECE):
        await store.write(partial(fill, crm=crm, numbers=range(first, min(first + PIECE, backlog))))
    await store.stop()
