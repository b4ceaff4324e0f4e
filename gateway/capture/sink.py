"""The Sink: the one door through which every connector hands over what it received.

``accept`` returns when the item is in the journal, or in the spool where the database takes nothing; it raises
NotDurable where neither works, and the connector asks its sender to try again. Nothing is acknowledged before that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.capture.journal import Entry, prepare, store_all
from gateway.capture.room import Room
from gateway.capture.spool import Spool
from gateway.core.clock import Clock, NewId
from gateway.core.errors import NotDurable, StoreUnavailable
from gateway.core.types import Channel, Inbound, Outcome, Receipt
from gateway.storage.engine import is_unique_violation
from gateway.storage.store import Store

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""How long the database may take before the item goes to the spool: a form builder gives up after 5 s."""
DRAIN_SECONDS = 5.0
"""How often the spool is tried again while it is not empty."""


@dataclass(slots=True, eq=False)
class CaptureFigures:
    """Counters for the metrics."""

    stored: int = 0
    duplicates: int = 0
    spooled: int = 0
    refused: int = 0
    drained: int = 0


@dataclass(slots=True, eq=False)
class DurableSink:
    """Implements ``core.ports.Sink`` and drains the spool; a Service."""

    store: Store
    spool: Spool
    clock: Clock
    new_id: NewId
    keep: timedelta | Callable[[Channel], timedelta | None] | None
    """For how long an item is kept, or how long one of a channel is; None: until it is erased."""
    on_stored: Callable[[], None]
    """Called after each commit: kicks the processing."""
    room: Room | None = None
    """Asked before anything is stored or spooled."""
    figures: CaptureFigures = field(default_factory=CaptureFigures)
    patience: float = PATIENCE_SECONDS
    _drainer: asyncio.Task[None] | None = None
    _spooled: asyncio.Event = field(default_factory=asyncio.Event)
    _draining: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Open the spool (raises NotDurable) and begin to drain what an earlier run left there."""
        await asyncio.to_thread(self.spool.open)
        self._spooled.set()
        self._drainer = asyncio.create_task(self._drain_for_ever(), name="capture-spool-drain")

    async def stop(self) -> None:
        """Stop draining; what is spooled stays on disk for the next start."""
        if self._drainer is not None:
            self._drainer.cancel()
            await asyncio.gather(self._drainer, return_exceptions=True)
            self._drainer = None

    async def accept(self, item: Inbound) -> Receipt:
        """See ``core.ports.Sink``. Safe to call again with the same item."""
        self._demand_room()
        entry = self._prepare(item)
        try:
            async with asyncio.timeout(self.patience):
                return await self._store(entry)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning(
                "The database takes nothing now, so the item goes to the spool.",
                extra={"action": "spool", "connector": item.connector, "source": item.source, "reason": str(error)},
            )
        except Exception:
            # a fault of ours must not cost a customer: the item stays on disk until the fault is mended
            log.exception(
                "An item could not be stored, so it goes to the spool.",
                extra={"action": "store_failed", "connector": item.connector, "source": item.source},
            )
        return await self._to_spool(item, entry.interaction_id)

    def _prepare(self, item: Inbound) -> Entry:
        keep = self.keep(item.channel) if callable(self.keep) else self.keep
        return prepare(item, self.clock.now(), self.new_id, keep)

    def _demand_room(self) -> None:
        if self.room is None:
            return
        try:
            self.room.demand()
        except NotDurable:
            self.figures.refused += 1
            raise

    async def _store(self, entry: Entry) -> Receipt:
        try:
            receipt = await self.store.write_batched(store_all, entry)
        except Exception as error:
            if not is_unique_violation(error):
                raise
            # another process stored a report of the same interaction at this moment: now it is there to be found
            receipt = await self.store.write_batched(store_all, entry)
        if receipt.outcome is Outcome.STORED:
            self.figures.stored += 1
            self.on_stored()
        else:
            self.figures.duplicates += 1
        return receipt

    async def _to_spool(self, item: Inbound, interaction_id: str) -> Receipt:
        try:
            await asyncio.shield(asyncio.to_thread(self.spool.put, item))
        except Exception:
            self.figures.refused += 1
            raise
        self.figures.spooled += 1
        self._spooled.set()
        return Receipt(Outcome.SPOOLED, interaction_id)

    async def _drain_for_ever(self) -> None:
        while True:
            await self._spooled.wait()
            self._spooled.clear()
            try:
                if await self.drain():
                    continue
            except Exception:
                # the drainer must outlive any surprise: without it what is spooled waits for the next start
                log.exception("The spool could not be drained.", extra={"action": "drain_failed"})
            self._spooled.set()
            await asyncio.sleep(DRAIN_SECONDS)

    async def drain(self) -> bool:
        """Bring what is spooled into the journal, oldest first. False where the database still takes nothing."""
        async with self._draining:
            return await self._drain_all()

    async def _drain_all(self) -> bool:
        for path in await asyncio.to_thread(self.spool.waiting):
            item = await asyncio.to_thread(self.spool.read, path)
            if item is None:
                continue
            try:
                await self._store(self._prepare(item))
            except StoreUnavailable:
                return False
            except Exception:
                log.exception(
                    "A spooled item can't be stored and was set aside.",
                    extra={"action": "spool_set_aside", "file": path.name},
                )
                await asyncio.to_thread(self.spool.set_aside, path)
                continue
            await asyncio.to_thread(self.spool.remove, path)
            self.figures.drained += 1
        return True
