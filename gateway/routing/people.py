"""The people of the company as the routing sees them: who they are, who is away, who stands in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from gateway.core.phone import to_e164
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Absence, Manager, Session, table_of

MOST_STAND_INS = 5
"""A stands in for B, C for A, ...: a longer chain is a mistake of who entered it."""

MANAGER, ABSENCE, SESSION = table_of(Manager), table_of(Absence), table_of(Session)

_PEOPLE = Prepared(
    select(
        MANAGER.c.id,
        MANAGER.c.login,
        MANAGER.c.name,
        MANAGER.c.extensions,
        MANAGER.c.mobile,
        MANAGER.c.email,
        MANAGER.c.hours,
        MANAGER.c.disabled_at,
    ).order_by(MANAGER.c.login)
)
_AWAY = Prepared(
    select(ABSENCE.c.manager_id, ABSENCE.c.ends_at, ABSENCE.c.substitute_id, ABSENCE.c.reason)
    .where(ABSENCE.c.starts_at <= bindparam("at"), ABSENCE.c.ends_at > bindparam("at"))
    .order_by(ABSENCE.c.ends_at)
)
_SEEN = Prepared(
    select(SESSION.c.manager_id, func.max(SESSION.c.seen_at).label("seen_at")).group_by(SESSION.c.manager_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """An absence that is going on."""

    until: datetime
    substitute_id: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One manager, now."""

    id: str
    login: str
    name: str
    extensions: tuple[str, ...] = ()
    mobile: str | None = None
    """E.164."""
    email: str | None = None
    hours: str | None = None
    """Name of the schedule; None: the company's."""
    disabled: bool = False
    away: Away | None = None
    seen_at: datetime | None = None
    """The last click in the pages; None where nobody is signed in under the name."""

    @property
    def extension(self) -> str | None:
        """The telephone that rings first."""
        return self.extensions[0] if self.extensions else None


@dataclass(frozen=True, slots=True)
class Roster:
    """All managers at one moment."""

    by_id: Mapping[str, Person]
    _by_login: Mapping[str, Person] = field(repr=False)
    _by_number: Mapping[str, Person] = field(repr=False)
    _by_address: Mapping[str, Person] = field(repr=False)

    @classmethod
    def of(cls, people: Iterable[Person]) -> Roster:
        """An extension that two share belongs to the first."""
        listed = list(people)
        numbers: dict[str, Person] = {}
        for person in listed:
            for number in (*person.extensions, *([person.mobile] if person.mobile else [])):
                if number not in numbers or numbers[number].disabled:
                    numbers[number] = person
        return cls(
            {person.id: person for person in listed},
            {person.login.casefold(): person for person in listed},
            numbers,
            {person.email: person for person in reversed(listed) if person.email},
        )

    def named(self, login: str) -> Person | None:
        """By login, as rules name them."""
        return self._by_login.get(login.casefold())

    def of_number(self, number: str | None) -> Person | None:
        """Whose extension or mobile (E.164) it is."""
        return self._by_number.get(number) if number else None

    def of_address(self, address: str | None) -> Person | None:
        """Whose mail address it is, in small letters."""
        return self._by_address.get(address) if address else None

    def stand_in(self, person: Person) -> tuple[Person | None, str]:
        """Who takes what is meant for ``person``, and a sentence: himself, or whom the absences lead to.

        None where the chain ends at somebody who is away, goes in a circle or is longer than `MOST_STAND_INS`.
        """
        said, seen, current = [], {person.id}, person
        while current.away is not None:
            said.append(f"{current.name} is away until {current.away.until:%Y-%m-%d %H:%M} UTC")
            substitute = self.by_id.get(current.away.substitute_id or "")
            if substitute is None or substitute.disabled:
                return None, f"{', '.join(said)}; nobody stands in"
            if substitute.id in seen:
                return None, f"{', '.join(said)}; those who stand in are a circle"
            if len(seen) > MOST_STAND_INS:
                return None, f"{', '.join(said)}; more than {MOST_STAND_INS} stand in one for another"
            seen.add(substitute.id)
            current = substitute
        if said:
            said.append(f"{current.name} stands in")
        return current, ", ".join(said)


def load_roster(connection: Connection, at: datetime, region: str) -> Roster:
    """The managers as they are at ``at``. ``region`` reads their mobiles."""
    rows = _PEOPLE.rows(connection)
    if not rows:
        return Roster.of(())
    away = {row.manager_id: row for row in _AWAY.rows(connection, at=at)}  # of several the longest
    seen = {row.manager_id: row.seen_at for row in _SEEN.rows(connection)}
    return Roster.of(_person(row, away.get(row.id), seen.get(row.id), region) for row in rows)


def _person(row: Any, away: Any, seen_at: datetime | None, region: str) -> Person:
    return Person(
        id=row.id,
        login=row.login,
        name=row.name,
        extensions=tuple(row.extensions),
        mobile=to_e164(row.mobile, region) if row.mobile else None,
        email=row.email.casefold() if row.email else None,
        hours=row.hours,
        disabled=row.disabled_at is not None,
        away=Away(until=away.ends_at, substitute_id=away.substitute_id, reason=away.reason) if away else None,
        seen_at=seen_at,
    )
