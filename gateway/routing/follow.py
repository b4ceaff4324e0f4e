"""Acts on what was placed: notes who spoke for the company, and gives each new lead its manager, once.

A call decides late: while it rings nobody knows who will answer, and a manager who changes with every telephone of a
ring group would set off every rule of a CRM anew. So a lead is given away while it rings only where the contact has an
owner already; else when somebody answers, or when the call is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from gateway.core.assignment import AssignRequest
from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Direction, Phase
from gateway.routing.assign import Assigner
from gateway.routing.assignments import ANSWERED, Giving, give, own_contact
from gateway.routing.people import Person, Roster
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Interaction, Lead, table_of

INTERACTION, LEAD = table_of(Interaction), table_of(Lead)

_SPOKE = Prepared(
    update(INTERACTION)
    .where(
        INTERACTION.c.id == bindparam("interaction_id"),
        INTERACTION.c.manager_id.is_distinct_from(bindparam("manager")),
    )
    .values(manager_id=bindparam("manager"))
)
_MANAGER = Prepared(select(LEAD.c.manager_id).where(LEAD.c.id == bindparam("lead_id")))


class RoutingFollower:
    """``processing.step.Follower`` of the routing. Goes first: the others want to know whose lead it is."""

    def __init__(self, assigner: Assigner) -> None:
        self._assigner = assigner

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """Nothing for a CRM by itself: the events of the lead, which are made after this, carry its manager."""
        may_speak = placement.channel is Channel.CALL or placement.draft.direction is Direction.OUTBOUND
        unowned = self._is_unowned(connection, placement)
        if not (may_speak or unowned):
            return ()
        roster = self._assigner.roster(connection, placement.at)
        speaker = spoke(placement, roster)
        if speaker is not None:
            _SPOKE.change(connection, interaction_id=placement.interaction_id, manager=speaker.id)
        if unowned and roster.by_id:
            self._give(connection, placement, roster, speaker)
        return ()

    def _is_unowned(self, connection: Connection, placement: Placement) -> bool:
        """Whether there is a lead that waits for a manager."""
        if placement.lead_id is None or placement.is_history:
            return False
        if placement.lead_opened:
            return True
        return _MANAGER.value(connection, lead_id=placement.lead_id) is None

    def _give(self, connection: Connection, placement: Placement, roster: Roster, speaker: Person | None) -> None:
        request = request_of(placement)
        has_owner = self._assigner.has_owner(connection, request)
        if has_owner or not _is_call_going_on(placement, speaker):
            if speaker is not None and not has_owner and self._takes(speaker):
                manager_id, rule = speaker.id, ANSWERED
            else:
                assigned = self._assigner.assign(connection, request, roster)
                if assigned.manager_id is None:
                    return
                manager_id, rule = assigned.manager_id, assigned.rule
            self._store(connection, placement, manager_id, rule)

    def _takes(self, speaker: Person) -> bool:
        return self._assigner.settings.answered_takes and not speaker.disabled

    def _store(self, connection: Connection, placement: Placement, manager_id: str, rule: str) -> None:
        lead_id = placement.lead_id
        if lead_id is None:
            return
        giving = Giving(
            lead_id=lead_id,
            manager_id=manager_id,
            rule=rule,
            interaction_id=placement.interaction_id,
            keep_until=placement.keep_until,
        )
        give(connection, giving, placement.at)
        if self._assigner.settings.own_contacts and placement.contact_id is not None:
            own_contact(connection, placement.contact_id, manager_id, placement.at)


def request_of(placement: Placement) -> AssignRequest:
    """The question that a placed item asks."""
    draft = placement.draft
    return AssignRequest(
        contact_id=placement.contact_id,
        handles=draft.handles,
        channel=placement.channel,
        line=draft.line,
        source=draft.source,
        at=placement.at,
        lead_id=placement.lead_id,
    )


def spoke(placement: Placement, roster: Roster) -> Person | None:
    """Who spoke or wrote for the company; None where nobody did yet, or nobody whom the roster knows.

    Of a call that came in it is who answered; of one that we made, who made it, answered or not.
    """
    draft = placement.draft
    if placement.channel is Channel.CALL:
        ours = "caller" if draft.direction is Direction.OUTBOUND else "answered_by"
        return roster.of_number(_text(draft.details.get(ours)))
    if placement.channel is Channel.MAIL and draft.direction is Direction.OUTBOUND:
        sender = draft.details.get("from")
        return roster.of_address(_text(sender.get("email")) if isinstance(sender, Mapping) else None)
    return None


def _is_call_going_on(placement: Placement, speaker: Person | None) -> bool:
    """A call of which it is not known yet who answers it."""
    if placement.channel is not Channel.CALL or placement.draft.phase is Phase.ENDED:
        return False
    return speaker is None or placement.draft.phase is not Phase.ANSWERED


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
