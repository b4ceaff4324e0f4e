"""Those who sign in, and how."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import JsonText, Uuid
from gateway.storage.tables.base import Base


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
