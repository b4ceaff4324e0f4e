"""Calls while the connection, or the gateway itself, is away: the PBX's own log brings them back."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from tests.faults.book import Book, judge
from tests.faults.exchange import Exchange, callers
from tests.faults.nursery import Nursery
from tests.support.faultproxy import FaultProxy
from tests.support.process import Installation

CALLS_AWAY = 100


def _read_up_to(installation: Installation) -> int:
    """Bytes of the log that the stored cursor covers."""
    with sqlite3.connect(f"file:{installation.data / 'leadgate.db'}?mode=ro", uri=True) as connection:
        row = connection.execute("SELECT value FROM cursor WHERE name = 'cdr:office'").fetchone()
    connection.close()
    return int(json.loads(row[0])["place"]["offset"]) if row else 0


@pytest.mark.parametrize("mutant", ["", "cursor_before_data"])
async def test_calls_made_while_it_was_away_come_back_although_it_dies_reading(
    tmp_path: Path, book: Book, mutant: str, nursery: Nursery
) -> None:
    """The moment to die is when the cursor has moved: nothing that it covers may be missing then."""
    async with Exchange(tmp_path) as exchange:
        installation = Installation.make(
            tmp_path / "gateway",
            more=exchange.config(),
            module="tests.faults.launcher",
            environment={"FAULTS_MUTANT": mutant} if mutant else {},
        )
        for _ in range(CALLS_AWAY):
            await exchange.call(heard=False)
        process = nursery.start(installation)
        await process.ready()
        async with asyncio.timeout(30):
            while _read_up_to(installation) < exchange.cdr.stat().st_size:
                await asyncio.sleep(0.01)
        process.kill()
        process = nursery.start(installation)
        await process.ready()
        try:
            fault = f"mutant: {mutant}" if mutant else "gateway away during 100 calls, and killed when it reads them"
            patience = 8.0 if mutant else 60.0
            verdict = await judge(book, fault, exchange.ledger, installation, patience=patience, name_of=callers)
        finally:
            process.kill()
    assert bool(verdict.lost) is bool(mutant), verdict
    assert not verdict.doubled


@pytest.mark.long
async def test_no_call_is_lost_or_doubled_when_the_connection_is_cut_or_only_looks_open(
    tmp_path: Path, book: Book, nursery: Nursery
) -> None:
    async with Exchange(tmp_path) as exchange, FaultProxy(exchange.server.port) as proxy:
        installation = Installation.make(tmp_path / "gateway", more=exchange.config(port=proxy.port))
        process = nursery.start(installation)
        try:
            await process.ready()
            await exchange.server.listeners(1)
            for number in range(30):
                if number == 10:
                    proxy.heal()  # cut: all connections are aborted
                if number == 20:
                    proxy.swallow()
                await exchange.call()
                await asyncio.sleep(0.02)
            proxy.heal()
            fault = "AMI cut, and half-open, during calls"
            verdict = await judge(book, fault, exchange.ledger, installation, runs=2, patience=60, name_of=callers)
        finally:
            process.kill()
    assert verdict.kept, verdict
