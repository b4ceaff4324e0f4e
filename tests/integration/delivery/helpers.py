"""Putting events out, running a worker, waiting for what must become true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Select

from crm_adapter.base import CrmAdapter
from gateway.core.clock import Clock, new_id
from gateway.delivery import outbox
from gateway.delivery.outbox import Delivery, Shown
from gateway.delivery.settings import CrmSettings
from gateway.delivery.worker import DeliveryWorker
from gateway.storage.store import Store
from tests.support.clock import MONDAY as NOW
from tests.support.clock import FakeClock
from tests.support.patience import PATIENCE
from tests.support.receiver import Receiver

POLL = 0.02
"""Seconds between looks of the workers under test."""

TWIN = CrmSettings(name="twin", adapter="memory")


def webhook_to(receiver: Receiver, name: str = "office", **more: Any) -> CrmSettings:
    """Settings of a webhook that goes to ``receiver``."""
    table = {"name": name, "adapter": "webhook", "url": receiver.url, "secret": receiver.secret}
    return CrmSettings.from_table({**table, "allow_private": True, "timeout": 1, **more})


async def put(store: Store, crm: CrmSettings, *numbers: int, key: str = "contact-1", **more: Any) -> None:
    """Put events with ``data`` {"number", "key"} into the outbox, in this order."""

    def unit(connection: Any) -> None:
        for number in numbers:
            values: dict[str, Any] = {"event_type": "lead.created", "at": NOW, "new_id": new_id, **more}
            outbox.enqueue(connection, [crm], order_key=key, data={"number": number, "key": key}, **values)

    await store.write(unit)


async def rows(store: Store, **filters: Any) -> list[Delivery]:
    """Deliveries, the oldest first."""
    return (await store.read(lambda connection: outbox.list_deliveries(connection, limit=10_000, **filters)))[::-1]


async def states(store: Store, **filters: Any) -> list[str]:
    """Their states, the oldest first."""
    return [row.state for row in await rows(store, **filters)]


async def shown(store: Store, delivery_id: int) -> Shown:
    """One delivery that is there."""
    found = await store.read(lambda connection: outbox.show(connection, delivery_id))
    assert found is not None
    return found


async def scalars(store: Store, query: Select[Any]) -> list[Any]:
    """The first column of each row."""
    return await store.read(lambda connection: list(connection.execute(query).scalars()))


async def until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; fail when it does not in time."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def until_states(store: Store, *wanted: str, **filters: Any) -> list[Delivery]:
    """Return the deliveries when all of them are in one of the states."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await rows(store, **filters)
            if found and all(row.state in wanted for row in found):
                return found
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(
    store: Store,
    *crms: CrmSettings,
    adapters: Mapping[str, CrmAdapter] | None = None,
    clock: Clock | None = None,
    stop_seconds: float = 5.0,
) -> AsyncIterator[DeliveryWorker]:
    """A worker that runs meanwhile."""
    worker = DeliveryWorker(
        store=store,
        clock=clock or FakeClock(),
        crms=crms,
        adapters=adapters,
        random=lambda: 0.0,
        poll=POLL,
        stop_seconds=stop_seconds,
    )
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
