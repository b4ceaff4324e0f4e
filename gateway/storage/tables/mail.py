"""Where each letter was met, and which process reads which mailbox folder."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, Uuid
from gateway.storage.tables.base import Base


class Sighting(Base):
    """One letter in one place: a folder of a mailbox, or the SMTP listener. One interaction may have several.

    A row holds no personal data and outlives its interaction, so that an erased letter is known as one that was here.
    """

    __tablename__ = "sighting"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    interaction_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("interaction.id", ondelete="SET NULL"))
    source: Mapped[str]
    """The configured name of the mailbox; ``smtp``."""
    place: Mapped[str]
    """The folder; empty for SMTP."""
    mark: Mapped[str]
    """What tells the letter there: ``UIDVALIDITY/UID``, or the digest of a letter that came by SMTP."""
    seen_at: Mapped[datetime]
    """When it came there, as the server says."""
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("source", "place", "mark"),
        Index("ix_sighting_interaction_id", "interaction_id"),
        Index("ix_sighting_seen_at", "source", "place", "seen_at"),
    )


class Lease(Base):
    """Who may do something that only one process should do at a time; the moments are the database's own."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    """``imap:sales/INBOX``."""
    holder: Mapped[str]
    """The process, by an id that it made at its start."""
    expires: Mapped[float] = mapped_column(Float(53))
    """Seconds since 1970 by the clock of the database: the holder renews it before."""
