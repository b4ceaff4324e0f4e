"""Rows of the database as facts, all of a stretch of time: who may see which, and the filters, come later.

Facts are kept by the ten thousand and hold nothing that could refer back to them, so the garbage collector does not
look at them (``gc=False``): it would take 50 ms for that, and everybody waits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from gateway.storage.tables import Callback, CallbackTry, Interaction, Lead, StageChange, table_of

LEAD, INTERACTION = table_of(Lead), table_of(Interaction)
DUTY, TRY, CHANGE = table_of(Callback), table_of(CallbackTry), table_of(StageChange)


class LeadFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One lead."""

    id: str
    at: datetime
    channel: str
    status: str
    stage: str
    manager_id: str | None
    contact_id: str | None
    source: str | None
    """``utm_source``, else the configured name of the form, mailbox or line."""
    has_utm: bool
    medium: str | None
    campaign: str | None
    line: str | None
    """Of the interaction that opened it."""
    after_hours: bool | None
    amount: int | None
    currency: str | None
    closed_at: datetime | None
    answered_at: datetime | None
    """When somebody of the company first spoke with the person or wrote to him."""


class CallFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call from outside."""

    id: str
    at: datetime
    outcome: str | None
    reason: str | None
    line: str | None
    queue: str | None
    contact_id: str | None
    manager_id: str | None
    after_hours: bool | None
    wait: float | None
    talk: float | None

    @property
    def missed(self) -> bool:
        """Nobody of the company spoke with the caller."""
        return self.outcome is not None and self.outcome != "answered"


class DutyFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One callback: a person who wanted to be called."""

    id: str
    at: datetime
    """The first try of the person that it stands for."""
    state: str
    reason: str
    channel: str
    line: str | None
    owner_id: str | None
    contact_id: str | None
    tries: int
    attempts: int
    due_at: datetime
    in_time: bool | None
    closed_at: datetime | None
    after_hours: bool | None

    @property
    def reached(self) -> bool:
        """By either side."""
        return self.state in {"reached_by_us", "reached_by_client"}

    def overdue(self, now: datetime) -> bool:
        """Nobody was reached until it was due: then too late, or not at all so far."""
        return self.in_time is False or (self.closed_at is None and self.due_at < now)


class MoveFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lead left a stage."""

    lead_id: str
    from_stage: str
    to_stage: str
    to_status: str
    since: datetime
    at: datetime
    opened_at: datetime
    """When the lead came."""


Same = Callable[[str | None], str | None]


def _same() -> Same:
    """Gives one object for equal texts: thousands of calls have a few lines, outcomes and managers."""
    known: dict[str | None, str | None] = {}
    return lambda text: known.setdefault(text, text)


_LEAD_COLUMNS = (
    "id", "created_at", "channel", "status", "stage", "manager_id", "contact_id", "source", "after_hours", "amount",
    "currency", "closed_at",
)  # fmt: skip


def read_leads(connection: Connection, since: datetime, until: datetime, zone: ZoneInfo) -> list[LeadFact]:
    """Those that were opened in the time, the oldest first. Merged ones are in the one that stays."""
    opener = INTERACTION.alias()
    query = (
        select(*(LEAD.c[name] for name in _LEAD_COLUMNS), opener.c.line, opener.c.source_name)
        .join_from(LEAD, opener, opener.c.id == LEAD.c.opened_by, isouter=True)
        .where(LEAD.c.created_at >= since, LEAD.c.created_at < until, LEAD.c.status != "merged")
        .order_by(LEAD.c.created_at, LEAD.c.id)
    )
    answered = _first_answers(connection, since, until)
    same = _same()
    return [_lead(row, answered.get(row["id"]), zone, same) for row in connection.execute(query).mappings()]


def _lead(row: Any, answered_at: datetime | None, zone: ZoneInfo, same: Same) -> LeadFact:
    source = row["source"] or {}
    utm = source.get("utm") or {}
    return LeadFact(
        id=row["id"],
        at=row["created_at"].astimezone(zone),
        channel=same(row["channel"]) or "",
        status=same(row["status"]) or "",
        stage=same(row["stage"]) or "",
        manager_id=same(row["manager_id"]),
        contact_id=row["contact_id"],
        source=same(utm.get("source") or source.get("name") or row["source_name"]),
        has_utm=bool(utm.get("source")),
        medium=same(utm.get("medium")),
        campaign=same(utm.get("campaign")),
        line=same(row["line"]),
        after_hours=row["after_hours"],
        amount=row["amount"],
        currency=same(row["currency"]),
        closed_at=row["closed_at"],
        answered_at=answered_at,
    )


def _first_answers(connection: Connection, since: datetime, until: datetime) -> dict[str, datetime]:
    """Lead -> the first answered call, or letter of ours, in it."""
    spoken = and_(INTERACTION.c.channel == "call", INTERACTION.c.outcome == "answered")
    written = and_(
        INTERACTION.c.channel == "mail", INTERACTION.c.direction == "outbound", INTERACTION.c.kind == "message"
    )
    query = (
        select(INTERACTION.c.lead_id, func.min(INTERACTION.c.occurred_at))
        .join_from(INTERACTION, LEAD, LEAD.c.id == INTERACTION.c.lead_id)
        .where(LEAD.c.created_at >= since, LEAD.c.created_at < until, or_(spoken, written))
        .group_by(INTERACTION.c.lead_id)
    )
    return {lead_id: at for lead_id, at in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


_CALL_COLUMNS = (
    "id", "occurred_at", "outcome", "missed_reason", "line", "queue", "contact_id", "manager_id", "after_hours",
    "wait_seconds", "talk_seconds",
)  # fmt: skip


def read_calls(connection: Connection, since: datetime, until: datetime, zone: ZoneInfo) -> list[CallFact]:
    """The ended calls from outside of the time, the oldest first."""
    query = (
        select(*(INTERACTION.c[name] for name in _CALL_COLUMNS))
        .where(
            INTERACTION.c.occurred_at >= since,
            INTERACTION.c.occurred_at < until,
            INTERACTION.c.channel == "call",
            INTERACTION.c.direction == "inbound",
            INTERACTION.c.phase == "ended",
            INTERACTION.c.kind == "message",
        )
        .order_by(INTERACTION.c.occurred_at, INTERACTION.c.id)
    )
    same = _same()
    return [_call(row, zone, same) for row in connection.execute(query)]


def _call(row: Any, zone: ZoneInfo, same: Same) -> CallFact:
    key, at, outcome, reason, line, queue, contact_id, manager_id, after_hours, wait, talk = row
    return CallFact(
        id=key,
        at=at.astimezone(zone),
        outcome=same(outcome),
        reason=same(reason),
        line=same(line),
        queue=same(queue),
        contact_id=same(contact_id),
        manager_id=same(manager_id),
        after_hours=after_hours,
        wait=wait,
        talk=talk,
    )


_DUTY_COLUMNS = (
    "id", "first_at", "state", "reason", "channel", "line", "owner_id", "contact_id", "tries", "attempts", "due_at",
    "in_time", "closed_at",
)  # fmt: skip


def read_duties(connection: Connection, since: datetime, until: datetime, zone: ZoneInfo) -> list[DutyFact]:
    """The callbacks whose person first tried in the time, the oldest first. Merged ones are in the one that stays."""
    first_try = (
        select(INTERACTION.c.after_hours)
        .join_from(TRY, INTERACTION, INTERACTION.c.id == TRY.c.interaction_id)
        .where(TRY.c.callback_id == DUTY.c.id)
        .order_by(TRY.c.at, TRY.c.id)
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(*(DUTY.c[name] for name in _DUTY_COLUMNS), first_try.label("after_hours"))
        .where(DUTY.c.first_at >= since, DUTY.c.first_at < until, DUTY.c.state != "merged")
        .order_by(DUTY.c.first_at, DUTY.c.id)
    )
    return [_duty(dict(row), zone) for row in connection.execute(query).mappings()]


def _duty(row: dict[str, Any], zone: ZoneInfo) -> DutyFact:
    return DutyFact(at=row.pop("first_at").astimezone(zone), **row)


def read_moves(connection: Connection, since: datetime, until: datetime, zone: ZoneInfo) -> list[MoveFact]:
    """Of the leads that were opened in the time, by the opening; of one lead in their order."""
    names = ("lead_id", "from_stage", "to_stage", "to_status", "since", "at")
    query = (
        select(*(CHANGE.c[name] for name in names), LEAD.c.created_at)
        .join_from(LEAD, CHANGE, LEAD.c.id == CHANGE.c.lead_id)
        .where(LEAD.c.created_at >= since, LEAD.c.created_at < until)
        .order_by(LEAD.c.created_at, CHANGE.c.id)
    )
    same = _same()
    return [_move(row, zone, same) for row in connection.execute(query)]


def _move(row: Any, zone: ZoneInfo, same: Same) -> MoveFact:
    lead_id, before, after, status, came, left, opened = row
    return MoveFact(
        lead_id=lead_id,
        from_stage=same(before) or "",
        to_stage=same(after) or "",
        to_status=same(status) or "",
        since=came,
        at=left,
        opened_at=opened.astimezone(zone),
    )
