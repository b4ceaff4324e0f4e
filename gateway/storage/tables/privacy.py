"""Who was erased, so that nothing that is read later brings the person back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId
from gateway.storage.tables.base import Base


class Erasure(Base):
    """One handle of a person who was erased: only a keyed hash of it, which nobody can turn back without the key."""

    __tablename__ = "erasure"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(64))
    """HMAC-SHA-256 of kind and value with the key of the data folder."""
    at: Mapped[datetime]
    """What happened before this moment is forgotten; what the person does afterwards is new."""

    __table_args__ = (Index("ix_erasure_digest", "digest", "at"),)
