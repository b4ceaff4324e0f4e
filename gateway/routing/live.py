"""Who gets a caller who waits at the dialplan: an answer within 300 ms, or none, and the dialplan goes on.

A caller is never held by us. How the database is read says `reader`; a rotation, which writes, is the only thing that
waits for a commit, within the same 300 ms.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, literal_column, select

from gateway.core.assignment import NOBODY, AssignRequest, Tried
from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.phone import is_extension, phone_handle
from gateway.core.types import Channel, Handle, Source
from gateway.routing.assign import Assigner
from gateway.routing.decide import Decision
from gateway.routing.people import Person, Roster
from gateway.routing.reader import PointReader
from gateway.storage.store import Store
from gateway.storage.tables import Contact, ContactHandle, table_of

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 0.3
ROSTER_SECONDS = 1.0
"""For so long the managers are remembered; an absence entered now counts within a second."""
MOST_TEXT = 200
"""Characters of a number: what is longer is none."""

OURS, INTERNAL = "ours", "internal"
"""Names of the rules for those who are not routed: the company's own numbers, its own telephones."""

CONTACT, HANDLE = table_of(Contact), table_of(ContactHandle)
_WHO = (
    select(CONTACT.c.id, CONTACT.c.name, CONTACT.c.owner_id)
    .join_from(HANDLE, CONTACT, CONTACT.c.id == HANDLE.c.contact_id)
    .where(HANDLE.c.value == bindparam("number"), HANDLE.c.kind == literal_column("'phone'"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    """A caller, as the PBX has him."""

    caller: str | None
    """None when withheld."""
    dialled: str | None
    pbx: str | None = None
    """The configured name of the PBX that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the caller goes. Without an extension: where he would have gone anyway."""

    extension: str | None = None
    manager_id: str | None = None
    manager_name: str | None = None
    rule: str = NOBODY
    contact_id: str | None = None
    contact_name: str | None = None
    trail: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """What the database said."""

    route: Route
    request: AssignRequest | None = None
    decision: Decision | None = None
    roster: Roster | None = None


class LiveRouter:
    """Answers the dialplan and ``GET /api/v1/route``."""

    def __init__(
        self,
        store: Store,
        reader: PointReader,
        assigner: Assigner,
        clock: Clock,
        *,
        own_numbers: Collection[Handle] = (),
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        """``own_numbers``: the company's own, which are not routed. ``deadline``: seconds that a caller waits."""
        self._store = store
        self._reader = reader
        self._assigner = assigner
        self._clock = clock
        self._own = frozenset(own_numbers)
        self._deadline = deadline
        self._roster: tuple[float, Roster] | None = None

    async def route(self, question: RouteQuestion) -> Route | None:
        """The route, or None where nothing can be said within the deadline. Raises nothing."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self._route(question)
        except TimeoutError:
            log.warning("A caller was not routed: the answer took too long", extra={"action": "route_late"})
        except StoreUnavailable as error:
            extra = {"action": "route_unavailable", "reason": str(error)}
            log.warning("A caller was not routed: the database can't be asked", extra=extra)
        return None

    async def explain(self, question: RouteQuestion) -> Route:
        """The route with every rule asked; nothing is changed, and it may take its time. Raises StoreUnavailable."""
        return (await self._reader.run(lambda connection: self._read(connection, question, ask_all=True))).route

    async def _route(self, question: RouteQuestion) -> Route:
        read = await self._reader.run(lambda connection: self._read(connection, question))
        request, decision = read.request, read.decision
        if request is None or decision is None or not decision.turns:
            return read.route
        assigned = await self._store.write(lambda connection: self._assigner.assign(connection, request, read.roster))
        chosen = read.roster.by_id.get(assigned.manager_id or "") if read.roster else None
        return _to(chosen, replace(read.route, rule=assigned.rule, trail=assigned.trail))

    def _read(self, connection: Connection, question: RouteQuestion, *, ask_all: bool = False) -> _Read:
        """Runs on the reader's thread."""
        roster, region = self._known_roster(connection), self._assigner.region
        caller = _sane(question.caller)
        handle = phone_handle(caller, region)
        if caller is not None and handle is None and (roster.of_number(caller) or is_extension(caller, region)):
            return _Read(Route(rule=INTERNAL))
        if handle is not None and (handle in self._own or roster.of_number(handle.value)):
            return _Read(Route(rule=OURS))
        known = connection.execute(_WHO, {"number": handle.value}).one_or_none() if handle else None
        request = AssignRequest(
            contact_id=known.id if known else None,
            handles=(handle,) if handle else (),
            channel=Channel.CALL,
            line=_sane(question.dialled),
            source=Source(name=question.pbx),
            at=self._clock.now(),
        )
        owner_id = known.owner_id if known else None
        decision = self._assigner.decide(connection, request, roster, ask_all=ask_all, owner_id=owner_id)
        route = Route(
            rule=decision.rule,
            contact_id=known.id if known else None,
            contact_name=known.name if known else None,
            trail=decision.trail,
        )
        return _Read(_to(decision.person, route), request, decision, roster)

    def _known_roster(self, connection: Connection) -> Roster:
        now = self._clock.monotonic()
        if self._roster is None or now - self._roster[0] >= ROSTER_SECONDS:
            self._roster = (now, self._assigner.roster(connection, self._clock.now()))
        return self._roster[1]


def _to(person: Person | None, route: Route) -> Route:
    """The route to a manager; to one without a telephone it has no extension."""
    if person is None:
        return route
    return replace(route, extension=person.extension, manager_id=person.id, manager_name=person.name)


def _sane(text: str | None) -> str | None:
    """What can be a number or a name of a line; control characters and novels are nothing."""
    if text is None or len(text) > MOST_TEXT or not text.isprintable():
        return None
    return text.strip() or None
