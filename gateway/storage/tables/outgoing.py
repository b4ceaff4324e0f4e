"""What leaves the house for people: letters to customers, notices to managers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class Outgoing(Base):
    """One letter or notice on its way. Written in the transaction of its cause, by ``gateway.outgoing.queue``."""

    __tablename__ = "outgoing"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """The same cause twice is one letter: ``acknowledgement:INTERACTION``, ``callback:ID:overdue``."""
    way: Mapped[str] = mapped_column(String(8))
    """``letter`` (by SMTP), ``webhook`` (to a messenger), or ``notice``: not yet spread to the ways configured."""
    purpose: Mapped[str] = mapped_column(String(16))
    """``answer``, ``acknowledgement``, ``document``, ``summary`` or ``notice``."""
    sender: Mapped[str | None]
    """The configured name of the sender; null: the default one."""
    recipient: Mapped[str | None]
    """The first address in canonical form; null for a notice."""
    token: Mapped[str] = mapped_column(String(32), unique=True)
    """Random, in the letter's Message-ID and References: a reply is known by it."""
    message_id: Mapped[str | None]
    """Made with the first try and the same in all later ones, so that a receiver can tell a copy."""
    payload: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """What is to be said: ``gateway.outgoing.queue`` gives its shape."""
    lead_id: Mapped[str | None] = mapped_column(Uuid)
    contact_id: Mapped[str | None] = mapped_column(Uuid)
    manager_id: Mapped[str | None] = mapped_column(Uuid)
    """Who wrote a letter; whom a notice is for."""
    state: Mapped[str] = mapped_column(String(10), server_default=sql("'waiting'"))
    """``waiting``, ``sending``, ``sent``, ``failed``, ``unknown`` (it may have arrived) or ``dropped``."""
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    due_at: Mapped[datetime]
    reason: Mapped[str | None]
    """Why it waits, failed or is unknown: a sentence."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    recorded_at: Mapped[datetime | None]
    """When it became part of the history; null for what is still to be recorded or never is (notices)."""
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_outgoing_due", "due_at", "id", sqlite_where=sql("state = 'waiting'"),
              postgresql_where=sql("state = 'waiting'")),
        Index("ix_outgoing_open", "state", sqlite_where=sql("state IN ('sending', 'failed', 'unknown')"),
              postgresql_where=sql("state IN ('sending', 'failed', 'unknown')")),
        Index("ix_outgoing_recipient", "recipient", "purpose", "created_at"),
        Index("ix_outgoing_purpose", "purpose", "created_at"),
        Index("ix_outgoing_lead_id", "lead_id"),
        Index("ix_outgoing_contact_id", "contact_id"),
    )  # fmt: skip


class OutgoingFile(Base):
    """A file that goes with a letter."""

    __tablename__ = "outgoing_file"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    outgoing_id: Mapped[str] = mapped_column(Uuid, ForeignKey("outgoing.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    content_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class OutgoingAttempt(Base):
    """One try to send, stored before it is made and completed after."""

    __tablename__ = "outgoing_attempt"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    outgoing_id: Mapped[str] = mapped_column(Uuid, ForeignKey("outgoing.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(16))
    """Null while under way (or the process died): then nobody knows whether it arrived."""
    detail: Mapped[str | None]
