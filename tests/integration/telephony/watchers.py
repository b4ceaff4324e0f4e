"""Three who watch the same PBX at the same time: our connector, pyst2, and the judge (the tests' own AMI client)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asterisk.manager import Manager, ManagerException

from gateway.core.clock import SystemClock
from gateway.core.types import Inbound, Kind, Outcome, Phase, Receipt
from gateway.telephony.connector import PbxConnector
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.settings import PbxSettings
from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker import CallTracker
from tests.peers.asterisk.ami import Ami, Headers
from tests.peers.asterisk.plays import ROBOTS
from tests.peers.asterisk.scenarios import Scenario
from tests.peers.asterisk.server import AMI_SECRET, AMI_USER, AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK

REGION = "RU"
REPORTED_WITHIN = 20.0
"""Seconds after the last hang-up in which our connector must have reported the end: 2 of settling, the rest for CPU."""

LIFE = ("Newchannel", "Hangup")
"""The events that every client must see: the birth and the end of each channel."""

Life = set[tuple[str, str]]


class RecordingSink:
    """A ``core.ports.Sink`` that keeps what it is given in a list."""

    def __init__(self) -> None:
        self.items: list[Inbound] = []

    async def accept(self, item: Inbound) -> Receipt:
        """Durable at once."""
        self.items.append(item)
        return Receipt(Outcome.STORED, item.key)

    def ended(self) -> dict[str, dict[str, Any]]:
        """The last report of each call that has ended: key to public record. What proved to be a part of another call
        is told there."""
        ended = {item.key: item.draft for item in self.items if item.draft and item.draft.phase is Phase.ENDED}
        return {key: dict(draft.details) for key, draft in ended.items() if draft.kind is not Kind.PART}


class ListeningTracker:
    """Our tracker, with an ear on what our AMI client hands it."""

    def __init__(self, tracker: CallTracker) -> None:
        self.life: Life = set()
        self._tracker = tracker

    def feed(self, event: Mapping[str, str], at: datetime) -> list[CallRecord]:
        """As ``CallTracker.feed``."""
        self.life |= life_of([event])
        return self._tracker.feed(event, at)

    def due(self, now: datetime) -> list[CallRecord]:
        """As ``CallTracker.due``."""
        return self._tracker.due(now)

    def resync(self, snapshot: Snapshot, at: datetime) -> list[CallRecord]:
        """As ``CallTracker.resync``."""
        return self._tracker.resync(snapshot, at)

    def open_calls(self) -> list[CallRecord]:
        """As ``CallTracker.open_calls``."""
        return self._tracker.open_calls()


class _Manager(Manager):  # type: ignore[misc]  # pyst2 has no types
    """pyst2's client without its finaliser, which logs off once more and may wait for ever."""

    def __del__(self) -> None:
        """Nothing: ``Pyst2.stop`` has closed it."""


class Pyst2:
    """The independent second client. Its threads have no time-outs, so ours are around them."""

    def __init__(self, port: int) -> None:
        self.events: list[dict[str, str]] = []
        self._manager = _Manager()
        self._manager.register_event("*", lambda event, _: self.events.append(dict(event.headers)))
        self._port = port

    def start(self) -> None:
        """Connect and log in; in a thread of its own, as it blocks for ever when the answer is lost."""
        done = threading.Thread(target=self._log_in, daemon=True)
        done.start()
        done.join(10)
        assert not done.is_alive(), "pyst2 got no answer to its login"

    def _log_in(self) -> None:
        self._manager.connect(LOOPBACK, self._port)
        self._manager.login(AMI_USER, AMI_SECRET)

    def stop(self) -> None:
        """Log off: Asterisk closes, and its threads end at the end of the stream."""
        threading.Thread(target=self._log_off, daemon=True).start()
        for thread in (self._manager.message_thread, self._manager.event_dispatch_thread):
            thread.join(10)
            assert not thread.is_alive(), "a thread of pyst2 did not end"
        self._manager._sock.close()

    def _log_off(self) -> None:
        """Its answer may be lost in the closing of the connection, which pyst2 takes for an error."""
        with contextlib.suppress(ValueError, OSError, ManagerException):
            self._manager.logoff()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What each of them saw."""

    judge: list[Headers]
    pyst2: list[dict[str, str]]
    ours: Life
    """Births and ends that our AMI client handed to our tracker."""
    items: list[Inbound]
    """Everything our connector reported."""
    records: dict[str, dict[str, Any]]
    """The final record of each call by its key."""
    states: set[str] = field(default_factory=set)
    """States of our connector's health while it ran."""


async def observe(pair: AsteriskPair, scenarios: Iterable[Scenario]) -> Observed:
    """Play all scenarios at once, with the three watching from before the first call until after the last."""
    judge = await Ami.connect(pair.ports.pbx_ami)
    world = await Ami.connect(pair.ports.world_ami, events=False)
    second = Pyst2(pair.ports.pbx_ami)
    await asyncio.to_thread(second.start)
    sink, tracker, connector = our_connector(pair)
    await connector.start()
    try:
        await connected(connector)
        states = {health.state for health in connector.health()}
        async with asyncio.TaskGroup() as plays:
            for scenario in scenarios:
                plays.create_task(scenario.drive(Stage(judge, world, scenario.team)), name=scenario.name)
        await judge.wait_for(lambda: _quiet(judge), "the end of all calls")
        await reported(sink, judge.events)
        states |= {health.state for health in connector.health()}
    finally:
        await connector.stop()
        await asyncio.to_thread(second.stop)
        await world.close()
        await judge.close()
    return Observed(
        judge=judge.events,
        pyst2=second.events,
        ours=tracker.life,
        items=sink.items,
        records=sink.ended(),
        states=states,
    )


def our_connector(pair: AsteriskPair, user: str = AMI_USER) -> tuple[RecordingSink, ListeningTracker, PbxConnector]:
    """The production connector on the real PBX, with a sink that remembers."""
    sink = RecordingSink()
    tracker = ListeningTracker(CallTracker(lines=LineRules(robots=ROBOTS), region=REGION))
    settings = PbxSettings(name="office", host=LOOPBACK, port=pair.ports.pbx_ami, username=user, secret=AMI_SECRET)
    return sink, tracker, PbxConnector(settings, sink, lambda: tracker, SystemClock(), REGION)


async def connected(connector: PbxConnector) -> None:
    """Return when our connector says that it is connected."""
    async with asyncio.timeout(PATIENCE):
        while not connector.health()[0].ok:
            await asyncio.sleep(0.02)


async def reported(sink: RecordingSink, events: Iterable[Mapping[str, str]]) -> None:
    """Return when every channel of the stream is in a call reported as ended, or the time is up (the tests judge)."""
    born = {event["Linkedid"] for event in events if event.get("Event") == "Newchannel"}
    try:
        async with asyncio.timeout(REPORTED_WITHIN):
            while not born <= {linkedid for record in sink.ended().values() for linkedid in linkedids_of(record)}:
                await asyncio.sleep(0.1)
    except TimeoutError:
        return


def life_of(events: Iterable[Mapping[str, str]]) -> Life:
    """Births and ends of channels in a stream: event name and Uniqueid."""
    return {(event["Event"], event["Uniqueid"]) for event in events if event.get("Event") in LIFE}


def linkedids_of(record: Mapping[str, Any]) -> set[str]:
    """All ids that the call went by."""
    return {record["linkedid"], *record["facts"]["linkedids"]}


def _quiet(judge: Ami) -> bool:
    return not judge.open_channels() and bool(life_of(judge.events))
