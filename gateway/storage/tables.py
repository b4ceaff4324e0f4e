"""Every table, typed. Migrations in ``migrations/versions`` must give exactly this; a test compares them.

Rows that hold personal data carry ``keep_until``: retention removes them after that moment (null: kept until erased).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnClause,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, UtcDateTime, Uuid


class Base(DeclarativeBase):
    """All tables. Named constraints, so that Alembic can drop them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), str: Text()}  # noqa: RUF012 - SQLAlchemy's own declaration


class Journal(Base):
    """Every report as it came, before anyone understood it. The source of truth for recomputing."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    dedup_key: Mapped[str] = mapped_column(unique=True)
    connector: Mapped[str]
    source: Mapped[str]
    channel: Mapped[str] = mapped_column(String(8))
    interaction_id: Mapped[str] = mapped_column(Uuid, ForeignKey("interaction.id", ondelete="CASCADE"), index=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    meta: Mapped[dict[str, Any]] = mapped_column(JsonText)
    draft: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """A Draft as JSON; null while ``raw`` waits for its interpreter."""
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), server_default=sql("'new'"))
    """``new``: to be processed; ``done``; ``aside``: set aside after too many failures, until a person decides."""
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))
    due_at: Mapped[datetime]
    error: Mapped[str | None]
    processed_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        # partial: the worker asks for "the next new rows" many times a second, and nearly all rows are done
        Index("ix_journal_todo", "id", sqlite_where=sql("state = 'new'"), postgresql_where=sql("state = 'new'")),
        Index("ix_journal_aside", "id", sqlite_where=sql("state = 'aside'"), postgresql_where=sql("state = 'aside'")),
    )


def table_of(model: type[Base]) -> Table:
    """The Core table of a model. Statements on it cost a third of those on the model's attributes: for hot paths."""
    return cast("Table", model.__table__)


NEW: ColumnClause[str] = literal_column("'new'")
"""Written into the statement, not bound: only so does SQLite see that the partial index fits."""


class Interaction(Base):
    """One call, mail or form submission."""

    __tablename__ = "interaction"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(String(8))
    connector: Mapped[str]
    source_name: Mapped[str]
    """The configured name of the PBX, mailbox, listener or form."""
    phase: Mapped[str] = mapped_column(String(10))
    direction: Mapped[str | None] = mapped_column(String(10))
    """Null until the item was understood."""
    kind: Mapped[str | None] = mapped_column(String(12))
    outcome: Mapped[str | None] = mapped_column(String(16))
    """Calls: answered, missed, no_answer, busy, failed. Others: null."""
    line: Mapped[str | None]
    name: Mapped[str | None]
    subject: Mapped[str | None]
    text: Mapped[str] = mapped_column(server_default=sql("''"))
    fields: Mapped[dict[str, str]] = mapped_column(JsonText)
    source: Mapped[dict[str, Any]] = mapped_column(JsonText)
    handles: Mapped[list[dict[str, str]]] = mapped_column(JsonText)
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    problems: Mapped[list[str]] = mapped_column(JsonText)
    details: Mapped[dict[str, Any]] = mapped_column(JsonText)
    after_hours: Mapped[bool | None]
    contact_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("contact.id", ondelete="SET NULL"), index=True)
    lead_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="SET NULL"), index=True)
    manager_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    """Who spoke or wrote for the company."""
    occurred_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_interaction_occurred_at", "occurred_at", "id"),
        Index("ix_interaction_open_calls", "source_name", sqlite_where=sql("phase IN ('ringing', 'answered')"),
              postgresql_where=sql("phase IN ('ringing', 'answered')")),
    )  # fmt: skip


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
    )  # fmt: skip


class Manager(Base):
    """A user: signs in, serves contacts, owns leads."""

    __tablename__ = "manager"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(String(12))
    """``owner``, ``chief``, ``manager`` or ``auditor``."""
    email: Mapped[str | None]
    mobile: Mapped[str | None]
    extensions: Mapped[list[str]] = mapped_column(JsonText)
    language: Mapped[str | None] = mapped_column(String(8))
    password_hash: Mapped[str | None]
    """argon2id; null until the set-up link was used, and then nobody can sign in as this user."""
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SetupLink(Base):
    """A one-time link to set a password. Only a hash of its secret is stored."""

    __tablename__ = "setup_link"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Session(Base):
    """A signed-in browser. The cookie's token is random; only its SHA-256 is here."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiToken(Base):
    """A bearer token for programs. Only its SHA-256 is here."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


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


class Change(Base):
    """What changed, in order: the feed of the pages and of ``GET /api/v1/events``, resumable by its id."""

    __tablename__ = "change"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(32))
    """``lead.created``, ``lead.updated``, ``interaction.updated``, ``contact.merged``."""
    object_id: Mapped[str] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = ({"sqlite_autoincrement": True},)  # ids are never given twice, even after old rows were removed


class Cursor(Base):
    """How far a source was read, written in the transaction of the data it covers."""

    __tablename__ = "cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    """``ami:office`` (the last event seen), later ``cel:office``, ``imap:sales/INBOX``."""
    value: Mapped[dict[str, Any]] = mapped_column(JsonText)
    updated_at: Mapped[datetime]
