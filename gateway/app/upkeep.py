"""Small things that must be done now and then so that nothing grows without bound."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.live.changes import forget_before
from gateway.storage.store import Store
from gateway.storage.tables import Session, SetupLink

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
FEED_DAYS = 7
"""How long a page or a program may be away and still resume the feed of changes where it was."""


@dataclass(slots=True, eq=False)
class Upkeep:
    """A Service: once at the start, then every hour."""

    store: Store
    clock: Clock
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="upkeep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                await self.store.write(self.tidy, background=True)
            except StoreUnavailable as error:
                log.warning("The upkeep was put off.", extra={"action": "upkeep_put_off", "reason": str(error)})
            except Exception:
                log.exception("The upkeep failed.", extra={"action": "upkeep_failed"})
            await asyncio.sleep(EVERY_SECONDS)

    def tidy(self, connection: Connection) -> int:
        """Remove what has run out; how many rows went."""
        now = self.clock.now()
        gone = forget_before(connection, now - timedelta(days=FEED_DAYS))
        for table in (Session, SetupLink):
            gone += connection.execute(delete(table).where(table.expires_at < now)).rowcount
        return gone
