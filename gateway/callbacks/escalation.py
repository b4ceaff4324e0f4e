"""Reminds, step by step and in working time, until the person was reached; ends snoozes.

What is due stands in the rows (``next_at``), and a step is written down in the transaction that puts its notices out:
so each is given once, whatever is restarted, by however many processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, or_, select

from gateway.audit.log import GATEWAY
from gateway.callbacks import life, rows
from gateway.callbacks.life import Step
from gateway.callbacks.notices import reminder
from gateway.callbacks.people import Person, staff, to_be_told
from gateway.callbacks.rows import Entry, Stored
from gateway.callbacks.schedule import Timetable
from gateway.callbacks.settings import StepSettings
from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.outgoing.queue import put_notice
from gateway.storage.store import Store
from gateway.storage.tables import Callback, Manager
from gateway.views.callbacks import callback_view

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""How late a reminder may be. Reminders count in minutes."""
AT_ONCE = 100
"""Callbacks that one look takes."""


@dataclass(slots=True, eq=False, kw_only=True)
class EscalationWorker:
    """A Service. Start it after the store, stop it before."""

    store: Store
    clock: Clock
    new_id: NewId
    timetable: Timetable
    zone: ZoneInfo
    """In which times are told."""
    language: str
    """For managers who chose none."""
    on_changed: Callable[[], None]
    """Called after each commit: wakes pages and what sends the notices."""
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._work(), name="escalation")

    async def stop(self) -> None:
        """Nothing is half done: each step is one transaction."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            more = False
            try:
                more = await self.run_once() == AT_ONCE
            except StoreUnavailable as error:
                log.warning("Reminders were put off.", extra={"action": "escalation_put_off", "reason": str(error)})
            except Exception:
                log.exception("Reminders failed.", extra={"action": "escalation_failed"})
            await asyncio.sleep(0 if more else LOOK_SECONDS)

    async def run_once(self) -> int:
        """Do what is due now; how many callbacks were looked at."""
        due = await self.store.read(lambda c: _due(c, self.clock.now()))
        done = 0
        for callback_id in due:
            done += await self.store.write(lambda c, one=callback_id: self.attend(c, one), background=True)  # type: ignore[misc]
        if done:
            self.on_changed()
        return len(due)

    def attend(self, connection: Connection, callback_id: str) -> bool:
        """End the snooze and give the reminders that are due; False where another process was faster."""
        now = self.clock.now()
        query = select(Callback.next_at).where(Callback.id == callback_id).with_for_update()
        next_at = connection.execute(query).scalar_one_or_none()
        if next_at is None or next_at > now:
            return False
        stored = rows.lock(connection, callback_id)
        standing = stored.standing
        if standing.snoozed_until is not None and standing.snoozed_until <= now:
            standing = life.woken(standing, self.timetable.timed)
            rows.write_down(connection, callback_id, Entry(kind=Step.WOKEN, actor=GATEWAY, at=now))
        while standing.snoozed_until is None and (at := self.timetable.step_at(standing)) is not None and at <= now:
            self._remind(connection, stored, standing, now)
            standing = replace(standing, steps_done=standing.steps_done + 1)
        rows.save(connection, stored, self.timetable.timed(standing), now)
        return True

    def _remind(self, connection: Connection, stored: Stored, standing: life.Standing, now: datetime) -> None:
        step = self.timetable.steps[standing.steps_done]
        view = callback_view(connection, stored.id, now)
        assert view is not None
        people = self._people(connection, step, standing)
        if not people:
            log.warning(
                "Nobody can be reminded of a callback.",
                extra={"action": "nobody_to_remind", "callback": stored.id, "tell": step.tell},
            )
        for person in people:
            notice = reminder(view, person, now=now, zone=self.zone, language=self.language)
            # since when the person waits is part of the key: a callback that was reopened is told anew
            key = f"callback:{stored.id}:{standing.waiting_since.isoformat()}:{standing.steps_done}:{person.id}"
            put_notice(connection, notice, key=key, at=now, new_id=self.new_id)
        entry = Entry(
            kind=Step.REMINDED,
            actor=GATEWAY,
            at=now,
            manager_id=people[0].id if len(people) == 1 else None,
            detail={"step": standing.steps_done + 1, "tell": step.tell, "told": [person.name for person in people]},
        )
        rows.write_down(connection, stored.id, entry)

    def _people(self, connection: Connection, step: StepSettings, standing: life.Standing) -> list[Person]:
        named = connection.execute(select(Manager.id).where(or_(Manager.login == step.tell, Manager.id == step.tell)))
        holder = standing.claimed_by or standing.owner_id
        return to_be_told(staff(connection), step.tell, named.scalar_one_or_none(), holder)


def _due(connection: Connection, now: datetime) -> list[str]:
    query = select(Callback.id).where(Callback.next_at <= now).order_by(Callback.next_at).limit(AT_ONCE)
    return list(connection.execute(query).scalars())
