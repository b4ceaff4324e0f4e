"""Tasks as the pages show them: what is overdue, what is for today, what is later, what is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select

from gateway.storage.tables import Task
from gateway.views.work import TaskView, task_views
from gateway.web.queries.filters import Filters, contains, of_manager
from gateway.web.queries.search import contact_matches
from gateway.web.queries.work import visible_tasks

OVERDUE, TODAY, LATER, DONE = "overdue", "today", "later", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The moments that part tasks."""

    now: datetime
    tomorrow: datetime
    """When the company's next day begins."""


def tasks_of(
    connection: Connection, group: str, filters: Filters, times: Times, *, limit: int, skip: int = 0
) -> list[TaskView]:
    """The tasks of one group: open ones by due time, done ones the latest first. ``filters``: manager, q, seen_by."""
    query = select(Task).where(*_conditions(connection, filters), *_group(group, times))
    order = (Task.ended_at.desc(), Task.id) if group == DONE else (Task.due_at, Task.id)
    return task_views(connection, connection.execute(query.order_by(*order).limit(limit).offset(skip)).all())


def count_tasks(connection: Connection, group: str, filters: Filters, times: Times) -> int:
    """How many there are in a group."""
    query = select(func.count()).select_from(Task).where(*_conditions(connection, filters), *_group(group, times))
    return connection.execute(query).scalar_one()


def _conditions(connection: Connection, filters: Filters) -> list[ColumnElement[bool]]:
    found = [*of_manager(Task.owner_id, filters.manager), *visible_tasks(filters.seen_by)]
    if filters.q:
        found.append(or_(contains(filters.q, (Task.text,)), contact_matches(connection, Task.contact_id, filters.q)))
    return found


def _group(group: str, times: Times) -> list[ColumnElement[bool]]:
    if group == DONE:
        return [Task.status != "open"]
    found: list[ColumnElement[bool]] = [Task.status == "open"]
    if group == OVERDUE:
        found.append(Task.due_at < times.now)
    elif group == TODAY:
        found += [Task.due_at >= times.now, Task.due_at < times.tomorrow]
    else:
        found.append(Task.due_at >= times.tomorrow)
    return found
