"""Stored rows as small facts: what came in the scope of a report. Everything after this is pure."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from gateway.reports.memory import FactMemory
from gateway.reports.scope import Scope
from gateway.reports.stored import CallFact, DutyFact, LeadFact, MoveFact
from gateway.storage.tables import Manager, table_of

__all__ = [
    "NOBODY",
    "CallFact",
    "DutyFact",
    "LeadFact",
    "MoveFact",
    "calls",
    "duties",
    "leads",
    "manager_names",
    "moves",
]

MANAGER = table_of(Manager)
NOBODY = "none"


def leads(connection: Connection, scope: Scope) -> list[LeadFact]:
    """The leads that came in the scope, the oldest first."""
    theirs, on_time = _belongs(scope), _when(scope)
    found = _memory(scope).leads(connection, scope)
    if scope.channel is not None:
        found = [lead for lead in found if lead.channel == scope.channel]
    if scope.line is not None:
        found = [lead for lead in found if lead.line == scope.line]
    if scope.source is not None:
        found = [lead for lead in found if lead.source == scope.source]
    if _is_all(scope):
        return found
    return [lead for lead in found if theirs(lead.manager_id) and on_time(lead.after_hours)]


def calls(connection: Connection, scope: Scope) -> list[CallFact]:
    """The ended calls from outside in the scope, the oldest first."""
    if scope.channel not in {None, "call"}:
        return []
    theirs, on_time = _belongs(scope), _when(scope)
    found = _memory(scope).calls(connection, scope)
    if scope.line is not None:
        found = [call for call in found if call.line == scope.line]
    if _is_all(scope):
        return found
    return [call for call in found if theirs(call.manager_id) and on_time(call.after_hours)]


def duties(connection: Connection, scope: Scope) -> list[DutyFact]:
    """The callbacks whose person first tried in the scope, the oldest first. Merged ones are in the one that stays."""
    theirs, on_time = _belongs(scope), _when(scope)
    found = _memory(scope).duties(connection, scope)
    if scope.channel is not None:
        found = [duty for duty in found if duty.channel == scope.channel]
    if scope.line is not None:
        found = [duty for duty in found if duty.line == scope.line]
    if _is_all(scope):
        return found
    return [duty for duty in found if theirs(duty.owner_id) and on_time(duty.after_hours)]


def moves(connection: Connection, scope: Scope) -> list[MoveFact]:
    """Of all leads that came in the days of the scope, each lead's in their order."""
    return _memory(scope).moves(connection, scope)


def _memory(scope: Scope) -> FactMemory:
    return scope.memory if scope.memory is not None else FactMemory()


def _is_all(scope: Scope) -> bool:
    """Nobody's facts are left out, and those of no time of the day."""
    return scope.manager is None and scope.seen_by is None and scope.when == "all"


def _belongs(scope: Scope) -> Callable[[str | None], bool]:
    """Whether what belongs to a manager is in the scope."""

    def within(manager_id: str | None) -> bool:
        if scope.seen_by is not None and manager_id not in {None, scope.seen_by}:
            return False
        if scope.manager == NOBODY:
            return manager_id is None
        return scope.manager is None or manager_id == scope.manager

    return within


def _when(scope: Scope) -> Callable[[bool | None], bool]:
    wanted = {"working": False, "after": True}.get(scope.when)
    return lambda after_hours: wanted is None or after_hours is wanted


def manager_names(connection: Connection) -> dict[str, str]:
    """Id -> name, of those too who have left."""
    return {row.id: row.name for row in connection.execute(select(MANAGER.c.id, MANAGER.c.name))}
