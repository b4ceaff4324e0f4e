"""Those who sign in, and how."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
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
    hours: Mapped[str | None]
    """Name of the schedule that they keep; null: the company's."""
    configured_at: Mapped[datetime | None]
    """Since when ``[[manager]]`` of the configuration names them; null where it does not."""
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
    peer: Mapped[str | None] = mapped_column(String(64))
    """The address it was opened from, so that its owner recognises it; gone with the session."""
    agent: Mapped[str | None] = mapped_column(String(200))
    """The beginning of the browser's User-Agent, for the same."""


class ApiToken(Base):
    """A bearer token for programs. Only its SHA-256 is here."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Totp(Base):
    """The second factor of a manager (RFC 6238). The secret is shown once, while it is being set up."""

    __tablename__ = "totp"

    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(Text)
    """Base32, sealed with ``accounts.key`` (gateway/web/vault.py): codes are made of it, so no hash would do."""
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """When the first code was right: before that nobody is asked for one."""
    last_step: Mapped[int | None] = mapped_column(BigId)
    """The time step of the last code that was taken: no code counts twice (RFC 6238 section 5.2)."""


class RecoveryCode(Base):
    """One of the codes for the day when the telephone is lost. Only its SHA-256 is here; a used one is gone."""

    __tablename__ = "recovery_code"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class SignInStep(Base):
    """A browser whose password was right and whose code is still to come."""

    __tablename__ = "sign_in_step"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), index=True)
    target: Mapped[str]
    """The page to go to afterwards."""
    expires_at: Mapped[datetime]
