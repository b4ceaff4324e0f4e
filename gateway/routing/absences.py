"""Absences: entered, listed, taken back. Each is a deed in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import aliased

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import LeadgateError, NotFound
from gateway.storage.tables import Absence, Manager

LONGEST = timedelta(days=3 * 366)
MOST_REASON = 200


class AbsenceError(LeadgateError):
    """An absence that can't be. The text says why and what to write."""

    code = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAbsence:
    """What a person enters. Managers by login or id."""

    manager: str
    starts_at: datetime
    ends_at: datetime
    """The first moment after it."""
    substitute: str | None = None
    reason: str = ""


class AbsenceView(msgspec.Struct, frozen=True, kw_only=True):
    """One absence."""

    id: str
    manager: str
    """Login."""
    manager_name: str
    substitute: str | None
    """Login of who stands in."""
    starts_at: datetime
    ends_at: datetime
    """The first moment after it."""
    reason: str


def add(connection: Connection, new: NewAbsence, by: By, *, keep: timedelta | None = None) -> AbsenceView:
    """Enter an absence. Raises AbsenceError, NotFound."""
    if new.ends_at <= new.starts_at:
        raise AbsenceError("An absence ends after it begins. Exchange the two")
    if new.ends_at - new.starts_at > LONGEST:
        raise AbsenceError("An absence of more than three years is a mistake. Use 'leadgate user disable' for who left")
    manager_id = _id_of(connection, new.manager)
    substitute_id = _id_of(connection, new.substitute) if new.substitute else None
    if substitute_id == manager_id:
        raise AbsenceError("Nobody stands in for himself. Name another manager, or none")
    absence_id = by.new_id()
    row = {
        "id": absence_id,
        "manager_id": manager_id,
        "starts_at": new.starts_at,
        "ends_at": new.ends_at,
        "substitute_id": substitute_id,
        "reason": " ".join(new.reason.split())[:MOST_REASON],
        "created_at": by.at,
        "keep_until": new.ends_at + keep if keep else None,
    }
    connection.execute(insert(Absence), row)
    detail = {"manager": manager_id, "substitute": substitute_id, "until": new.ends_at.isoformat()}
    deed = Deed(actor=by.actor, action="absence.added", object_kind="absence", object_id=absence_id, detail=detail)
    record(connection, deed, by.at)
    return next(view for view in listed(connection) if view.id == absence_id)


def remove(connection: Connection, absence_id: str, by: By) -> None:
    """Take an absence back. Raises NotFound."""
    if not connection.execute(delete(Absence).where(Absence.id == absence_id)).rowcount:
        raise NotFound("There is no absence %(id)s. 'leadgate absence list' shows them", id=absence_id[:40])
    deed = Deed(actor=by.actor, action="absence.removed", object_kind="absence", object_id=absence_id)
    record(connection, deed, by.at)


def listed(connection: Connection, *, since: datetime | None = None) -> Sequence[AbsenceView]:
    """All absences that end after ``since``, the first to begin first."""
    substitute = aliased(Manager)
    query = (
        select(
            Absence.id,
            Manager.login.label("manager"),
            Manager.name.label("manager_name"),
            substitute.login.label("substitute"),
            Absence.starts_at,
            Absence.ends_at,
            Absence.reason,
        )
        .join(Manager, Manager.id == Absence.manager_id)
        .outerjoin(substitute, substitute.id == Absence.substitute_id)
        .order_by(Absence.starts_at, Absence.id)
    )
    if since is not None:
        query = query.where(Absence.ends_at > since)
    return [AbsenceView(**row) for row in connection.execute(query).mappings()]


def _id_of(connection: Connection, named: str) -> str:
    """By login (without case) or id. Raises NotFound."""
    rows = connection.execute(select(Manager.id, Manager.login)).all()
    for row in rows:
        if named == row.id or named.casefold() == row.login.casefold():
            return str(row.id)
    known = ", ".join(sorted(row.login for row in rows)) or "nobody"
    raise NotFound("There is no manager %(named)r. There are: %(known)s", named=named[:60], known=known)
