"""Managers as callbacks need them: whose extension rang, who owns the duty, whom a reminder goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, bindparam, or_, select

from gateway.callbacks.settings import CHIEF, GROUP, OWNER
from gateway.core.assignment import Assigned, AssignRequest
from gateway.core.errors import NotFound
from gateway.core.placement import Placement
from gateway.core.types import Json
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Absence, Contact, Lead, Manager, table_of

BY_CONTACT, BY_RINGING, BY_LEAD = "contact", "rang", "lead"
"""Why somebody owns a callback, beside the names of the routing's rules and ``person``."""

ABSENCE, CONTACT, LEAD, MANAGER = (table_of(model) for model in (Absence, Contact, Lead, Manager))
_STAFF = Prepared(
    select(MANAGER.c.id, MANAGER.c.name, MANAGER.c.role, MANAGER.c.language, MANAGER.c.extensions)
    .where(MANAGER.c.disabled_at.is_(None))
    .order_by(MANAGER.c.name, MANAGER.c.id)
)
_OWNERS = Prepared(
    select(
        select(CONTACT.c.owner_id)
        .join(MANAGER, MANAGER.c.id == CONTACT.c.owner_id)
        .where(CONTACT.c.id == bindparam("contact_id"), MANAGER.c.disabled_at.is_(None))
        .scalar_subquery()
        .label("of_contact"),
        select(LEAD.c.manager_id)
        .join(MANAGER, MANAGER.c.id == LEAD.c.manager_id)
        .where(LEAD.c.id == bindparam("lead_id"), MANAGER.c.disabled_at.is_(None))
        .scalar_subquery()
        .label("of_lead"),
    )
)
"""Who owns a contact, who works on a lead: those who can take calls."""
_AWAY = Prepared(
    select(ABSENCE.c.id)
    .where(
        ABSENCE.c.manager_id == bindparam("manager_id"),
        ABSENCE.c.starts_at <= bindparam("at"),
        ABSENCE.c.ends_at > bindparam("at"),
    )
    .limit(1)
)


class AsksWho(Protocol):
    """The routing (``routing.assign.Assigner``), as far as it is needed here."""

    def assign(self, connection: Connection, request: AssignRequest) -> Assigned:
        """Who gets this person, in the caller's transaction: a rotation moves on with it."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """A manager who can be told something."""

    id: str
    name: str
    role: str
    language: str | None
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose duty it is, and why."""

    manager_id: str | None
    rule: str | None


def staff(connection: Connection) -> list[Person]:
    """All managers who can sign in or take calls, by name."""
    return [Person(row.id, row.name, row.role, row.language, tuple(row.extensions)) for row in _STAFF.rows(connection)]


def manager_by(connection: Connection, id_or_login: str) -> str:
    """The id of a manager by id or login. Raises NotFound; a disabled one is not found either."""
    query = select(Manager.id).where(or_(Manager.id == id_or_login, Manager.login == id_or_login))
    found = connection.execute(query.where(Manager.disabled_at.is_(None))).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no active manager %(named)r.", named=id_or_login[:60])
    return str(found)


def manager_of_call(connection: Connection, details: Mapping[str, Json]) -> str | None:
    """Who spoke for us in a call, by the extensions in its record; None where nobody has one of them."""
    told = [details.get("answered_by"), details.get("caller")]
    return _owner_of_extension(staff(connection), [number for number in told if isinstance(number, str)])


def owner_of(connection: Connection, placement: Placement, details: Mapping[str, Json], asks: AsksWho | None) -> Owner:
    """Who owns a new callback: who owns the contact, else whose phone rang last, else whom the rules name.

    The rules were asked already where the person's lead has a manager: their turn must not move on twice. Whoever is
    away is passed over; the rules know who stands in.
    """
    owners = _OWNERS.first(connection, contact_id=placement.contact_id, lead_id=placement.lead_id)
    finders: tuple[tuple[str, Callable[[], str | None]], ...] = (
        (BY_CONTACT, lambda: owners.of_contact),
        (BY_RINGING, lambda: _last_rung(connection, details)),
        (BY_LEAD, lambda: owners.of_lead),
    )
    for rule, find in finders:
        manager_id = find()
        if manager_id is not None and not _is_away(connection, manager_id, placement.at):
            return Owner(manager_id, rule)
    if asks is None:
        return Owner(None, None)
    request = AssignRequest(
        contact_id=placement.contact_id,
        handles=placement.draft.handles,
        channel=placement.channel,
        line=placement.draft.line,
        source=placement.draft.source,
        at=placement.at,
        lead_id=placement.lead_id,
    )
    assigned = asks.assign(connection, request)
    return Owner(assigned.manager_id, assigned.rule) if assigned.manager_id is not None else Owner(None, None)


def to_be_told(people: Iterable[Person], tell: str, login_id: str | None, holder: str | None) -> list[Person]:
    """Whom a step tells. ``holder``: who claimed or owns the callback; ``login_id``: the manager whom ``tell`` names.

    Where there is no holder the group is told, where there is no chief the owner of the company.
    """
    known = list(people)
    if tell == OWNER:
        held = [person for person in known if person.id == holder]
        return held or to_be_told(known, GROUP, None, None)
    if tell == GROUP:
        group = [person for person in known if person.role == "manager"]
        return group or to_be_told(known, CHIEF, None, None)
    if tell == CHIEF:
        chiefs = [person for person in known if person.role == "chief"]
        return chiefs or [person for person in known if person.role == "owner"]
    return [person for person in known if person.id == login_id]


def _last_rung(connection: Connection, details: Mapping[str, Json]) -> str | None:
    rang = details.get("rang")
    numbers = [number for number in rang if isinstance(number, str)] if isinstance(rang, list | tuple) else []
    return _owner_of_extension(staff(connection), reversed(numbers)) if numbers else None


def _owner_of_extension(people: Iterable[Person], extensions: Iterable[str]) -> str | None:
    by_extension = {extension: person.id for person in people for extension in person.extensions}
    return next((by_extension[extension] for extension in extensions if extension in by_extension), None)


def _is_away(connection: Connection, manager_id: str, at: datetime) -> bool:
    return _AWAY.first(connection, manager_id=manager_id, at=at) is not None
