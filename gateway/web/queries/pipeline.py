"""The board of stages: the open leads by stage, counted and summed, the latest of each shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, or_, select

from gateway.storage.tables import Lead, Manager, Task
from gateway.views.leads import lead_views, money_view
from gateway.views.shapes import LeadView, MoneyView
from gateway.web.queries.filters import NOBODY, Filters, contains, of_manager, visible
from gateway.web.queries.search import contact_matches

OPEN_LEAD = Lead.status == literal_column("'open'")
"""Written into the statement, not bound: only so does SQLite see that the partial index fits."""
ALL = 2**31 - 1
"""As a limit: a subquery that has one is read in its own order, so SQLite takes the index that holds all it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageColumn:
    """One column of the board."""

    stage: str
    count: int
    sums: Mapping[str, MoneyView]
    """What its leads are worth, by currency."""
    leads: list[LeadView]
    """Those that came to the stage last, at most as many as were asked for."""


class Totals:
    """Counts and sums by stage."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.sums: dict[str, dict[str, int]] = {}

    def add(self, stage: str, currency: str | None, count: int, total: int | None) -> None:
        """Some more leads of a stage."""
        self.counts[stage] = self.counts.get(stage, 0) + count
        if currency is not None and total is not None:
            of_stage = self.sums.setdefault(stage, {})
            of_stage[currency] = of_stage.get(currency, 0) + int(total)

    def money(self, stage: str) -> dict[str, MoneyView]:
        """The sums of a stage as they are shown."""
        shown = {currency: money_view(units, currency) for currency, units in self.sums.get(stage, {}).items()}
        return {currency: money for currency, money in shown.items() if money is not None}


def stage_board(connection: Connection, stages: Sequence[str], filters: Filters) -> list[StageColumn]:
    """The open leads by stage, ``filters.limit`` a column. ``filters``: manager, stage (only its column), seen_by, q.

    Stages of an earlier configuration that still have leads come last: no lead is out of sight.
    """
    chosen = [*of_manager(Lead.manager_id, filters.manager), *visible(Lead.manager_id, filters.seen_by)]
    if filters.q:
        return _found(connection, stages, [OPEN_LEAD, *chosen], filters)
    totals = _totals(connection, stages, filters)
    newest = select(Lead).where(OPEN_LEAD, *chosen).order_by(Lead.stage_since.desc(), Lead.id.desc())
    rows = {
        stage: connection.execute(newest.where(Lead.stage == stage).limit(filters.limit)).all()
        for stage in totals.counts
        if filters.stage in {None, stage}
    }
    return _columns(connection, stages, totals, rows)


def _totals(connection: Connection, stages: Sequence[str], filters: Filters) -> Totals:
    """All managers' are counted, which costs no more, so it is seen whether there are leads in other stages."""
    totals, seen = Totals(), 0
    wanted = _manager_ids(connection, filters.manager)
    for stage in stages:
        seen += _add(connection, totals, stage, wanted, filters.seen_by)
    open_leads = select(func.count()).select_from(Lead).where(OPEN_LEAD)
    if connection.execute(open_leads).scalar_one() > seen:
        others = select(Lead.stage).where(OPEN_LEAD, Lead.stage.not_in(list(stages))).distinct().order_by(Lead.stage)
        for stage in connection.execute(others).scalars().all():
            _add(connection, totals, stage, wanted, filters.seen_by)
    return totals


def _add(
    connection: Connection, totals: Totals, stage: str, wanted: frozenset[str | None] | None, seen_by: str | None
) -> int:
    """Count one stage; how many leads it has, whosesoever."""
    leads = select(Lead.manager_id, Lead.currency, Lead.amount).where(OPEN_LEAD, Lead.stage == stage)
    of_stage = leads.order_by(Lead.stage_since).limit(ALL).subquery()
    columns = (of_stage.c.manager_id, of_stage.c.currency)
    all_of_them = 0
    for manager_id, currency, count, total in connection.execute(
        select(*columns, func.count(), func.sum(of_stage.c.amount)).group_by(*columns)
    ):
        all_of_them += count
        if (wanted is None or manager_id in wanted) and (seen_by is None or manager_id in {None, seen_by}):
            totals.add(stage, currency, count, total)
    return all_of_them


def _manager_ids(connection: Connection, manager: str | None) -> frozenset[str | None] | None:
    """Whom ``Filters.manager`` means; None: everybody."""
    if manager is None:
        return None
    if manager == NOBODY:
        return frozenset({None})
    named = or_(Manager.id == manager, Manager.login == manager)
    return frozenset(connection.execute(select(Manager.id).where(named)).scalars())


def _found(
    connection: Connection, stages: Sequence[str], chosen: Sequence[ColumnElement[bool]], filters: Filters
) -> list[StageColumn]:
    """With words to find: they are looked for once, not once a column."""
    assert filters.q is not None
    words = or_(contains(filters.q, (Lead.subject,)), contact_matches(connection, Lead.contact_id, filters.q))
    found = select(Lead.id, Lead.stage, Lead.currency, Lead.amount).where(*chosen, words)
    totals = Totals()
    ids: dict[str, list[str]] = {}
    for lead_id, stage, currency, amount in connection.execute(found.order_by(Lead.stage_since.desc(), Lead.id.desc())):
        totals.add(stage, currency, 1, amount)
        if len(ids.setdefault(stage, [])) < filters.limit and filters.stage in {None, stage}:
            ids[stage].append(lead_id)
    wanted = [lead_id for of_stage in ids.values() for lead_id in of_stage]
    by_id = {row.id: row for row in connection.execute(select(Lead).where(Lead.id.in_(wanted)))}
    rows = {stage: [by_id[lead_id] for lead_id in of_stage] for stage, of_stage in ids.items()}
    return _columns(connection, stages, totals, rows)


def _columns(
    connection: Connection, stages: Sequence[str], totals: Totals, rows: Mapping[str, Sequence[Row[Any]]]
) -> list[StageColumn]:
    views = {view.id: view for view in lead_views(connection, [row for of_stage in rows.values() for row in of_stage])}
    return [
        StageColumn(
            stage=stage,
            count=totals.counts.get(stage, 0),
            sums=totals.money(stage),
            leads=[views[row.id] for row in rows.get(stage, ())],
        )
        for stage in dict.fromkeys((*stages, *totals.counts))
    ]


def next_due(connection: Connection, lead_ids: Sequence[str]) -> dict[str, datetime]:
    """Of these leads, those with open tasks: lead id -> when the most urgent one is due."""
    query = select(Task.lead_id, func.min(Task.due_at)).where(Task.lead_id.in_(lead_ids), Task.status == "open")
    return {lead_id or "": due_at for lead_id, due_at in connection.execute(query.group_by(Task.lead_id))}
