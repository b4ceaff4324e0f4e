"""Signed-in browsers: server-side, revocable, ended by silence or age. The cookie holds only a random reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, select, update

from gateway.storage.tables import Manager, Session, Totp
from gateway.web.accounts import fingerprint

TOUCH_EVERY = timedelta(seconds=60)
"""``seen_at`` is written at most so often: a write for each request would cost more than the request."""
MAX_PEER = 64
MAX_AGENT = 200
PUBLIC = 16
"""Characters of the fingerprint by which people name a session: enough to tell them apart, and none opens one."""

_HAS_FACTOR = exists().where(Totp.manager_id == Manager.id, Totp.confirmed_at.is_not(None))


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
    has_password: bool = True
    """False: the manager comes in through the provider only."""
    has_factor: bool = False
    """A second factor is asked for at each sign-in."""


def open_session(
    connection: Connection,
    manager_id: str,
    *,
    secret: str,
    csrf: str,
    now: datetime,
    lifetime: timedelta,
    peer: str | None = None,
    agent: str | None = None,
) -> None:
    """Store a new session; those that have ended go away. ``peer`` and ``agent``: where from, for its owner to see."""
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
            "peer": peer[:MAX_PEER] if peer else None,
            "agent": agent[:MAX_AGENT] if agent else None,
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
                Manager.password_hash.is_not(None).label("has_password"),
                _HAS_FACTOR.label("has_factor"),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session as people see it in a list."""

    id: str
    """The beginning of its fingerprint."""
    manager_id: str
    login: str
    name: str
    created_at: datetime
    seen_at: datetime
    peer: str | None
    agent: str | None


def open_sessions(
    connection: Connection, *, now: datetime, idle: timedelta, manager_id: str | None = None
) -> list[OpenSession]:
    """Those that let somebody in now, the last used first; of everybody, or of one manager."""
    query = (
        select(
            Session.token_hash, Session.manager_id, Manager.login, Manager.name, Session.created_at, Session.seen_at,
            Session.peer, Session.agent,
        )
        .join(Manager, Manager.id == Session.manager_id)
        .where(Session.expires_at > now, Session.seen_at > now - idle, Manager.disabled_at.is_(None))
        .order_by(Session.seen_at.desc(), Session.token_hash)
    )  # fmt: skip
    if manager_id is not None:
        query = query.where(Session.manager_id == manager_id)
    rows = connection.execute(query).mappings()
    return [OpenSession(id=row["token_hash"][:PUBLIC], **{k: row[k] for k in row if k != "token_hash"}) for row in rows]


def revoke(connection: Connection, public_id: str, *, manager_id: str | None = None) -> str | None:
    """End the session with this public id, if it is of ``manager_id`` (None: of anybody). Whose it was, or None."""
    if len(public_id) != PUBLIC or not public_id.isalnum():
        return None
    which = [Session.token_hash.startswith(public_id, autoescape=True)]
    if manager_id is not None:
        which.append(Session.manager_id == manager_id)
    owner = connection.execute(select(Session.manager_id).where(*which)).scalars().first()
    if owner is not None:
        connection.execute(delete(Session).where(*which))
    return owner


def end_others(connection: Connection, manager_id: str, *, keep: str) -> int:
    """End all sessions of a manager but the one with the fingerprint ``keep``; how many."""
    others = delete(Session).where(Session.manager_id == manager_id, Session.token_hash != keep)
    return connection.execute(others).rowcount


def set_language(connection: Connection, manager_id: str, language: str) -> None:
    """Remember the language a user chose."""
    connection.execute(update(Manager).where(Manager.id == manager_id).values(language=language))
