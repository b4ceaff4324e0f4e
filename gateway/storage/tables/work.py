"""The work on leads: stages, tasks, notes, documents, and what the sources of leads cost."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class StageChange(Base):
    """A lead left one stage or status for another. ``at`` less ``since`` is the time it was there."""

    __tablename__ = "stage_change"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    lead_id: Mapped[str] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="CASCADE"))
    from_stage: Mapped[str] = mapped_column(String(40))
    to_stage: Mapped[str] = mapped_column(String(40))
    from_status: Mapped[str] = mapped_column(String(8))
    to_status: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None]
    actor: Mapped[str]
    since: Mapped[datetime]
    """When it had come to ``from_stage``."""
    at: Mapped[datetime] = mapped_column(index=True)
    keep_until: Mapped[datetime | None]

    __table_args__ = (Index("ix_stage_change_lead_id", "lead_id", "id"),)


class Task(Base):
    """Something a manager has to do for a lead or a contact."""

    __tablename__ = "task"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    lead_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="CASCADE"), index=True)
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """``call``, ``write``, ``meet`` or ``other``."""
    text: Mapped[str]
    due_at: Mapped[datetime]
    owner_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(String(8), server_default=sql("'open'"))
    """``open``, ``done`` or ``void``: the lead left the stage that asked for it, or a person said so."""
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    outcome: Mapped[str | None]
    """What came of it, in words."""
    rule: Mapped[str | None]
    """Name of the rule that made it."""
    rule_key: Mapped[str | None] = mapped_column(unique=True)
    """Makes a rule's task once: rule, lead and the moment that began it."""
    reminded_at: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=sql("1"))
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_task_due", "due_at", "id", sqlite_where=sql("status = 'open'"),
              postgresql_where=sql("status = 'open'")),
        Index("ix_task_owner", "owner_id", "due_at", sqlite_where=sql("status = 'open'"),
              postgresql_where=sql("status = 'open'")),
        Index("ix_task_ended", "ended_at", "id", sqlite_where=sql("status != 'open'"),
              postgresql_where=sql("status != 'open'")),
        Index("ix_task_owner_ended", "owner_id", "ended_at", "id", sqlite_where=sql("status != 'open'"),
              postgresql_where=sql("status != 'open'")),
        Index("ix_task_created_at", "created_at", "id"),
    )  # fmt: skip


class Note(Base):
    """What somebody wrote down about a lead or a contact."""

    __tablename__ = "note"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    lead_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="CASCADE"), index=True)
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    author: Mapped[str]
    """An actor, as in the log of deeds."""
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]


class Spend(Base):
    """What a source of leads cost in a period. A part of the source that is not named is empty, not null: all of it
    together is unique."""

    __tablename__ = "spend"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    channel: Mapped[str] = mapped_column(String(8))
    """``call``, ``mail``, ``form`` or empty: all of them."""
    source: Mapped[str]
    """``utm_source``, or the name of a line, mailbox or form."""
    medium: Mapped[str]
    campaign: Mapped[str]
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    """Inclusive."""
    amount: Mapped[int] = mapped_column(BigInteger)
    """In the smallest unit of the currency: kopecks, cents."""
    currency: Mapped[str] = mapped_column(String(3))
    comment: Mapped[str] = mapped_column(server_default=sql("''"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=sql("1"))

    __table_args__ = (
        UniqueConstraint("source", "medium", "campaign", "channel", "first_day", "last_day", "currency",
                         name="uq_spend_what_and_when"),
        Index("ix_spend_days", "first_day", "last_day"),
    )  # fmt: skip


class DocumentNumber(Base):
    """The last number given to a kind of document in a year. Taken in the document's own transaction: no gaps."""

    __tablename__ = "document_number"

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Document(Base):
    """A document or letter made from a template: never changed afterwards, only sent or declared void."""

    __tablename__ = "document"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """``offer``, ``invoice``, ``contract``, ``letter``, or what the company's own template says."""
    template: Mapped[str]
    language: Mapped[str] = mapped_column(String(8))
    year: Mapped[int]
    number: Mapped[int]
    label: Mapped[str]
    """The number as people read it: ``INV-2026-0007``."""
    title: Mapped[str]
    lead_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="SET NULL"), index=True)
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="SET NULL"), index=True)
    fields: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """What was filled in."""
    subject: Mapped[str]
    """Of the letter it is sent with."""
    message: Mapped[str]
    """Text of the letter it is sent with."""
    html: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    """Of ``html`` in UTF-8."""
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """When it was last given to the outgoing mail."""
    sent_to: Mapped[list[str]] = mapped_column(JsonText)
    void_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("kind", "year", "number"),
        Index("ix_document_created_at", "created_at", "id"),
    )


class DocumentFile(Base):
    """The PDF of a document: apart, so that lists never load it; in the database, so that a backup has it."""

    __tablename__ = "document_file"

    document_id: Mapped[str] = mapped_column(Uuid, ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
