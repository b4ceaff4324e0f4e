"""Duties to call somebody back, what they stand for, and what was done about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class Callback(Base):
    """One person who waits for a call, or waited: at most one that is not over for each contact."""

    __tablename__ = "callback"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    """Null for a caller who withheld the number: each such call is a callback of its own."""
    lead_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="SET NULL"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    """``open``, ``claimed``, ``attempted``, ``snoozed``; over: ``reached_by_us``, ``reached_by_client``, ``closed``,
    ``merged`` (into that of the same person)."""
    reason: Mapped[str] = mapped_column(String(20))
    """Of the latest try: why the call was missed, ``after_hours``, ``voicemail``, or ``asked`` in a form or letter."""
    channel: Mapped[str] = mapped_column(String(8))
    """Of the latest try."""
    line: Mapped[str | None]
    """What was dialled, written to or filled in last."""
    number: Mapped[str | None]
    """The number that the person called from last, E.164; else one that was left."""
    owner_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"), index=True)
    owner_rule: Mapped[str | None]
    """Why it is that manager: ``contact``, ``rang``, ``person``, or the routing rule's name."""
    claimed_by: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    claimed_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]
    tries: Mapped[int]
    """How often the person tried to get through."""
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    waiting_since: Mapped[datetime]
    """The first try that nobody answered since: from then on the person waits."""
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    """How often we tried in vain."""
    last_attempt_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    """Until when the person should be reached."""
    steps_done: Mapped[int] = mapped_column(server_default=sql("0"))
    """Reminders that were given."""
    next_at: Mapped[datetime | None]
    """When the gateway has to do something by itself: remind, or end the snooze."""
    in_time: Mapped[bool | None]
    """Reached before ``due_at``; null where it is not over or nobody was reached."""
    close_reason: Mapped[str | None] = mapped_column(String(24))
    closed_by: Mapped[str | None] = mapped_column(Uuid)
    """The interaction that closed it; null where a person did."""
    closed_actor: Mapped[str | None]
    """As ``audit.actor``."""
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=sql("1"))
    """Grows with each change."""
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        # one duty a person, whatever races
        Index("uq_callback_open_contact", "contact_id", unique=True, sqlite_where=sql("closed_at IS NULL"),
              postgresql_where=sql("closed_at IS NULL")),
        Index("ix_callback_next", "next_at", sqlite_where=sql("next_at IS NOT NULL"),
              postgresql_where=sql("next_at IS NOT NULL")),
        # all that the board sorts by and counts is in the index
        Index("ix_callback_waiting", "due_at", "id", "snoozed_until", "owner_id", "claimed_by", "waiting_since",
              sqlite_where=sql("closed_at IS NULL"), postgresql_where=sql("closed_at IS NULL")),
        Index("ix_callback_opened_at", "opened_at", "id"),
        Index("ix_callback_first_at", "first_at", "id"),
        Index("ix_callback_closed_at", "closed_at", "id"),
        Index("ix_callback_closed_by", "closed_by"),
    )  # fmt: skip


class CallbackTry(Base):
    """One try of the person to get through. An interaction is the try of one callback only."""

    __tablename__ = "callback_try"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    callback_id: Mapped[str] = mapped_column(Uuid, ForeignKey("callback.id", ondelete="CASCADE"), index=True)
    interaction_id: Mapped[str] = mapped_column(Uuid, unique=True)
    at: Mapped[datetime]
    channel: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(20))
    line: Mapped[str | None]
    number: Mapped[str | None]


class CallbackEvent(Base):
    """One step in the life of a callback: who, what, when."""

    __tablename__ = "callback_event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    callback_id: Mapped[str] = mapped_column(Uuid, ForeignKey("callback.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(12))
    """``opened``, ``tried``, ``claimed``, ``attempted``, ``closed``, ... (``gateway.callbacks.life.Step``)."""
    actor: Mapped[str]
    """As ``audit.actor``."""
    manager_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    """The manager concerned: who did it, or who was told or given it."""
    interaction_id: Mapped[str | None] = mapped_column(Uuid)
    note: Mapped[str | None]
    """What a person wrote."""
    detail: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """What belongs to the step; ``before``: what undo puts back."""
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_callback_event_callback_id", "callback_id", "id"),
        # a report that comes twice is one step
        Index("uq_callback_event_interaction", "callback_id", "kind", "interaction_id", unique=True,
              sqlite_where=sql("interaction_id IS NOT NULL"), postgresql_where=sql("interaction_id IS NOT NULL")),
    )  # fmt: skip
