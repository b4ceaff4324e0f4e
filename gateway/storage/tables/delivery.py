"""What is to be told to CRMs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class Outbox(Base):
    """One event to push to one CRM. Written in the transaction of the business rows it tells about."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    crm: Mapped[str]
    """The configured name of the CRM (``[[crm]] name``)."""
    event_type: Mapped[str] = mapped_column(String(32))
    """``lead.created``, ``call.finished``, ... of the contract."""
    message_id: Mapped[str] = mapped_column(Uuid)
    """Stays the same over all tries: the receiver's key against doubles."""
    order_key: Mapped[str]
    """Rows of one key (a contact, or a lead without one) leave in the order of their ids."""
    lead_id: Mapped[str | None] = mapped_column(Uuid)
    interaction_id: Mapped[str | None] = mapped_column(Uuid)
    payload: Mapped[dict[str, Any]] = mapped_column(JsonText)
    state: Mapped[str] = mapped_column(String(10), server_default=sql("'waiting'"))
    """``waiting``, ``sending``, ``done``, ``held``, ``dead`` or ``dropped``."""
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    due_at: Mapped[datetime]
    reason: Mapped[str | None]
    """Why it waits, is held or dead: a sentence."""
    words: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """The same as a message of the catalogue with its values (``delivery.crmwords``); null where it is nobody's."""
    remote_id: Mapped[str | None]
    remote_url: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("crm", "message_id"),
        # what is due, and (per row) whether an earlier one of its key is still to go: both asked by every claim
        Index("ix_outbox_due", "crm", "due_at", "id", sqlite_where=sql("state = 'waiting'"),
              postgresql_where=sql("state = 'waiting'")),
        Index("ix_outbox_unsent", "crm", "order_key", "id", sqlite_where=sql("state IN ('waiting', 'sending', 'held')"),
              postgresql_where=sql("state IN ('waiting', 'sending', 'held')")),
        Index("ix_outbox_dead", "crm", "id", sqlite_where=sql("state = 'dead'"),
              postgresql_where=sql("state = 'dead'")),
        Index("ix_outbox_lead_id", "lead_id"),
    )  # fmt: skip


class CrmHold(Base):
    """A CRM to which nothing is pushed until a person releases it: its settings can't work, or a person said so."""

    __tablename__ = "crm_hold"

    crm: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    """A sentence: what is wrong and the way out."""
    words: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """As in the outbox."""
    held_at: Mapped[datetime]


class Attempt(Base):
    """One try of one delivery, stored before it is made and completed after."""

    __tablename__ = "attempt"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    outbox_id: Mapped[int] = mapped_column(BigId, ForeignKey("outbox.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(16))
    """Null while under way (or the process died): then it is not known whether the CRM got it. Else ``done`` or the
    error's code."""
    detail: Mapped[str | None]
    words: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """Of ``detail``, as in the outbox."""


class CrmLink(Base):
    """What one of our things is called at one CRM. Written as soon as the CRM has answered."""

    __tablename__ = "crm_link"

    crm: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    """``contact``, ``lead``, ``call``, ``mail`` or ``form``."""
    local_id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    remote_id: Mapped[str | None]
    """Null: it was sent and nobody knows whether the CRM has it (``in_doubt``)."""
    url: Mapped[str | None]
    in_doubt: Mapped[bool]
    notes: Mapped[dict[str, str]] = mapped_column(JsonText)
    """The adapter's own: digests of what was sent last, the owner that was set."""
    seen_owner: Mapped[str | None]
    """Of contacts: the CRM's user to whom it belonged when owners were read back last."""
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    # which of our contacts is this? asked when owners are read back
    __table_args__ = (Index("ix_crm_link_remote_id", "crm", "kind", "remote_id"),)


class CrmUser(Base):
    """A user of a CRM as it was read last, and which of our managers it is."""

    __tablename__ = "crm_user"

    crm: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), index=True)
    how: Mapped[str] = mapped_column(String(10))
    """``by hand``, ``mail`` or ``extension``."""
    name: Mapped[str]
    seen_at: Mapped[datetime]
