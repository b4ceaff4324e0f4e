"""Records what a running gateway does to its data folder under customers of all kinds, for tests/faults/powercut.py."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.injection import Injection
from tests.faults.nursery import Nursery
from tests.faults.powercut import CALLS, Call, calls
from tests.support.process import Installation

LOCKED_FOR = 3.0
"""Seconds that another program holds the database: longer than the patience of the sink, so the spool is used too."""
WITHIN = 120.0
WHOLE = 1 << 20
"""Bytes of a string that are recorded: all of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was done to a disk, and what was promised meanwhile."""

    before: Path
    """A copy of the data folder of the moment when the record began."""
    data: Path
    """Where it was."""
    done: list[Call]
    promised: dict[str, float]
    """Name of an item -> when its customer had read that it is safe, in seconds since 1970."""
    sent: frozenset[str]

    def ledger(self, moment: float) -> Ledger:
        """What the customers knew at that moment."""
        return Ledger(sent=set(self.sent), acknowledged={name for name, at in self.promised.items() if at <= moment})


class DatedNames(set[str]):
    """Names, and when each of them came."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    def add(self, name: str) -> None:
        """Once more is not later."""
        self.at.setdefault(name, time.time())
        super().add(name)


async def record(folder: Path, nursery: Nursery, *, items: int, mutant: str = "") -> Recording:
    """``items`` forms and letters, some by way of the spool."""
    installation = Installation.make(
        folder,
        more=FORM_TABLE,
        module="tests.faults.launcher",
        environment={"FAULTS_MUTANT": mutant} if mutant else {},
    )
    process = nursery.start(installation)
    load = Load(installation, forms=2, mails=1)
    load.ledger.acknowledged = promised = DatedNames()
    before = folder / "before"
    try:
        await process.ready()
        process.pause()
        await _stands_still(process.pid)  # a copy of one moment
        shutil.copytree(installation.data, before)
        with Injection(process.pid, CALLS, "", folder, options=("-y", "-xx", "-ttt", "-s", str(WHOLE))) as seen:
            process.resume()
            async with load:
                await asyncio.wait_for(load.acknowledged(items // 2), WITHIN)
                await _hold(installation.data / "leadgate.db")
                await asyncio.wait_for(load.acknowledged(items), WITHIN)
    finally:
        process.kill()
    with seen.record.open(encoding="ascii") as lines:
        return Recording(
            before=before,
            data=installation.data,
            done=list(calls(lines)),
            promised=promised.at,
            sent=frozenset(load.ledger.sent),
        )


async def _stands_still(pid: int) -> None:
    """Return when each thread has stopped: until the signal is taken by one of them the others go on."""
    async with asyncio.timeout(WITHIN):
        while any(_state(task) not in "Tt" for task in Path(f"/proc/{pid}/task").iterdir()):
            await asyncio.sleep(0.01)


def _state(task: Path) -> str:
    return (task / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]


async def _hold(database: Path) -> None:
    other = sqlite3.connect(database, isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    await asyncio.sleep(LOCKED_FOR)
    other.close()
