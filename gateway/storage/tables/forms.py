"""What belongs to deliveries beside the journal: their files, what was refused, and the keys that senders gave."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, Uuid
from gateway.storage.tables.base import Base


class StoredFile(Base):
    """One file of an interaction. The bytes are in the folder ``files`` under their hash, and in the raw report."""

    __tablename__ = "stored_file"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    interaction_id: Mapped[str] = mapped_column(Uuid, ForeignKey("interaction.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Its place among the interaction's attachments, from 1."""
    name: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(130))
    size: Mapped[int] = mapped_column(BigId)
    """Bytes."""
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """Null: not taken out of the raw report yet; empty: it is not there."""
    danger: Mapped[str | None]
    """Why nobody should simply open it; null: nothing known."""
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("interaction_id", "number"),
        Index("ix_stored_file_todo", "id", sqlite_where=sql("sha256 IS NULL"), postgresql_where=sql("sha256 IS NULL")),
    )


class DeliveryNote(Base):
    """What came to a source and is no row of the journal: a duplicate, a refusal. Only the newest are kept."""

    __tablename__ = "delivery_note"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    connector: Mapped[str]
    source: Mapped[str]
    outcome: Mapped[str] = mapped_column(String(16))
    """``duplicate``, ``unproven``, ``conflict``, ``quarantine``, ``flood``, ``too_large``, ``broken``, ``failed``."""
    detail: Mapped[str]
    peer: Mapped[str | None]
    """The sender's address."""
    interaction_id: Mapped[str | None] = mapped_column(Uuid)
    """Where it belongs to one."""
    number: Mapped[int]
    """How many equal ones came within seconds."""
    at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_delivery_note_source", "connector", "source", "id"),
        Index("ix_delivery_note_at", "connector", "at"),
    )


class IdempotencyClaim(Base):
    """The content that first came with an ``Idempotency-Key``. The key is stored as a hash."""

    __tablename__ = "idempotency_claim"

    key: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(index=True)
