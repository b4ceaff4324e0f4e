"""Leads: from where, how many, what became of them, and how fast somebody answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select

from gateway.reports.facts import NOBODY, DutyFact, LeadFact, duties, leads, manager_names
from gateway.reports.numbers import median, ratio
from gateway.reports.scope import Scope
from gateway.reports.table import TOTAL, Cell, Column, Line, Table, _, by_size, counted, grouped
from gateway.storage.tables import Outbox, table_of

OUTBOX = table_of(Outbox)

STATUSES = (
    Column(key="all", label=_("Leads"), opens="lead"),
    Column(key="open", label=_("Still worked on"), opens="lead"),
    Column(key="won", label=_("Won"), opens="lead"),
    Column(key="lost", label=_("Lost"), opens="lead"),
    Column(key="spam", label=_("Spam"), opens="lead"),
    Column(key="conversion", label=_("Conversion"), unit="share", opens="lead"),
    Column(key="answer", label=_("Median first answer"), unit="seconds", opens="lead"),
)
BY_MANAGER = (
    Column(key="all", label=_("Leads"), opens="lead"),
    Column(key="answered", label=_("Were answered"), opens="lead"),
    Column(key="answer", label=_("Median first answer"), unit="seconds", opens="lead"),
    Column(key="won", label=_("Won"), opens="lead"),
    Column(key="conversion", label=_("Conversion"), unit="share", opens="lead"),
    Column(key="waited", label=_("Waited for a call"), opens="callback"),
    Column(key="share", label=_("Reached"), unit="share", opens="callback"),
    Column(key="overdue", label=_("Overdue now"), opens="callback"),
    Column(key="attempts", label=_("Our attempts each"), unit="number", opens="callback"),
)
QUALITY = (
    Column(key="count", label=_("Leads"), opens="lead"),
    Column(key="share", label=_("Share"), unit="share", opens="lead"),
)


def statuses(facts: Sequence[LeadFact], scope: Scope) -> tuple[Cell, ...]:
    """See STATUSES. Spam is counted, but is no request: conversion is of the others."""
    by_status = grouped(facts, lambda lead: lead.status)
    won = by_status.get("won", [])
    real = [lead for lead in facts if lead.status != "spam"]
    return (
        counted(facts),
        *(counted(by_status.get(status, [])) for status in ("open", "won", "lost", "spam")),
        Cell(ratio(len(won), len(real)), won),
        _first_answer(real, scope),
    )


def table_by(facts: Sequence[LeadFact], by: Callable[[LeadFact], str | None], scope: Scope) -> Table:
    """STATUSES for each value of ``by``, the most frequent first."""
    groups = by_size(grouped(facts, lambda lead: by(lead) or NOBODY))
    lines = tuple(Line(key, None if key == NOBODY else key, statuses(group, scope)) for key, group in groups)
    return Table(columns=STATUSES, lines=lines, total=Line(TOTAL, None, statuses(facts, scope)))


def channels_report(connection: Connection, scope: Scope) -> Table:
    """By how the person came."""
    return table_by(leads(connection, scope), lambda lead: lead.channel, scope)


def sources_report(connection: Connection, scope: Scope) -> Table:
    """By ``utm_source``, or the form, mailbox or line."""
    return table_by(leads(connection, scope), lambda lead: lead.source, scope)


def campaigns_report(connection: Connection, scope: Scope) -> Table:
    """By source, medium and campaign of the advertising, where a lead has them."""
    marked = [lead for lead in leads(connection, scope) if lead.has_utm]
    return table_by(marked, campaign, scope)


def campaign(lead: LeadFact) -> str:
    """``yandex / cpc / autumn``."""
    return " / ".join(part or "-" for part in (lead.source, lead.medium, lead.campaign))


def managers_report(connection: Connection, scope: Scope) -> Table:
    """By the manager to whom the leads and the callbacks belong."""
    return managers_table(leads(connection, scope), duties(connection, scope), manager_names(connection), scope)


def managers_table(
    facts: Sequence[LeadFact], waiting: Sequence[DutyFact], names: dict[str, str], scope: Scope
) -> Table:
    """See BY_MANAGER."""
    own = grouped(facts, lambda lead: lead.manager_id or NOBODY)
    owed = grouped(waiting, lambda duty: duty.owner_id or NOBODY)
    keys = sorted({*own, *owed}, key=lambda key: (-len(own.get(key, [])), names.get(key, "")))
    lines = tuple(Line(key, names.get(key), _by_manager(own.get(key, []), owed.get(key, []), scope)) for key in keys)
    return Table(columns=BY_MANAGER, lines=lines, total=Line(TOTAL, None, _by_manager(facts, waiting, scope)))


def _by_manager(facts: Sequence[LeadFact], waiting: Sequence[DutyFact], scope: Scope) -> tuple[Cell, ...]:
    real = [lead for lead in facts if lead.status != "spam"]
    won = [lead for lead in real if lead.status == "won"]
    reached = [duty for duty in waiting if duty.reached]
    late = [duty for duty in waiting if duty.closed_at is None and duty.overdue(scope.now)]
    return (
        counted(facts),
        counted([lead for lead in real if lead.answered_at is not None]),
        _first_answer(real, scope),
        counted(won),
        Cell(ratio(len(won), len(real)), won),
        counted(waiting),
        Cell(ratio(len(reached), len(waiting)), reached),
        counted(late),
        Cell(ratio(sum(duty.attempts for duty in waiting), len(waiting)), waiting),
    )


def quality_report(connection: Connection, scope: Scope) -> Table:
    """What is wrong with the leads themselves."""
    facts = leads(connection, scope)
    failed = select(OUTBOX.c.lead_id).where(OUTBOX.c.state == "dead", OUTBOX.c.lead_id.is_not(None))
    dead = {row.lead_id for row in connection.execute(failed.distinct())}
    return quality_table(facts, dead)


def quality_table(facts: Sequence[LeadFact], not_delivered: set[str]) -> Table:
    """One line a fault."""
    faults: tuple[tuple[str, Callable[[LeadFact], bool]], ...] = (
        ("no_owner", lambda lead: lead.manager_id is None and lead.status != "spam"),
        ("no_source", lambda lead: not lead.has_utm and lead.status != "spam"),
        ("no_contact", lambda lead: lead.contact_id is None),
        ("not_answered", lambda lead: lead.answered_at is None and lead.status == "open"),
        ("spam", lambda lead: lead.status == "spam"),
        ("not_delivered", lambda lead: lead.id in not_delivered),
    )
    lines = []
    for key, is_so in faults:
        found = [lead for lead in facts if is_so(lead)]
        lines.append(Line(key, None, (counted(found), Cell(ratio(len(found), len(facts)), found))))
    total = Line(TOTAL, None, (counted(facts), Cell(None, facts)))
    return Table(columns=QUALITY, lines=tuple(lines), total=total)


def _first_answer(facts: Sequence[LeadFact], scope: Scope) -> Cell:
    answered = [lead for lead in facts if lead.answered_at is not None]
    seconds = [max(0.0, scope.seconds(lead.at, lead.answered_at, lead.line)) for lead in answered if lead.answered_at]
    return Cell(median(seconds), answered)
