"""Callbacks in the composition: who follows the processing, who reminds, what the API and the commands can do."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from gateway.app.crmoutbox import CrmOutbox
from gateway.callbacks.desk import Desk, Outgoing
from gateway.callbacks.escalation import EscalationWorker
from gateway.callbacks.facts import IsOwn
from gateway.callbacks.follower import CallbackFollower
from gateway.callbacks.people import AsksWho
from gateway.callbacks.schedule import Calendar, Timetable
from gateway.config.settings import Settings
from gateway.core.clock import Clock, NewId, new_id
from gateway.core.outcalls import CallMaker
from gateway.routing.calendars import Schedules
from gateway.storage.store import Store
from gateway.web.api.callbacks import callback_writes
from gateway.web.api.writes import WriteOperation


def make_timetable(settings: Settings, calendar: Calendar) -> Timetable:
    """How long a person may wait, and who is reminded meanwhile."""
    wanted = settings.callbacks
    return Timetable(
        calendar=calendar, target=wanted.target, steps=wanted.step, zone=ZoneInfo(settings.gateway.timezone)
    )


def console_desk(settings: Settings) -> Desk:
    """The desk for commands on the server, which need no running gateway."""
    where = settings.gateway
    calendar = Schedules.of(settings.hours, timezone=where.timezone, region=where.region)
    return Desk(timetable=make_timetable(settings, calendar), outgoing=CrmOutbox(settings, new_id))


class CallbackParts:
    """Everything about callbacks, made from the settings."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        new_id: NewId,
        *,
        calendar: Calendar,
        asks: AsksWho,
        is_own: IsOwn,
        outgoing: Outgoing,
        on_changed: Callable[[], None],
    ) -> None:
        """``on_changed``: called after the gateway reminded somebody."""
        self._settings = settings
        self._store = store
        timetable = make_timetable(settings, calendar)
        self.follower = CallbackFollower(settings=settings.callbacks, timetable=timetable, is_own=is_own, asks=asks)
        self.desk = Desk(timetable=timetable, outgoing=outgoing)
        self.escalation = EscalationWorker(
            store=store,
            clock=clock,
            new_id=new_id,
            timetable=timetable,
            zone=ZoneInfo(settings.gateway.timezone),
            language=settings.gateway.language,
            on_changed=on_changed,
        )

    def writes(self, maker: CallMaker) -> tuple[WriteOperation, ...]:
        """What the API can do. ``maker``: what makes calls."""
        return callback_writes(self.desk, self._settings.callbacks.snooze, maker, self._store)
