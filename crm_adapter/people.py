"""Who is who: our managers and the users of a CRM, matched by what the administrator wrote, mail or extension. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """One of our own people."""

    id: str
    login: str
    """What ``[[manager]] id`` says."""
    name: str = ""
    email: str | None = None
    mobile: str | None = None
    """E.164."""
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user of the CRM."""

    id: str
    name: str = ""
    email: str | None = None
    extensions: tuple[str, ...] = ()
    """Inner numbers as the CRM has them."""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The result of ``match``."""

    user_of: Mapping[str, User]
    """By our manager's id."""
    how: Mapping[str, str]
    """By our manager's id: ``by hand``, ``mail`` or ``extension``."""
    manager_of: Mapping[str, str]
    """Our manager's id by the user's id."""
    unknown: tuple[str, ...] = ()
    """Users named by hand that the CRM does not have."""

    def user_at(self, extension: str, managers: Iterable[Manager]) -> User | None:
        """Whose phone it is: by the CRM's own list first, then by ours."""
        for user in self.user_of.values():
            if extension in user.extensions:
                return user
        for manager in managers:
            if extension in manager.extensions:
                return self.user_of.get(manager.id)
        return None


def match(managers: Iterable[Manager], users: Iterable[User], by_hand: Mapping[str, str] | None = None) -> Matches:
    """Each manager with at most one active user, each user with at most one manager; the surest way first.

    ``by_hand``: our login -> the CRM's user id. A mail or extension that two users share matches nobody.
    """
    people, named = list(managers), dict(by_hand or {})
    by_id = {user.id: user for user in users}
    active = [user for user in by_id.values() if user.active]
    found: dict[str, User] = {}
    how: dict[str, str] = {}

    def settle(way: str, wanted: Callable[[Manager], Iterable[str]], index: Mapping[str, User]) -> None:
        taken = {user.id for user in found.values()}
        for manager in people:
            hits = {user.id: user for key in wanted(manager) if (user := index.get(key)) and user.id not in taken}
            if manager.id not in found and len(hits) == 1:
                found[manager.id] = next(iter(hits.values()))
                how[manager.id] = way
                taken.add(found[manager.id].id)

    settle("by hand", lambda manager: [named[manager.login]] if manager.login in named else [], by_id)
    settle("mail", lambda manager: [_fold(manager.email)] if manager.email else [], _unique(active, _mails))
    settle("extension", lambda manager: manager.extensions, _unique(active, lambda user: user.extensions))
    return Matches(
        user_of=found,
        how=how,
        manager_of={user.id: manager_id for manager_id, user in found.items()},
        unknown=tuple(sorted(user_id for user_id in named.values() if user_id not in by_id)),
    )


def _unique(users: Iterable[User], keys: Callable[[User], Iterable[str]]) -> dict[str, User]:
    index: dict[str, User | None] = {}
    for user in users:
        for key in keys(user):
            index[key] = None if key in index and index[key] is not user else user
    return {key: user for key, user in index.items() if user is not None}


def _mails(user: User) -> Iterable[str]:
    return [_fold(user.email)] if user.email else []


def _fold(email: str) -> str:
    return email.strip().lower()
