"""Whose customer is it, as the CRMs have it: read back by a poll, and asked for while a phone rings.

The poll writes what changed into ``contact.owner_id``, so that the routing, the pages and the API know it without
asking anybody. A CRM gives every new record to somebody; that is no decision of a person, so the first owner of a
record that we made and gave to nobody is only remembered. From then on each change counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from crm_adapter.base import CrmError
from crm_adapter.people import Matches
from crm_adapter.recordadapter import FOUND, OWNER, RecordAdapter
from crm_adapter.recordcrm import FindsOwner, Owned, ReadsOwners
from crm_adapter.records import Person
from gateway.audit.log import Deed
from gateway.audit.log import record as write_down
from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.types import Handle, HandleKind
from gateway.live.changes import ChangeKind, record
from gateway.storage.store import Store
from gateway.storage.tables import Contact, CrmLink, CrmUser, Cursor, Manager

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
MOST_PAGES = 20
"""Of one look: after an import into the CRM the rest comes with the next."""


class OwnerPoll:
    """Reads one CRM's owners back, again and again."""

    def __init__(
        self, crm: str, adapter: RecordAdapter, *, store: Store, clock: Clock, every: float = EVERY_SECONDS
    ) -> None:
        self._crm = crm
        self._adapter = adapter
        self._store = store
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Never raises but for its own cancellation."""
        while True:
            extra = {"action": "owners_not_read", "crm": self._crm}
            try:
                await self.look()
            except (CrmError, StoreUnavailable) as error:
                log.info("The owners of a CRM could not be read.", extra=extra | {"reason": str(error)})
            except Exception:
                log.exception("Reading the owners of a CRM failed.", extra=extra)
            await asyncio.sleep(self._every)

    async def look(self) -> int:
        """Read the users and what changed since the last look; how many contacts got another owner."""
        matches = await self._adapter.directory.matches()
        now = self._clock.now()
        await self._store.write(lambda c: remember_users(c, self._crm, matches, now), background=True)
        crm = self._adapter.crm
        if not isinstance(crm, ReadsOwners) or self._adapter.options.owners != "crm":
            return 0
        changed = 0
        for _ in range(MOST_PAGES):
            place = await self._store.read(self._place)
            page = await crm.owners_since(place, now)

            def unit(connection: Connection, page: Any = page) -> int:
                self._move(connection, page.next_place, now)
                return take_over(connection, self._crm, page.found, matches, now)

            changed += await self._store.write(unit, background=True)
            if not page.more:
                break
        return changed

    def _place(self, connection: Connection) -> str | None:
        value = connection.execute(select(Cursor.value).where(Cursor.name == self._cursor)).scalar_one_or_none()
        return str(value["place"]) if value else None

    def _move(self, connection: Connection, place: str, at: datetime) -> None:
        values = {"value": {"place": place}, "updated_at": at}
        if not connection.execute(update(Cursor).where(Cursor.name == self._cursor).values(**values)).rowcount:
            connection.execute(insert(Cursor), {"name": self._cursor, **values})

    @property
    def _cursor(self) -> str:
        return f"crm-owners:{self._crm}"


def remember_users(connection: Connection, crm: str, matches: Matches, at: datetime) -> None:
    """Which user of the CRM each manager is, for the pages; written where it changed."""
    known = {row.user_id: row for row in connection.execute(select(CrmUser).where(CrmUser.crm == crm))}
    ours = set(connection.execute(select(Manager.id)).scalars())
    now = {user.id: manager for manager, user in matches.user_of.items() if manager in ours}
    if {user: row.manager_id for user, row in known.items()} == now:
        return
    connection.execute(delete(CrmUser).where(CrmUser.crm == crm))
    rows = [
        {"crm": crm, "user_id": user.id, "manager_id": manager, "how": matches.how[manager], "name": user.name,
         "seen_at": at}
        for manager, user in matches.user_of.items()
        if manager in ours
    ]  # fmt: skip
    if rows:
        connection.execute(insert(CrmUser), rows)


def take_over(connection: Connection, crm: str, found: Sequence[Owned], matches: Matches, at: datetime) -> int:
    """Bring our contacts to what the CRM says; how many changed."""
    users = {owned.remote_id: owned.user for owned in found if owned.user is not None}
    mine = (CrmLink.crm == crm, CrmLink.kind == "contact", CrmLink.remote_id.in_(list(users)))
    columns = (CrmLink.local_id, CrmLink.remote_id, CrmLink.notes, CrmLink.seen_owner)
    changed = 0
    for link in connection.execute(select(*columns).where(*mine)).all():
        user = users[link.remote_id]
        if user == link.seen_owner:
            continue
        one = (CrmLink.crm == crm, CrmLink.kind == "contact", CrmLink.local_id == link.local_id)
        connection.execute(update(CrmLink).where(*one).values(seen_owner=user))
        manager = matches.manager_of.get(user)
        if manager is not None and _is_decision(user, link.seen_owner, link.notes):
            changed += _give(connection, crm, link.local_id, manager, at)
    return changed


def _is_decision(user: str, seen: str | None, notes: Mapping[str, str]) -> bool:
    """Whether a person at the CRM gave the contact to ``user``."""
    if seen is not None or notes.get(FOUND):
        return True
    return OWNER in notes and notes[OWNER] != user


def _give(connection: Connection, crm: str, contact_id: str, manager_id: str, at: datetime) -> bool:
    row = connection.execute(
        select(Contact.id, Contact.owner_id, Contact.merged_into).where(Contact.id == contact_id)
    ).one_or_none()
    if row is not None and row.merged_into is not None:
        return _give(connection, crm, row.merged_into, manager_id, at)
    if row is None or row.owner_id == manager_id:
        return False
    connection.execute(update(Contact).where(Contact.id == row.id).values(owner_id=manager_id, updated_at=at))
    record(connection, ChangeKind.CONTACT_UPDATED, row.id, at)
    detail = {"from": row.owner_id, "to": manager_id}
    deed = Deed(
        actor=f"crm:{crm}", action="contact.owner_changed", object_kind="contact", object_id=row.id, detail=detail
    )
    write_down(connection, deed, at)
    return True


MOST_KEPT = 10_000
FRESH_SECONDS = 300.0


@dataclass(slots=True, eq=False)
class OwnerLookup:
    """Asks the CRMs whose customer somebody is whom we don't know. For the routing, while the caller waits."""

    adapters: Mapping[str, RecordAdapter]
    clock: Clock
    seconds: float = 1.0
    """What a caller can wait for; a CRM that takes longer is not heard."""
    _kept: dict[tuple[Handle, ...], tuple[float, str | None]] = field(default_factory=dict)

    def kept(self, handles: Sequence[Handle]) -> tuple[bool, str | None]:
        """Whether there is an answer of the last five minutes, and which. From memory, on any thread."""
        answer = self._kept.get(tuple(handles))
        if answer is None or self.clock.monotonic() - answer[0] >= FRESH_SECONDS:
            return False, None
        return True, answer[1]

    async def ask(self, handles: Sequence[Handle]) -> str | None:
        """Id of our manager, or None where no CRM knows in time. Never raises. Answers are kept for five minutes."""
        key = tuple(handles)
        now = self.clock.monotonic()
        is_kept, answer = self.kept(key)
        if is_kept:
            return answer
        asked = [self._ask(name, adapter, key) for name, adapter in self.adapters.items()]
        answers = await asyncio.gather(*asked) if key and asked else []
        found = next((answer for answer in answers if answer is not None), None)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (now, found)
        return found

    async def _ask(self, name: str, adapter: RecordAdapter, handles: Sequence[Handle]) -> str | None:
        if not isinstance(adapter.crm, FindsOwner):
            return None
        person = Person(
            id="",
            phones=tuple(one.value for one in handles if one.kind is HandleKind.PHONE),
            emails=tuple(one.value for one in handles if one.kind is HandleKind.EMAIL),
        )
        try:
            async with asyncio.timeout(self.seconds):
                user = await adapter.crm.find_owner(person)
                return (await adapter.directory.matches()).manager_of.get(user.id) if user else None
        except (CrmError, StoreUnavailable, TimeoutError) as error:
            extra = {"action": "owner_not_asked", "crm": name, "reason": str(error) or "no answer in time"}
            log.info("A CRM could not be asked whose customer it is.", extra=extra)
        except Exception:
            log.exception("Asking a CRM for an owner failed.", extra={"action": "owner_not_asked", "crm": name})
        return None
