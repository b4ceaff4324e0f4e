"""Tasks as the pages show them: what is overdue, what is for today, what is later, what is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, func, literal_column, or_, select

from gateway.storage.tables import Task
from gateway.views.work import TaskView, task_views
from gateway.web.queries.filters import Filters, Page, Position, contains, of_manager
from gateway.web.queries.search import contact_matches
from gateway.web.queries.work import visible_tasks

OVERDUE, TODAY, LATER, DONE = "overdue", "today", "later", "done"
OPEN = Task.status == literal_column("'open'")
"""Written into the statement, not bound: only so does SQLite see that the partial indexes fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The moments that part tasks."""

    now: datetime
    tomorrow: datetime
    """When the company's next day begins."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many open tasks there are in each group."""

    overdue: int
    today: int
    later: int


def tasks_of(connection: Connection, group: str, filters: Filters, times: Times) -> Page[TaskView]:
    """The tasks of one group: open ones by due time, done ones the latest first. ``filters``: manager, q, seen_by.

    A page begins after the place of the last row of the one before, not after a number of rows: so none is missed and
    none seen twice while others are done.
    """
    query = select(Task).where(*_conditions(connection, filters), *_group(group, times))
    after = filters.after
    order: tuple[ColumnElement[Any], ...]
    if group == DONE:
        order = (Task.ended_at.desc(), Task.id.desc())
        if after is not None:
            query = query.where(Task.ended_at <= after.at, or_(Task.ended_at < after.at, Task.id < after.id))
    else:
        order = (Task.due_at.asc(), Task.id.asc())
        if after is not None:
            query = query.where(Task.due_at >= after.at, or_(Task.due_at > after.at, Task.id > after.id))
    rows = connection.execute(query.order_by(*order).limit(filters.limit + 1)).all()
    shown = rows[: filters.limit]
    at = (shown[-1].ended_at if group == DONE else shown[-1].due_at) if len(rows) > filters.limit else None
    return Page(task_views(connection, shown), Position(at, shown[-1].id).encode() if at is not None else None)


def count_open(connection: Connection, filters: Filters, times: Times) -> Counts:
    """The open ones of all groups."""
    query = select(
        func.count().filter(Task.due_at < times.now),
        func.count().filter(Task.due_at >= times.now, Task.due_at < times.tomorrow),
        func.count().filter(Task.due_at >= times.tomorrow),
    )
    overdue, today, later = connection.execute(query.where(OPEN, *_conditions(connection, filters))).one()
    return Counts(overdue=overdue, today=today, later=later)


def count_done(connection: Connection, filters: Filters) -> int:
    """Those that are over."""
    query = select(func.count()).select_from(Task).where(~OPEN, *_conditions(connection, filters))
    return connection.execute(query).scalar_one()


def _conditions(connection: Connection, filters: Filters) -> list[ColumnElement[bool]]:
    found = [*of_manager(Task.owner_id, filters.manager), *visible_tasks(filters.seen_by)]
    if filters.q:
        found.append(or_(contains(filters.q, (Task.text,)), contact_matches(connection, Task.contact_id, filters.q)))
    return found


def _group(group: str, times: Times) -> list[ColumnElement[bool]]:
    if group == DONE:
        return [~OPEN]
    if group == OVERDUE:
        return [OPEN, Task.due_at < times.now]
    if group == TODAY:
        return [OPEN, Task.due_at >= times.now, Task.due_at < times.tomorrow]
    return [OPEN, Task.due_at >= times.tomorrow]
