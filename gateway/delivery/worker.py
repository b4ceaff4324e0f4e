"""The delivery as a Service: one lane a CRM, so that one that is slow or down never delays another."""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections import Counter
from collections.abc import Mapping, Sequence

from crm_adapter.base import CrmAdapter
from crm_adapter.recordadapter import RecordAdapter
from gateway.core.clock import Clock
from gateway.core.ports import Alarm, SourceHealth
from gateway.delivery.lane import Lane
from gateway.delivery.owners import OwnerPoll
from gateway.delivery.settings import CrmSettings
from gateway.delivery.surroundings import Surroundings
from gateway.delivery.verdict import Random
from gateway.delivery.watch import Watch
from gateway.storage.store import Store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
"""How late news of another process (``leadgate outbox release``) are noticed at the latest."""
STOP_SECONDS = 8.0
"""What pushes under way get to end; the whole gateway stops within 10."""


def build_adapters(crms: Sequence[CrmSettings], surroundings: Surroundings | None = None) -> dict[str, CrmAdapter]:
    """One adapter a CRM, by its name. Raises ValueError with a sentence that names the key at fault."""
    return {crm.name: crm.build(surroundings.context(crm) if surroundings else None) for crm in crms}


class DeliveryWorker:
    """Start it after the store, stop it before. ``kick`` it after each commit that may have put something out.

    One process delivers: rows found ``sending`` at the start are taken for those of a process that died.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        crms: Sequence[CrmSettings],
        adapters: Mapping[str, CrmAdapter] | None = None,
        surroundings: Surroundings | None = None,
        random: Random = random_module.random,
        poll: float = POLL_SECONDS,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        """``adapters``: by CRM name; by default what the settings say, with ``surroundings``."""
        adapters = build_adapters(crms, surroundings) if adapters is None else adapters
        self._lanes = [
            Lane(crm, adapters[crm.name], store=store, clock=clock, random=random, poll=poll) for crm in crms
        ]
        self._watch = Watch(self._lanes, store=store, clock=clock)
        self._polls = [
            OwnerPoll(name, adapter, store=store, clock=clock) for name, adapter in self.record_adapters().items()
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._helpers: list[asyncio.Task[None]] = []
        self._stop_seconds = stop_seconds

    async def start(self) -> None:
        """Begin to deliver, with what an earlier process left first."""
        for lane in self._lanes:
            self._tasks.append(asyncio.create_task(lane.run(), name=f"delivery:{lane.crm.name}"))
        if self._lanes:
            self._helpers.append(asyncio.create_task(self._watch.run(), name="delivery-watch"))
        self._helpers += [asyncio.create_task(poll.run(), name="crm-owners") for poll in self._polls]

    async def stop(self) -> None:
        """Claim nothing more, let the pushes under way end in time, write their results down, close the adapters."""
        for helper in self._helpers:
            helper.cancel()
        await asyncio.gather(*self._helpers, return_exceptions=True)
        self._helpers.clear()
        for lane in self._lanes:
            lane.finish()
        if self._tasks and (await asyncio.wait(self._tasks, timeout=self._stop_seconds))[1]:
            for lane in self._lanes:
                lane.interrupt()
            await asyncio.wait(self._tasks, timeout=1.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for lane in self._lanes:
            await self._close(lane)

    def kick(self) -> None:
        """Something was put into the outbox or changed there."""
        for lane in self._lanes:
            lane.kick()

    def health(self) -> list[SourceHealth]:
        """One entry a CRM, from memory; how much waits is outbox.backlog's to say."""
        return [lane.health() for lane in self._lanes]

    def alarms(self) -> list[Alarm]:
        """``core.ports.AlarmSource``: CRMs that people must look after."""
        return self._watch.alarms()

    def record_adapters(self) -> dict[str, RecordAdapter]:
        """The adapters of CRMs that keep records, by name: for questions about owners and users."""
        return {lane.crm.name: lane.adapter for lane in self._lanes if isinstance(lane.adapter, RecordAdapter)}

    def adapter_of(self, crm: str) -> CrmAdapter:
        """The adapter of the CRM of this name. Raises KeyError."""
        return {lane.crm.name: lane.adapter for lane in self._lanes}[crm]

    def results(self) -> dict[str, Counter[str]]:
        """Tries since the start by CRM and result, for the metrics."""
        return {lane.crm.name: lane.results for lane in self._lanes}

    async def _close(self, lane: Lane) -> None:
        try:
            await lane.adapter.close()
        except Exception:
            log.exception("An adapter failed to close.", extra={"action": "adapter_error", "crm": lane.crm.name})
