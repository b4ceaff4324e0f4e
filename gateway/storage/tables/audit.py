"""Who did what: rows that are only ever added, each bound to the one before it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText
from gateway.storage.tables.base import Base


class Audit(Base):
    """One deed of a person, a program or the gateway itself. Written by ``gateway.audit`` only."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    """``manager:ID``, ``token:ID``, ``console`` (a command on the server) or ``gateway``."""
    action: Mapped[str] = mapped_column(String(40))
    """``call.originated``, ``callback.claimed``, ``lead.stage``, ``user.disabled`` ..."""
    object_kind: Mapped[str | None] = mapped_column(String(20))
    object_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """What changed. Never a secret; personal data only where the deed can't be told without."""
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 over the row before and this one's own values: a row that was changed or removed breaks the chain."""

    __table_args__ = (
        Index("ix_audit_object", "object_kind", "object_id", "id"),
        {"sqlite_autoincrement": True},
    )
