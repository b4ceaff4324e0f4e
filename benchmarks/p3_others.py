"""P3 beside others: 1, 10 and 50 connections against Django and Flask views, and while old mail is imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from mailbox import mbox
from pathlib import Path

from benchmarks.harness import Benchmark, Contender, Measured, say
from benchmarks.load import drive
from benchmarks.p3_forms import FLOOR, wait_until_processed
from benchmarks.processes import Gateway, free_port, gateway, running

CONNECTIONS = (1, 10, 50)
COUNT = 1000
LETTERS = 3000
PEERS = ("django", "flask")
TEXT = "Please call. " * 300


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """A row for each number of connections, and one beside the importer. Peers: ``LEADGATE_BENCH_PEERS``."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leadgate-bench-")))
        floor_port = free_port()
        stack.enter_context(running(["-c", FLOOR, str(floor_port)], floor_port))
        ours = stack.enter_context(gateway())
        peers = _peers(stack, folder)
        rows = [_row(count, floor_port, ours, peers) for count in CONNECTIONS]
        yield [*rows, _beside_mail(floor_port, ours, folder)]


def _peers(stack: ExitStack, folder: Path) -> dict[str, int]:
    python = os.environ.get("LEADGATE_BENCH_PEERS")
    if not python:
        say("LEADGATE_BENCH_PEERS is not set: without Django and Flask")
        return {}
    ports = {}
    program = str(Path(__file__).with_name("form_peers.py"))
    for name in PEERS:
        ports[name] = free_port()
        stack.enter_context(running([program, name, str(ports[name]), str(folder)], ports[name], python=python))
    return ports


def _row(connections: int, floor_port: int, ours: Gateway, peers: dict[str, int]) -> Benchmark:
    def run(port: int) -> Measured:
        return drive("http", port, connections=connections, count=COUNT)

    def run_ours() -> Measured:
        measured = run(ours.http)
        wait_until_processed(ours)
        return measured

    return Benchmark(
        row="P3",
        work=f"form POST to durable 200, {connections} connection{'s' if connections > 1 else ''}",
        unit="req/s",
        floor=Contender(name="aiohttp handler without a store", run=partial(run, floor_port)),
        subjects=[
            Contender(name="leadgate", run=run_ours),
            *(Contender(name=f"{name} view, gunicorn 2 x 4", run=partial(run, port)) for name, port in peers.items()),
        ],
        goal="6 x Django",
    )


def _beside_mail(floor_port: int, ours: Gateway, folder: Path) -> Benchmark:
    numbers = iter(range(1_000_000))

    def run() -> Measured:
        """The importer is another process, which writes to the same database all the while."""
        letters = folder / f"{next(numbers)}.mbox"
        _write_letters(letters)
        config = ours.data.parent / "leadgate.toml"
        command = [sys.executable, "-m", "gateway", "import", "mail", "--config", str(config), str(letters)]
        importer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            measured = drive("http", ours.http, connections=10, count=COUNT)
            if importer.poll() is not None:
                say("the importer was done before the forms were: too few letters")
        finally:
            importer.wait(timeout=120)
        wait_until_processed(ours)
        return measured

    return Benchmark(
        row="P3",
        work=f"the same, 10 connections, while {LETTERS:,} letters are imported",
        unit="req/s",
        floor=Contender(
            name="aiohttp handler without a store",
            run=lambda: drive("http", floor_port, connections=10, count=COUNT),
        ),
        subjects=[Contender(name="leadgate beside the importer", run=run)],
        goal="p99 below 300 ms",
    )


def _write_letters(path: Path) -> None:
    box = mbox(path)
    for number in range(LETTERS):
        box.add(
            f"From: Ivan <ivan{number}@example.com>\nTo: info@company.example\nSubject: Order {number}\n"
            f"Message-ID: <{path.stem}-{number}@bench>\nDate: Mon, 23 Nov 2026 09:00:00 +0000\n\n{TEXT}\n"
        )
    box.close()
