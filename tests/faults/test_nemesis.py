"""Everything at once: traffic on all channels, and a nemesis that draws one fault after the other. 30 minutes, or 15 s.

The draw is repeated by ``LEADGATE_SEED``; ``LEADGATE_NEMESIS_SECONDS`` makes it longer or shorter.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE, Load, names_of
from tests.faults.book import Book, judge
from tests.faults.conftest import thorough
from tests.faults.exchange import Exchange, callers
from tests.support.faultproxy import FaultProxy
from tests.support.process import GatewayProcess, Installation

LONG_SECONDS, QUICK_SECONDS = 1800.0, 15.0
CALL_EVERY = 0.3


class Nemesis:
    """Has the gateway in its hands; ``strike`` does one thing to it and leaves it running."""

    def __init__(self, installation: Installation, proxy: FaultProxy, chance: random.Random) -> None:
        self._installation = installation
        self._proxy = proxy
        self._chance = chance
        self.struck: Counter[str] = Counter()
        self.process: GatewayProcess = installation.start()
        self._faults = {
            "kill": self._kill,
            "stop": self._stop,
            "pause": self._pause,
            "lock": self._lock,
            "cut": self._cut,
            "half-open": self._half_open,
        }

    async def strike(self) -> None:
        """One fault, and a while of peace."""
        name = self._chance.choice(sorted(self._faults))
        self.struck[name] += 1
        await self._faults[name]()
        await asyncio.sleep(self._chance.uniform(0.2, 2))

    async def _kill(self) -> None:
        self.process.kill()
        await self._start()

    async def _stop(self) -> None:
        self.process.terminate()
        await self.process.ended(120)  # on a machine that is busy with much else
        await self._start()

    async def _start(self) -> None:
        self.process = self._installation.start()
        await self.process.ready()

    async def _pause(self) -> None:
        self.process.pause()
        await asyncio.sleep(self._chance.uniform(0.5, 4))
        self.process.resume()

    async def _lock(self) -> None:
        other = sqlite3.connect(self._installation.data / "leadgate.db", isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(self._chance.uniform(0.5, 4))
        other.execute("ROLLBACK")
        other.close()

    async def _cut(self) -> None:
        self._proxy.heal()

    async def _half_open(self) -> None:
        self._proxy.swallow()
        await asyncio.sleep(self._chance.uniform(0.5, 4))
        self._proxy.heal()


async def _calls(exchange: Exchange, enough: asyncio.Event) -> None:
    while not enough.is_set():
        await exchange.call()
        await asyncio.sleep(CALL_EVERY)


async def test_traffic_on_all_channels_survives_everything_at_once(
    tmp_path: Path, book: Book, chance: random.Random
) -> None:
    seconds = float(os.environ.get("LEADGATE_NEMESIS_SECONDS") or (LONG_SECONDS if thorough() else QUICK_SECONDS))
    async with Exchange(tmp_path) as exchange, FaultProxy(exchange.server.port) as proxy:
        more = FORM_TABLE + exchange.config(port=proxy.port)
        installation = Installation.make(tmp_path / "gateway", more=more)
        nemesis = Nemesis(installation, proxy, chance)
        try:
            await nemesis.process.ready()
            enough = asyncio.Event()
            calling = asyncio.create_task(_calls(exchange, enough))
            async with Load(installation, forms=2, mails=1) as load:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    await nemesis.strike()
            enough.set()
            await calling
            whole = Ledger(
                sent=load.ledger.sent | exchange.ledger.sent,
                acknowledged=load.ledger.acknowledged | exchange.ledger.acknowledged,
            )
            print(dict(nemesis.struck))
            fault = f"nemesis, {seconds:.0f} s on all channels"
            verdict = await judge(
                book, fault, whole, installation, runs=nemesis.struck.total(),
                name_of=lambda items: names_of([i for i in items if i["channel"] != "call"]) + callers(items),
            )  # fmt: skip
        finally:
            nemesis.process.kill()
    assert verdict.kept, verdict
