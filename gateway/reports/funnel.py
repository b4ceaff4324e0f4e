"""The stages of the pipeline: how many leads came to each, how long they stayed, how many went on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from gateway.reports.facts import LEAD, LeadFact, leads
from gateway.reports.numbers import median, ratio
from gateway.reports.scope import Scope
from gateway.reports.table import Cell, Column, Line, Table, _, counted
from gateway.storage.tables import StageChange, table_of

CHANGE = table_of(StageChange)

FUNNEL = (
    Column(key="reached", label=_("Came to it"), opens="lead"),
    Column(key="share", label=_("Of all leads"), unit="share", opens="lead"),
    Column(key="onward", label=_("Went on from it"), unit="share", opens="lead"),
    Column(key="now", label=_("There now"), opens="lead"),
    Column(key="median", label=_("Median time in it"), unit="seconds", opens="lead"),
    Column(key="lost", label=_("Lost from it"), opens="lead"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFact:
    """A lead left a stage."""

    lead_id: str
    from_stage: str
    to_stage: str
    to_status: str
    since: datetime
    at: datetime


def moves(connection: Connection, scope: Scope) -> list[MoveFact]:
    """Of the leads that came in the scope, in their order."""
    names = ("lead_id", "from_stage", "to_stage", "to_status", "since", "at")
    query = (
        select(*(CHANGE.c[name] for name in names))
        .join_from(CHANGE, LEAD, LEAD.c.id == CHANGE.c.lead_id)
        .where(LEAD.c.created_at >= scope.since, LEAD.c.created_at < scope.until)
        .order_by(CHANGE.c.id)
    )
    return [MoveFact(**row) for row in connection.execute(query).mappings()]


def funnel_table(facts: Sequence[LeadFact], moved: Sequence[MoveFact], stages: Sequence[tuple[str, str]]) -> Table:
    """See FUNNEL. ``stages``: key and name of each, in their order.

    A lead came to a stage when it is or was in it, or in a later one: who signs at once has passed the others too.
    """
    known = {lead.id: lead for lead in facts if lead.status != "spam"}
    order = {key: place for place, (key, _) in enumerate(stages)}
    furthest = {lead.id: order.get(lead.stage, 0) for lead in known.values()}
    stays: dict[str, list[tuple[str, float]]] = {key: [] for key, _ in stages}
    lost: dict[str, list[str]] = {key: [] for key, _ in stages}
    for move in moved:
        if move.lead_id not in known:
            continue
        furthest[move.lead_id] = max(furthest[move.lead_id], order.get(move.from_stage, 0), order.get(move.to_stage, 0))
        if move.to_stage != move.from_stage and move.from_stage in stays:
            stays[move.from_stage].append((move.lead_id, (move.at - move.since).total_seconds()))
        if move.to_status == "lost" and move.from_stage in lost and known[move.lead_id].status == "lost":
            lost[move.from_stage].append(move.lead_id)
    lines = []
    for key, name in stages:
        came = [lead for lead in known.values() if furthest[lead.id] >= order[key]]
        onward = [lead for lead in known.values() if furthest[lead.id] > order[key]]
        here = [lead for lead in known.values() if lead.stage == key and lead.status == "open"]
        cells = (
            counted(came, lambda lead: lead.id),
            Cell(ratio(len(came), len(known)), _ids(came)),
            Cell(ratio(len(onward), len(came)), _ids(onward)),
            counted(here, lambda lead: lead.id),
            Cell(median([seconds for _, seconds in stays[key]]), tuple(dict.fromkeys(i for i, _ in stays[key]))),
            counted(dict.fromkeys(lost[key]), lambda lead_id: lead_id),
        )
        lines.append(Line(key, name, cells))
    return Table(columns=FUNNEL, lines=tuple(lines))


def _ids(facts: Sequence[LeadFact]) -> tuple[str, ...]:
    return tuple(lead.id for lead in facts)


def funnel_report(connection: Connection, scope: Scope, stages: Sequence[tuple[str, str]]) -> Table:
    """Of the leads that came in the scope."""
    return funnel_table(leads(connection, scope), moves(connection, scope), stages)
