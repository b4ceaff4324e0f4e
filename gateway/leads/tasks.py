"""What managers have to do: tasks with a due time and an owner, made by people here and by rules in ``rules``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, insert, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.core.sentences import Sentence
from gateway.leads.change import contact_id_of
from gateway.leads.desk import Desk, checked_text, manager_id_of, who_changed
from gateway.leads.notes import tell_pages
from gateway.storage.tables import Lead, Task

TaskKind = Literal["call", "write", "meet", "other"]
A_TASK = Sentence("The task")
MAX_TEXT = 2000
FAR = 2200
"""The year from which on a due time is a slip of the pen."""


class NewTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task to be made, for a lead or a contact."""

    kind: TaskKind = "call"
    text: str
    due_at: datetime
    """With its zone."""
    lead: str | None = None
    contact: str | None = None
    """Where it is for no lead."""
    owner: str | None = None
    """Id or login; null: who makes it."""


class TaskChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a task; what is left out stays."""

    kind: TaskKind | UnsetType = UNSET
    text: str | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET
    owner: str | UnsetType | None = UNSET
    status: Literal["open", "done", "void"] | UnsetType = UNSET
    """``done``; ``void``: it need not be done; ``open``: it is to be done after all."""
    outcome: str | UnsetType = UNSET
    """What came of it, in words."""


def add_task(connection: Connection, desk: Desk, new: NewTask, by: By) -> str:
    """Store a task; its id. Raises NotPossible."""
    lead_id, contact_id = _about(connection, new)
    owner_id = manager_id_of(connection, new.owner) if new.owner is not None else by.manager_id
    task_id = by.new_id()
    row = {
        "id": task_id,
        "lead_id": lead_id,
        "contact_id": contact_id,
        "kind": new.kind,
        "text": checked_text(new.text, A_TASK, MAX_TEXT),
        "due_at": _checked_due(new.due_at),
        "owner_id": owner_id,
        "created_by": by.actor,
        "created_at": by.at,
        "updated_at": by.at,
        "keep_until": desk.keep_until(by.at),
    }
    connection.execute(insert(Task), row)
    _write_down(connection, "task.added", task_id, {"kind": new.kind, "lead": lead_id, "contact": contact_id}, by)
    tell_pages(connection, lead_id, contact_id, by)
    return task_id


def change_task(
    connection: Connection, task_id: str, change: TaskChange, by: By, *, version: int | None = None
) -> None:
    """Change, move, hand over, end or reopen a task. Raises NotFound, NotPossible, Conflict (as with leads)."""
    task = connection.execute(select(Task).where(Task.id == task_id).with_for_update()).one_or_none()
    if task is None:
        raise NotFound("There is no task with this id.")
    if version is not None and version != task.version:
        raise Conflict(
            "%(who)s: load it again, then repeat your change.", who=who_changed(connection, "task", task_id, by)
        )
    values = {
        name: value for name, value in _values(connection, task, change, by).items() if value != task._mapping[name]
    }
    if not values:
        return
    connection.execute(
        update(Task).where(Task.id == task_id).values(**values, updated_at=by.at, version=task.version + 1)
    )
    detail = {name: value for name, value in values.items() if name in {"status", "due_at", "owner_id", "kind"}}
    _write_down(connection, f"task.{values.get('status', 'changed')}", task_id, detail, by)
    tell_pages(connection, task.lead_id, task.contact_id, by)


def _values(connection: Connection, task: Row[Any], change: TaskChange, by: By) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if change.kind is not UNSET:
        values["kind"] = change.kind
    if change.text is not UNSET:
        values["text"] = checked_text(change.text, A_TASK, MAX_TEXT)
    if change.due_at is not UNSET:
        values |= {"due_at": _checked_due(change.due_at), "reminded_at": None}
    if change.owner is not UNSET:
        values["owner_id"] = None if change.owner is None else manager_id_of(connection, change.owner)
    if change.outcome is not UNSET:
        values["outcome"] = change.outcome.strip()[:MAX_TEXT] or None
    if change.status is not UNSET and change.status != task.status:
        values |= {"status": change.status, "ended_at": by.at, "ended_by": by.actor}
        if change.status == "open":
            values |= {"ended_at": None, "ended_by": None, "reminded_at": None}
    return values


def _about(connection: Connection, new: NewTask) -> tuple[str | None, str | None]:
    """The ids of lead and contact. Raises NotPossible."""
    if new.lead is not None:
        lead = connection.execute(select(Lead.contact_id).where(Lead.id == new.lead)).one_or_none()
        if lead is None:
            raise NotPossible("There is no lead %(lead)r.", lead=new.lead[:60])
        return new.lead, lead.contact_id
    if new.contact is None:
        raise NotPossible("A task is for a lead or for a contact: say which.")
    return None, contact_id_of(connection, new.contact)


def _checked_due(due_at: datetime) -> datetime:
    if due_at.tzinfo is None:
        raise NotPossible("Write due_at with its zone, as 2026-11-24T10:00:00+03:00.")
    if not 2000 <= due_at.year < FAR:
        raise NotPossible("The year %(year)s of due_at can't be meant.", year=due_at.year)
    return due_at


def _write_down(connection: Connection, action: str, task_id: str, detail: dict[str, Any], by: By) -> None:
    record(connection, Deed(actor=by.actor, action=action, object_kind="task", object_id=task_id, detail=detail), by.at)
