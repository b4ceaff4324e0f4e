"""What the work on leads is done with, and the two things that each change ends with: the feed and the CRMs told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, or_, select

from gateway.core.by import By
from gateway.core.errors import NotPossible
from gateway.core.placement import Event
from gateway.core.sentences import Sentence
from gateway.leads.durations import WorkingTime
from gateway.leads.pipeline import Pipeline
from gateway.live.changes import ChangeKind, record
from gateway.storage.tables import Audit, Manager
from gateway.views.leads import leads_by_id
from gateway.views.shapes import LeadView


class Outgoing(Protocol):
    """The outbox, as this room sees it."""

    def wants_any(self) -> bool:
        """False where nobody is to be told of anything."""
        ...

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """Write the outbox rows of one event, in the transaction of its cause."""
        ...


CalendarOf = Callable[[str | None], WorkingTime | None]
"""The working time of a manager (None: of the company); None where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every change of a lead, task or note needs to know."""

    pipeline: Pipeline
    outgoing: Outgoing
    keep: timedelta | None = None
    """How long what was said of a person is kept after the last change."""
    calendar_of: CalendarOf = lambda _: None

    def keep_until(self, at: datetime) -> datetime | None:
        """The end of the retention that begins now."""
        return at + self.keep if self.keep is not None else None

    def tell(self, connection: Connection, lead_id: str, at: datetime) -> LeadView:
        """Say to the open pages and the CRMs that a lead changed; the lead as it is now."""
        record(connection, ChangeKind.LEAD_UPDATED, lead_id, at)
        return self._told(connection, lead_id, "lead.updated", at)

    def tell_new(self, connection: Connection, lead_id: str, at: datetime) -> LeadView:
        """The same of a lead that was just made."""
        record(connection, ChangeKind.LEAD_CREATED, lead_id, at)
        return self._told(connection, lead_id, "lead.created", at)

    def _told(self, connection: Connection, lead_id: str, kind: str, at: datetime) -> LeadView:
        lead = leads_by_id(connection, [lead_id])[lead_id]
        if self.outgoing.wants_any():
            data: dict[str, Any] = msgspec.to_builtins(lead)
            order_key = lead.contact.id if lead.contact else lead_id
            event = Event(type=kind, order_key=order_key, data=data, lead_id=lead_id, interaction_id=None)
            self.outgoing.put(connection, event, at)
        return lead


def manager_id_of(connection: Connection, named: str) -> str:
    """The id of an active manager by id or login. Raises NotPossible."""
    row = connection.execute(
        select(Manager.id, Manager.disabled_at).where(or_(Manager.id == named, Manager.login == named))
    ).first()
    if row is None:
        raise NotPossible("There is no manager %(named)r.", named=named[:60])
    if row.disabled_at is not None:
        raise NotPossible("The manager %(named)r is disabled.", named=named[:60])
    found: str = row.id
    return found


def checked_text(text: str, what: Sentence, most: int) -> str:
    """``text`` without blanks around it. Raises NotPossible for an empty or endless one."""
    stripped = text.strip()
    if not stripped:
        raise NotPossible("%(what)s is empty.", what=what)
    if len(stripped) > most:
        raise NotPossible("%(what)s has more than %(most)s characters.", what=what, most=most)
    return stripped


def who_changed(connection: Connection, kind: str, object_id: str, by: By) -> Sentence:
    """``Anna changed it 12 seconds ago`` for a conflict, as far as the log of deeds knows."""
    row = connection.execute(
        select(Audit.actor, Audit.at)
        .where(Audit.object_kind == kind, Audit.object_id == object_id)
        .order_by(Audit.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return Sentence("Somebody changed it meanwhile")
    seconds = max(0, round((by.at - row.at).total_seconds()))
    if seconds < 120:
        when = Sentence("%(num)s seconds ago", {"num": seconds})
    else:
        when = Sentence("%(num)s minutes ago", {"num": seconds // 60})
    return Sentence("%(who)s changed it %(when)s", {"who": _named(connection, row.actor), "when": when})


def _named(connection: Connection, actor: str) -> str | Sentence:
    manager_id = actor.removeprefix("manager:")
    name = connection.execute(select(Manager.name).where(Manager.id == manager_id)).scalar_one_or_none()
    return name or Sentence("A program")
