"""What tests of mailboxes share: letters, settings, a connector that runs, cursors in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.clock import Clock, SystemClock
from gateway.core.ports import Sink, SourceHealth
from gateway.core.types import Inbound, Json, Receipt
from gateway.mail.imap.connector import MailboxConnector
from gateway.mail.imap.session import Timing
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import MailboxSettings
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK
from tests.support.sink import RecordingSink

LEASE_SECONDS = 0.4
QUICK = Timing(connect=2, silence=2, call=10, idle=30)


def letter(number: int, *, size: int = 0, subject: str = "Price") -> bytes:
    """A letter as a mail server keeps it, at least ``size`` bytes long."""
    head = (
        f"From: Ivan Petrov <ivan{number}@example.org>\nTo: sales@company.example\nSubject: {subject} {number}\n"
        f"Date: Sun, 22 Nov 2026 08:00:00 +0300\nMessage-ID: <{number}@example.org>\n\nHow much is it? {number}\n"
    ).encode()
    line = b"x" * 75 + b"\n"
    return head + line * (max(0, size - len(head)) // len(line) + 1) if size else head


@dataclass
class MemoryCursors:
    """Implements ``core.ports.Cursors``."""

    places: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    async def get(self, name: str) -> Mapping[str, Json] | None:
        return self.places.get(name)

    async def put(self, name: str, value: Mapping[str, Json]) -> None:
        self.places[name] = value


@dataclass
class MemorySightings:
    """Implements ``core.ports.Sightings``."""

    seen: dict[tuple[str, str], dict[str, datetime]] = field(default_factory=dict)

    async def marks(self, source: str, place: str, since: datetime) -> Collection[str]:
        return {mark for mark, at in self.seen.get((source, place), {}).items() if at >= since}


@dataclass
class MemoryLeases:
    """Implements ``core.ports.Leases`` for one of several processes; the others share ``held``."""

    holder: str
    held: dict[str, str] = field(default_factory=dict)

    async def take(self, name: str, _seconds: float) -> bool:
        return self.held.setdefault(name, self.holder) == self.holder

    async def give_back(self, name: str) -> None:
        if self.held.get(name) == self.holder:
            del self.held[name]


class RememberingSink(RecordingSink):
    """Stores the place of an item and where it was met too, as capture does, also for a duplicate."""

    def __init__(self, cursors: MemoryCursors, sightings: MemorySightings) -> None:
        super().__init__()
        self.cursors = cursors
        self.sightings = sightings

    async def accept(self, item: Inbound) -> Receipt:
        receipt = await super().accept(item)
        if item.cursor is not None:
            await self.cursors.put(item.cursor.name, item.cursor.value)
        if item.sighting is not None:
            seen = self.sightings.seen.setdefault((item.source, item.sighting.place), {})
            seen.setdefault(item.sighting.mark, item.sighting.seen_at)
        return receipt


@dataclass
class World:
    """A store that outlives connectors."""

    cursors: MemoryCursors = field(default_factory=MemoryCursors)
    sightings: MemorySightings = field(default_factory=MemorySightings)
    sink: RememberingSink = field(init=False)

    def __post_init__(self) -> None:
        self.sink = RememberingSink(self.cursors, self.sightings)

    @property
    def subjects(self) -> list[str]:
        """Of all stored letters, in order of their numbers."""
        found = [line for item in self.sink.items for line in item.raw.split(b"\r\n") if line.startswith(b"Subject:")]
        return sorted((line.decode().removeprefix("Subject: ") for line in found), key=_number)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all stored letters."""
        return [_number(subject) for subject in self.subjects]


def _number(subject: str) -> int:
    return int(subject.rpartition(" ")[2])


def settings(port: int, user: str, **changes: object) -> MailboxSettings:
    """A mailbox on the loopback without TLS."""
    values: dict[str, object] = {
        "name": "sales", "host": LOOPBACK, "port": port, "username": user, "password": "s3cret", "tls": "none",
        "since": "all",
    }  # fmt: skip
    return MailboxSettings(**(values | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def running(
    mailbox: MailboxSettings,
    world: World,
    *,
    timing: Timing = QUICK,
    sink: Sink | None = None,
    pause: float = 0.05,
    slept: list[float] | None = None,
    tokens: AccessTokens | None = None,
    leases: MemoryLeases | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[MailboxConnector]:
    """A connector at work, whose pauses are all ``pause`` seconds long; ``slept`` gets what they should have been."""

    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)
        await asyncio.sleep(pause)

    connector = MailboxConnector(
        mailbox,
        sink or world.sink,
        world.cursors,
        clock or SystemClock(),
        tokens=tokens,
        sightings=world.sightings,
        leases=leases,
        lease_seconds=LEASE_SECONDS,
        timing=timing,
        sleep=sleep,
        chance=lambda: 0.0,
    )
    await connector.start()
    try:
        yield connector
    finally:
        await connector.stop()


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait until it holds; the seconds that took. Raises AssertionError when it does not come true in time."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def health_of(connector: MailboxConnector) -> SourceHealth:
    """The one entry."""
    (health,) = connector.health()
    return health


async def at_rest(connector: MailboxConnector, state: str = "idle") -> None:
    """Wait until everything is read."""
    await until(lambda: health_of(connector).state == state)
