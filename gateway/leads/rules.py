"""Tasks that Leadgate makes by itself, as ``[[leads.task]]`` says. Each once: its key is unique in the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.audit.log import GATEWAY
from gateway.core.by import By
from gateway.core.placement import Event, Placement
from gateway.leads.desk import Desk
from gateway.leads.settings import FIRST_STAGE, TaskRuleSettings
from gateway.storage.tables import Lead, Task

VOID = "void"


class NewLeadTasks:
    """``processing.step.Follower``: the tasks of a lead that was just opened."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """Nothing of it is news for a CRM."""
        if placement.lead_opened and placement.lead_id is not None:
            by = By(actor=GATEWAY, at=placement.at, new_id=placement.new_id)
            on_opened(connection, self._desk, placement.lead_id, by)
        return ()


def on_opened(connection: Connection, desk: Desk, lead_id: str, by: By) -> int:
    """The tasks of a new lead; how many."""
    rules = [rule for rule in desk.pipeline.settings.task if rule.when == "opened"]
    made = make(connection, desk, lead_id, rules, "", by)
    return made + on_stage(connection, desk, lead_id, FIRST_STAGE, by)


def on_stage(connection: Connection, desk: Desk, lead_id: str, stage: str, by: By) -> int:
    """The tasks of a stage that a lead has just come to; how many."""
    rules = [rule for rule in desk.pipeline.settings.task if rule.when == "stage" and rule.stage == stage]
    return make(connection, desk, lead_id, rules, by.at.isoformat(), by)


def on_quiet(connection: Connection, desk: Desk, lead_id: str, rule: TaskRuleSettings, since: datetime, by: By) -> int:
    """The task of a lead on which nothing happened since ``since``; due at the next working moment."""
    return make(connection, desk, lead_id, [rule], since.isoformat(), by)


def make(
    connection: Connection, desk: Desk, lead_id: str, rules: Iterable[TaskRuleSettings], moment: str, by: By
) -> int:
    """A task for each rule unless it was made for this ``moment`` of this lead already; how many were made."""
    made = 0
    for rule in rules:
        key = f"{rule.when}:{rule.name}:{lead_id}:{moment}"
        if connection.execute(select(Task.id).where(Task.rule_key == key)).first() is not None:
            continue
        lead = connection.execute(select(Lead.manager_id, Lead.contact_id).where(Lead.id == lead_id)).one()
        row = {
            "id": by.new_id(),
            "lead_id": lead_id,
            "contact_id": lead.contact_id,
            "kind": rule.kind,
            "text": rule.text,
            "due_at": _due(desk, rule, lead.manager_id, by.at),
            "owner_id": lead.manager_id,
            "rule": rule.name,
            "rule_key": key,
            "created_by": GATEWAY,
            "created_at": by.at,
            "updated_at": by.at,
            "keep_until": desk.keep_until(by.at),
        }
        connection.execute(insert(Task), row)
        made += 1
    return made


def _due(desk: Desk, rule: TaskRuleSettings, manager_id: str | None, at: datetime) -> datetime:
    calendar = desk.calendar_of(manager_id)
    if rule.when != "quiet":
        return rule.span.after(at, calendar)
    return (calendar.next_working_moment(at) if calendar is not None else None) or at


def void(connection: Connection, lead_id: str, by: By, *, closed: bool) -> int:
    """A lead left its stage: the rules' open tasks for the stage make no sense any more, those for its silence neither,
    and once it is ``closed`` none of the rules' does. How many. What people planned stays theirs to do."""
    theirs = (Task.lead_id == lead_id) & (Task.status == "open") & Task.rule_key.is_not(None)
    if not closed:
        theirs &= Task.rule_key.not_like("opened:%")
    values = {"status": VOID, "ended_at": by.at, "ended_by": GATEWAY, "outcome": "the lead went on"}
    return connection.execute(update(Task).where(theirs).values(**values, updated_at=by.at)).rowcount
