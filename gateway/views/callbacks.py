"""Callbacks as the API, the pages and the events tell them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from gateway.core.placement import Event
from gateway.storage.tables import Callback, CallbackEvent, CallbackTry
from gateway.views.people import contact_briefs, manager_briefs
from gateway.views.shapes import ContactBrief, ManagerBrief


class CallbackView(msgspec.Struct, frozen=True, kw_only=True):
    """One person who waits for a call, or waited."""

    id: str
    state: str
    """``open``, ``claimed``, ``attempted``, ``snoozed``; over: ``reached_by_us``, ``reached_by_client``, ``closed``,
    ``merged``."""
    contact: ContactBrief | None
    """Null where the number was withheld."""
    number: str | None
    """Whom to call: the number of the latest try, else the contact's first."""
    reason: str
    """Of the latest try: why the call was missed, ``after_hours``, ``voicemail``, or ``asked`` in a form or letter."""
    channel: str
    line: str | None
    """What was dialled, written to or filled in last."""
    tries: int
    """How often the person tried."""
    first_at: datetime
    last_at: datetime
    waiting_since: datetime
    """The first try that nobody answered since."""
    attempts: int
    """How often we tried in vain."""
    last_attempt_at: datetime | None
    owner: ManagerBrief | None
    owner_rule: str | None
    """Why it is that manager: ``contact``, ``rang``, ``lead``, ``person``, or the routing rule's name."""
    claimed_by: ManagerBrief | None
    claimed_at: datetime | None
    snoozed_until: datetime | None
    due_at: datetime
    overdue: bool
    """It is not over, and ``due_at`` has passed."""
    in_time: bool | None
    """Reached before ``due_at``."""
    close_reason: str | None
    closed_by: str | None
    """Id of the interaction that closed it; null where a person did."""
    closed_at: datetime | None
    lead: str | None
    opened_at: datetime
    updated_at: datetime
    version: int


class CallbackTryView(msgspec.Struct, frozen=True, kw_only=True):
    """One try of the person."""

    interaction: str
    at: datetime
    channel: str
    reason: str
    line: str | None
    number: str | None


class CallbackStepView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    id: int
    at: datetime
    kind: str
    """``opened``, ``tried``, ``claimed``, ``released``, ``assigned``, ``snoozed``, ``woken``, ``attempted``, ``noted``,
    ``called``, ``reminded``, ``closed``, ``reopened``, ``undone``, ``merged``, ``parted``."""
    actor: str
    """``manager:ID``, ``token:ID``, ``console`` or ``gateway``."""
    manager: ManagerBrief | None
    """The manager concerned: who did it, or who was told or given it."""
    interaction: str | None
    note: str | None
    detail: dict[str, Any]
    undone_at: datetime | None


class CallbackDetails(CallbackView, frozen=True, kw_only=True):
    """A callback with everything that happened to it."""

    all_tries: list[CallbackTryView]
    """The oldest first."""
    history: list[CallbackStepView]
    """The oldest first."""


def callback_views(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[CallbackView]:
    """Rows of the table of callbacks, in their order. A handful of statements for all."""
    return [CallbackView(**columns) for columns in _all_columns(connection, rows, now)]


def callback_view(connection: Connection, callback_id: str, now: datetime) -> CallbackView | None:
    """One callback."""
    rows = connection.execute(select(Callback).where(Callback.id == callback_id)).all()
    return next(iter(callback_views(connection, rows, now)), None)


def callback_details(connection: Connection, callback_id: str, now: datetime) -> CallbackDetails | None:
    """One callback with its tries and its history."""
    rows = connection.execute(select(Callback).where(Callback.id == callback_id)).all()
    if not rows:
        return None
    (columns,) = _all_columns(connection, rows, now)
    return CallbackDetails(
        **columns, all_tries=_tries(connection, callback_id), history=_history(connection, callback_id)
    )


def callback_event(connection: Connection, kind: str, callback_id: str, now: datetime) -> Event:
    """``callback.opened`` or ``callback.closed`` for the CRMs."""
    view = callback_view(connection, callback_id, now)
    assert view is not None
    return Event(
        type=kind,
        order_key=view.contact.id if view.contact else view.lead or view.id,
        data=msgspec.to_builtins(view),
        lead_id=view.lead,
        interaction_id=view.closed_by,
    )


def _tries(connection: Connection, callback_id: str) -> list[CallbackTryView]:
    query = select(CallbackTry).where(CallbackTry.callback_id == callback_id).order_by(CallbackTry.at, CallbackTry.id)
    return [
        CallbackTryView(
            interaction=row.interaction_id,
            at=row.at,
            channel=row.channel,
            reason=row.reason,
            line=row.line,
            number=row.number,
        )
        for row in connection.execute(query)
    ]


def _history(connection: Connection, callback_id: str) -> list[CallbackStepView]:
    query = select(CallbackEvent).where(CallbackEvent.callback_id == callback_id).order_by(CallbackEvent.id)
    rows = connection.execute(query).all()
    managers = manager_briefs(connection, [row.manager_id for row in rows])
    return [
        CallbackStepView(
            id=row.id,
            at=row.at,
            kind=row.kind,
            actor=row.actor,
            manager=managers.get(row.manager_id),
            interaction=row.interaction_id,
            note=row.note,
            detail={key: value for key, value in row.detail.items() if key not in ("before", "changed")},
            undone_at=row.undone_at,
        )
        for row in rows
    ]


def _all_columns(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[dict[str, Any]]:
    contacts = contact_briefs(connection, [row.contact_id for row in rows])
    managers = manager_briefs(connection, [key for row in rows for key in (row.owner_id, row.claimed_by)])
    return [_columns(row, contacts.get(row.contact_id), managers, now) for row in rows]


_PLAIN = (
    "id", "state", "reason", "channel", "line", "tries", "first_at", "last_at", "waiting_since", "attempts",
    "last_attempt_at", "owner_rule", "claimed_at", "snoozed_until", "due_at", "in_time", "close_reason", "closed_by",
    "closed_at", "opened_at", "updated_at", "version",
)  # fmt: skip


def _columns(
    row: Row[Any], contact: ContactBrief | None, managers: dict[str | None, ManagerBrief], now: datetime
) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        "contact": contact,
        "number": row.number or next(iter(contact.phones if contact else ()), None),
        "owner": managers.get(row.owner_id),
        "claimed_by": managers.get(row.claimed_by),
        "overdue": row.closed_at is None and row.due_at < now,
        "lead": row.lead_id,
    }
