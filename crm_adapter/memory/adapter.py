"""Keeps what it is told, recognises doubles by message id, and fails when a test asks it to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from crm_adapter.base import Context, CrmError, Done, Event
from crm_adapter.options import Options
from crm_adapter.said import Said

DEFAULT_KEEP = 10_000


class _Fault(NamedTuple):
    error: CrmError
    after_storing: bool
    delay: float


class MemoryCrm:
    """Holds the last ``keep`` events, in the order of their arrival."""

    def __init__(self, *, keep: int = DEFAULT_KEEP) -> None:
        self._keep = keep
        self._records: OrderedDict[str, Event] = OrderedDict()
        self._faults: deque[_Fault] = deque()
        self.pushes = 0
        """Calls of push, doubles and failures included."""

    @property
    def records(self) -> list[Event]:
        """What this CRM has, each message once, the first to arrive first."""
        return list(self._records.values())

    def fail_next(self, error: CrmError, *, after_storing: bool = False, delay: float = 0.0) -> None:
        """Raise ``error`` from the next push that has no fault queued before it.

        ``after_storing``: the event is kept all the same, as when the answer is lost on the way back.
        ``delay``: seconds that pass before, as when a time-out runs off.
        """
        self._faults.append(_Fault(error, after_storing, delay))

    def forgive(self) -> None:
        """Drop the queued faults."""
        self._faults.clear()

    async def push(self, event: Event) -> Done:
        """Keep the event, unless a fault is queued."""
        self.pushes += 1
        fault = self._faults.popleft() if self._faults else None
        if fault is None or fault.after_storing:
            self._store(event)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            raise fault.error
        return Done(remote_id=event.message_id)

    async def check(self) -> str:
        """Memory always works."""
        return Said(
            "the CRM in memory holds events until the program ends; there are %(count)s now", count=len(self._records)
        )

    async def close(self) -> None:
        """Nothing to release."""

    def _store(self, event: Event) -> None:
        if event.message_id in self._records:
            return
        self._records[event.message_id] = event
        while len(self._records) > self._keep:
            self._records.popitem(last=False)


def build(options: Mapping[str, Any], context: Context) -> MemoryCrm:  # noqa: ARG001 - every adapter's signature
    """Options: ``keep``, how many events are remembered."""
    reader = Options(options)
    keep = int(reader.number("keep", DEFAULT_KEEP, least=1, most=1_000_000))
    reader.finish()
    return MemoryCrm(keep=keep)
