"""The people that the configuration names, brought into the table of managers at each start.

What the file says wins for those whom it names. Whom it names no longer stays as he is: a person who has leads,
contacts and a history is not removed, nor locked out, because a line is missing in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.audit.log import GATEWAY, Deed
from gateway.audit.log import record as write_down
from gateway.core.clock import NewId
from gateway.storage.tables import Manager


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """One ``[[manager]]``."""

    login: str
    name: str
    role: str
    email: str | None = None
    mobile: str | None = None
    extensions: tuple[str, ...] = ()
    hours: str | None = None

    def columns(self) -> dict[str, Any]:
        """What the file decides about the row."""
        return {
            "name": self.name,
            "role": self.role,
            "email": self.email,
            "mobile": self.mobile,
            "extensions": list(self.extensions),
            "hours": self.hours,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a start changed, by logins."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    """Whom the file named before and names no longer: kept as they are."""


def sync(connection: Connection, people: Sequence[Configured], *, at: datetime, new_id: NewId) -> Synced:
    """Add and change those whom the file names. Logins are compared without case."""
    stored = {row.login.casefold(): row for row in connection.execute(select(Manager))}
    added, changed = [], []
    for person in people:
        row = stored.get(person.login.casefold())
        if row is None:
            _add(connection, person, at=at, manager_id=new_id())
            added.append(person.login)
        elif _change(connection, person, row, at):
            changed.append(person.login)
    named = {person.login.casefold() for person in people}
    gone = [row for login, row in stored.items() if row.configured_at is not None and login not in named]
    for row in gone:
        connection.execute(update(Manager).where(Manager.id == row.id).values(configured_at=None))
        _note(connection, "user.unnamed", row.id, {"login": row.login}, at)
    return Synced(added=tuple(added), changed=tuple(changed), unnamed=tuple(row.login for row in gone))


def _add(connection: Connection, person: Configured, *, at: datetime, manager_id: str) -> None:
    row = {"id": manager_id, "login": person.login, "configured_at": at, "created_at": at}
    connection.execute(insert(Manager), {**row, **person.columns()})
    _note(connection, "user.added", manager_id, {"login": person.login, "role": person.role}, at)


def _change(connection: Connection, person: Configured, row: Any, at: datetime) -> bool:
    """Write what differs; False where nothing does."""
    new = {name: value for name, value in person.columns().items() if getattr(row, name) != value}
    if row.configured_at is None:
        new["configured_at"] = at
    if not new:
        return False
    connection.execute(update(Manager).where(Manager.id == row.id).values(**new))
    detail = {"login": row.login, "changed": sorted(new)}
    if "role" in new:
        detail["role"] = person.role
    _note(connection, "user.configured", row.id, detail, at)
    return True


def _note(connection: Connection, action: str, manager_id: str, detail: dict[str, Any], at: datetime) -> None:
    write_down(
        connection, Deed(actor=GATEWAY, action=action, object_kind="user", object_id=manager_id, detail=detail), at
    )
