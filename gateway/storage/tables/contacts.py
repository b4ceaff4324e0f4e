"""Persons and companies, by their handles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class Contact(Base):
    """A person or company known by handles."""

    __tablename__ = "contact"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str | None]
    company: Mapped[str | None]
    owner_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"), index=True)
    merged_into: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="SET NULL"), index=True)
    """Set on the loser of a merge, so that old links still find the person."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (Index("ix_contact_created_at", "created_at", "id"),)


class ContactHandle(Base):
    """One way to reach a contact. The unique pair is what makes find-or-create survive a race."""

    __tablename__ = "contact_handle"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str]
    contact_id: Mapped[str] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]

    # the value first: whose handles are these is asked by the values alone
    __table_args__ = (UniqueConstraint("value", "kind"),)


class ContactMerge(Base):
    """The log of merges: what moved, so that it can move back."""

    __tablename__ = "contact_merge"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    winner_id: Mapped[str] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    loser_id: Mapped[str] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str]
    """A sentence: ``one form carried +7926... and ivan@...``."""
    moved: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """``{"handles": [id], "interactions": [id], "leads": [{"id", "status"}], "name": .., "owner_id": ..}``"""
    merged_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]
