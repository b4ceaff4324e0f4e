"""Stand-ins for time, tracker, store and PBX records, shared by the tests of the telephony room."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.core.errors import LeadgateError, NotDurable
from gateway.core.types import Direction, Inbound, Outcome, Receipt
from gateway.telephony.record import CallRecord
from gateway.telephony.snapshot import Snapshot
from tests.support.patience import PATIENCE

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class FakeTime:
    """A clock that stands still until `advance`, and sleeps that end only then."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        """Every sleep asked for, in order."""
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._tie = itertools.count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._tie), waker))
        await waker

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking sleepers in order; each gets to run before the next wakes."""
        end = self.seconds + seconds
        await turns()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.seconds, _, waker = heapq.heappop(self._sleepers)
            if not waker.done():
                waker.set_result(None)
                await turns()
        self.seconds = end
        await turns()


async def turns(count: int = 12) -> None:
    """Let everything run that can run without IO."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool], what: str = "") -> None:
    """Wait for real sockets to do their work."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.002)


async def until_later(time: FakeTime, true: Callable[[], bool]) -> None:
    """The same while time passes, a second at a look: who is to wake up may not sleep yet when time first moves."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await time.advance(1)
            await asyncio.sleep(0.01)


def call_record(linkedid: str = "1795308174.29", **changes: object) -> CallRecord:
    """An inbound call that rings, with ``changes``."""
    record = CallRecord(
        linkedid=linkedid, direction=Direction.INBOUND, caller="+79261234567", dialled="+74950000101",
        caller_name="Иван", answered=False, answered_by=None, outcome="missed", missed_reason=None, rang=("101",),
        transfers=(), queue=None, started_at=START, answered_at=None, ended_at=None, wait_seconds=None,
        talk_seconds=None, recording=None, voicemail=False, ended=False, gap=False, facts={"linkedids": [linkedid]},
    )  # fmt: skip
    return replace(record, **changes)  # type: ignore[arg-type] # the tests name real fields


class FakeTracker:
    """Knows three events: Newchannel rings, BridgeEnter answers, Hangup ends. ``Bug`` raises."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, str]] = []
        self.snapshots: list[Snapshot] = []
        self.settling: list[CallRecord] = []
        """What the next `due` gives."""
        self.open: dict[str, CallRecord] = {}

    def feed(self, event: Mapping[str, str], at: datetime) -> list[CallRecord]:
        self.events.append(event)
        name, linkedid = event.get("Event", ""), event.get("Linkedid", "")
        if name == "Bug":
            raise RuntimeError("a bug in the tracker")
        changes: dict[str, object] = {
            "Newchannel": {},
            "BridgeEnter": {"answered": True, "answered_at": at},
            "Hangup": {"ended": True, "ended_at": at},
        }.get(name, {"unknown": True})
        if "unknown" in changes or not linkedid:
            return []
        record = replace(self.open.get(linkedid) or call_record(linkedid), **changes)  # type: ignore[arg-type]
        self.open[linkedid] = record
        if record.ended:
            del self.open[linkedid]
        return [record]

    def due(self, now: datetime) -> list[CallRecord]:
        due, self.settling = self.settling, []
        return due

    def open_calls(self) -> list[CallRecord]:
        return list(self.open.values())

    def resync(self, snapshot: Snapshot, at: datetime) -> list[CallRecord]:
        self.snapshots.append(snapshot)
        alive = {channel.get("Linkedid") for channel in snapshot.channels}
        cut = [
            replace(record, ended=True, ended_at=at, gap=True) for key, record in self.open.items() if key not in alive
        ]
        for record in cut:
            del self.open[record.linkedid]
        return cut


class FakeSink:
    """Remembers what it took; can be told to fail."""

    def __init__(self) -> None:
        self.taken: list[Inbound] = []
        self.failures: list[LeadgateError | Exception] = []
        """Raised one after the other, before anything is taken."""
        self.down = False
        self.attempts = 0

    async def accept(self, item: Inbound) -> Receipt:
        self.attempts += 1
        await asyncio.sleep(0)
        if self.down:
            raise NotDurable("the disk is full")
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(item)
        return Receipt(Outcome.STORED, "1")

    def phases(self, key: str) -> list[str]:
        """The phases of one call, in the order they were taken."""
        return [item.draft.phase.value for item in self.taken if item.key == key and item.draft]
