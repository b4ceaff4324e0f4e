"""Which of our people a provider means, and what its groups make of them. Functions of a Connection."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.storage.tables import Manager
from gateway.web.access import Role
from gateway.web.accounts import MAX_NAME, ManagerInfo, NewManager, create_manager, list_managers
from gateway.web.oidc.failure import NotLetIn
from gateway.web.oidc.settings import OidcSettings

log = logging.getLogger(__name__)

HIGHEST_FIRST = (Role.OWNER, Role.CHIEF, Role.MANAGER, Role.AUDITOR)
NO_PLACE = "Nobody here is known by %(who)s. Ask the owner to add you."
"""Said to somebody whom the provider knows, so it may say whom."""


def identity_of(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    """The value of the claim that says who it is. Raises NotLetIn."""
    value = claims.get(settings.claim)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME or "\x00" in value:
        raise NotLetIn("The provider does not say who you are: its answer has no %(claim)s.", claim=settings.claim)
    verified = claims.get("email_verified") in (True, "true")  # some providers write it as text
    if settings.claim == "email" and not verified and not settings.unverified_email:
        raise NotLetIn("The provider does not say that it verified your mail address, so it proves nothing here.")
    return value.strip()


def role_of(claims: Mapping[str, Any], settings: OidcSettings) -> str | None:
    """The highest role that the provider's groups give; None where no groups are configured. Raises NotLetIn."""
    if not settings.roles:
        return None
    given = _values(claims, settings.roles_claim)
    found = {role for group, role in settings.roles.items() if group in given}
    for role in HIGHEST_FIRST:
        if role in found:
            return role.value
    raise NotLetIn("None of your groups at the provider has a role here. Ask the owner.")


def admit(connection: Connection, claims: Mapping[str, Any], settings: OidcSettings, by: By) -> ManagerInfo:
    """Who it is here: found, or added where that is allowed, with the role of their groups. Raises NotLetIn."""
    who, role = identity_of(claims, settings), role_of(claims, settings)
    found = [one for one in list_managers(connection) if who.casefold() in _names(one)]
    if len(found) > 1:
        raise NotLetIn("Several people here are known by %(who)s: the owner must part them.", who=who)
    if not found:
        return _add(connection, claims, settings, by, who, role)
    known = found[0]
    if known.disabled_at is not None:
        raise NotLetIn("This account is locked. The owner can let you in again.")
    if role is not None and role != known.role:
        _change_role(connection, known, role, by)
    return _by_id(connection, known.id)


def _names(manager: ManagerInfo) -> set[str]:
    return {name.casefold() for name in (manager.login, manager.email) if name}


def _values(claims: Mapping[str, Any], name: str) -> set[str]:
    """The texts of a claim; ``a.b`` is b within a, unless a claim is called that."""
    value: Any = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    given = [value] if isinstance(value, str) else value
    return {one for one in given if isinstance(one, str)} if isinstance(given, list) else set()


def _add(
    connection: Connection, claims: Mapping[str, Any], settings: OidcSettings, by: By, who: str, role: str | None
) -> ManagerInfo:
    if not settings.create:
        raise NotLetIn(NO_PLACE, who=who)
    name, email = claims.get("name"), claims.get("email")
    new = NewManager(
        login=who,
        name=" ".join(name.replace("\x00", "").split())[:MAX_NAME] if isinstance(name, str) else who,
        role=role or settings.role,
        email=email if isinstance(email, str) and "@" in email and len(email) <= MAX_NAME else None,
    )
    manager_id = by.new_id()
    create_manager(connection, new, manager_id=manager_id, now=by.at)
    _note(connection, "user.added", manager_id, by, {"login": who, "role": new.role, "by": settings.issuer})
    return _by_id(connection, manager_id)


def _change_role(connection: Connection, known: ManagerInfo, role: str, by: By) -> None:
    """What the configuration file says of somebody stays, and so does the last owner."""
    if _is_configured(connection, known.id):
        return
    if known.role == Role.OWNER and not _other_owner(connection, known.id):
        log.warning("The only owner stays one, whatever the provider says", extra={"action": "oidc_last_owner"})
        return
    connection.execute(update(Manager).where(Manager.id == known.id).values(role=role))
    detail = {"login": known.login, "changed": ["role"], "role": role, "was": known.role, "by": "provider"}
    _note(connection, "user.changed", known.id, by, detail)


def _is_configured(connection: Connection, manager_id: str) -> bool:
    query = select(Manager.configured_at).where(Manager.id == manager_id)
    return connection.execute(query).scalar_one() is not None


def _other_owner(connection: Connection, manager_id: str) -> bool:
    others = select(Manager.id).where(
        Manager.role == Role.OWNER, Manager.disabled_at.is_(None), Manager.id != manager_id
    )
    return connection.execute(others).first() is not None


def _by_id(connection: Connection, manager_id: str) -> ManagerInfo:
    return next(one for one in list_managers(connection) if one.id == manager_id)


def _note(connection: Connection, action: str, manager_id: str, by: By, detail: Mapping[str, Any]) -> None:
    deed = Deed(actor=by.actor, action=action, object_kind="user", object_id=manager_id, detail=dict(detail))
    record(connection, deed, by.at)
