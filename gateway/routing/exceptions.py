"""Days that differ from the week, entered by people while the gateway runs; they come after those of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import LeadgateError, NotFound
from gateway.routing.settings import ExceptionSettings
from gateway.storage.tables import HoursException

MOST_DAYS = 366
MOST_REASON = 200


class HoursError(LeadgateError):
    """Days that can't be entered so. The text says why and what to write."""

    code = "hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewException:
    """What a person enters."""

    first: date
    last: date
    hours: Sequence[str] = ()
    """``["09:00-15:00"]``; none: closed."""
    schedules: Sequence[str] = ()
    """Names of schedules; none: all."""
    reason: str = ""


class ExceptionView(msgspec.Struct, frozen=True, kw_only=True):
    """Days that differ from the week."""

    id: str
    first: date
    last: date
    """The last of the days, itself one of them."""
    hours: list[str]
    """Empty: closed."""
    schedules: list[str]
    """Empty: all."""
    reason: str
    created_by: str
    created_at: datetime


def enter(connection: Connection, new: NewException, by: By, *, known: Sequence[str]) -> ExceptionView:
    """Write it down. ``known``: the names of all schedules. Raises HoursError."""
    _check(new, known)
    exception_id = by.new_id()
    row: dict[str, Any] = {
        "id": exception_id,
        "first": new.first,
        "last": new.last,
        "hours": list(new.hours),
        "schedules": list(new.schedules),
        "reason": " ".join(new.reason.split())[:MOST_REASON],
        "created_by": by.actor,
        "created_at": by.at,
    }
    connection.execute(insert(HoursException), row)
    detail = {"first": new.first.isoformat(), "last": new.last.isoformat(), "hours": list(new.hours)}
    deed = Deed(actor=by.actor, action="hours.added", object_kind="hours", object_id=exception_id, detail=detail)
    record(connection, deed, by.at)
    return ExceptionView(**row)


def take_back(connection: Connection, exception_id: str, by: By) -> None:
    """Remove it. Raises NotFound."""
    if not connection.execute(delete(HoursException).where(HoursException.id == exception_id)).rowcount:
        raise NotFound("There are no such days: %(id)s", id=exception_id[:40])
    deed = Deed(actor=by.actor, action="hours.removed", object_kind="hours", object_id=exception_id)
    record(connection, deed, by.at)


def listed(connection: Connection) -> list[ExceptionView]:
    """All of them, the earliest first."""
    query = select(HoursException).order_by(HoursException.first, HoursException.id)
    return [
        ExceptionView(**{name: getattr(row, name) for name in ExceptionView.__struct_fields__})
        for row in connection.execute(query)
    ]


def stored(connection: Connection) -> tuple[ExceptionSettings, ...]:
    """As the calendars take them, in the order in which they were entered: the last counts."""
    rows = connection.execute(select(HoursException).order_by(HoursException.created_at, HoursException.id))
    return tuple(
        ExceptionSettings(
            first=row.first,
            last=row.last,
            closed=not row.hours,
            hours=tuple(row.hours),
            schedules=tuple(row.schedules),
            reason=row.reason,
        )
        for row in rows
    )


def _check(new: NewException, known: Sequence[str]) -> None:
    if new.last - new.first > timedelta(days=MOST_DAYS):
        raise HoursError(
            "These are more than %(most)s days. Change the week in the configuration instead", most=MOST_DAYS
        )
    for name in new.schedules:
        if name not in known:
            raise HoursError(
                "There is no schedule %(name)r. There are: %(known)s", name=name[:60], known=", ".join(known) or "none"
            )
    try:
        ExceptionSettings(first=new.first, last=new.last, closed=not new.hours, hours=tuple(new.hours))
    except ValueError as error:
        raise HoursError("%(why)s", why=error) from None
