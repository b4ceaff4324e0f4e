"""Calls that managers asked for, and recordings that CRMs are to be told of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import Uuid
from gateway.storage.tables.base import Base


class Outcall(Base):
    """One wish to be connected with a number (click to call), also a refused one. Its limits are counted here."""

    __tablename__ = "outcall"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    """Also the value of the channel variable LEADGATE_CALL."""
    manager_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    pbx: Mapped[str | None]
    extension: Mapped[str | None]
    number: Mapped[str]
    """E.164; as it was written where it is no public number."""
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="SET NULL"), index=True)
    callback_id: Mapped[str | None] = mapped_column(Uuid)
    interaction_id: Mapped[str | None] = mapped_column(
        Uuid, ForeignKey("interaction.id", ondelete="SET NULL"), index=True
    )
    """The call itself, once the PBX told of it."""
    state: Mapped[str] = mapped_column(String(20))
    """``core.outcalls.CallState``."""
    code: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None]
    asked_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (Index("ix_outcall_manager_id_asked_at", "manager_id", "asked_at"),)


class RecordingNews(Base):
    """The recording of a call that is over: CRMs are told of it when its file is there. Goes with its call."""

    __tablename__ = "recording_news"

    interaction_id: Mapped[str] = mapped_column(
        Uuid, ForeignKey("interaction.id", ondelete="CASCADE"), primary_key=True
    )
    due_at: Mapped[datetime]
    """The next look."""
    looks: Mapped[int]
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When it was told of or given up: a call is told of once, however many reports of it come."""

    __table_args__ = (
        Index("ix_recording_news_due", "due_at", sqlite_where=sql("ended_at IS NULL"),
              postgresql_where=sql("ended_at IS NULL")),
    )  # fmt: skip
