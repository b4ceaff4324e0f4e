"""Signed-in browsers: server-side, revocable, ended by silence or age. The cookie holds only a random reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from gateway.storage.tables import Manager, Session
from gateway.web.accounts import fingerprint

TOUCH_EVERY = timedelta(seconds=60)
"""``seen_at`` is written at most so often: a write for each request would cost more than the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A session that is valid now, and whose it is."""

    token_hash: str
    manager_id: str
    login: str
    name: str
    role: str
    language: str | None
    csrf: str = field(repr=False)
    seen_at: datetime


def open_session(
    connection: Connection, manager_id: str, *, secret: str, csrf: str, now: datetime, lifetime: timedelta
) -> None:
    """Store a new session; those that have ended go away."""
    connection.execute(delete(Session).where(Session.expires_at <= now))
    connection.execute(
        insert(Session),
        {
            "token_hash": fingerprint(secret),
            "manager_id": manager_id,
            "csrf": csrf,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + lifetime,
        },
    )


def session_of(connection: Connection, token_hash: str, *, now: datetime, idle: timedelta) -> SessionInfo | None:
    """The session with this fingerprint unless it ended, was silent for ``idle``, or its user is disabled."""
    row = (
        connection.execute(
            select(
                Session.token_hash,
                Session.manager_id,
                Manager.login,
                Manager.name,
                Manager.role,
                Manager.language,
                Session.csrf,
                Session.seen_at,
            )
            .join(Manager, Manager.id == Session.manager_id)
            .where(
                Session.token_hash == token_hash,
                Session.expires_at > now,
                Session.seen_at > now - idle,
                Manager.disabled_at.is_(None),
            )
        )
        .mappings()
        .one_or_none()
    )
    return SessionInfo(**row) if row is not None else None


def touch_session(connection: Connection, token_hash: str, *, now: datetime) -> None:
    """Note that the browser asked for something."""
    connection.execute(update(Session).where(Session.token_hash == token_hash).values(seen_at=now))


def end_session(connection: Connection, token_hash: str) -> None:
    """Sign out."""
    connection.execute(delete(Session).where(Session.token_hash == token_hash))


def set_language(connection: Connection, manager_id: str, language: str) -> None:
    """Remember the language a user chose."""
    connection.execute(update(Manager).where(Manager.id == manager_id).values(language=language))
