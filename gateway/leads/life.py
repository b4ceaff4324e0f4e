"""The life of a lead: the first interaction of a person opens it, later ones join it while it is open.

The decision is pure (``decide``); ``open_or_join`` does it inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, select, update

from gateway.core.clock import NewId
from gateway.core.types import Channel, Direction, Draft, Kind
from gateway.leads.settings import FIRST_STAGE
from gateway.live.changes import ChangeKind, record
from gateway.storage.bulk import insert_rows
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Lead, table_of

LEAD = table_of(Lead)

_OPEN_LEAD = Prepared(
    select(LEAD.c.id).where(LEAD.c.contact_id == bindparam("contact_id"), LEAD.c.status == literal_column("'open'"))
)
_JOINED = Prepared(
    select(LEAD.c.contact_id, LEAD.c.text, LEAD.c.subject, LEAD.c.opened_by, LEAD.c.after_hours).where(
        LEAD.c.id == bindparam("id")
    )
)
_TOUCH = Prepared(
    update(LEAD)
    .where(LEAD.c.id == bindparam("lead"))
    .values(updated_at=bindparam("at"), keep_until=bindparam("keep_until"))
)


class Step(StrEnum):
    """What an interaction does to the leads."""

    NOTHING = "nothing"
    OPEN = "open"
    JOIN = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The interaction to place."""

    interaction_id: str
    channel: Channel
    draft: Draft
    """Clean of what no database takes (``capture.interactions.storable``)."""
    contact_id: str | None
    lead_id: str | None
    """The lead of an earlier report of it."""
    after_hours: bool | None
    newcomer: bool
    """The contact was made just now, so it has no lead."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The lead of an interaction, and whether it is new."""

    lead_id: str
    opened: bool


_NEVER = frozenset({Kind.SPAM, Kind.TEST, Kind.BULK, Kind.PART})


def decide(direction: Direction, kind: Kind, *, has_lead: bool, open_for_outbound: bool) -> Step:
    """Open, join or nothing. ``has_lead``: the person has an open lead.

    Internal calls, spam, test pings and what machines sent never touch a lead, but for an auto-reply or a bounce: that
    belongs to the history of the open lead that it answers.
    """
    if direction is Direction.INTERNAL or kind in _NEVER:
        return Step.NOTHING
    if has_lead:
        return Step.JOIN
    if kind is not Kind.MESSAGE:
        return Step.NOTHING
    if direction is Direction.INBOUND or open_for_outbound:
        return Step.OPEN
    return Step.NOTHING


def open_or_join(
    connection: Connection,
    request: Request,
    *,
    open_for_outbound: bool,
    at: datetime,
    keep_until: datetime | None,
    new_id: NewId,
) -> Placed | None:
    """The lead of the request; None where it touches none. The caller writes it into the interaction's row."""
    current = request.lead_id
    if current is None and request.contact_id is not None and not request.newcomer:
        current = _open_lead(connection, request.contact_id)
    draft = request.draft
    step = decide(draft.direction, draft.kind, has_lead=current is not None, open_for_outbound=open_for_outbound)
    if step is Step.NOTHING:
        return None
    if current is None:
        return Placed(_open(connection, request, at=at, keep_until=keep_until, new_id=new_id), opened=True)
    _join(connection, request, current, at=at, keep_until=keep_until)
    return Placed(current, opened=False)


def _open_lead(connection: Connection, contact_id: str) -> str | None:
    lead_id: str | None = _OPEN_LEAD.value(connection, contact_id=contact_id)
    return lead_id


def _open(connection: Connection, request: Request, *, at: datetime, keep_until: datetime | None, new_id: NewId) -> str:
    lead_id = new_id()
    draft = request.draft
    row = {
        "id": lead_id,
        "contact_id": request.contact_id,
        "channel": request.channel.value,
        "subject": draft.subject,
        "text": draft.text,
        "fields": dict(draft.fields),
        "source": draft.source,
        "after_hours": request.after_hours,
        "opened_by": request.interaction_id,
        "created_at": at,
        "updated_at": at,
        "stage": FIRST_STAGE,
        "stage_since": at,
        "keep_until": keep_until,
    }
    insert_rows(connection, LEAD, [row])
    record(connection, ChangeKind.LEAD_CREATED, lead_id, at)
    return lead_id


def _join(connection: Connection, request: Request, lead_id: str, *, at: datetime, keep_until: datetime | None) -> None:
    lead = _JOINED.first(connection, id=lead_id)
    draft = request.draft
    learned: dict[str, Any] = {}
    contact_id = request.contact_id
    if lead.contact_id is None and contact_id is not None and _open_lead(connection, contact_id) is None:
        learned["contact_id"] = contact_id  # the number was withheld at first: now we know who it is
    if not lead.text and draft.text:
        learned["text"] = draft.text
    if not lead.subject and draft.subject:
        learned["subject"] = draft.subject
    if lead.opened_by == request.interaction_id and lead.after_hours != request.after_hours:
        learned["after_hours"] = request.after_hours  # a later report may know better what was dialled
    if learned:
        connection.execute(update(LEAD).where(LEAD.c.id == lead_id).values(**learned))
    _TOUCH.change(connection, lead=lead_id, at=at, keep_until=keep_until)
    record(connection, ChangeKind.LEAD_UPDATED, lead_id, at)
