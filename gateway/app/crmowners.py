"""Whose customer a caller is, as the CRMs have it: for the routing, which may not wait for anybody.

Who is asked about gets what the CRMs said in the last five minutes. Where they said nothing yet, the question goes to
them now and the answer is there for what comes next: the end of this call, the callback, the next try of the caller. A
CRM that is dead or slow delays nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.recordcrm import FindsOwner
from gateway.core.assignment import AssignRequest
from gateway.core.clock import Clock
from gateway.core.types import Channel, Handle
from gateway.delivery.owners import OwnerLookup
from gateway.delivery.worker import DeliveryWorker

MOST_UNDER_WAY = 8
"""Questions to the CRMs at once; the caller who comes then is asked about the next time."""


def crm_owners(delivery: DeliveryWorker, clock: Clock) -> CrmOwners:
    """Of the CRMs that can be asked, and whose owners count here."""
    adapters = {name: one for name, one in delivery.record_adapters().items() if _can_be_asked(one)}
    return CrmOwners(OwnerLookup(adapters, clock))


def _can_be_asked(adapter: RecordAdapter) -> bool:
    return isinstance(adapter.crm, FindsOwner) and adapter.options.owners == "crm"


@dataclass(slots=True, eq=False)
class CrmOwners:
    """A ``routing.facts.CrmOwner``, and a Service: it asks while it runs."""

    lookup: OwnerLookup
    _loop: asyncio.AbstractEventLoop | None = None
    _under_way: dict[tuple[Handle, ...], asyncio.Task[str | None]] = field(default_factory=dict)

    async def start(self) -> None:
        """Begin to ask."""
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Ask nothing more."""
        self._loop = None
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __call__(self, request: AssignRequest) -> str | None:
        """What is known now. Only callers are asked about: letters and forms come by the hundred, and nobody waits."""
        if not self.lookup.adapters or not request.handles:
            return None
        is_kept, manager_id = self.lookup.kept(request.handles)
        loop = self._loop
        if not is_kept and request.channel is Channel.CALL and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._ask, tuple(request.handles))
        return manager_id

    def _ask(self, handles: tuple[Handle, ...]) -> None:
        if self._loop is None or handles in self._under_way or len(self._under_way) >= MOST_UNDER_WAY:
            return
        task = asyncio.create_task(self.lookup.ask(handles), name="crm-owner")
        self._under_way[handles] = task
        task.add_done_callback(lambda _: self._under_way.pop(handles, None))
