"""The rules on the stored data: who gets this person, and what is written down of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gateway.core.assignment import Assigned, AssignRequest
from gateway.core.types import HandleKind
from gateway.routing.calendars import Schedules
from gateway.routing.decide import Case, Decision, Office, decide
from gateway.routing.facts import CrmOwner, StoredFacts, of_nobody, store_turns
from gateway.routing.people import Person, Roster, load_roster
from gateway.routing.presence import Device, Devices, NoDevices, best_of
from gateway.routing.recent import Recent
from gateway.routing.rotation import Turn
from gateway.routing.rules import RoutingSettings


class Assigner:
    """Answers "who gets this person?" inside a transaction."""

    def __init__(
        self,
        settings: RoutingSettings,
        schedules: Schedules,
        *,
        region: str,
        timezone: str,
        devices: Devices | None = None,
        recent: Recent | None = None,
        crm_owner: CrmOwner = of_nobody,
    ) -> None:
        """``region``: whose national numbers are written without a country code; ``timezone``: where a day begins."""
        self.settings = settings
        self.region = region
        self.recent = recent or Recent()
        self._schedules = schedules
        self._zone = ZoneInfo(timezone)
        self._devices = devices or NoDevices()
        self._crm_owner = crm_owner

    def assign(self, connection: Connection, request: AssignRequest, roster: Roster | None = None) -> Assigned:
        """Who gets the person. A rotation moves on, in this transaction. ``roster``: where it was read already."""
        decision = self.decide(connection, request, roster or self.roster(connection, request.at))
        self.store(connection, decision.rule, decision.turns)
        self.remember(request, decision)
        return answer(decision)

    def explain(self, connection: Connection, request: AssignRequest) -> Assigned:
        """What ``assign`` would say, with every rule asked. Changes nothing."""
        return answer(self.decide(connection, request, self.roster(connection, request.at), ask_all=True))

    def has_owner(self, connection: Connection, request: AssignRequest) -> bool:
        """Whether the person belongs to a manager already."""
        return StoredFacts(connection, request, self.recent, self._crm_owner).owner() is not None

    def roster(self, connection: Connection, at: datetime) -> Roster:
        """The managers at this moment."""
        return load_roster(connection, at, self.region)

    def decide(
        self,
        connection: Connection,
        request: AssignRequest,
        roster: Roster,
        *,
        ask_all: bool = False,
        owner_id: str | None = None,
    ) -> Decision:
        """The decision alone: nothing is written, nothing remembered. ``owner_id``: the contact's, where known."""
        facts = StoredFacts(connection, request, self.recent, self._crm_owner, owner_id=owner_id)
        return decide(self.settings.rule, self._case(request), facts, self._office(roster), ask_all=ask_all)

    def store(self, connection: Connection, rule: str, turns: Sequence[Turn]) -> None:
        """Write what a rotation's choice changed."""
        if turns:
            store_turns(connection, rule, turns)

    def remember(self, request: AssignRequest, decision: Decision) -> None:
        """Keep a rotation's choice for the next minutes."""
        if decision.turns and decision.person and request.handles:
            self.recent.remember(decision.rule, request.handles[0].value, decision.person.id, request.at)

    def _case(self, request: AssignRequest) -> Case:
        numbers = (handle.value for handle in request.handles if handle.kind is HandleKind.PHONE)
        return Case(
            channel=request.channel,
            line=request.line,
            number=next(numbers, None),
            source=request.source,
            at=request.at,
            day=request.at.astimezone(self._zone).date(),
        )

    def _office(self, roster: Roster) -> Office:
        return Office(
            roster=roster,
            region=self.region,
            line_open=self._line_open,
            working=self._working,
            device=self._device,
            seen_within=timedelta(minutes=self.settings.online_minutes),
        )

    def _line_open(self, line: str | None, at: datetime) -> bool | None:
        after_hours = self._schedules.after_hours(at, line)
        return None if after_hours is None else not after_hours

    def _working(self, person: Person, at: datetime) -> bool | None:
        hours = self._schedules.of_person(person.hours)
        return hours.is_open(at) if hours is not None else None

    def _device(self, person: Person) -> Device | None:
        states = (self._devices.state_of(extension) for extension in person.extensions)
        return best_of([Device(state) if state else None for state in states])


def answer(decision: Decision) -> Assigned:
    """The decision as other rooms see it."""
    person = decision.person
    return Assigned(
        manager_id=person.id if person else None,
        rule=decision.rule,
        extension=person.extension if person else None,
        trail=decision.trail,
    )
