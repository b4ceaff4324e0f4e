"""P5: a letter by SMTP, durable before its 250."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import Benchmark, Contender, Measured
from benchmarks.load import drive
from benchmarks.p3_forms import wait_until_processed
from benchmarks.processes import Gateway, free_port, gateway, running

COUNT = 1000
CONNECTIONS = 10

FLOOR = """
import asyncio, sys
from aiosmtpd.smtp import SMTP
class Null:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"
async def main():
    loop = asyncio.get_running_loop()
    factory = lambda: SMTP(Null(), enable_SMTPUTF8=True, loop=loop)
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """One row."""
    port = free_port()
    with running(["-c", FLOOR, str(port)], port), gateway() as ours:
        yield [
            Benchmark(
                row="P5",
                work=f"SMTP accept of 5 kB, {CONNECTIONS} connections",
                unit="msg/s",
                floor=Contender(
                    name="aiosmtpd, null handler",
                    run=lambda: drive("smtp", port, connections=CONNECTIONS, count=COUNT),
                ),
                subjects=[Contender(name="leadgate", run=lambda: accept(ours))],
                goal="0.75",
            )
        ]


def accept(ours: Gateway) -> Measured:
    """Send the letters; then let the processing catch up, outside the measured time."""
    measured = drive("smtp", ours.smtp, connections=CONNECTIONS, count=COUNT)
    wait_until_processed(ours)
    return measured
