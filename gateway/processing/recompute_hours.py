"""Marks stored interactions and leads anew as after hours or not, for when the working hours were changed.

Works in batches like `recompute`, each one transaction: a run that is cut off is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, select, update

from gateway.core.clock import Clock
from gateway.live.changes import ChangeKind, record
from gateway.processing.step import Calendar
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, Lead

BATCH = 500


@dataclass(slots=True, kw_only=True)
class Remarked:
    """What a run found, and did unless it was a dry one."""

    looked_at: int = 0
    changed: int = 0
    """Interactions that are marked otherwise now."""
    leads: int = 0
    """Leads that were opened by one of them."""


async def recompute_hours(
    store: Store,
    clock: Clock,
    calendar: Calendar,
    *,
    since: datetime | None = None,
    dry_run: bool = False,
    progress: Callable[[Remarked], None] = lambda _: None,
) -> Remarked:
    """Look at everything that began at ``since`` or later. Safe beside a running gateway. Raises StoreUnavailable."""
    done, after = Remarked(), ""
    while True:
        rows = await store.read(partial(_page, after=after, since=since))
        if not rows:
            return done
        after = rows[-1].id
        done.looked_at += len(rows)
        marks = _marks(rows, calendar)
        done.changed += len(marks)
        done.leads += await (
            store.read(partial(_count_leads, ids=list(marks)))
            if dry_run
            else store.write(partial(_apply, marks=marks, at=clock.now()))
        )
        progress(done)


def _page(connection: Connection, *, after: str, since: datetime | None) -> Sequence[Row[Any]]:
    columns: tuple[Any, ...] = (Interaction.id, Interaction.occurred_at, Interaction.line, Interaction.after_hours)
    query = select(*columns).where(Interaction.id > after).order_by(Interaction.id).limit(BATCH)
    if since is not None:
        query = query.where(Interaction.occurred_at >= since)
    return connection.execute(query).all()


def _marks(rows: Sequence[Row[Any]], calendar: Calendar) -> dict[str, bool]:
    """The ids whose mark is another now. Where no hours are known the old one stays."""
    found = {}
    for row in rows:
        mark = calendar.after_hours(row.occurred_at, row.line)
        if mark is not None and mark != row.after_hours:
            found[row.id] = mark
    return found


def _count_leads(connection: Connection, *, ids: list[str]) -> int:
    return len(connection.execute(select(Lead.id).where(Lead.opened_by.in_(ids))).all())


def _apply(connection: Connection, *, marks: dict[str, bool], at: datetime) -> int:
    for interaction_id, mark in marks.items():
        connection.execute(
            update(Interaction).where(Interaction.id == interaction_id).values(after_hours=mark, updated_at=at)
        )
        record(connection, ChangeKind.INTERACTION_UPDATED, interaction_id, at)
    leads = connection.execute(select(Lead.id, Lead.opened_by).where(Lead.opened_by.in_(list(marks)))).all()
    for lead in leads:
        connection.execute(
            update(Lead).where(Lead.id == lead.id).values(after_hours=marks[lead.opened_by], updated_at=at)
        )
        record(connection, ChangeKind.LEAD_UPDATED, lead.id, at)
    return len(leads)
