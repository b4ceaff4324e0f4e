"""Our managers and the CRM's users, matched, and asked for anew now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from crm_adapter.base import Context, Misconfigured, Rejected
from crm_adapter.people import Manager, Matches, User, match
from crm_adapter.recordcrm import ListsUsers, RecordCrm

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=10)
"""How late a new user of the CRM, or a new manager of ours, is noticed."""


class Directory:
    """Answers "which user of the CRM is this?"."""

    def __init__(self, crm: RecordCrm, context: Context, *, by_hand: Mapping[str, str], default: str | None) -> None:
        self._crm = crm
        self._context = context
        self._by_hand = dict(by_hand)
        self._default = default
        self.managers: Sequence[Manager] = ()
        """Our people, as of the last ``matches``."""
        self._matches: Matches | None = None
        self._users_before: Sequence[User] = ()
        """The last list that was given: better than none, where the CRM refuses it now."""
        self._at: datetime | None = None
        self._asking = asyncio.Lock()

    async def matches(self, *, fresh: bool = False) -> Matches:
        """Who is who. Raises CrmError where the CRM can't be asked now; one that refuses the list has no users."""
        async with self._asking:  # those who come meanwhile share the answer
            now = self._context.now()
            if fresh or self._matches is None or self._at is None or now - self._at > FRESH:
                self.managers = await self._context.managers()
                self._matches = match(self.managers, await self._users(), self._by_hand)
                self._at = now
            return self._matches

    async def user_of(self, manager_id: str | None) -> str | None:
        """The CRM's user for one of our managers, else the default user."""
        if manager_id is not None and (user := (await self.matches()).user_of.get(manager_id)):
            return user.id
        return self._default

    async def user_at(self, extension: str | None) -> str | None:
        """The CRM's user at this phone; None where nobody is known there."""
        if not extension:
            return None
        user = (await self.matches()).user_at(extension, self.managers)
        return user.id if user else None

    async def _users(self) -> Sequence[User]:
        if not isinstance(self._crm, ListsUsers):
            return [User(id=user_id) for user_id in self._by_hand.values()]
        try:
            self._users_before = await self._crm.list_users()
            return self._users_before
        except (Rejected, Misconfigured) as error:
            log.warning(
                "The users of a CRM can't be listed; records go to its default user.",
                extra={"action": "crm_users_refused", "crm": self._context.name, "reason": str(error)},
            )
            return self._users_before or [User(id=user_id) for user_id in self._by_hand.values()]
