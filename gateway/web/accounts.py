"""Managers, their one-time set-up links and API tokens: functions of a Connection, and ``Accounts`` around a Store.

Secrets are made by ``new_secret`` and shown once; the tables hold only their SHA-256 (they are 256 random
bits, so a slow hash would add nothing).
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.core.clock import Clock, NewId
from gateway.core.errors import LeadgateError
from gateway.storage.store import Store
from gateway.storage.tables import ApiToken, Manager, Session, SetupLink, SignInStep
from gateway.web.passwords import Passwords

ROLES = ("owner", "chief", "manager", "auditor")
MAX_NAME = 200


class AccountError(LeadgateError):
    """What was asked for people or tokens can't be done. A sentence names the account and the way out."""

    code = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerInfo:
    """One user, without secrets."""

    id: str
    login: str
    name: str
    role: str
    email: str | None
    extensions: list[str]
    language: str | None
    has_password: bool
    disabled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """One API token, without its secret."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewManager:
    """What is known of a user at birth."""

    login: str
    name: str
    role: str = "manager"
    email: str | None = None
    mobile: str | None = None
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.login or self.login != self.login.strip() or len(self.login) > MAX_NAME:
            raise AccountError("A login has 1 to %(most)s characters and no spaces around it.", most=MAX_NAME)
        if self.role not in ROLES:
            raise AccountError(
                'There is no role "%(role)s"; there are %(known)s.', role=self.role, known=", ".join(ROLES)
            )


def new_secret() -> str:
    """256 random bits as 43 characters that need no quoting in an address."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """What is stored of a secret: its SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def any_manager(connection: Connection) -> bool:
    """Whether there is a user at all; if not, the first start makes one."""
    return connection.execute(select(Manager.id).limit(1)).first() is not None


def create_manager(connection: Connection, new: NewManager, *, manager_id: str, now: datetime) -> None:
    """Add a user who can't sign in until a password is set. Raises AccountError when the login is taken."""
    if find_manager(connection, new.login) is not None:
        raise AccountError('There is a user "%(login)s" already.', login=new.login)
    connection.execute(
        insert(Manager),
        {
            "id": manager_id,
            "login": new.login,
            "name": new.name or new.login,
            "role": new.role,
            "email": new.email,
            "mobile": new.mobile,
            "extensions": list(new.extensions),
            "created_at": now,
        },
    )


def find_manager(connection: Connection, login: str) -> ManagerInfo | None:
    """The user of a login (compared without case), disabled or not."""
    folded = login.casefold()
    return next((m for m in list_managers(connection, login_like=login) if m.login.casefold() == folded), None)


def list_managers(connection: Connection, *, login_like: str | None = None) -> list[ManagerInfo]:
    """All users by login; with ``login_like`` only those that may have this login."""
    query = select(Manager).order_by(Manager.login)
    if login_like is not None and login_like.isascii():  # SQLite's lower() knows only ASCII
        query = query.where(func.lower(Manager.login) == login_like.lower())
    return [
        ManagerInfo(
            id=row.id,
            login=row.login,
            name=row.name,
            role=row.role,
            email=row.email,
            extensions=row.extensions,
            language=row.language,
            has_password=row.password_hash is not None,
            disabled_at=row.disabled_at,
            created_at=row.created_at,
        )
        for row in connection.execute(query)
    ]


def set_password_hash(connection: Connection, manager_id: str, password_hash: str) -> None:
    """Store a new password; every session and set-up link of the user ends."""
    connection.execute(update(Manager).where(Manager.id == manager_id).values(password_hash=password_hash))
    _end_access(connection, manager_id)


def replace_hash(connection: Connection, manager_id: str, old: str, new: str) -> None:
    """The same password under newer parameters, unless it was changed meanwhile."""
    connection.execute(
        update(Manager).where(Manager.id == manager_id, Manager.password_hash == old).values(password_hash=new)
    )


def disable_manager(connection: Connection, login: str, *, now: datetime) -> ManagerInfo:
    """Nobody can sign in as this user any more; open sessions end. Raises AccountError for an unknown login."""
    manager = _existing(connection, login)
    connection.execute(
        update(Manager).where(Manager.id == manager.id, Manager.disabled_at.is_(None)).values(disabled_at=now)
    )
    _end_access(connection, manager.id)
    return _existing(connection, login)


def issue_setup_link(connection: Connection, login: str, *, secret: str, now: datetime, lifetime: timedelta) -> None:
    """Store a one-time link ``/setup/<secret>``; older links of the user end. Raises AccountError."""
    manager = _existing(connection, login)
    if manager.disabled_at is not None:
        raise AccountError('The user "%(login)s" is disabled.', login=login)
    connection.execute(delete(SetupLink).where(SetupLink.manager_id == manager.id))
    connection.execute(
        insert(SetupLink),
        {
            "token_hash": fingerprint(secret),
            "manager_id": manager.id,
            "created_at": now,
            "expires_at": now + lifetime,
        },
    )


def setup_link_owner(connection: Connection, secret: str, *, now: datetime) -> ManagerInfo | None:
    """Whose link this is; None for one that never was, was used, has expired, or belongs to a disabled user."""
    login = connection.execute(
        select(Manager.login)
        .join(SetupLink, SetupLink.manager_id == Manager.id)
        .where(SetupLink.token_hash == fingerprint(secret), SetupLink.expires_at > now, Manager.disabled_at.is_(None))
    ).scalar_one_or_none()
    return find_manager(connection, login) if login is not None else None


def use_setup_link(connection: Connection, secret: str, password_hash: str, *, now: datetime) -> ManagerInfo | None:
    """Set the password by a one-time link, which ends with that. None when the link no longer works."""
    manager = setup_link_owner(connection, secret, now=now)
    if manager is not None:
        set_password_hash(connection, manager.id, password_hash)
    return manager


def add_token(connection: Connection, *, name: str, token_id: str, secret: str, now: datetime) -> None:
    """Store an API token. Raises AccountError when the name is empty or taken (also by a revoked one)."""
    if not name.strip() or len(name) > MAX_NAME:
        raise AccountError("A token needs a name of 1 to %(most)s characters.", most=MAX_NAME)
    if connection.execute(select(ApiToken.id).where(ApiToken.name == name)).first() is not None:
        raise AccountError('There is a token "%(name)s" already: choose another name.', name=name)
    connection.execute(
        insert(ApiToken), {"id": token_id, "name": name, "token_hash": fingerprint(secret), "created_at": now}
    )


def list_tokens(connection: Connection) -> list[TokenInfo]:
    """All tokens, revoked ones too, by name."""
    columns = (ApiToken.id, ApiToken.name, ApiToken.created_at, ApiToken.last_used_at, ApiToken.revoked_at)
    return [TokenInfo(**row) for row in connection.execute(select(*columns).order_by(ApiToken.name)).mappings()]


def revoke_token(connection: Connection, name: str, *, now: datetime) -> None:
    """The token stops working at once. Raises AccountError for an unknown name."""
    done = connection.execute(
        update(ApiToken).where(ApiToken.name == name).values(revoked_at=func.coalesce(ApiToken.revoked_at, now))
    )
    if done.rowcount == 0:
        raise AccountError('There is no token "%(name)s".', name=name)


def token_of(connection: Connection, secret: str) -> TokenInfo | None:
    """The token with this secret unless revoked."""
    columns = (ApiToken.id, ApiToken.name, ApiToken.created_at, ApiToken.last_used_at, ApiToken.revoked_at)
    row = (
        connection.execute(
            select(*columns).where(ApiToken.token_hash == fingerprint(secret), ApiToken.revoked_at.is_(None))
        )
        .mappings()
        .one_or_none()
    )
    return TokenInfo(**row) if row is not None else None


def token_works(connection: Connection, token_id: str) -> bool:
    """Whether the token was not revoked."""
    query = select(ApiToken.id).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
    return connection.execute(query).first() is not None


def touch_token(connection: Connection, token_id: str, *, now: datetime) -> None:
    """Note that the token was used."""
    connection.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))


def _existing(connection: Connection, login: str) -> ManagerInfo:
    manager = find_manager(connection, login)
    if manager is None:
        raise AccountError('There is no user "%(login)s".', login=login)
    return manager


def _end_access(connection: Connection, manager_id: str) -> None:
    connection.execute(delete(Session).where(Session.manager_id == manager_id))
    connection.execute(delete(SetupLink).where(SetupLink.manager_id == manager_id))
    connection.execute(delete(SignInStep).where(SignInStep.manager_id == manager_id))


class Accounts:
    """The same for callers with a Store: the command line and app.py."""

    def __init__(self, store: Store, clock: Clock, new_id: NewId, passwords: Passwords) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._passwords = passwords

    async def add_manager(self, new: NewManager) -> ManagerInfo:
        """Add a user without a password. Raises AccountError."""
        manager_id, now = self._new_id(), self._clock.now()

        def unit(connection: Connection) -> ManagerInfo:
            create_manager(connection, new, manager_id=manager_id, now=now)
            return _existing(connection, new.login)

        return await self._store.write_in_race(unit)

    async def managers(self) -> list[ManagerInfo]:
        """All users."""
        return await self._store.read(list_managers)

    async def set_password(self, login: str, password: str) -> None:
        """Set a password and end the user's sessions. Raises WeakPassword, AccountError."""
        person = await self._store.read(lambda c: _existing(c, login))
        self._passwords.check(password, login, person.name)
        hashed = await self._passwords.hash(password)
        await self._store.write(lambda c: set_password_hash(c, _existing(c, login).id, hashed))

    async def disable(self, login: str) -> ManagerInfo:
        """Lock a user out now. Raises AccountError."""
        now = self._clock.now()
        return await self._store.write(lambda c: disable_manager(c, login, now=now))

    async def setup_link(self, login: str, lifetime: timedelta) -> str:
        """A new one-time link as a path, ``/setup/...``: to be shown once. Raises AccountError."""
        secret, now = new_secret(), self._clock.now()
        await self._store.write(lambda c: issue_setup_link(c, login, secret=secret, now=now, lifetime=lifetime))
        return f"/setup/{secret}"

    async def first_setup_link(self, login: str, lifetime: timedelta) -> str | None:
        """On a fresh database: make the owner ``login`` and return the link. While nobody ever set a password, a new
        link each time, as the one shown before may be lost. None once somebody can sign in."""
        managers = await self.managers()
        if any(manager.has_password for manager in managers):
            return None
        owners = [manager for manager in managers if manager.role == "owner" and manager.disabled_at is None]
        if not owners:
            with suppress(AccountError):  # another gateway on this database made him at this moment
                await self.add_manager(NewManager(login=login, name=login, role="owner"))
        return await self.setup_link(owners[0].login if owners else login, lifetime)

    async def add_token(self, name: str) -> str:
        """A new API token's secret: to be shown once. Raises AccountError."""
        token_id, secret, now = self._new_id(), new_secret(), self._clock.now()
        await self._store.write(lambda c: add_token(c, name=name, token_id=token_id, secret=secret, now=now))
        return secret

    async def tokens(self) -> list[TokenInfo]:
        """All tokens."""
        return await self._store.read(list_tokens)

    async def revoke_token(self, name: str) -> None:
        """Stop a token. Raises AccountError."""
        now = self._clock.now()
        await self._store.write(lambda c: revoke_token(c, name, now=now))
