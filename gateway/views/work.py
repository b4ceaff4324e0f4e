"""The work on leads and contacts as the API and the pages tell it: tasks, notes, stages, documents, spend, merges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from gateway.storage.tables import ApiToken, Manager
from gateway.views.leads import money_view
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import ContactBrief, ManagerBrief, MoneyView


class ActorView(msgspec.Struct, frozen=True, kw_only=True):
    """Who did something."""

    id: str
    """``manager:ID``, ``token:ID``, ``console`` or ``gateway``."""
    name: str
    """The person's or token's; else the id."""


class StageChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A lead went from one stage or status to another."""

    from_stage: str
    to_stage: str
    from_status: str
    to_status: str
    reason: str | None
    actor: ActorView
    since: datetime
    """When it had come to the stage that it left."""
    at: datetime
    seconds: int
    """How long it was there."""


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done."""

    id: str
    kind: str
    """``call``, ``write``, ``meet`` or ``other``."""
    text: str
    due_at: datetime
    status: str
    """``open``, ``done`` or ``void``."""
    owner: ManagerBrief | None
    lead: str | None
    contact: ContactBrief | None
    rule: str | None
    """Name of the rule that made it."""
    outcome: str | None
    ended_at: datetime | None
    ended_by: ActorView | None
    created_by: ActorView
    created_at: datetime
    updated_at: datetime
    version: int


class NoteView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote down."""

    id: str
    lead: str | None
    contact: str | None
    text: str
    author: ActorView
    created_at: datetime
    edited_at: datetime | None


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A document made from a template, without its page."""

    id: str
    kind: str
    template: str
    language: str
    label: str
    """Its number as people read it."""
    title: str
    lead: str | None
    contact: ContactBrief | None
    fields: dict[str, Any]
    amount: MoneyView | None
    subject: str
    """Of the letter, until somebody writes another."""
    message: str
    sha256: str
    """Of the page's HTML."""
    created_by: ActorView
    created_at: datetime
    sent_at: datetime | None
    sent_to: list[str]
    void_at: datetime | None
    void_reason: str | None


class SpendView(msgspec.Struct, frozen=True, kw_only=True):
    """What a source cost in a period."""

    id: str
    channel: str
    source: str
    medium: str
    campaign: str
    first_day: date
    last_day: date
    cost: MoneyView
    comment: str
    created_by: ActorView
    created_at: datetime
    updated_at: datetime
    version: int


class MergeView(msgspec.Struct, frozen=True, kw_only=True):
    """Two contacts that became one."""

    id: str
    winner: str
    loser: str
    reason: str
    merged_at: datetime
    undone_at: datetime | None


def actors(connection: Connection, names: Iterable[str | None]) -> Mapping[str | None, ActorView]:
    """The people and programs behind the actors of deeds."""
    wanted = {name for name in names if name is not None}
    found: dict[str | None, ActorView] = {name: ActorView(id=name, name=name) for name in wanted}
    for prefix, table in (("manager:", Manager), ("token:", ApiToken)):
        ids = [name.removeprefix(prefix) for name in wanted if name.startswith(prefix)]
        if ids:
            for row in connection.execute(select(table.id, table.name).where(table.id.in_(ids))):
                found[prefix + row.id] = ActorView(id=prefix + row.id, name=row.name)
    return found


def task_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[TaskView]:
    """Rows of the table of tasks, in their order."""
    who = actors(connection, [name for row in rows for name in (row.created_by, row.ended_by)])
    owners = manager_briefs(connection, [row.owner_id for row in rows])
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    return [
        TaskView(
            id=row.id,
            kind=row.kind,
            text=row.text,
            due_at=row.due_at,
            status=row.status,
            owner=owners.get(row.owner_id),
            lead=row.lead_id,
            contact=contacts.get(row.contact_id),
            rule=row.rule,
            outcome=row.outcome,
            ended_at=row.ended_at,
            ended_by=who.get(row.ended_by),
            created_by=who[row.created_by],
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
        )
        for row in rows
    ]


def note_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[NoteView]:
    """Rows of the table of notes, in their order."""
    who = actors(connection, [row.author for row in rows])
    return [
        NoteView(
            id=row.id,
            lead=row.lead_id,
            contact=row.contact_id,
            text=row.text,
            author=who[row.author],
            created_at=row.created_at,
            edited_at=row.edited_at,
        )
        for row in rows
    ]


def stage_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[StageChangeView]:
    """Rows of the table of stage changes, in their order."""
    who = actors(connection, [row.actor for row in rows])
    return [
        StageChangeView(
            from_stage=row.from_stage,
            to_stage=row.to_stage,
            from_status=row.from_status,
            to_status=row.to_status,
            reason=row.reason,
            actor=who[row.actor],
            since=row.since,
            at=row.at,
            seconds=max(0, round((row.at - row.since).total_seconds())),
        )
        for row in rows
    ]


def document_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[DocumentView]:
    """Rows of the table of documents, in their order."""
    who = actors(connection, [row.created_by for row in rows])
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    return [
        DocumentView(
            id=row.id,
            kind=row.kind,
            template=row.template,
            language=row.language,
            label=row.label,
            title=row.title,
            lead=row.lead_id,
            contact=contacts.get(row.contact_id),
            fields=row.fields,
            amount=money_view(row.amount, row.currency),
            subject=row.subject,
            message=row.message,
            sha256=row.sha256,
            created_by=who[row.created_by],
            created_at=row.created_at,
            sent_at=row.sent_at,
            sent_to=row.sent_to,
            void_at=row.void_at,
            void_reason=row.void_reason,
        )
        for row in rows
    ]


def spend_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[SpendView]:
    """Rows of the table of spend, in their order."""
    who = actors(connection, [row.created_by for row in rows])
    return [
        SpendView(
            id=row.id,
            channel=row.channel,
            source=row.source,
            medium=row.medium,
            campaign=row.campaign,
            first_day=row.first_day,
            last_day=row.last_day,
            cost=money_view(row.amount, row.currency) or MoneyView(amount="0", currency=row.currency),
            comment=row.comment,
            created_by=who[row.created_by],
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
        )
        for row in rows
    ]


def merge_view(row: Row[Any]) -> MergeView:
    """A row of the log of merges."""
    return MergeView(
        id=row.id,
        winner=row.winner_id,
        loser=row.loser_id,
        reason=row.reason,
        merged_at=row.merged_at,
        undone_at=row.undone_at,
    )
