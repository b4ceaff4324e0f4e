"""P1 while storing: a PBX that talks as fast as the gateway listens, until every call is durable in its database.

The gateway is a process of its own, and turns what it stored into contacts and leads meanwhile, as always.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import Benchmark, Contender, Measured
from benchmarks.p1_ami import CHUNK, calls_in, floor_events, stream
from benchmarks.processes import free_port, running
from gateway.core.clock import SystemClock
from gateway.demo.pbx import PbxServer

PLAYS = 200
"""How often each recording is played: so many that the two seconds after which a call counts as over weigh little."""
STORED_WITHIN = 300.0
"""Seconds; more is a fault."""
_ENDED = "SELECT count(*) FROM journal WHERE dedup_key LIKE 'call:office:%:ended:%'"


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """One row."""
    data = stream(PLAYS)
    events, calls = data.count(b"Event: "), calls_in(data)

    def floor() -> Measured:
        began = time.perf_counter()
        asyncio.run(floor_events(data))
        return Measured(rate=events / (time.perf_counter() - began))

    def ours() -> Measured:
        return Measured(rate=events / asyncio.run(_stored(data, calls)))

    yield [
        Benchmark(
            row="P1",
            work=f"AMI stream of {events:,} events, {calls:,} calls stored",
            unit="events/s",
            floor=Contender(name="StreamReader.readuntil + dict, nothing stored", run=floor),
            subjects=[Contender(name="leadgate, until all calls are durable", run=ours)],
            goal="0.55",
        )
    ]


async def _stored(data: bytes, calls: int) -> float:
    """Seconds from the first event until the last call's end is in the journal of a fresh gateway."""
    pbx = PbxServer(username="leadgate", secret="bench", clock=SystemClock())
    await pbx.start()
    http = free_port()
    with tempfile.TemporaryDirectory(prefix="leadgate-bench-") as folder:
        config = Path(folder) / "leadgate.toml"
        config.write_text(
            f'[gateway]\ndata = "{folder}/data"\n[log]\nlevel = "error"\n'
            f'[web]\npublic = "127.0.0.1:{http}"\nprivate = "127.0.0.1:{http}"\n'
            '[smtp]\nlisten = ""\n'
            f'[[pbx]]\nname = "office"\nhost = "127.0.0.1"\nport = {pbx.port}\n'
            'username = "leadgate"\nsecret = "bench"\n'
        )
        with running(["-m", "gateway", "run", "--config", str(config)], http):
            await pbx.listeners(1)
            await asyncio.sleep(1)  # the snapshot is taken
            began = time.perf_counter()
            for start in range(0, len(data), CHUNK):
                await pbx.send_raw(data[start : start + CHUNK])
            await _all_durable(Path(folder) / "data/leadgate.db", calls)
            seconds = time.perf_counter() - began
    await pbx.stop()
    return seconds


async def _all_durable(database: Path, calls: int) -> None:
    """Poll from outside until so many ends of calls are stored. Raises TimeoutError."""
    async with asyncio.timeout(STORED_WITHIN):
        while True:
            connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            try:
                (found,) = connection.execute(_ENDED).fetchone()
            finally:
                connection.close()
            if found >= calls:
                return
            await asyncio.sleep(0.05)
