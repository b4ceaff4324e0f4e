"""Filters that people keep under a name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import JsonText, Uuid
from gateway.storage.tables.base import Base


class Segment(Base):
    """A kept filter of contacts: whoever fits it now is in the segment. It is a question, not a list of people."""

    __tablename__ = "segment"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str]
    owner_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"), index=True)
    """Who made it; null for programs."""
    shared: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Everybody sees it; otherwise its owner only."""
    filters: Mapped[dict[str, str]] = mapped_column(JsonText)
    """As in the address of the list of contacts: name of the filter -> its value."""
    created_at: Mapped[datetime]
