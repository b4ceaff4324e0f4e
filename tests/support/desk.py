"""A desk for the work on leads, whose outbox keeps what it was given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.audit.log import manager_actor
from gateway.core.by import By
from gateway.core.clock import NewId
from gateway.core.placement import Event
from gateway.leads.desk import Desk
from gateway.leads.durations import WorkingTime
from gateway.leads.pipeline import Pipeline
from gateway.leads.settings import LeadsSettings
from tests.support.clock import MONDAY, counting_ids


class KeptEvents:
    """An outbox that somebody listens to, or nobody."""

    def __init__(self, *, listening: bool = True) -> None:
        self.events: list[Event] = []
        self._listening = listening

    def wants_any(self) -> bool:
        return self._listening

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        self.events.append(event)

    def types(self) -> list[str]:
        return [event.type for event in self.events]


def desk_of(
    settings: LeadsSettings | None = None,
    events: KeptEvents | None = None,
    calendar_of: Callable[[str | None], WorkingTime | None] = lambda _: None,
) -> Desk:
    """A desk with the default pipeline and a retention of a year."""
    return Desk(
        pipeline=Pipeline(settings or LeadsSettings()),
        outgoing=events or KeptEvents(),
        keep=timedelta(days=365),
        calendar_of=calendar_of,
    )


def by(manager_id: str = "m-anna", *, at: datetime = MONDAY, new_id: NewId | None = None) -> By:
    """A manager's hand."""
    return By(actor=manager_actor(manager_id), manager_id=manager_id, at=at, new_id=new_id or counting_ids(manager_id))
