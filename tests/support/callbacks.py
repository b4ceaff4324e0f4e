"""A house with callbacks: capture, processing and callbacks on one store, a clock to move, reports as plain words."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from gateway.callbacks.desk import Desk
from gateway.callbacks.escalation import EscalationWorker
from gateway.callbacks.follower import CallbackFollower
from gateway.callbacks.people import AsksWho
from gateway.callbacks.schedule import Timetable
from gateway.callbacks.settings import CallbacksSettings
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.core.by import By
from gateway.core.clock import new_id
from gateway.core.placement import Event
from gateway.core.types import Channel, Direction, Draft, Inbound, Kind, Phase, Source
from gateway.processing.step import Forgotten, Rules
from gateway.processing.worker import ProcessingWorker
from gateway.routing.calendars import Schedules
from gateway.routing.settings import HoursSettings
from gateway.storage.store import Store
from gateway.storage.tables import Callback
from gateway.views.callbacks import CallbackDetails, callback_details
from tests.support.clock import MONDAY, FakeClock
from tests.support.items import handles
from tests.support.patience import PATIENCE

IVAN, PETR = "+79261234567", "+79037654321"
IVAN_AT_HOME = "+74951112233"
MOBILE = "+79165550001"
"""Anna's own, which is no customer's."""
LINE, HOTLINE = "+74950000101", "+74950000202"
MOSCOW = ZoneInfo("Europe/Moscow")
WORKDAYS = HoursSettings(
    **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-18:00",)),  # type: ignore[arg-type]
    timezone="Europe/Moscow",
)
"""MONDAY is noon of a working day there."""


def minute(number: float) -> datetime:
    """So many minutes after MONDAY."""
    return MONDAY + timedelta(minutes=number)


_numbers = itertools.count(1)


def call(
    at: datetime,
    *,
    who: str | None = IVAN,
    direction: Direction = Direction.INBOUND,
    outcome: str = "missed",
    key: str | None = None,
    phase: Phase = Phase.ENDED,
    line: str = LINE,
    kind: Kind = Kind.MESSAGE,
    connector: str = "ami",
    **details: Any,
) -> Inbound:
    """One report of a call. Answered ones were answered ten seconds after they began."""
    number = next(_numbers)
    answered = outcome == "answered"
    facts = {"outcome": outcome, "answered": answered, "rang": ["101"], **details}
    if answered:
        facts.setdefault("answered_at", (at + timedelta(seconds=10)).isoformat())
    elif direction is Direction.INBOUND:
        facts.setdefault("missed_reason", "no_answer")
    key = key or f"n{number}"
    return Inbound(
        connector=connector,
        source="office",
        channel=Channel.CALL,
        dedup_key=f"call:office:{key}:{phase}:{number}",
        key=f"call:office:{key}",
        raw=b"{}",
        received_at=at,
        draft=Draft(
            direction=direction,
            phase=phase,
            occurred_at=at,
            ended_at=at + timedelta(seconds=30) if phase is Phase.ENDED else None,
            kind=kind,
            handles=handles(phone=who) if who else (),
            line=line,
            source=Source(name="office"),
            details=facts,
        ),
    )


def missed(at: datetime, reason: str = "no_answer", **more: Any) -> Inbound:
    """The person called in vain."""
    return call(at, missed_reason=reason, **more)


def answered(at: datetime, **more: Any) -> Inbound:
    """The person called and was answered."""
    return call(at, outcome="answered", **{"answered_by": "101", **more})


def ours(at: datetime, outcome: str = "answered", **more: Any) -> Inbound:
    """We called the person."""
    return call(at, direction=Direction.OUTBOUND, outcome=outcome, **{"caller": "101", "line": "101", **more})


def from_mobile(at: datetime, to: str = IVAN, outcome: str = "answered", **more: Any) -> Inbound:
    """A colleague's mobile called through the PBX."""
    spoke: dict[str, Any] = {"answered_by": to} if outcome == "answered" else {}
    return call(at, who=MOBILE, outcome=outcome, rang=[to], **spoke, **more)


def written(
    at: datetime, channel: Channel = Channel.FORM, *, text: str = "Перезвоните мне", who: str | None = IVAN,
    email: str | None = None, direction: Direction = Direction.INBOUND, kind: Kind = Kind.MESSAGE, line: str = "site",
    details: Mapping[str, Any] | None = None,
) -> Inbound:  # fmt: skip
    """A form or a letter."""
    key = f"{channel.value}:{next(_numbers)}"
    return Inbound(
        connector="form" if channel is Channel.FORM else "smtp",
        source=line,
        channel=channel,
        dedup_key=key,
        key=key,
        raw=b"x",
        received_at=at,
        draft=Draft(
            direction=direction,
            phase=Phase.ENDED,
            occurred_at=at,
            kind=kind,
            handles=handles(phone=who, email=email),
            line=line,
            text=text,
            details=dict(details or {}),
        ),
    )


def again(report: Inbound) -> Inbound:
    """The same report once more, as after a reconnect that changed a detail of no importance."""
    return replace(report, dedup_key=f"{report.dedup_key}:again:{next(_numbers)}")


@dataclass
class Outbox:
    """Implements ``desk.Outgoing`` and ``step.Outgoing``."""

    events: list[Event] = field(default_factory=list)

    def wants_any(self) -> bool:
        return True

    def wants(self, event_type: str) -> bool:
        return False

    def put(self, _connection: Connection, event: Event, _at: datetime) -> None:
        self.events.append(event)

    def told(self) -> list[str]:
        """The callbacks' events so far."""
        return [event.type for event in self.events if event.type.startswith("callback.")]


class CallbackHouse:
    """The rooms from the sink to the callbacks, driven by hand."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        settings: CallbacksSettings | None = None,
        hours: HoursSettings | None = WORKDAYS,
        asks: AsksWho | None = None,
        forgotten: Forgotten | None = None,
    ) -> None:
        self.store = store
        self.clock = FakeClock()
        self.outbox = Outbox()
        self.settings = settings or CallbacksSettings()
        self.schedules = Schedules.of(hours, timezone="Europe/Moscow", region="RU")
        self.timetable = Timetable(
            calendar=self.schedules, target=self.settings.target, steps=self.settings.step, zone=MOSCOW
        )
        rules = Rules(
            own_handles=frozenset(handles(phone=MOBILE)),
            own_domains=frozenset({"our.example.com"}),
            open_for_outbound=False,
            keep=None,
            calendar=self.schedules,
            history=timedelta(days=30),
            forgotten=forgotten,
        )
        self.desk = Desk(timetable=self.timetable, outgoing=self.outbox)
        self.escalation = EscalationWorker(
            store=store, clock=self.clock, new_id=new_id, timetable=self.timetable, zone=MOSCOW, language="en",
            on_changed=lambda: None,
        )  # fmt: skip
        self.follower = CallbackFollower(
            settings=self.settings, timetable=self.timetable, is_own=rules.is_own, asks=asks
        )
        self.sink = DurableSink(
            store=store,
            spool=Spool(folder),
            clock=self.clock,
            new_id=new_id,
            keep=None,
            on_stored=lambda: None,
            patience=PATIENCE,
        )
        self.worker = ProcessingWorker(
            store=store,
            interpreters={},
            rules=rules,
            outgoing=self.outbox,
            clock=self.clock,
            new_id=new_id,
            on_processed=lambda: None,
            followers=(self.follower,),
        )

    async def take(self, *items: Inbound) -> None:
        """Capture and process, one after the other; the clock is never before a report."""
        for item in items:
            self.at(max(self.clock.now(), item.received_at))
            await self.sink.accept(item)
            while await self.worker.run_once():
                pass

    def at(self, moment: datetime) -> None:
        """Let it be that time."""
        self.clock.move((moment - self.clock.now()).total_seconds())

    def by(self, manager_id: str | None = None) -> By:
        """Somebody at the desk, now."""
        actor = f"manager:{manager_id}" if manager_id else "console"
        return By(actor=actor, manager_id=manager_id, at=self.clock.now(), new_id=new_id)

    def all(self) -> list[CallbackDetails]:
        """Every callback, in the order in which they were opened."""
        query = select(Callback.id).order_by(Callback.opened_at, Callback.first_at, Callback.id)
        return self.store.peek(lambda c: [self._details(c, key) for key in c.execute(query).scalars().all()])

    def one(self) -> CallbackDetails:
        """The only one."""
        (found,) = self.all()
        return found

    def waiting(self) -> list[CallbackDetails]:
        """Those that are not over."""
        return [found for found in self.all() if found.closed_at is None]

    def _details(self, connection: Connection, callback_id: str) -> CallbackDetails:
        found = callback_details(connection, callback_id, self.clock.now())
        assert found is not None
        return found


def steps(found: CallbackDetails) -> list[str]:
    """The kinds of its history."""
    return [step.kind for step in found.history]


def told(found: Sequence[CallbackDetails]) -> list[tuple[str, int, int]]:
    """State, tries and attempts of each."""
    return [(one.state, one.tries, one.attempts) for one in found]
