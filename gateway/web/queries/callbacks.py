"""Callbacks, for the board and the API. Who sees what is a condition of every query here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from gateway.storage.tables import Callback, Manager
from gateway.views.callbacks import CallbackDetails, CallbackView, callback_details, callback_views
from gateway.web.problems import Refused
from gateway.web.queries.filters import (
    NOBODY,
    Filters,
    Page,
    Position,
    contains,
    has_handle,
    newest_first,
)
from gateway.web.queries.search import contact_matches

WAITING = ("open", "claimed", "attempted", "snoozed")
OVER = ("reached_by_us", "reached_by_client", "closed", "merged")
STATUSES = (*WAITING, *OVER, "waiting", "overdue", "anonymous", "over")
"""What ``status`` may be: a state; ``waiting``: any that is not over; ``overdue``; ``anonymous``: waiting callers who
withheld the number; ``over``."""
PUT_OFF, WAITS = "s", "w"
"""What a place on the board begins with, in addresses."""
BOARD_LIMIT = 500
"""Rows of the board: nobody calls back more people in a day."""


class BoardCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The figures above the board."""

    waiting: int
    overdue: int
    mine: int
    """Claimed or owned by who asks."""
    unowned: int
    """Neither claimed nor owned."""
    oldest_waiting_since: datetime | None


def callbacks_page(connection: Connection, filters: Filters) -> Page[CallbackView]:
    """Callbacks, the newest first. ``status``: one of STATUSES; ``manager``: who owns or claimed it."""
    now = _now(filters)
    query = select(Callback).where(*_conditions(connection, filters, now))
    query = newest_first(query, Callback.opened_at, Callback.id, filters)
    rows = connection.execute(query).all()
    shown = rows[: filters.limit]
    more = len(rows) > filters.limit
    following = Position(shown[-1].opened_at, shown[-1].id).encode() if more else None
    return Page(callback_views(connection, shown, now), following)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row of the board stands: by what it is sorted."""

    put_off: bool
    due_at: datetime
    id: str

    @classmethod
    def of(cls, row: CallbackView) -> Place:
        """Of a row that was shown."""
        return cls(put_off=row.snoozed_until is not None, due_at=row.due_at, id=row.id)

    def encode(self) -> str:
        """As a page's address has it."""
        return f"{PUT_OFF if self.put_off else WAITS}{Position(self.due_at, self.id).encode()}"

    @classmethod
    def decode(cls, cursor: str) -> Place:
        """Raises ValueError for what ``encode`` did not make."""
        if cursor[:1] not in {PUT_OFF, WAITS}:
            raise ValueError("no place of ours")
        position = Position.decode(cursor[1:])
        return cls(put_off=cursor[0] == PUT_OFF, due_at=position.at, id=position.id)

    def rows_after(self) -> ColumnElement[bool]:
        """What stands below it."""
        is_put_off = Callback.snoozed_until.is_not(None)
        further = and_(Callback.due_at >= self.due_at, or_(Callback.due_at > self.due_at, Callback.id > self.id))
        return and_(is_put_off, further) if self.put_off else or_(is_put_off, further)


def board(
    connection: Connection, filters: Filters, *, limit: int = BOARD_LIMIT, after: Place | None = None
) -> list[CallbackView]:
    """Who waits, the most urgent first; those put off last. ``status`` narrows; without it all that wait.

    The order changes with every call. A page begins below the place where the one before ended, so whoever is reached
    or comes in meanwhile moves nobody else out of sight.
    """
    now = _now(filters)
    conditions = _conditions(connection, filters, now)
    if filters.status is None:
        conditions.append(Callback.closed_at.is_(None))
    if after is not None:
        conditions.append(after.rows_after())
    query = (
        select(Callback)
        .where(*conditions)
        .order_by(Callback.snoozed_until.isnot(None), Callback.due_at, Callback.id)
        .limit(limit)
    )
    return callback_views(connection, connection.execute(query).all(), now)


def board_counts(connection: Connection, scope: Filters, *, manager_id: str | None = None) -> BoardCounts:
    """The figures of what ``scope.seen_by`` sees at ``scope.now``; ``manager_id`` is who asks."""
    mine = or_(Callback.claimed_by == manager_id, and_(Callback.claimed_by.is_(None), Callback.owner_id == manager_id))
    nobody = and_(Callback.claimed_by.is_(None), Callback.owner_id.is_(None))
    query = select(
        func.count(),
        func.count().filter(Callback.due_at < _now(scope)),
        func.count().filter(mine),
        func.count().filter(nobody),
        func.min(Callback.waiting_since),
    ).where(Callback.closed_at.is_(None), *visible_callbacks(scope.seen_by))
    waiting, overdue, own, unowned, oldest = connection.execute(query).one()
    return BoardCounts(waiting=waiting, overdue=overdue, mine=own, unowned=unowned, oldest_waiting_since=oldest)


def callback(connection: Connection, callback_id: str, scope: Filters) -> CallbackDetails | None:
    """One callback with its tries and history; None too where ``scope.seen_by`` may not see it."""
    if not may_see(connection, callback_id, scope.seen_by):
        return None
    return callback_details(connection, callback_id, _now(scope))


def may_see(connection: Connection, callback_id: str, seen_by: str | None) -> bool:
    """Whether the viewer sees it; of one that is not there True: others say that."""
    if seen_by is None:
        return True
    query = select(Callback.id).where(Callback.id == callback_id)
    if connection.execute(query).first() is None:
        return True
    return connection.execute(query.where(*visible_callbacks(seen_by))).first() is not None


def callback_of_contact(connection: Connection, contact_id: str) -> str | None:
    """The id of the callback in which this person waits."""
    query = select(Callback.id).where(Callback.contact_id == contact_id, Callback.closed_at.is_(None))
    return connection.execute(query).scalar_one_or_none()


def visible_callbacks(seen_by: str | None) -> list[ColumnElement[bool]]:
    """Conditions for what a viewer sees (``access.Viewer.seen_by``): own, claimed, and those of nobody; None: all."""
    if seen_by is None:
        return []
    return [or_(Callback.owner_id == seen_by, Callback.claimed_by == seen_by, Callback.owner_id.is_(None))]


def _conditions(connection: Connection, filters: Filters, now: datetime) -> list[ColumnElement[bool]]:
    found = [*visible_callbacks(filters.seen_by), *has_handle(Callback.contact_id, filters)]
    if filters.channel is not None:
        found.append(Callback.channel == filters.channel)
    if filters.manager == NOBODY:
        found += [Callback.owner_id.is_(None), Callback.claimed_by.is_(None)]
    elif filters.manager is not None:
        named = select(Manager.id).where(or_(Manager.id == filters.manager, Manager.login == filters.manager))
        found.append(or_(Callback.owner_id.in_(named), Callback.claimed_by.in_(named)))
    if filters.q:
        in_numbers = contains(filters.q, (Callback.number, Callback.line))
        found.append(or_(in_numbers, contact_matches(connection, Callback.contact_id, filters.q)))
    if filters.status is not None:
        found += _of_status(filters.status, now)
    return found


def _of_status(status: str, now: datetime) -> list[ColumnElement[bool]]:
    waits = Callback.closed_at.is_(None)
    if status == "waiting":
        return [waits]
    if status == "overdue":
        return [waits, Callback.due_at < now]
    if status == "anonymous":
        return [waits, Callback.contact_id.is_(None)]
    if status == "over":
        return [Callback.closed_at.isnot(None)]
    if status in WAITING:
        return [waits, Callback.state == status]
    if status in OVER:
        return [Callback.state == status]
    raise Refused(
        400,
        "bad_parameter",
        "There is no status %(status)r; there are %(known)s.",
        status=status[:40],
        known=", ".join(STATUSES),
    )


def _now(filters: Filters) -> datetime:
    if filters.now is None:
        raise ValueError("callbacks can only be asked for at a time: set Filters.now")
    return filters.now
