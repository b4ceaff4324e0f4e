"""The nemesis: has a gateway and all that it talks to in its hands, and draws one fault after the other."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import closing
from pathlib import Path

from tests.faults.exchange import Exchange
from tests.faults.postman import Postman
from tests.faults.smalldisk import fill
from tests.support.faultproxy import FaultProxy
from tests.support.process import GatewayProcess, Installation
from tests.support.receiver import GOOD, Receiver, Reply

STOPS_WITHIN = 120
"""Seconds: on a machine that is busy with much else."""
FLOOR_MIB = 32
"""``[storage] min_free_mib`` of the gateway."""
LIES = (
    Reply(status=429, headers={"Retry-After": "1"}),
    Reply(status=500),
    Reply(keeps=True, cut=True),
    Reply(cut=True),
    GOOD,
)


class Crm:
    """A CRM with moods."""

    def __init__(self, receiver: Receiver, chance: random.Random) -> None:
        self.receiver = receiver
        self.replies: tuple[Reply, ...] = (GOOD,)
        """Of these each delivery gets one by chance."""
        receiver.choose = lambda _: chance.choice(self.replies)

    @property
    def table(self) -> str:
        """The configuration's."""
        return (
            '[[crm]]\nname = "hook"\nadapter = "webhook"\nallow_private = true\nevents = ["lead.created"]\n'
            f'url = "{self.receiver.url}"\nsecret = "{self.receiver.secret}"\n'
        )


class Nemesis:
    """``strike`` does one thing to the gateway or its surroundings, and leaves all of it running."""

    def __init__(
        self,
        installation: Installation,
        chance: random.Random,
        *,
        pbx: FaultProxy,
        mailbox: FaultProxy,
        crm: Crm,
        disk: Path | None,
        only: Collection[str] = (),
    ) -> None:
        """``disk``: the folder of a small disk, None where none could be made. ``only`` these faults, else all."""
        self._installation = installation
        self._chance = chance
        self._crm = crm
        self.struck: Counter[str] = Counter()
        self.process: GatewayProcess = installation.start()
        self._faults: dict[str, Callable[[], Awaitable[None]]] = {
            "killed": self._kill,
            "stopped": self._stop,
            "paused": self._pause,
            "database locked": self._lock,
            "PBX cut": lambda: _cut(pbx),
            "PBX half-open": lambda: self._half_open(pbx),
            "mailbox cut": lambda: _cut(mailbox),
            "mailbox silent": lambda: self._half_open(mailbox),
            "CRM down": lambda: self._moody((Reply(status=503),)),
            "CRM lies": lambda: self._moody(LIES),
        }
        if disk is not None:
            self._faults["disk full"] = lambda: self._fill(disk / "ballast")
        self._drawn = sorted(only or self._faults)

    async def strike(self) -> None:
        """One fault, and a while of peace."""
        name = self._chance.choice(self._drawn)
        self.struck[name] += 1
        await self._faults[name]()
        await asyncio.sleep(self._chance.uniform(0.2, 2))

    async def start_anew(self) -> None:
        """Kill the gateway, and start it."""
        self.process.kill()
        await self._start()

    async def _kill(self) -> None:
        await self.start_anew()

    async def _stop(self) -> None:
        self.process.terminate()
        await self.process.ended(STOPS_WITHIN)
        await self._start()

    async def _start(self) -> None:
        self.process = self._installation.start()
        await self.process.ready()

    async def _a_while(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.5, 4))

    async def _pause(self) -> None:
        self.process.pause()
        await self._a_while()
        self.process.resume()

    async def _lock(self) -> None:
        database = self._installation.data / "leadgate.db"
        with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            await self._a_while()
            other.execute("ROLLBACK")

    async def _half_open(self, proxy: FaultProxy) -> None:
        proxy.swallow()
        await self._a_while()
        proxy.heal()

    async def _moody(self, replies: tuple[Reply, ...]) -> None:
        self._crm.replies = replies
        await self._a_while()
        self._crm.replies = (GOOD,)

    async def _fill(self, ballast: Path) -> None:
        """To the last byte, or below the floor at which the doors ask their customers to come again."""
        leave = self._chance.choice((0, FLOOR_MIB << 19))
        await asyncio.to_thread(fill, ballast, leave=leave)
        await self._a_while()
        ballast.unlink()


async def _cut(proxy: FaultProxy) -> None:
    proxy.heal()


async def calls(exchange: Exchange, every: float, enough: asyncio.Event) -> None:
    """Callers who give up, one after the other."""
    while not enough.is_set():
        await exchange.call()
        await asyncio.sleep(every)


async def letters(postman: Postman, first: int, every: float, enough: asyncio.Event) -> None:
    """Letters into the mailbox, one after the other."""
    while not enough.is_set():
        await asyncio.to_thread(postman.bring, first, 1)
        first += 1
        await asyncio.sleep(every)
