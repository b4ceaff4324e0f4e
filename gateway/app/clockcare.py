"""What was dated by a clock that was wrong: a machine that starts a day ahead, and is set right, must not wait a day.

Items and deliveries wait until a moment of the wall clock, as they must over restarts. Those that were written in what
is the future now were dated by a wrong clock, and are due at once. Doing one of them too early costs one more try.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, literal_column, select, update

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.processing.worker import BACK_OFF
from gateway.storage.store import Store
from gateway.storage.tables import NEW, Journal, Outbox, Outgoing

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
SLACK = timedelta(minutes=5)
"""The clocks of two gateways on one database may differ so much."""
_WAITING: ColumnElement[str] = literal_column("'waiting'")  # a literal: only then the partial indexes fit
_LONGEST = timedelta(seconds=max(BACK_OFF))


@dataclass(slots=True, eq=False)
class ClockCare:
    """A Service: at the start, then every minute."""

    store: Store
    clock: Clock
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="clock-care")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.info("The look at dates was put off.", extra={"action": "dates_put_off", "reason": str(error)})
            except Exception:
                log.exception("The look at dates failed.", extra={"action": "dates_failed"})
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> int:
        """Make due what was dated by a wrong clock; how many rows that were. Raises StoreUnavailable."""
        now = self.clock.now()
        if not await self.store.read(lambda connection: _ahead(connection, now)):
            return 0
        moved = await self.store.write(lambda connection: _date_anew(connection, now), background=True)
        log.warning(
            "The clock was set back: what waited for a moment far ahead is done now.",
            extra={"action": "dated_anew", "rows": moved},
        )
        return moved


def _conditions(now: datetime) -> list[tuple[type[Journal | Outbox | Outgoing], tuple[ColumnElement[bool], ...]]]:
    return [
        (Journal, (Journal.state == NEW, Journal.due_at > now + _LONGEST + SLACK)),
        (Outbox, (Outbox.state == _WAITING, Outbox.updated_at > now + SLACK)),
        (Outgoing, (Outgoing.state == _WAITING, Outgoing.updated_at > now + SLACK)),
    ]


def _ahead(connection: Connection, now: datetime) -> int:
    return sum(
        connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
        for table, where in _conditions(now)
    )


def _date_anew(connection: Connection, now: datetime) -> int:
    moved = 0
    for table, where in _conditions(now):
        values = {"due_at": now} if table is Journal else {"due_at": now, "updated_at": now}
        moved += connection.execute(update(table).where(*where).values(**values)).rowcount
    return moved
