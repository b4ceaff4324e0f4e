"""Requests that are worked on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import JsonText, Uuid
from gateway.storage.tables.base import Base


class Lead(Base):
    """A contact's request being worked. The first interaction opens it, later ones join while it is open."""

    __tablename__ = "lead"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="SET NULL"), index=True)
    """Null where the person withheld every handle: the request is still a lead."""
    channel: Mapped[str] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(8), server_default=sql("'open'"))
    """``open``, ``won``, ``lost``, ``spam``, or ``merged``: its contact proved to be one that has another open lead."""
    stage: Mapped[str] = mapped_column(String(40), server_default=sql("'new'"))
    manager_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"), index=True)
    subject: Mapped[str | None]
    text: Mapped[str] = mapped_column(server_default=sql("''"))
    fields: Mapped[dict[str, str]] = mapped_column(JsonText)
    source: Mapped[dict[str, Any]] = mapped_column(JsonText)
    after_hours: Mapped[bool | None]
    opened_by: Mapped[str | None] = mapped_column(Uuid)
    """The interaction that opened it."""
    amount: Mapped[int | None] = mapped_column(BigInteger)
    """What it is worth, in the smallest unit of ``currency``: kopecks, cents."""
    currency: Mapped[str | None] = mapped_column(String(3))
    reason: Mapped[str | None]
    """Why it was lost or is spam."""
    stage_since: Mapped[datetime | None]
    """When it came to its stage."""
    version: Mapped[int] = mapped_column(server_default=sql("1"))
    """One more with each change by a person or program; what comes in does not count."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        # one open lead a contact, whatever races
        Index("uq_lead_open_contact", "contact_id", unique=True, sqlite_where=sql("status = 'open'"),
              postgresql_where=sql("status = 'open'")),
        Index("ix_lead_created_at", "created_at", "id"),
        Index("ix_lead_status_created_at", "status", "created_at", "id"),
        # all that the board of stages counts and sums is in the index
        Index("ix_lead_open_stage", "stage", "stage_since", "id", "manager_id", "currency", "amount",
              sqlite_where=sql("status = 'open'"), postgresql_where=sql("status = 'open'")),
        Index("ix_lead_open_updated", "updated_at", sqlite_where=sql("status = 'open'"),
              postgresql_where=sql("status = 'open'")),
    )  # fmt: skip
