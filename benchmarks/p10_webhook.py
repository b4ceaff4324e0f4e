"""P10: webhook deliveries by the real worker, each attempt stored, against bare posts of aiohttp to the same sink."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Connection, func, select

from benchmarks.harness import Benchmark, Contender, Measured
from benchmarks.processes import free_port, running
from crm_adapter.testkit import events
from gateway.core.clock import SystemClock, new_id
from gateway.delivery import outbox
from gateway.delivery.settings import CrmSettings
from gateway.delivery.worker import DeliveryWorker
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Outbox

DELIVERIES = 10_000
"""Some seconds of work."""
PARALLEL = 16
"""The default of a CRM, and the connections of the floor."""
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, fixed").decode()
NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
"""In the past, so that everything is due."""


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """One sink in a process of its own."""
    port = free_port()
    with running(["-m", "benchmarks.sink", str(port)], port):
        yield [
            Benchmark(
                row="P10",
                work=f"webhook deliveries of a lead, {PARALLEL} at once",
                unit="deliveries/s",
                floor=Contender(name="aiohttp client", run=lambda: asyncio.run(_bare(port))),
                subjects=[Contender(name="leadgate delivery", run=lambda: _deliver(port))],
                goal="0.40",
            )
        ]


async def _bare(port: int) -> Measured:
    """Neither signed nor stored."""
    numbers = iter(range(DELIVERIES))
    body = json.dumps({"type": "lead.created", "timestamp": NOW.isoformat(), "data": events.lead(1)}).encode()
    async with aiohttp.ClientSession() as session:

        async def post() -> None:
            for _ in numbers:
                async with session.post(f"http://127.0.0.1:{port}/", data=body) as response:
                    await response.read()

        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(PARALLEL)))
        return Measured(rate=DELIVERIES / (time.perf_counter() - began))


def crm_of(port: int, **more: Any) -> dict[str, Any]:
    """The ``[[crm]]`` table of the sink."""
    return {
        "name": "sink",
        "adapter": "webhook",
        "url": f"http://127.0.0.1:{port}/",
        "secret": SECRET,
        "allow_private": True,
        **more,
    }


def fill(connection: Connection, crm: CrmSettings, numbers: range) -> None:
    """One delivery a person, due at once."""
    for number in numbers:
        person = events.ident(1, number)
        outbox.enqueue(
            connection, [crm], event_type="lead.created", order_key=person, data=events.lead(number), at=NOW,
            new_id=new_id, lead_id=events.ident(2, number),
        )  # fmt: skip


def _deliver(port: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="leadgate-bench-") as folder:
        return asyncio.run(_deliver_from(Path(folder), port))


async def _deliver_from(data: Path, port: int) -> Measured:
    crm = CrmSettings.from_table(crm_of(port, parallel=PARALLEL))
    upgrade(StorageSettings(), data)
    store = Store.open(StorageSettings(), data)
    await store.start()
    await store.write(partial(fill, crm=crm, numbers=range(DELIVERIES)))
    worker = DeliveryWorker(store=store, clock=SystemClock(), crms=[crm])
    began = time.perf_counter()
    await worker.start()
    while await store.read(_undone):
        await asyncio.sleep(0.05)  # counting takes from what is measured
    elapsed = time.perf_counter() - began
    await worker.stop()
    await store.stop()
    return Measured(rate=DELIVERIES / elapsed)


def _undone(connection: Connection) -> int:
    return connection.execute(select(func.count()).where(Outbox.state.in_(("waiting", "sending")))).scalar_one()
