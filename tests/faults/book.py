"""The book of a fault test: what was acknowledged outside of the gateway, compared with what the gateway has."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.ledger import Ledger, Verdict, compare
from tests.acceptance.load import names_of
from tests.support.process import Api, Installation

SETTLED_WITHIN = 120.0
"""Seconds without any progress after which what waits is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the table in docs/reliability.md."""

    fault: str
    runs: int
    acknowledged: int
    lost: int
    doubled: int
    ghosts: int
    stuck: int


@dataclass(slots=True, kw_only=True)
class Book:
    """The lines of one test."""

    name: str
    seed: int
    entries: list[Entry] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def write(self, fault: str, ledger: Ledger, stored: list[str], *, runs: int, stuck: int = 0) -> Verdict:
        """Compare, write the line, and give the verdict."""
        verdict = compare(ledger, stored)
        entry = Entry(
            fault=fault,
            runs=runs,
            acknowledged=len(ledger.acknowledged),
            lost=len(verdict.lost),
            doubled=len(verdict.doubled),
            ghosts=len(verdict.ghosts),
            stuck=stuck,
        )
        self.entries.append(entry)
        print(json.dumps(asdict(entry), ensure_ascii=False))
        return verdict

    def close(self, path: str | None) -> None:
        """Add the lines to the file ``path``, as JSON."""
        if path is None:
            return
        with Path(path).open("a", encoding="utf-8") as file:
            for entry in self.entries:
                more = {"test": self.name, "seed": self.seed, "seconds": round(time.monotonic() - self._began, 1)}
                file.write(json.dumps({**asdict(entry), **more}, ensure_ascii=False) + "\n")


async def judge(
    book: Book,
    fault: str,
    ledger: Ledger,
    installation: Installation,
    *,
    runs: int = 1,
    patience: float = SETTLED_WITHIN,
    name_of: Callable[[list[dict[str, Any]]], list[str]] = names_of,
) -> Verdict:
    """Wait until nothing waits in the running gateway, look at everything it has, and write the line.

    Fails where something was set aside or given up: then it is stuck. What is missing gets ``patience`` seconds, as
    calls come back from the PBX's logs a little later.
    """
    api = Api(installation, installation.new_token(f"judge{time.monotonic_ns()}"))
    deadline = time.monotonic() + patience
    while True:
        await api.settled(SETTLED_WITHIN)
        stored = name_of(await api.everything("/api/v1/interactions"))
        if not compare(ledger, stored).lost or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    health = await api.health()
    stuck = int(health["journal"]["aside"]) + int(health["outbox"]["dead"]) + int(health["outbox"]["held"])
    verdict = book.write(fault, ledger, stored, runs=runs, stuck=stuck)
    assert stuck == 0, health
    return verdict
