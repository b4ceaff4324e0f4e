"""What came in: reports as they came, interactions, how far each source was read, and the feed of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class Journal(Base):
    """Every report as it came, before anyone understood it. The source of truth for recomputing."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    dedup_key: Mapped[str] = mapped_column(unique=True)
    connector: Mapped[str]
    source: Mapped[str]
    channel: Mapped[str] = mapped_column(String(8))
    interaction_id: Mapped[str] = mapped_column(Uuid, ForeignKey("interaction.id", ondelete="CASCADE"), index=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    meta: Mapped[dict[str, Any]] = mapped_column(JsonText)
    draft: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """A Draft as JSON; null while ``raw`` waits for its interpreter."""
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), server_default=sql("'new'"))
    """``new``: to be processed; ``done``; ``aside``: set aside after too many failures, until a person decides."""
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    due_at: Mapped[datetime]
    error: Mapped[str | None]
    processed_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        # partial: the worker asks for "the next new rows" many times a second, and nearly all rows are done
        Index("ix_journal_todo", "id", sqlite_where=sql("state = 'new'"), postgresql_where=sql("state = 'new'")),
        # the same without the raw ones: thousands of letters that wait to be read must not slow down calls and forms
        Index(
            "ix_journal_ready",
            "id",
            sqlite_where=sql("state = 'new' AND draft IS NOT NULL"),
            postgresql_where=sql("state = 'new' AND draft IS NOT NULL"),
        ),
        Index("ix_journal_aside", "id", sqlite_where=sql("state = 'aside'"), postgresql_where=sql("state = 'aside'")),
    )


class Interaction(Base):
    """One call, mail or form submission."""

    __tablename__ = "interaction"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(String(8))
    connector: Mapped[str]
    source_name: Mapped[str]
    """The configured name of the PBX, mailbox, listener or form."""
    phase: Mapped[str] = mapped_column(String(10))
    direction: Mapped[str | None] = mapped_column(String(10))
    """Null until the item was understood."""
    kind: Mapped[str | None] = mapped_column(String(12))
    outcome: Mapped[str | None] = mapped_column(String(16))
    """Calls: answered, missed, no_answer, busy, failed. Others: null."""
    line: Mapped[str | None]
    name: Mapped[str | None]
    subject: Mapped[str | None]
    text: Mapped[str] = mapped_column(server_default=sql("''"))
    fields: Mapped[dict[str, str]] = mapped_column(JsonText)
    source: Mapped[dict[str, Any]] = mapped_column(JsonText)
    handles: Mapped[list[dict[str, str]]] = mapped_column(JsonText)
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    problems: Mapped[list[str]] = mapped_column(JsonText)
    details: Mapped[dict[str, Any]] = mapped_column(JsonText)
    missed_reason: Mapped[str | None] = mapped_column(String(40))
    """This and the next three: of calls, from ``details``, for lists and reports."""
    queue: Mapped[str | None]
    wait_seconds: Mapped[float | None]
    talk_seconds: Mapped[float | None]
    after_hours: Mapped[bool | None]
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="SET NULL"))
    lead_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="SET NULL"))
    manager_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    """Who spoke or wrote for the company."""
    occurred_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_interaction_occurred_at", "occurred_at", "id"),
        Index("ix_interaction_contact_id", "contact_id", "occurred_at", "id", "channel"),
        Index("ix_interaction_lead_id", "lead_id", "occurred_at", "id"),
        # what the log of calls is narrowed to is in the index: rows that do not fit are not even looked up
        Index("ix_interaction_calls", "occurred_at", "id", "direction", "outcome", "manager_id", "line",
              sqlite_where=sql("channel = 'call'"), postgresql_where=sql("channel = 'call'")),
        Index("ix_interaction_open_calls", "source_name", sqlite_where=sql("phase IN ('ringing', 'answered')"),
              postgresql_where=sql("phase IN ('ringing', 'answered')")),
    )  # fmt: skip


class Change(Base):
    """What changed, in order: the feed of the pages and of ``GET /api/v1/events``, resumable by its id."""

    __tablename__ = "change"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(32))
    """``lead.created``, ``lead.updated``, ``interaction.updated``, ``contact.merged``."""
    object_id: Mapped[str] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = ({"sqlite_autoincrement": True},)  # ids are never given twice, even after old rows were removed


class Cursor(Base):
    """How far a source was read, written in the transaction of the data it covers."""

    __tablename__ = "cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    """``ami:office`` (the last event seen), later ``cel:office``, ``imap:sales/INBOX``; ``recording:...``, one that
    is still to be removed."""
    value: Mapped[dict[str, Any]] = mapped_column(JsonText)
    updated_at: Mapped[datetime]
