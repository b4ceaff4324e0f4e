"""A PBX that floods its listeners, and one that dies with calls up."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from gateway.demo.recording import encode
from tests.acceptance.load import FORM_TABLE
from tests.faults.book import Book, judge
from tests.faults.clients import send_form
from tests.faults.conftest import thorough
from tests.faults.exchange import Exchange, callers
from tests.faults.nursery import Nursery
from tests.support.process import Api, Installation

WITHIN = 60.0
CALLS_UP = 5
AT_ONCE = 1000
"""Events of a flood that are written in one piece."""
EVENTS_A_SECOND = 100_000
MEMORY = 300 << 20
"""Bytes: more than a gateway may need, whatever it is sent."""


def _garbage(number: int) -> bytes:
    """An event that has nothing to do with a call: of a kind that nobody reads, or of one that is read."""
    channel = [("Channel", f"PJSIP/nobody-{number:08x}"), ("Uniqueid", f"1700000000.{number}")]
    kinds = [
        [("Event", "RTCPSent"), *channel, ("SSRC", f"0x{number:08x}"), ("SentPackets", "250")],
        [("Event", "VarSet"), *channel, ("Variable", "JUNK"), ("Value", "x" * 60)],
        [("Event", "Newstate"), *channel, ("ChannelStateDesc", "Ring"), ("CallerIDNum", "\udcff\udcfe")],
        [("Event", "Hangup"), *channel, ("Cause", "not a number")],
    ]
    text = encode([(name, value.encode("utf-8", "replace").decode()) for name, value in kinds[number % len(kinds)]])
    return text if number % 50 else text + b"\xff\xfe no header at all\r\n\r\n"


async def _flood(exchange: Exchange, enough: asyncio.Event) -> int:
    """Write as much as is asked for, or as is taken; how many events went out."""
    piece = b"".join(_garbage(number) for number in range(AT_ONCE))
    sent, began = 0, time.monotonic()
    while not enough.is_set():
        await exchange.server.send_raw(piece)
        sent += AT_ONCE
        await asyncio.sleep(max(0.0, began + sent / EVENTS_A_SECOND - time.monotonic()))
    print(f"{sent} events in {time.monotonic() - began:.1f} s")
    return sent


def _peak_memory(pid: int) -> int:
    """Bytes that a process had in memory at most (proc(5), VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


@pytest.mark.long
async def test_a_flood_of_events_costs_no_call_no_memory_and_shuts_no_door(
    tmp_path: Path, book: Book, nursery: Nursery
) -> None:
    calls = 40 if thorough() else 10
    async with Exchange(tmp_path) as exchange:
        installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE + exchange.config())
        process = nursery.start(installation)
        try:
            await process.ready()
            await exchange.server.listeners(1)
            enough = asyncio.Event()
            flood = asyncio.create_task(_flood(exchange, enough))
            for number in range(calls):
                await exchange.call()
                assert await send_form(installation, f"form-{number}") == 200
            enough.set()
            sent = await flood
            peak = _peak_memory(process.pid)
            fault = f"AMI flooded with {EVENTS_A_SECOND} events a second, calls among them"
            verdict = await judge(
                book, fault, exchange.ledger, installation, runs=sent, patience=WITHIN, name_of=callers
            )
        finally:
            process.kill()
    assert verdict.kept, verdict
    assert peak < MEMORY, f"{peak >> 20} MiB"


async def test_a_pbx_that_dies_with_calls_up_leaves_each_of_them_once_and_over(
    tmp_path: Path, book: Book, nursery: Nursery
) -> None:
    async with Exchange(tmp_path) as exchange:
        installation = Installation.make(tmp_path / "gateway", more=exchange.config())
        process = nursery.start(installation)
        try:
            await process.ready()
            await exchange.server.listeners(1)
            begun = {await exchange.begin_call() for _ in range(CALLS_UP)}
            api = Api(installation, installation.new_token())
            async with asyncio.timeout(WITHIN):
                while not begun <= set(callers(await api.everything("/api/v1/interactions"))):
                    await asyncio.sleep(0.1)
            exchange.ledger.acknowledged |= begun
            port = await exchange.die()
            await exchange.live_again(port)
            async with asyncio.timeout(WITHIN):
                while {call["phase"] for call in await api.everything("/api/v1/interactions")} != {"ended"}:
                    await asyncio.sleep(0.1)
            fault = "PBX killed with calls up"
            verdict = await judge(book, fault, exchange.ledger, installation, runs=1, name_of=callers)
        finally:
            process.kill()
    assert verdict.kept, verdict
