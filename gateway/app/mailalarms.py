"""Telling people that a mailbox is silent, or that it can't be read until somebody does something."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.core.languages import FALLBACK, texts_for
from gateway.core.ports import Alarm, AlarmSource
from gateway.outgoing.queue import Notice, put_notice
from gateway.storage.store import Store
from gateway.storage.tables import Manager

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
ROLES = ("owner", "chief")
"""Who is told: those who can do something about it."""


@dataclass(slots=True, eq=False)
class MailAlarms:
    """A Service: asks the mailboxes every minute. What was told once is not told again: its key is stored with it."""

    sources: Sequence[AlarmSource]
    store: Store
    clock: Clock
    new_id: NewId
    language: str = FALLBACK
    """Of those who chose none."""
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="mail-alarms")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("An alarm was put off.", extra={"action": "alarm_put_off", "reason": str(error)})
            except Exception:
                log.exception("An alarm failed.", extra={"action": "alarm_failed"})

    async def look(self) -> int:
        """Put out what is new; how many notices that were."""
        alarms = [alarm for source in self.sources for alarm in source.alarms()]
        return await self.store.write_in_race(lambda connection: self._put(connection, alarms)) if alarms else 0

    def _put(self, connection: Connection, alarms: Sequence[Alarm]) -> int:
        query = select(Manager.id, Manager.language).where(Manager.role.in_(ROLES), Manager.disabled_at.is_(None))
        people = connection.execute(query).all()
        at, put = self.clock.now(), 0
        for alarm in alarms:
            for person in people:
                texts = texts_for(person.language, self.language)
                notice = Notice(
                    to_manager=person.id,
                    subject=alarm.subject.said(texts),
                    text=alarm.text.said(texts),
                    urgency="alarm",
                )
                key = f"{alarm.key}/{person.id}"
                put += put_notice(connection, notice, key=key, at=at, new_id=self.new_id) is not None
        return put
