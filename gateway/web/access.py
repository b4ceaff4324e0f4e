"""Who may do what, and whose rows they see: one table of roles, one filter, asked everywhere.

A handler that says nothing needs SEE to be read and WORK to change anything, so a route that somebody forgets is never
open to those who may only look. The guard asks before a handler runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from gateway.audit.log import manager_actor, token_actor
from gateway.web.accounts import TokenInfo
from gateway.web.sessions import SessionInfo


class Role(StrEnum):
    """What a person is in the company."""

    OWNER = "owner"
    CHIEF = "chief"
    MANAGER = "manager"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a route asks for."""

    SEE = "see"
    """To look at leads, calls, callbacks, contacts: everybody, each within what they see."""
    WORK = "work"
    """To change them."""
    LEAD = "lead"
    """To decide for others: assign, reports of all, spam, merges that are undone, retries of deliveries."""
    INSPECT = "inspect"
    """To look at how the gateway is set up and at the log of deeds."""
    ADMINISTER = "administer"
    """To change people, tokens, hours, rules."""


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.CHIEF: frozenset({Right.SEE, Right.WORK, Right.LEAD, Right.INSPECT}),
    Role.MANAGER: frozenset({Right.SEE, Right.WORK}),
    Role.AUDITOR: frozenset({Right.SEE, Right.INSPECT}),
}
TOKEN_RIGHTS = frozenset({Right.SEE, Right.WORK, Right.LEAD, Right.INSPECT})
"""Programs do what a chief does; people are made by people."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110 section 9.2.1."""

H = TypeVar("H", bound=Callable[..., object])
_MARK = "_leadgate_right"
_FACTOR_MARK = "_leadgate_without_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks."""

    manager_id: str | None
    """None for a program with a token."""
    actor: str
    """For the log of deeds."""
    rights: frozenset[Right]
    seen_by: str | None
    """Only rows of this manager and of nobody are shown; None: all are."""
    masked: bool = False
    """Numbers and addresses of customers are shown masked (gateway/web/masking.py)."""
    lacks_factor: bool = False
    """The role asks for a second factor and there is none yet: no right counts until it is set up."""

    def may(self, right: Right) -> bool:
        """Whether the viewer has ``right``."""
        return right in self.rights

    def sees(self, owner_id: str | None) -> bool:
        """Whether a row that belongs to ``owner_id`` (None: to nobody) is the viewer's to see."""
        return self.seen_by is None or owner_id is None or owner_id == self.seen_by


def viewer(
    session: SessionInfo | None,
    token: TokenInfo | None,
    *,
    managers_see_all: bool,
    mask_for: Collection[str] = (),
    second_factor_for: Collection[str] = (),
) -> Viewer:
    """What the roles give to whoever signed in. ``mask_for``: the roles for which numbers are masked;
    ``second_factor_for``: those that do nothing without a second factor. Who has no password comes in through the
    provider, whose business it is."""
    if session is None:
        actor = token_actor(token.id) if token is not None else "nobody"
        return Viewer(manager_id=None, actor=actor, rights=TOKEN_RIGHTS if token else frozenset(), seen_by=None)
    role = Role(session.role) if session.role in set(Role) else None
    lacks_factor = session.role in second_factor_for and session.has_password and not session.has_factor
    return Viewer(
        manager_id=session.manager_id,
        actor=manager_actor(session.manager_id),
        rights=RIGHTS[role] if role is not None and not lacks_factor else frozenset(),
        seen_by=session.manager_id if role in {None, Role.MANAGER} and not managers_see_all else None,
        masked=session.role in mask_for,
        lacks_factor=lacks_factor,
    )


def needs(right: Right) -> Callable[[H], H]:
    """Mark a handler with what it asks for, where that is not SEE to read and WORK to change."""

    def mark(handler: H) -> H:
        setattr(handler, _MARK, right)
        return handler

    return mark


def without_factor(handler: H) -> H:
    """Mark a handler that sets up the second factor, or ends the session: all that can be done while it is lacking."""
    setattr(handler, _FACTOR_MARK, True)
    return handler


def needs_no_factor(handler: object) -> bool:
    """Whether ``without_factor`` marked it."""
    return getattr(handler, _FACTOR_MARK, False) is True


def right_of(handler: object, method: str) -> Right:
    """What a request with ``method`` to ``handler`` asks for."""
    marked = getattr(handler, _MARK, None)
    if isinstance(marked, Right):
        return marked
    return Right.SEE if method in SAFE_METHODS else Right.WORK


VIEWER: web.RequestKey[Viewer] = web.RequestKey("viewer", Viewer)


def viewer_of(request: web.Request) -> Viewer:
    """Who sent ``request``. Only for routes that need a sign-in."""
    return request[VIEWER]
