"""Listens to one PBX and reports its calls: connection, snapshot, tracker and delivery put together."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.ports import OpenCalls, Sink, SourceHealth
from gateway.core.sentences import Sentence, counted, joined
from gateway.telephony.ami.client import AmiAddress, AmiClient, tls_context
from gateway.telephony.ami.connection import QUEUE_LIMIT, AmiConnection, Batch
from gateway.telephony.ami.errors import AmiClosed
from gateway.telephony.ami.framing import EventFilter
from gateway.telephony.ami.timing import Sleep, within
from gateway.telephony.delivery import Delivery
from gateway.telephony.devices import EVENT as DEVICE_EVENT
from gateway.telephony.devices import DeviceStates
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.interest import EVENT_CLASSES, INTEREST
from gateway.telephony.leftovers import Leftovers
from gateway.telephony.listing import take_snapshot
from gateway.telephony.record import CallRecord
from gateway.telephony.redirect import Redirects
from gateway.telephony.report import inbound_of
from gateway.telephony.settings import PbxSettings
from gateway.telephony.snapshot import Snapshot

log = logging.getLogger(__name__)

SETTLE_EVERY = 0.5
"""Seconds between two looks for calls that are over and quiet."""
STOP_LOOKS_AHEAD = timedelta(days=1)
"""At a stop no settling is waited for: more than any difference between our clock and the PBX's."""
STOP_WITHIN = 5.0
"""Seconds that a stop waits for reports to be stored: half of the 10 s that the whole gateway has."""


class Tracker(Protocol):
    """What is needed of a ``gateway.telephony.tracker.CallTracker``; there it says what each does."""

    def feed(self, event: Mapping[str, str], at: datetime) -> list[CallRecord]: ...

    def due(self, now: datetime) -> list[CallRecord]: ...

    def resync(self, snapshot: Snapshot, at: datetime) -> list[CallRecord]: ...

    def open_calls(self) -> list[CallRecord]: ...


class PbxConnector:
    """A ``core.ports.Source`` for one ``[[pbx]]``.

    One task works on the events, so the tracker needs no locks; the reader in front of it and the delivery behind it
    run on their own, and neither waits for the other.
    """

    def __init__(
        self,
        settings: PbxSettings,
        sink: Sink,
        tracker_factory: Callable[[], Tracker],
        clock: Clock,
        region: str,
        *,
        open_calls: OpenCalls | None = None,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        events: EventFilter = INTEREST,
        queue_limit: int = QUEUE_LIMIT,
        live: LiveCalls | None = None,
        on_connected: Callable[[], None] = lambda: None,
        devices: DeviceStates | None = None,
        redirects: Redirects | None = None,
    ) -> None:
        """``region``: the country whose numbers are written without a country code, as ``RU``. ``open_calls``: where to
        ask for the calls that an earlier run left open. ``live``: what the backfill must know of; ``on_connected``:
        called when the calls on the PBX are known, after each connect. ``devices``: who hears of the telephones.
        ``redirects``: who moves callers to their managers."""
        self._settings = settings
        self._clock = clock
        self._region = region
        self._sleep = sleep
        self._chance = chance
        self._events = events
        self._queue_limit = queue_limit
        self._live = live or LiveCalls()
        self._on_connected = on_connected
        self._devices = devices or DeviceStates()
        self._redirects = redirects
        self._tracker = tracker_factory()
        self._delivery = Delivery(sink, sleep=sleep, chance=chance)
        self._open_calls = open_calls
        self._leftovers = Leftovers(settings.name)
        self._client: AmiClient | None = None
        self._connection: AmiConnection | None = None  # the newest; it says itself when it is closed
        self._tasks: list[asyncio.Task[None]] = []
        self._delivering: asyncio.Task[None] | None = None
        self._last_event_at: datetime | None = None
        self._missing: tuple[Sentence, ...] = ()
        self._started = ""  # when the PBX was started, as it last said

    async def start(self) -> None:
        """Begin to connect, and return: a PBX that is down must not keep the gateway from starting.

        Raises ValueError with a sentence if ``ca_file`` can't be used.
        """
        settings = self._settings
        address = AmiAddress(
            host=settings.host,
            port=settings.tcp_port,
            username=settings.username,
            secret=settings.secret,
            tls=tls_context(settings.ca_file) if settings.tls else None,
            classes=EVENT_CLASSES,
        )
        self._client = AmiClient(
            address,
            self._session,
            clock=self._clock,
            sleep=self._sleep,
            chance=self._chance,
            events=self._events,
            queue_limit=self._queue_limit,
        )
        self._delivering = asyncio.create_task(self._delivery.run(), name=f"ami-deliver:{settings.name}")
        self._tasks = [
            asyncio.create_task(self._client.run(), name=f"ami:{settings.name}"),
            asyncio.create_task(self._settle(), name=f"ami-settle:{settings.name}"),
        ]

    async def stop(self) -> None:
        """Leave the PBX, report the calls that are over, and wait up to 5 s for the store to take them.

        Calls that go on are not touched: the snapshot of the next start takes them up.
        """
        await _end(self._tasks)
        self._tasks = []
        if self._delivering is None:
            return
        self._collect(lambda: self._tracker.due(self._clock.now() + STOP_LOOKS_AHEAD))
        try:
            await within(STOP_WITHIN, self._delivery.drained(), self._sleep)
        except TimeoutError:
            log.error(  # noqa: TRY400 - the time-out is the message, its traceback says nothing
                "Stopped with calls that could not be stored",
                extra={"action": "calls_unstored", "pbx": self._settings.name, "calls": self._delivery.backlog},
            )
        await _end([self._delivering])
        self._delivering = None

    def health(self) -> list[SourceHealth]:
        """One entry. Not ok while there is no connection, or while the store does not take what came."""
        name = f"ami:{self._settings.name}"
        if self._client is None:
            return [SourceHealth(name=name, ok=False, state="connecting", detail=Sentence("Not started yet"))]
        state, delivery = self._client.state, self._delivery
        sentences = [state.detail, delivery.problem, *self._missing]
        if delivery.backlog and delivery.problem:
            sentences.append(
                counted("%(num)s call waits to be stored", "%(num)s calls wait to be stored", delivery.backlog)
            )
        if delivery.lost:
            sentences.append(
                counted(
                    "%(num)s report of a call was lost since the start; the log names it",
                    "%(num)s reports of calls were lost since the start; the log names them",
                    delivery.lost,
                )
            )
        return [
            SourceHealth(
                name=name,
                ok=state.state == "connected" and not delivery.problem,
                state=state.state,
                detail=joined(sentences),
                last_event_at=self._last_event_at,
            )
        ]

    @property
    def line(self) -> AmiConnection:
        """The connection on which actions are sent now. Raises AmiClosed while there is none."""
        if self._connection is None:
            raise AmiClosed("the PBX %(name)s is not connected", name=self._settings.name)
        return self._connection

    async def _session(self, connection: AmiConnection) -> None:
        """From the login to the loss of the connection, which ends it as an AmiError.

        Events queue up while the lists are asked for, and are worked on after them. So nothing falls between the two;
        what both say is said twice, which the tracker takes as news once.
        """
        self._connection = connection
        await self._take_leftovers()
        snapshot = self._compared(await take_snapshot(connection))
        self._missing = snapshot.missing
        self._collect(lambda: self._leftovers.settle(snapshot))
        self._collect(lambda: self._tracker.resync(snapshot, self._clock.now()))
        if not any("CoreShowChannels" in str(sentence) for sentence in snapshot.missing):
            self._live.connected(self._tracker.open_calls)
        self._on_connected()
        try:
            await self._devices.ask(connection)
            while True:
                self._take(await connection.next_batch())
                await asyncio.sleep(0)  # a full queue must not keep the loop from the reader and the rest
        finally:
            self._live.lost()
            self._devices.forget()
            if self._redirects is not None:
                self._redirects.forget()

    async def _take_leftovers(self) -> None:
        """Ask once for what an earlier run left open; again in the next session where the store can't say now."""
        if self._open_calls is None:
            return
        try:
            stored = await self._open_calls.open_calls(self._settings.name)
        except LeadgateError as error:
            log.warning(
                "The calls that an earlier run left open can't be looked up now",
                extra={"action": "leftovers_unknown", "pbx": self._settings.name, "reason": str(error)},
            )
            return
        self._open_calls = None
        self._leftovers.take(call for call in stored if not self._delivery.holds(call.key))

    def _compared(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the news whether the PBX was restarted since the last one."""
        before, self._started = self._started, snapshot.started or self._started
        if not before or before == self._started:
            return snapshot
        log.warning(
            "The PBX was restarted: the calls that were open are over",
            extra={"action": "pbx_restarted", "pbx": self._settings.name, "started": self._started},
        )
        return replace(snapshot, restarted=True)

    def _take(self, batch: Batch) -> None:
        self._last_event_at = batch.at
        feed, at = self._tracker.feed, batch.at
        for event in batch.events:
            if event.get("Event") == DEVICE_EVENT:
                self._devices.feed(event)
                continue
            if self._redirects is not None:
                self._redirects.feed(event, at)
            try:
                records = feed(event, at)
            except Exception:  # the tracker promises not to; one event must not cost the calls of all others
                log.exception(
                    "An event of the PBX could not be understood",
                    extra={"action": "event_failed", "pbx": self._settings.name, "event": event.get("Event")},
                )
                continue
            if records:
                self._report(records)

    async def _settle(self) -> None:
        while True:
            await self._sleep(SETTLE_EVERY)
            self._collect(lambda: self._tracker.due(self._clock.now()))

    def _collect(self, ask: Callable[[], list[CallRecord]]) -> None:
        try:
            self._report(ask())
        except Exception:
            log.exception("The call tracker failed", extra={"action": "tracker_failed", "pbx": self._settings.name})

    def _report(self, records: list[CallRecord]) -> None:
        now = self._clock.now()
        for record in records:
            self._live.told(record)
            whole = self._leftovers.complete(record)
            self._delivery.put(inbound_of(whole, pbx=self._settings.name, region=self._region, received_at=now))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
