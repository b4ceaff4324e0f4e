"""Giving a lead to a manager: the lead's row, the log of assignments, the feed of changes, and the log of deeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from gateway.audit.log import GATEWAY, Deed
from gateway.audit.log import record as write_down
from gateway.live.changes import ChangeKind, record
from gateway.storage.bulk import insert_rows
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Assignment, Contact, Lead, table_of

ANSWERED = "answered"
"""The rule's name where who took the call got the lead."""
PERSON = "person"
"""The rule's name where a person decided."""

ASSIGNMENT, LEAD, CONTACT = table_of(Assignment), table_of(Lead), table_of(Contact)

_MANAGER = Prepared(select(LEAD.c.manager_id).where(LEAD.c.id == bindparam("lead_id")))
_GIVE = Prepared(
    update(LEAD)
    .where(LEAD.c.id == bindparam("lead_id"))
    .values(manager_id=bindparam("manager"), updated_at=bindparam("at"))
)
_OWN = Prepared(
    update(CONTACT)
    .where(CONTACT.c.id == bindparam("contact_id"), CONTACT.c.owner_id.is_(None))
    .values(owner_id=bindparam("manager"), updated_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """One lead and who gets it."""

    lead_id: str
    manager_id: str | None
    """None: taken from everybody."""
    rule: str
    """The rule's name, `ANSWERED` or `PERSON`."""
    actor: str = GATEWAY
    """As in the log of deeds."""
    interaction_id: str | None = None
    keep_until: datetime | None = None


def give(connection: Connection, giving: Giving, at: datetime) -> bool:
    """Give the lead; False where the manager has it already, or there is no such lead.

    What the gateway gives for the first time is in the log of assignments alone; any later change, and all that
    people do, is in the log of deeds too.
    """
    row = _MANAGER.first(connection, lead_id=giving.lead_id)
    if row is None or row.manager_id == giving.manager_id:
        return False
    _GIVE.change(connection, lead_id=giving.lead_id, manager=giving.manager_id, at=at)
    entry = {
        "lead_id": giving.lead_id,
        "manager_id": giving.manager_id,
        "before_id": row.manager_id,
        "rule": giving.rule,
        "interaction_id": giving.interaction_id,
        "actor": giving.actor,
        "at": at,
        "keep_until": giving.keep_until,
    }
    insert_rows(connection, ASSIGNMENT, [entry])
    record(connection, ChangeKind.LEAD_UPDATED, giving.lead_id, at)
    if row.manager_id is not None or giving.actor != GATEWAY:
        detail = {"before": row.manager_id, "after": giving.manager_id, "rule": giving.rule}
        write_down(
            connection,
            Deed(
                actor=giving.actor,
                action="lead.assigned",
                object_kind="lead",
                object_id=giving.lead_id,
                detail=detail,
            ),
            at,
        )
    return True


def own_contact(connection: Connection, contact_id: str, manager_id: str, at: datetime) -> bool:
    """Make the manager the owner of a contact that has none; False where it has one."""
    done = bool(_OWN.change(connection, contact_id=contact_id, manager=manager_id, at=at))
    if done:
        record(connection, ChangeKind.CONTACT_UPDATED, contact_id, at)
    return done
