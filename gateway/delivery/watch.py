"""Looks at the outbox now and then: says when deliveries wait for too long, and removes what need not be kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.ports import Alarm
from gateway.core.sentences import N_, NOTHING, Sentence, counted
from gateway.delivery import outbox
from gateway.delivery.outbox import Backlog
from gateway.delivery.settings import CrmSettings
from gateway.storage.store import Store

log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0
PURGE_LIMIT = 1000
"""Rows removed in one transaction: capture waits for it."""
LOOKS_A_PURGE = 20
"""Once in ten minutes."""


class Watched(Protocol):
    """A lane, as the watch sees it."""

    crm: CrmSettings
    late: Sentence


class Watch:
    """The task ``run``, and the alarms that follow from its last look."""

    def __init__(self, lanes: Sequence[Watched], *, store: Store, clock: Clock, every: float = EVERY_SECONDS) -> None:
        self._lanes = lanes
        self._store = store
        self._clock = clock
        self._every = every
        self._since: dict[str, datetime] = {}
        """CRM -> when its oldest delivery was made, while that is too long ago."""

    async def run(self) -> None:
        """Never raises but for its own cancellation."""
        looks = 0
        while True:
            try:
                await self.look()
                if looks % LOOKS_A_PURGE == 0:
                    await self.tidy()
            except StoreUnavailable as error:
                log.warning("The outbox was not looked at.", extra={"action": "watch_put_off", "reason": str(error)})
            except Exception:
                log.exception("Looking at the outbox failed.", extra={"action": "watch_failed"})
            looks += 1
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Find the CRMs whose oldest delivery waits for too long."""
        found = {one.crm: one for one in await self._store.read(outbox.backlog)}
        now = self._clock.now()
        for lane in self._lanes:
            late = lateness(found.get(lane.crm.name), lane.crm, now)
            if late and not lane.late:
                log.warning("A CRM is late.", extra={"action": "crm_late", "crm": lane.crm.name, "reason": str(late)})
            lane.late = late
            backlog = found.get(lane.crm.name)
            if late and backlog is not None and backlog.oldest is not None:
                self._since.setdefault(lane.crm.name, backlog.oldest)
            else:
                self._since.pop(lane.crm.name, None)

    async def tidy(self) -> int:
        """Remove what need not be kept any longer, in small transactions; how many rows."""
        gone = 0
        while True:
            now = self._clock.now()
            removed = await self._store.write(
                lambda connection, at=now: outbox.purge(connection, at, limit=PURGE_LIMIT),  # type: ignore[misc]
                background=True,
            )
            gone += removed
            if removed < PURGE_LIMIT:
                return gone

    def alarms(self) -> list[Alarm]:
        """One a CRM that is late; the same one as long as it lasts."""
        return [
            Alarm(
                key=f"crm-late/{lane.crm.name}/{self._since[lane.crm.name]:%Y-%m-%dT%H:%M:%S}",
                subject=Sentence(N_("CRM %(crm)s is late"), {"crm": lane.crm.name}),
                text=Sentence(
                    N_(
                        "Its oldest delivery waits since %(moment)s UTC. Nothing is lost; 'leadgate outbox list --crm "
                        "%(crm)s' says why."
                    ),
                    {"crm": lane.crm.name, "moment": f"{self._since[lane.crm.name]:%Y-%m-%d %H:%M}"},
                ),
            )
            for lane in self._lanes
            if lane.late and lane.crm.name in self._since
        ]


def lateness(backlog: Backlog | None, crm: CrmSettings, now: datetime) -> Sentence:
    """A sentence without its end where the oldest unsent delivery is older than the CRM's limit; else nothing."""
    if backlog is None or backlog.oldest is None or not crm.alarm_minutes:
        return NOTHING
    age = now - backlog.oldest
    if age < timedelta(minutes=crm.alarm_minutes):
        return NOTHING
    count = backlog.waiting + backlog.sending + backlog.held
    return counted(
        "%(num)s delivery waits, the oldest for %(age)s",
        "%(num)s deliveries wait, the oldest for %(age)s",
        count,
        age=spoken(age),
    )


def spoken(age: timedelta) -> Sentence:
    """``2 d 3 h``, ``1 h 5 min``."""
    minutes = int(age.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return Sentence("%(days)s d %(hours)s h", {"days": days, "hours": hours})
    if hours:
        return Sentence("%(hours)s h %(minutes)s min", {"hours": hours, "minutes": rest})
    return Sentence("%(minutes)s min", {"minutes": rest})
