"""P1: an AMI stream through framing and the whole call tracker; P2: memory of an open call.

With ``LEADGATE_BENCH_PEERS=/path/to/python`` of an environment with panoramisk and cacofonisk these run beside us.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from benchmarks.harness import Benchmark, Contender, Measured, say
from gateway.demo.recording import Play, Recording, encode, parse
from gateway.telephony.ami.framing import Framer
from gateway.telephony.interest import INTEREST
from gateway.telephony.lines import LineRules
from gateway.telephony.tracker import CallTracker

PLAYS = 40
"""How often each recording is played: about 54,000 events in all."""
CHUNK = 65_536
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=10)
"""When every call is over that has no channel left: its record is made within the measured time."""


def recordings() -> list[Recording]:
    """The recordings that ship."""
    folder = resources.files("gateway.demo") / "recordings"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".ami")), key=lambda file: file.name)
    return [parse(file.read_bytes(), file.name) for file in files]


def stream(plays: int = PLAYS) -> bytes:
    """All recordings, many times over, each play with ids of its own."""
    serial = 0
    parts = []
    for _ in range(plays):
        for recording in recordings():
            serial += 1
            parts += [encode(event.headers) for event in Play(shift=serial * 100, serial=serial).events(recording)]
    return b"".join(parts)


async def floor_events(data: bytes) -> int:
    """The least that any client does: messages to dictionaries."""
    reader = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(data)
    reader.feed_eof()
    count = 0
    while True:
        try:
            block = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return count
        headers = {}
        for line in block.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(": ")
            headers[name] = value
        count += 1


def calls_in(data: bytes) -> int:
    """The work: from bytes to the records of ended calls. How many those were."""
    framer = Framer(INTEREST)
    tracker = CallTracker(lines=LineRules(), region="RU")
    calls = 0
    for start in range(0, len(data), CHUNK):
        for event in framer.feed(data[start : start + CHUNK]):
            calls += sum(record.ended for record in tracker.feed(event, NOW))
        calls += sum(record.ended for record in tracker.due(LATER))
    return calls


def _peers(file: Path) -> list[Contender]:
    """The peers, where their environment is named."""
    python = os.environ.get("LEADGATE_BENCH_PEERS")

    def contender(name: str) -> Contender:
        def run() -> Measured:
            command = [str(python), str(Path(__file__).with_name("ami_peers.py")), name, str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
            rate, failures = done.stdout.split()
            if failures != "0":
                say(f"{name} failed on {failures} events")
            return Measured(rate=float(rate))

        return Contender(name={"cacofonisk": "panoramisk + cacofonisk"}.get(name, f"{name} (no call logic)"), run=run)

    return [contender(name) for name in ("panoramisk", "cacofonisk")] if python else []


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """One row; says the memory of open calls on the way."""
    data = stream()
    events = data.count(b"Event: ")

    def floor() -> Measured:
        began = time.perf_counter()
        asyncio.run(floor_events(data))
        return Measured(rate=events / (time.perf_counter() - began))

    def ours() -> Measured:
        began = time.perf_counter()
        calls_in(data)
        return Measured(rate=events / (time.perf_counter() - began))

    with tempfile.NamedTemporaryFile(suffix=".ami") as file:
        file.write(data)
        file.flush()
        yield [
            Benchmark(
                row="P1",
                work=f"AMI stream of {events:,} events, parse and tracker (nothing stored)",
                unit="events/s",
                floor=Contender(name="StreamReader.readuntil + dict", run=floor),
                subjects=[Contender(name="leadgate framing + tracker", run=ours), *_peers(Path(file.name))],
                goal="0.55 while storing",
            )
        ]


def bytes_per_open_call(count: int = 5000) -> float:
    """P2: memory that one answered call takes while it is open."""
    answered = next(recording for recording in recordings() if recording.name.startswith("direct_answered"))
    until_hangup = [event for event in answered.events if ("Event", "Hangup") not in event.headers]
    tracker = CallTracker(lines=LineRules(), region="RU")
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for serial in range(1, count + 1):
        for event in Play(shift=serial, serial=serial).events(Recording(name="x", began=0, events=tuple(until_hangup))):
            tracker.feed(dict(event.headers), NOW)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / max(1, tracker.open_count)
