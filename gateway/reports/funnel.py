"""The stages of the pipeline: how many leads came to each, how long they stayed, how many went on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.reports.facts import LeadFact, MoveFact, leads, moves
from gateway.reports.numbers import median, ratio
from gateway.reports.scope import Scope
from gateway.reports.table import Cell, Column, Line, Table, _, counted

FUNNEL = (
    Column(key="reached", label=_("Came to it"), opens="lead"),
    Column(key="share", label=_("Of all leads"), unit="share", opens="lead"),
    Column(key="onward", label=_("Went on from it"), unit="share", opens="lead"),
    Column(key="now", label=_("There now"), opens="lead"),
    Column(key="median", label=_("Median time in it"), unit="seconds", opens="lead"),
    Column(key="lost", label=_("Lost from it"), opens="lead"),
)


def funnel_table(facts: Sequence[LeadFact], moved: Sequence[MoveFact], stages: Sequence[tuple[str, str]]) -> Table:
    """See FUNNEL. ``stages``: key and name of each, in their order.

    A lead came to a stage when it is or was in it, or in a later one: who signs at once has passed the others too.
    """
    known = {lead.id: lead for lead in facts if lead.status != "spam"}
    order = {key: place for place, (key, _) in enumerate(stages)}
    furthest = {lead.id: order.get(lead.stage, 0) for lead in known.values()}
    stays: dict[str, list[tuple[LeadFact, float]]] = {key: [] for key, _ in stages}
    lost: dict[str, list[LeadFact]] = {key: [] for key, _ in stages}
    for move in moved:
        lead = known.get(move.lead_id)
        if lead is None:
            continue
        furthest[lead.id] = max(furthest[lead.id], order.get(move.from_stage, 0), order.get(move.to_stage, 0))
        if move.to_stage != move.from_stage and move.from_stage in stays:
            stays[move.from_stage].append((lead, (move.at - move.since).total_seconds()))
        if move.to_status == "lost" and move.from_stage in lost and lead.status == "lost":
            lost[move.from_stage].append(lead)
    lines = []
    for key, name in stages:
        came = [lead for lead in known.values() if furthest[lead.id] >= order[key]]
        onward = [lead for lead in came if furthest[lead.id] > order[key]]
        cells = (
            counted(came),
            Cell(ratio(len(came), len(known)), came),
            Cell(ratio(len(onward), len(came)), onward),
            counted([lead for lead in came if lead.stage == key and lead.status == "open"]),
            Cell(median([seconds for _, seconds in stays[key]]), _once([lead for lead, _ in stays[key]])),
            counted(_once(lost[key])),
        )
        lines.append(Line(key, name, cells))
    return Table(columns=FUNNEL, lines=tuple(lines))


def _once(facts: Sequence[LeadFact]) -> list[LeadFact]:
    """Each lead once: it may come to a stage again."""
    return list({lead.id: lead for lead in facts}.values())


def funnel_report(connection: Connection, scope: Scope, stages: Sequence[tuple[str, str]]) -> Table:
    """Of the leads that came in the scope."""
    return funnel_table(leads(connection, scope), moves(connection, scope), stages)
