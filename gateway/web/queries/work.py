"""The work on leads: what the card of a lead or contact shows, and the lists of tasks, documents and spend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from gateway.storage.tables import Contact, ContactMerge, Document, DocumentNumber, Lead, Note, Spend, StageChange, Task
from gateway.views.work import (
    DocumentView,
    MergeView,
    NoteView,
    SpendView,
    StageChangeView,
    TaskView,
    document_views,
    merge_view,
    note_views,
    spend_views,
    stage_views,
    task_views,
)
from gateway.web.queries.filters import (
    Filters,
    Page,
    Position,
    contains,
    has_handle,
    newest_first,
    of_manager,
    visible,
)
from gateway.web.queries.people import visible_contacts
from gateway.web.queries.search import contact_matches

T = TypeVar("T")
SHOWN = 500
"""Rows of one kind on one card: more than anybody reads."""


class LeadWork(msgspec.Struct, frozen=True, kw_only=True):
    """What was done and is to be done on one lead."""

    stages: list[StageChangeView]
    """The newest first; what it is in now is in the lead itself."""
    tasks: list[TaskView]
    """Open ones by due time, then the others."""
    notes: list[NoteView]
    """The newest first."""
    documents: list[DocumentView]
    """The newest first."""


class ContactWork(msgspec.Struct, frozen=True, kw_only=True):
    """The same for a contact, all of his leads together."""

    tasks: list[TaskView]
    notes: list[NoteView]
    documents: list[DocumentView]
    merges: list[MergeView]
    """Of others into this one; the newest first."""


def may_see_lead(connection: Connection, lead_id: str, seen_by: str | None) -> bool:
    """Whether there is such a lead and a viewer (``access.Viewer.seen_by``) sees it."""
    query = select(Lead.id).where(Lead.id == lead_id, *visible(Lead.manager_id, seen_by))
    return connection.execute(query).first() is not None


def may_see_contact(connection: Connection, contact_id: str, seen_by: str | None) -> bool:
    """The same for a contact: the viewer's own, nobody's, and those of the viewer's leads."""
    query = select(Contact.id).where(Contact.id == contact_id, *visible_contacts(seen_by))
    return connection.execute(query).first() is not None


def lead_work(connection: Connection, lead_id: str, scope: Filters) -> LeadWork | None:
    """Everything of one lead; None where there is no such lead, or ``scope.seen_by`` does not see it."""
    if not may_see_lead(connection, lead_id, scope.seen_by):
        return None
    stages = select(StageChange).where(StageChange.lead_id == lead_id).order_by(StageChange.id.desc()).limit(SHOWN)
    return LeadWork(
        stages=stage_views(connection, connection.execute(stages).all()),
        tasks=_tasks(connection, Task.lead_id, lead_id),
        notes=_notes(connection, Note.lead_id, lead_id),
        documents=_documents(connection, Document.lead_id, lead_id),
    )


def contact_work(connection: Connection, contact_id: str, scope: Filters) -> ContactWork | None:
    """Everything of one contact; None where there is no such contact, or ``scope.seen_by`` does not see it."""
    if not may_see_contact(connection, contact_id, scope.seen_by):
        return None
    query = select(ContactMerge).where(ContactMerge.winner_id == contact_id)
    merges = connection.execute(query.order_by(ContactMerge.merged_at.desc(), ContactMerge.id.desc()).limit(SHOWN))
    return ContactWork(
        tasks=_tasks(connection, Task.contact_id, contact_id),
        notes=_notes(connection, Note.contact_id, contact_id),
        documents=_documents(connection, Document.contact_id, contact_id),
        merges=[merge_view(row) for row in merges],
    )


Column = InstrumentedAttribute[str | None]


def _tasks(connection: Connection, column: Column, value: str) -> list[TaskView]:
    first_open = (Task.status != "open", Task.due_at, Task.id)
    rows = connection.execute(select(Task).where(column == value).order_by(*first_open).limit(SHOWN)).all()
    return task_views(connection, rows)


def _notes(connection: Connection, column: Column, value: str) -> list[NoteView]:
    newest = (Note.created_at.desc(), Note.id.desc())
    return note_views(connection, connection.execute(select(Note).where(column == value).order_by(*newest)).all())


def _documents(connection: Connection, column: Column, value: str) -> list[DocumentView]:
    newest = (Document.created_at.desc(), Document.id.desc())
    rows = connection.execute(select(Document).where(column == value).order_by(*newest).limit(SHOWN)).all()
    return document_views(connection, rows)


def tasks_page(connection: Connection, filters: Filters) -> Page[TaskView]:
    """Tasks, the newest made first. ``status``: open, done, void, or overdue (open and due before ``filters.now``).

    ``since`` and ``until`` are of the due time, ``manager`` the owner; the rest is the contact's.
    """
    query = select(Task).where(*has_handle(Task.contact_id, filters), *of_manager(Task.owner_id, filters.manager))
    query = query.where(*visible_tasks(filters.seen_by))
    if filters.status == "overdue":
        query = query.where(Task.status == "open", Task.due_at < (filters.now or datetime.now(UTC)))
    elif filters.status is not None:
        query = query.where(Task.status == filters.status)
    if filters.since is not None:
        query = query.where(Task.due_at >= filters.since)
    if filters.until is not None:
        query = query.where(Task.due_at < filters.until)
    if filters.channel is not None:
        query = query.where(Task.lead_id.in_(select(Lead.id).where(Lead.channel == filters.channel)))
    if filters.q:
        query = query.where(
            or_(contains(filters.q, (Task.text,)), contact_matches(connection, Task.contact_id, filters.q))
        )
    return _page(connection, query, Task.created_at, Task.id, _without_time(filters), task_views)


def visible_tasks(seen_by: str | None) -> list[ColumnElement[bool]]:
    """A viewer's own tasks and those of the leads that are seen."""
    if seen_by is None:
        return []
    # asked of each task's own lead: there are more leads that are seen than tasks
    seen = select(Lead.id).where(Lead.id == Task.lead_id, *visible(Lead.manager_id, seen_by)).exists()
    return [or_(Task.owner_id == seen_by, seen, Task.lead_id.is_(None) & Task.owner_id.is_(None))]


def agenda(connection: Connection, manager_id: str | None, until: datetime) -> list[TaskView]:
    """Open tasks of one manager (None: of nobody) that are due before ``until``, the most urgent first."""
    owner = Task.owner_id.is_(None) if manager_id is None else Task.owner_id == manager_id
    query = select(Task).where(Task.status == "open", owner, Task.due_at < until).order_by(Task.due_at, Task.id)
    return task_views(connection, connection.execute(query.limit(SHOWN)).all())


def documents_page(connection: Connection, filters: Filters) -> Page[DocumentView]:
    """Documents, the newest first. ``status``: made, sent, void. ``manager`` is the lead's."""
    query = select(Document).where(*has_handle(Document.contact_id, filters))
    states = {
        "sent": Document.sent_at.is_not(None) & Document.void_at.is_(None),
        "made": Document.sent_at.is_(None) & Document.void_at.is_(None),
        "void": Document.void_at.is_not(None),
    }
    if filters.status is not None:
        query = query.where(states.get(filters.status, Document.id.is_(None)))
    if filters.kind is not None:
        query = query.where(Document.kind == filters.kind)
    query = query.where(*_visible_documents(filters.seen_by))
    of_lead = of_manager(Lead.manager_id, filters.manager)
    if filters.channel is not None:
        of_lead.append(Lead.channel == filters.channel)
    if of_lead:
        query = query.where(Document.lead_id.in_(select(Lead.id).where(*of_lead)))
    if filters.q:
        texts = (Document.label, Document.title)
        query = query.where(
            or_(contains(filters.q, texts), contact_matches(connection, Document.contact_id, filters.q))
        )
    return _page(connection, query, Document.created_at, Document.id, filters, document_views)


def _visible_documents(seen_by: str | None) -> list[ColumnElement[bool]]:
    """Those of the leads that a viewer sees; without a lead those of the contacts."""
    if seen_by is None:
        return []
    lead = select(Lead.id).where(Lead.id == Document.lead_id, *visible(Lead.manager_id, seen_by)).exists()
    contact = select(Contact.id).where(Contact.id == Document.contact_id, *visible_contacts(seen_by)).exists()
    return [or_(lead, Document.lead_id.is_(None) & contact)]


def document_kinds(connection: Connection) -> list[str]:
    """The kinds of documents that were ever made."""
    return list(connection.execute(select(DocumentNumber.kind).distinct().order_by(DocumentNumber.kind)).scalars())


def spend_page(connection: Connection, filters: Filters) -> Page[SpendView]:
    """Spend, the newest entered first. ``since`` and ``until``: of the days it was for; ``q``: source or campaign."""
    query = select(Spend)
    if filters.channel is not None:
        query = query.where(Spend.channel == filters.channel)
    if filters.since is not None:
        query = query.where(Spend.last_day >= filters.since.date())
    if filters.until is not None:
        query = query.where(Spend.first_day < filters.until.date())
    # it is nobody's in particular, and who sees only his own leads does not see what they cost
    if any((filters.manager, filters.phone, filters.email, filters.status, filters.seen_by)):
        return Page([], None)
    if filters.q:
        query = query.where(contains(filters.q, (Spend.source, Spend.medium, Spend.campaign, Spend.comment)))
    return _page(connection, query, Spend.created_at, Spend.id, _without_time(filters), spend_views)


def task(connection: Connection, task_id: str, scope: Filters) -> TaskView | None:
    """One task."""
    query = select(Task).where(Task.id == task_id, *visible_tasks(scope.seen_by))
    return next(iter(task_views(connection, connection.execute(query).all())), None)


def note(connection: Connection, note_id: str) -> NoteView | None:
    """One note."""
    return next(iter(note_views(connection, connection.execute(select(Note).where(Note.id == note_id)).all())), None)


def document(connection: Connection, document_id: str, scope: Filters) -> DocumentView | None:
    """One document."""
    query = select(Document).where(Document.id == document_id, *_visible_documents(scope.seen_by))
    return next(iter(document_views(connection, connection.execute(query).all())), None)


def spend(connection: Connection, spend_id: str, scope: Filters) -> SpendView | None:
    """One amount."""
    if scope.seen_by is not None:
        return None
    rows = connection.execute(select(Spend).where(Spend.id == spend_id)).all()
    return next(iter(spend_views(connection, rows)), None)


def merge_of(connection: Connection, merge_id: str) -> MergeView | None:
    """One merge."""
    row = connection.execute(select(ContactMerge).where(ContactMerge.id == merge_id)).one_or_none()
    return merge_view(row) if row is not None else None


def _without_time(filters: Filters) -> Filters:
    """The same without the times, where those mean something else than when the row was made."""
    return replace(filters, since=None, until=None)


def _page(
    connection: Connection,
    query: Select[Any],
    at: InstrumentedAttribute[datetime],
    key: InstrumentedAttribute[str],
    filters: Filters,
    views: Callable[[Connection, Sequence[Row[Any]]], list[T]],
) -> Page[T]:
    rows = connection.execute(newest_first(query, at, key, filters)).all()
    shown = rows[: filters.limit]
    more = len(rows) > filters.limit
    position = Position(shown[-1].created_at, shown[-1].id).encode() if more else None
    return Page(views(connection, shown), position)
