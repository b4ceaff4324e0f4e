"""P3: form POST to a durable 200; P4: the same, until every form is a lead."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import Benchmark, Contender, Measured
from benchmarks.load import drive
from benchmarks.processes import Gateway, free_port, gateway, running

COUNT = 4000
CONNECTIONS = 32

FLOOR = """
import sys
from aiohttp import web
async def handle(request):
    await request.read()
    return web.json_response({"id": "01a20146-e6ce-75d1-84cc-2e90e541ec6f", "status": "stored"})
app = web.Application()
app.router.add_post("/f/{key}", handle)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """Both rows over the same two servers."""
    port = free_port()
    with running(["-c", FLOOR, str(port)], port), gateway() as ours:
        floor = Contender(
            name="aiohttp handler without a store",
            run=lambda: drive("http", port, connections=CONNECTIONS, count=COUNT),
        )
        yield [
            Benchmark(
                row="P3",
                work=f"form POST to durable 200, {CONNECTIONS} connections",
                unit="req/s",
                floor=floor,
                subjects=[Contender(name="leadgate", run=lambda: accept(ours))],
                goal="0.40, p99 at most 5 x the floor's",
            ),
            Benchmark(
                row="P4",
                work="form POST to lead",
                unit="leads/s",
                floor=floor,
                subjects=[Contender(name="leadgate", run=lambda: until_processed(ours))],
                goal="0.10",
            ),
        ]


def accept(ours: Gateway) -> Measured:
    """Send the forms; then let the processing catch up, outside the measured time."""
    measured = drive("http", ours.http, connections=CONNECTIONS, count=COUNT)
    wait_until_processed(ours)
    return measured


def until_processed(ours: Gateway) -> Measured:
    """The time from the first form to the last lead."""
    began = time.perf_counter()
    sent = drive("http", ours.http, connections=CONNECTIONS, count=COUNT)
    started = time.perf_counter() - COUNT / sent.rate  # the load process's own start is not our time
    wait_until_processed(ours)
    return Measured(rate=COUNT / (time.perf_counter() - max(began, started)))


def wait_until_processed(ours: Gateway) -> None:
    """Until /health says that nothing waits."""
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{ours.http}/health", timeout=30) as answer:
            if json.load(answer)["journal"]["count"] == 0:
                return
        time.sleep(0.1)
