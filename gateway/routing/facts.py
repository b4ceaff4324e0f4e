"""What the rules ask about a person and the managers, read from the store. Point reads by an index, each only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnClause, Connection, bindparam, func, literal_column, select

from gateway.core.assignment import AssignRequest
from gateway.routing.recent import Recent
from gateway.routing.rotation import Turn
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Contact, Interaction, Lead, Rotation, table_of

CONTACT, LEAD, INTERACTION, ROTATION = (table_of(model) for model in (Contact, Lead, Interaction, Rotation))

CrmOwner = Callable[[AssignRequest], str | None]
"""The manager who owns the person in a CRM; None where no CRM said so. Called on any thread, answers from memory."""

_OPEN: ColumnClause[str] = literal_column("'open'")
_OWNERS = Prepared(
    select(
        select(CONTACT.c.owner_id).where(CONTACT.c.id == bindparam("contact_id")).scalar_subquery().label("of_contact"),
        select(LEAD.c.manager_id).where(LEAD.c.id == bindparam("lead_id")).scalar_subquery().label("of_lead"),
        select(LEAD.c.manager_id)
        .where(LEAD.c.contact_id == bindparam("contact_id"), LEAD.c.status == _OPEN)
        .scalar_subquery()
        .label("of_open_lead"),
    )
)
_LAST_TALK = Prepared(
    select(INTERACTION.c.manager_id, INTERACTION.c.occurred_at)
    .where(
        INTERACTION.c.contact_id == bindparam("contact_id"),
        INTERACTION.c.channel == literal_column("'call'"),
        INTERACTION.c.outcome == literal_column("'answered'"),
        INTERACTION.c.manager_id.is_not(None),
    )
    .order_by(INTERACTION.c.occurred_at.desc())
    .limit(1)
)
_OPEN_LEADS = Prepared(select(func.count()).where(LEAD.c.manager_id == bindparam("manager_id"), LEAD.c.status == _OPEN))
_TURNS = Prepared(select(ROTATION).where(ROTATION.c.rule == bindparam("rule_name")))


def of_nobody(_request: AssignRequest) -> str | None:
    """The ``CrmOwner`` where no CRM is asked."""
    return None


class StoredFacts:
    """``decide.Facts`` of one request, on one connection."""

    def __init__(
        self,
        connection: Connection,
        request: AssignRequest,
        recent: Recent,
        crm_owner: CrmOwner = of_nobody,
        *,
        owner_id: str | None = None,
    ) -> None:
        """``owner_id``: the owner of the contact, where it was read already."""
        self._owner_id = owner_id
        self._connection = connection
        self._request = request
        self._recent = recent
        self._crm_owner = crm_owner

    def owner(self) -> tuple[str, str] | None:
        """The owner of the contact, else of the lead that is worked on, else what a CRM says."""
        if self._owner_id:
            return self._owner_id, "owner of the contact"
        request = self._request
        known = _OWNERS.first(self._connection, contact_id=request.contact_id, lead_id=request.lead_id)
        if known.of_contact:
            return known.of_contact, "owner of the contact"
        manager = known.of_lead or known.of_open_lead
        if manager:
            return manager, "manager of the open lead"
        owner = self._crm_owner(request)
        return (owner, "owner in the CRM") if owner else None

    def last_talk(self) -> tuple[str, datetime] | None:
        """The last call with the person that somebody answered."""
        if self._request.contact_id is None:
            return None
        row = _LAST_TALK.first(self._connection, contact_id=self._request.contact_id)
        return (row.manager_id, row.occurred_at) if row else None

    def open_leads(self, manager_id: str) -> int:
        """Leads with the status open."""
        return int(_OPEN_LEADS.value(self._connection, manager_id=manager_id))

    def turns(self, rule: str) -> Mapping[str, Turn]:
        """As stored after the last choice."""
        rows = _TURNS.rows(self._connection, rule_name=rule)
        return {
            row.manager_id: Turn(manager_id=row.manager_id, credit=row.credit, day=row.day, taken=row.taken)
            for row in rows
        }

    def chosen_before(self, rule: str) -> str | None:
        """By the person's surest handle."""
        handles = self._request.handles
        return self._recent.chosen(rule, handles[0].value, self._request.at) if handles else None


def store_turns(connection: Connection, rule: str, turns: Sequence[Turn]) -> None:
    """Write what a choice changed. There is one writer, so nobody chooses meanwhile."""
    known = set(connection.execute(select(ROTATION.c.manager_id).where(ROTATION.c.rule == rule)).scalars())
    for turn in turns:
        values = {"credit": turn.credit, "day": turn.day, "taken": turn.taken}
        if turn.manager_id in known:
            connection.execute(
                ROTATION.update()
                .where(ROTATION.c.rule == rule, ROTATION.c.manager_id == turn.manager_id)
                .values(**values)
            )
        else:
            connection.execute(ROTATION.insert(), {"rule": rule, "manager_id": turn.manager_id, **values})
