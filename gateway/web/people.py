"""What an owner does with people's accounts: added, changed, locked out, let in again. Each is a deed in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import LeadgateError, NotFound
from gateway.storage.tables import Manager, Session, SetupLink
from gateway.web import accounts, secondfactor, sessions
from gateway.web.accounts import MAX_NAME, ROLES, AccountError, NewManager

MAX_EXTENSIONS = 20


class PeopleError(LeadgateError):
    """What was asked for can't be done."""

    code = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody who signs in, as a list shows them."""

    id: str
    login: str
    name: str
    role: str
    email: str | None
    mobile: str | None
    extensions: tuple[str, ...]
    hours: str | None
    has_password: bool
    has_factor: bool
    link_until: datetime | None
    """Until when a one-time link that nobody used yet works."""
    seen_at: datetime | None
    """When an open session of theirs was used last."""
    disabled_at: datetime | None
    configured: bool
    """Named by ``[[manager]]``: what the file says is changed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What can be changed of somebody."""

    name: str
    role: str
    email: str | None
    mobile: str | None
    extensions: tuple[str, ...]


def people(connection: Connection, now: datetime) -> list[PersonRow]:
    """Everybody, those who may sign in first, by name."""
    with_factor = secondfactor.with_factor(connection)
    links = select(SetupLink.manager_id, func.max(SetupLink.expires_at)).where(SetupLink.expires_at > now)
    links_until = {row[0]: row[1] for row in connection.execute(links.group_by(SetupLink.manager_id))}
    seen = select(Session.manager_id, func.max(Session.seen_at)).group_by(Session.manager_id)
    seen_at = {row[0]: row[1] for row in connection.execute(seen)}
    rows = connection.execute(select(Manager)).all()
    found = [_row(row, with_factor, links_until, seen_at) for row in rows]
    return sorted(found, key=lambda one: (one.disabled_at is not None, one.name.casefold(), one.login))


def person(connection: Connection, manager_id: str, now: datetime) -> PersonRow:
    """One of them. Raises NotFound."""
    found = next((one for one in people(connection, now) if one.id == manager_id), None)
    if found is None:
        raise NotFound("There is nobody with this id.")
    return found


def add(connection: Connection, new: NewManager, by: By, *, secret: str, lifetime: timedelta) -> PersonRow:
    """Somebody new with a one-time link. Raises PeopleError, AccountError."""
    _check(Changes(name=new.name or new.login, role=new.role, email=new.email, mobile=new.mobile,
                   extensions=new.extensions))  # fmt: skip
    if accounts.find_manager(connection, new.login) is not None:
        raise PeopleError("There is somebody with this login already.")
    manager_id = by.new_id()
    accounts.create_manager(connection, new, manager_id=manager_id, now=by.at)
    accounts.issue_setup_link(connection, new.login, secret=secret, now=by.at, lifetime=lifetime)
    _note(connection, "user.added", manager_id, by, {"login": new.login, "role": new.role})
    return person(connection, manager_id, by.at)


def change(connection: Connection, manager_id: str, new: Changes, by: By) -> None:
    """Raises NotFound, PeopleError."""
    before = person(connection, manager_id, by.at)
    if before.configured:
        raise PeopleError("This person stands in the configuration file: change them there.")
    _check(new)
    if before.role == "owner" and new.role != "owner":
        _refuse_last_owner(connection, manager_id)
    values: dict[str, Any] = {"name": new.name, "role": new.role, "email": new.email, "mobile": new.mobile}
    differs: dict[str, Any] = {name: value for name, value in values.items() if getattr(before, name) != value}
    if before.extensions != new.extensions:
        differs["extensions"] = list(new.extensions)
    if not differs:
        return
    connection.execute(update(Manager).where(Manager.id == manager_id).values(**differs))
    detail: dict[str, Any] = {"login": before.login, "changed": sorted(differs)}
    if "role" in differs:
        detail |= {"role": new.role, "was": before.role}
    _note(connection, "user.changed", manager_id, by, detail)


def lock_out(connection: Connection, manager_id: str, by: By) -> None:
    """Nobody signs in as this person any more; open sessions end. Raises NotFound, PeopleError."""
    before = person(connection, manager_id, by.at)
    if manager_id == by.manager_id:
        raise PeopleError("Nobody locks himself out: another owner can.")
    if before.role == "owner":
        _refuse_last_owner(connection, manager_id)
    accounts.disable_manager(connection, before.login, now=by.at)
    _note(connection, "user.disabled", manager_id, by, {"login": before.login})


def let_in(connection: Connection, manager_id: str, by: By) -> None:
    """The person may sign in again, with the password of before. Raises NotFound."""
    before = person(connection, manager_id, by.at)
    connection.execute(update(Manager).where(Manager.id == manager_id).values(disabled_at=None))
    _note(connection, "user.enabled", manager_id, by, {"login": before.login})


def renew_link(connection: Connection, manager_id: str, by: By, *, secret: str, lifetime: timedelta) -> PersonRow:
    """A new one-time link in place of those before. Raises NotFound, PeopleError."""
    before = person(connection, manager_id, by.at)
    if before.disabled_at is not None:
        raise PeopleError("This person is locked out: let them in first.")
    accounts.issue_setup_link(connection, before.login, secret=secret, now=by.at, lifetime=lifetime)
    _note(connection, "user.link", manager_id, by, {"login": before.login})
    return before


def drop_factor(connection: Connection, manager_id: str, by: By) -> None:
    """For who lost both telephone and codes: the password alone lets in again. Raises NotFound, PeopleError."""
    before = person(connection, manager_id, by.at)
    if not secondfactor.switch_off(connection, manager_id):
        raise PeopleError("This person has no second factor.")
    _note(connection, "user.factor_off", manager_id, by, {"login": before.login})


def drop_factor_of(connection: Connection, login: str, by: By) -> bool:
    """The same by login, for the console; False where there was none. Raises AccountError for an unknown login."""
    found = accounts.find_manager(connection, login)
    if found is None:
        raise AccountError('There is no user "%(login)s".', login=login)
    was_on = secondfactor.switch_off(connection, found.id)
    if was_on:
        _note(connection, "user.factor_off", found.id, by, {"login": found.login})
    return was_on


def add_token(connection: Connection, name: str, by: By, *, secret: str) -> None:
    """An API token. Raises PeopleError."""
    token_id = by.new_id()
    try:
        accounts.add_token(connection, name=name, token_id=token_id, secret=secret, now=by.at)
    except AccountError:
        raise PeopleError("A token needs a name that no other has or had.") from None
    deed = Deed(actor=by.actor, action="token.added", object_kind="token", object_id=token_id, detail={"name": name})
    record(connection, deed, by.at)


def revoke_token(connection: Connection, token_id: str, by: By) -> None:
    """It stops working at once. Raises NotFound."""
    found = next((one for one in accounts.list_tokens(connection) if one.id == token_id), None)
    if found is None:
        raise NotFound("There is no token with this id.")
    accounts.revoke_token(connection, found.name, now=by.at)
    detail = {"name": found.name}
    deed = Deed(actor=by.actor, action="token.revoked", object_kind="token", object_id=token_id, detail=detail)
    record(connection, deed, by.at)


def end_session(connection: Connection, public_id: str, by: By, *, of: str | None) -> None:
    """End a session, ``of`` one manager or (None) of anybody. Raises NotFound."""
    owner = sessions.revoke(connection, public_id, manager_id=of)
    if owner is None:
        raise NotFound("There is no such session; it may have ended.")
    _note(connection, "session.ended", owner, by, {})


def _row(
    row: Any, with_factor: frozenset[str], links: Mapping[str, datetime], seen: Mapping[str, datetime]
) -> PersonRow:
    return PersonRow(
        id=row.id,
        login=row.login,
        name=row.name,
        role=row.role,
        email=row.email,
        mobile=row.mobile,
        extensions=tuple(row.extensions),
        hours=row.hours,
        has_password=row.password_hash is not None,
        has_factor=row.id in with_factor,
        link_until=links.get(row.id),
        seen_at=seen.get(row.id),
        disabled_at=row.disabled_at,
        configured=row.configured_at is not None,
    )


def _check(new: Changes) -> None:
    if new.role not in ROLES:
        raise PeopleError("There is no such role.")
    if not new.name or len(new.name) > MAX_NAME:
        raise PeopleError("A name is needed, of at most 200 characters.")
    if len(new.extensions) > MAX_EXTENSIONS or any(not _is_extension(one) for one in new.extensions):
        raise PeopleError("An internal number has digits only, as 101; several are parted by commas.")
    if new.email is not None and ("@" not in new.email or len(new.email) > MAX_NAME):
        raise PeopleError("That is no mail address.")
    if new.mobile is not None and (sum(sign.isdigit() for sign in new.mobile) < 7 or len(new.mobile) > 40):
        raise PeopleError("That is no phone number.")


def _is_extension(text: str) -> bool:
    return text.isascii() and text.replace("*", "").replace("#", "").isdigit() and len(text) <= 20


def _refuse_last_owner(connection: Connection, manager_id: str) -> None:
    others = select(Manager.id).where(Manager.role == "owner", Manager.disabled_at.is_(None), Manager.id != manager_id)
    if connection.execute(others).first() is None:
        raise PeopleError("This is the only owner: make somebody else an owner first.")


def _note(connection: Connection, action: str, manager_id: str, by: By, detail: Mapping[str, Any]) -> None:
    deed = Deed(actor=by.actor, action=action, object_kind="user", object_id=manager_id, detail=dict(detail))
    record(connection, deed, by.at)
