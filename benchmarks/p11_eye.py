"""P11: from the event on the PBX to the open page: the last hangup of a call is sent, and 50 readers of the feed wait.

The gateway is the real process, the PBX the demo's, which plays a call that a real Asterisk recorded. Measured is from
before the hangup is sent until a reader has the first event that it caused; to draw it is the browser's.
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from pathlib import Path

import aiohttp

from benchmarks.harness import say
from benchmarks.processes import Gateway, gateway
from benchmarks.signed_in import cookie, sign_in
from gateway.core.clock import SystemClock
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Play, RecordedEvent, load

PAGES = int(os.environ.get("LEADGATE_BENCH_PAGES", "50"))
CALLS = int(os.environ.get("LEADGATE_BENCH_CALLS", "40"))
SECRET = "only for the benchmark"
QUIET_SECONDS = 1.0
"""Without an event: what the call caused until then has arrived everywhere."""
WITHIN_SECONDS = 20.0
RECORDING = Path(__file__).parent.parent / "gateway/demo/recordings/direct_no_answer.ami"


class Reader:
    """One open page."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self._seen = asyncio.Event()
        self.at = 0.0
        self.latest = time.perf_counter()

    async def run(self) -> None:
        """Note when events come, until cancelled."""
        async for line in self._answer.content:
            if line.startswith(b"id:"):
                self.latest = time.perf_counter()
                if not self._seen.is_set():
                    self.at = self.latest
                    self._seen.set()

    def forget(self) -> None:
        """The next event is the first one."""
        self._seen.clear()

    async def first(self) -> float:
        """When it came."""
        await asyncio.wait_for(self._seen.wait(), WITHIN_SECONDS)
        return self.at


def figures() -> list[str]:
    """One sentence for the table's foot."""
    times = sorted(asyncio.run(_measured()))
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    work = f"P11 hangup on the PBX to an event on each of {PAGES} open pages, {CALLS} calls"
    return [
        f"{work}: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, at most {times[-1] * 1000:.0f} ms (goal p99 1,000)"
    ]


async def _measured() -> list[float]:
    pbx = PbxServer(username="leadgate", secret=SECRET, clock=SystemClock())
    await pbx.start()
    config = (
        f'[[pbx]]\nname = "office"\nhost = "127.0.0.1"\nport = {pbx.port}\nusername = "leadgate"\nsecret = "{SECRET}"\n'
    )
    context = gateway(config, partial(sign_in, count=PAGES))
    standing = await asyncio.to_thread(context.__enter__)
    try:
        await pbx.listeners(1)
        return await _with_pages(pbx, standing)
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await pbx.stop()


async def _with_pages(pbx: PbxServer, standing: Gateway) -> list[float]:
    url = f"http://127.0.0.1:{standing.http}/api/v1/events"
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        answers = [await session.get(url, headers={"Cookie": cookie(number)}) for number in range(PAGES)]
        if any(answer.status != 200 for answer in answers):
            raise RuntimeError(f"the feed was answered with {sorted({answer.status for answer in answers})}")
        readers = [Reader(answer) for answer in answers]
        tasks = [asyncio.create_task(reader.run()) for reader in readers]
        found: list[float] = []
        for number in range(CALLS):
            say(f"call {number + 1} of {CALLS}")
            found += await _one_call(pbx, readers, number)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return found


async def _one_call(pbx: PbxServer, readers: list[Reader], number: int) -> list[float]:
    """Seconds until each reader knew that the call was over."""
    recording = load(RECORDING)
    shift = int(time.time() - recording.began - recording.seconds)
    caller = (recording.caller or "", f"7926{number:07d}")
    events = list(Play(shift=shift, serial=number + 1, caller=caller).events(recording))
    last = max(place for place, event in enumerate(events) if _is_hangup(event))
    for event in events[:last]:
        await pbx.send(event.headers)
    while time.perf_counter() - max(reader.latest for reader in readers) < QUIET_SECONDS:
        await asyncio.sleep(0.05)
    for reader in readers:
        reader.forget()
    began = time.perf_counter()
    for event in events[last:]:
        await pbx.send(event.headers)
    return [await reader.first() - began for reader in readers]


def _is_hangup(event: RecordedEvent) -> bool:
    return ("Event", "Hangup") in event.headers
