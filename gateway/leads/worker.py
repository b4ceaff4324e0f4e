"""The service that looks every half minute for what time alone brings about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.leads.desk import Desk
from gateway.leads.reminders import AT_ONCE, Sweep
from gateway.storage.store import Store

log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0
"""How late a reminder is at the most."""

BETWEEN_SECONDS = 0.2
"""Where much fell due at once, as after an import: the machine is not taken from those who wait for a page."""


@dataclass(slots=True, eq=False)
class LeadReminders:
    """A Service. ``on_done`` is called after each look that did something: it wakes pages and the outgoing mail."""

    store: Store
    clock: Clock
    new_id: NewId
    desk: Desk
    language: str
    on_done: Callable[[], None]
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="lead-reminders")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """One look; how many things it did. Raises StoreUnavailable."""
        sweep = Sweep(desk=self.desk, at=self.clock.now(), new_id=self.new_id, language=self.language)
        done = await self.store.write(sweep.run, background=True)
        if done:
            self.on_done()
            log.info("Tasks and leads fell due", extra={"action": "lead_reminders", "count": done})
        return done

    async def _work(self) -> None:
        while True:
            more = await self._look_safely() >= AT_ONCE
            await asyncio.sleep(BETWEEN_SECONDS if more else EVERY_SECONDS)

    async def _look_safely(self) -> int:
        try:
            return await self.look()
        except StoreUnavailable as error:
            log.warning("Reminders were put off", extra={"action": "lead_reminders_put_off", "reason": str(error)})
        except Exception:
            log.exception("The look for reminders failed", extra={"action": "lead_reminders_failed"})
        return 0
