"""Small things that must be done now and then so that nothing grows without bound."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete

from gateway.app.recordingnews import forget_told
from gateway.app.removal import RecordingRemoval
from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.live.changes import forget_before
from gateway.privacy.purge import purge_some
from gateway.storage.store import Store
from gateway.storage.tables import Session, SetupLink, SignInStep

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
FEED_DAYS = 7
"""How long a page or a program may be away and still resume the feed of changes where it was."""


@dataclass(slots=True, eq=False)
class Upkeep:
    """A Service: once at the start, then every hour."""

    store: Store
    clock: Clock
    recordings: RecordingRemoval | None = None
    """Who removes recordings. Before calls go: only they know which file was theirs."""
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
                if self.recordings is not None:
                    await self.recordings.work()
                await purge_all(self.store, self.clock)
            except StoreUnavailable as error:
                log.warning("The upkeep was put off.", extra={"action": "upkeep_put_off", "reason": str(error)})
            except Exception:
                log.exception("The upkeep failed.", extra={"action": "upkeep_failed"})
            await asyncio.sleep(EVERY_SECONDS)

    def tidy(self, connection: Connection) -> int:
        """Remove what has run out; how many rows went."""
        now = self.clock.now()
        gone = forget_before(connection, now - timedelta(days=FEED_DAYS))
        gone += forget_told(connection, now)
        for table in (Session, SetupLink, SignInStep):
            gone += connection.execute(delete(table).where(table.expires_at < now)).rowcount
        return gone


async def purge_all(store: Store, clock: Clock) -> dict[str, int]:
    """Remove what [retention] no longer allows, a few rows at a time; table -> how many. Raises StoreUnavailable."""
    total: Counter[str] = Counter()
    while gone := await store.write(lambda c: purge_some(c, clock.now()), background=True):
        total.update(gone)
    if total:
        log.info("Rows whose time was over were removed.", extra={"action": "purged", "rows": dict(total)})
    return dict(total)
