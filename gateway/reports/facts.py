"""Stored rows as small facts, read once a report; everything after this is pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from gateway.reports.scope import Scope
from gateway.storage.tables import Callback, CallbackTry, Interaction, Lead, Manager, table_of

LEAD, INTERACTION, MANAGER = table_of(Lead), table_of(Interaction), table_of(Manager)
DUTY, TRY = table_of(Callback), table_of(CallbackTry)
NOBODY = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFact:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact:
    """One call from outside."""

    id: str
    at: datetime
    outcome: str | None
    reason: str | None
    line: str | None
    queue: str | None
    contact_id: str | None
    lead_id: str | None
    manager_id: str | None
    after_hours: bool | None
    wait: float | None
    talk: float | None

    @property
    def missed(self) -> bool:
        """Nobody of the company spoke with the caller."""
        return self.outcome is not None and self.outcome != "answered"


def leads(connection: Connection, scope: Scope) -> list[LeadFact]:
    """The leads that came in the scope, the oldest first."""
    opener = INTERACTION.alias()
    query = (
        select(
            *(LEAD.c[name] for name in _LEAD_COLUMNS),
            opener.c.line,
            opener.c.source_name,
        )
        .join_from(LEAD, opener, opener.c.id == LEAD.c.opened_by, isouter=True)
        .where(LEAD.c.created_at >= scope.since, LEAD.c.created_at < scope.until, LEAD.c.status != "merged")
        .where(*_belongs(LEAD.c.manager_id, scope), *_when(LEAD.c.after_hours, scope))
        .order_by(LEAD.c.created_at, LEAD.c.id)
    )
    if scope.channel is not None:
        query = query.where(LEAD.c.channel == scope.channel)
    if scope.line is not None:
        query = query.where(opener.c.line == scope.line)
    rows = connection.execute(query).mappings().all()
    answered = _first_answers(connection, scope)
    found = [_lead(row, answered.get(row["id"])) for row in rows]
    return [lead for lead in found if scope.source is None or lead.source == scope.source]


_LEAD_COLUMNS = (
    "id", "created_at", "channel", "status", "stage", "manager_id", "contact_id", "source", "after_hours", "amount",
    "currency", "closed_at",
)  # fmt: skip


def _lead(row: Any, answered_at: datetime | None) -> LeadFact:
    source = row["source"] or {}
    utm = source.get("utm") or {}
    return LeadFact(
        id=row["id"],
        at=row["created_at"],
        channel=row["channel"],
        status=row["status"],
        stage=row["stage"],
        manager_id=row["manager_id"],
        contact_id=row["contact_id"],
        source=utm.get("source") or source.get("name") or row["source_name"],
        has_utm=bool(utm.get("source")),
        medium=utm.get("medium"),
        campaign=utm.get("campaign"),
        line=row["line"],
        after_hours=row["after_hours"],
        amount=row["amount"],
        currency=row["currency"],
        closed_at=row["closed_at"],
        answered_at=answered_at,
    )


def _first_answers(connection: Connection, scope: Scope) -> dict[str, datetime]:
    """Lead -> the first answered call, or letter of ours, in it."""
    spoken = and_(INTERACTION.c.channel == "call", INTERACTION.c.outcome == "answered")
    written = and_(
        INTERACTION.c.channel == "mail", INTERACTION.c.direction == "outbound", INTERACTION.c.kind == "message"
    )
    query = (
        select(INTERACTION.c.lead_id, func.min(INTERACTION.c.occurred_at))
        .join_from(INTERACTION, LEAD, LEAD.c.id == INTERACTION.c.lead_id)
        .where(LEAD.c.created_at >= scope.since, LEAD.c.created_at < scope.until, or_(spoken, written))
        .group_by(INTERACTION.c.lead_id)
    )
    return {lead_id: at for lead_id, at in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


def calls(connection: Connection, scope: Scope) -> list[CallFact]:
    """The ended calls from outside in the scope, the oldest first."""
    query = (
        select(*(INTERACTION.c[name] for name in _CALL_COLUMNS))
        .where(
            INTERACTION.c.occurred_at >= scope.since,
            INTERACTION.c.occurred_at < scope.until,
            INTERACTION.c.channel == "call",
            INTERACTION.c.direction == "inbound",
            INTERACTION.c.phase == "ended",
            INTERACTION.c.kind == "message",
        )
        .where(*_belongs(INTERACTION.c.manager_id, scope), *_when(INTERACTION.c.after_hours, scope))
        .order_by(INTERACTION.c.occurred_at, INTERACTION.c.id)
    )
    if scope.line is not None:
        query = query.where(INTERACTION.c.line == scope.line)
    if scope.channel not in {None, "call"}:
        return []
    return [_call(row) for row in connection.execute(query).mappings()]


_CALL_COLUMNS = (
    "id", "occurred_at", "outcome", "missed_reason", "line", "queue", "contact_id", "lead_id", "manager_id",
    "after_hours", "wait_seconds", "talk_seconds",
)  # fmt: skip


def _call(row: Any) -> CallFact:
    return CallFact(
        id=row["id"],
        at=row["occurred_at"],
        outcome=row["outcome"],
        reason=row["missed_reason"],
        line=row["line"],
        queue=row["queue"],
        contact_id=row["contact_id"],
        lead_id=row["lead_id"],
        manager_id=row["manager_id"],
        after_hours=row["after_hours"],
        wait=row["wait_seconds"],
        talk=row["talk_seconds"],
    )


def _belongs(column: Any, scope: Scope) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if scope.manager == NOBODY:
        conditions.append(column.is_(None))
    elif scope.manager is not None:
        conditions.append(column == scope.manager)
    if scope.seen_by is not None:
        conditions.append(or_(column.is_(None), column == scope.seen_by))
    return conditions


def _when(column: Any, scope: Scope) -> Sequence[ColumnElement[bool]]:
    if scope.when == "working":
        return [column.is_(False)]
    if scope.when == "after":
        return [column.is_(True)]
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyFact:
    """One callback: a person who wanted to be called."""

    id: str
    at: datetime
    """The first try of the person that it stands for."""
    state: str
    reason: str
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


def duties(connection: Connection, scope: Scope) -> list[DutyFact]:
    """The callbacks whose person first tried in the scope, the oldest first. Merged ones are in the one that stays."""
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
        .where(DUTY.c.first_at >= scope.since, DUTY.c.first_at < scope.until, DUTY.c.state != "merged")
        .where(*_belongs(DUTY.c.owner_id, scope))
        .order_by(DUTY.c.first_at, DUTY.c.id)
    )
    if scope.channel is not None:
        query = query.where(DUTY.c.channel == scope.channel)
    if scope.line is not None:
        query = query.where(DUTY.c.line == scope.line)
    found = [_duty(row) for row in connection.execute(query).mappings()]
    if scope.when != "all":
        found = [duty for duty in found if duty.after_hours is (scope.when == "after")]
    return found


_DUTY_COLUMNS = (
    "id", "first_at", "state", "reason", "line", "owner_id", "contact_id", "tries", "attempts", "due_at", "in_time",
    "closed_at",
)  # fmt: skip


def _duty(row: Any) -> DutyFact:
    values = {name: row[name] for name in _DUTY_COLUMNS if name != "first_at"}
    return DutyFact(**values, at=row["first_at"], after_hours=row["after_hours"])


def manager_names(connection: Connection) -> dict[str, str]:
    """Id -> name, of those too who have left."""
    return {row.id: row.name for row in connection.execute(select(MANAGER.c.id, MANAGER.c.name))}
