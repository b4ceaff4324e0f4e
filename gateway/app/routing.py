"""The routing put together: the people of the configuration, the rules, and who answers the dialplan by them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config.settings import Settings
from gateway.config.tables import ManagerSettings
from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.core.phone import phone_handle
from gateway.routing.assign import Assigner
from gateway.routing.calendars import Schedules
from gateway.routing.exceptions import stored
from gateway.routing.facts import CrmOwner, of_nobody
from gateway.routing.live import LiveRouter, Route, RouteQuestion
from gateway.routing.reader import PointReader
from gateway.routing.staff import Configured, sync
from gateway.storage.store import Store
from gateway.telephony.agi.protocol import AgiQuestion
from gateway.telephony.agi.server import AgiServer, Answer
from gateway.telephony.devices import AllDevices, DeviceStates
from gateway.web.api.reads import ReadOperation
from gateway.web.api.routing import routing_reads, routing_writes
from gateway.web.api.writes import WriteOperation

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
MOST_NAME = 80
"""Characters of a name on a telephone's display."""

_FOR_DISPLAYS = str.maketrans({'"': "'", "\\": "/", "$": " "})
_EXTENSION = re.compile(r"[A-Za-z0-9_.*#+-]{1,40}")


class RoutingParts:
    """Everything that answers "who gets this person?", made from the settings."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, crm_owner: CrmOwner = of_nobody) -> None:
        """``crm_owner``: what the CRMs say of those who have no owner here."""
        where = settings.gateway
        self._devices = AllDevices()
        self.schedules = Schedules.of(settings.hours, timezone=where.timezone, region=where.region)
        self.assigner = Assigner(
            settings.routing,
            self.schedules,
            region=where.region,
            timezone=where.timezone,
            devices=self._devices,
            crm_owner=crm_owner,
        )
        self.reader = PointReader(store, clock)
        own = (phone_handle(number, where.region) for number in where.own_numbers)
        self.router = LiveRouter(
            store, self.reader, self.assigner, clock, own_numbers=[handle for handle in own if handle]
        )
        self.days = EnteredDays(store, self.schedules)
        self._keep = settings.retention.keep
        self._store = store
        self.servers = [
            AgiServer(pbx, answer_of(self.router, pbx.name, names=settings.routing.caller_name), clock)
            for pbx in settings.pbx
            if pbx.agi_listen is not None
        ]

    def devices_of_pbx(self) -> DeviceStates:
        """Where one PBX more tells how its telephones are."""
        states = DeviceStates()
        self._devices.add(states)
        return states

    def reads(self) -> tuple[ReadOperation, ...]:
        """What the API tells."""
        return routing_reads(self.router.route, self._store)

    def writes(self) -> tuple[WriteOperation, ...]:
        """What the API can change."""
        return routing_writes(self.schedules, self._keep)


@dataclass(slots=True, eq=False)
class EnteredDays:
    """A Service: days with other hours that people enter count within seconds, without a restart."""

    store: Store
    schedules: Schedules
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises StoreUnavailable."""
        await self.look()
        self._task = asyncio.create_task(self._watch(), name="entered-days")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Take what is entered now."""
        entered = await self.store.read(stored)
        if self.schedules.take(entered):
            log.info("The working hours have other days now.", extra={"action": "hours_taken", "entered": len(entered)})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StoreUnavailable as error:
                extra = {"action": "hours_unknown", "reason": str(error)}
                log.warning("The days that people entered can't be read now.", extra=extra)


def answer_of(router: LiveRouter, pbx: str, *, names: bool) -> Answer:
    """What the AGI server of ``pbx`` asks. ``names``: the contact's name is told too."""

    async def answer(question: AgiQuestion) -> Mapping[str, str] | None:
        route = await router.route(RouteQuestion(caller=question.caller, dialled=question.dialled, pbx=pbx))
        return None if route is None else variables_of(route, names=names)

    return answer


def variables_of(route: Route, *, names: bool) -> dict[str, str]:
    """The channel variables of a route. All are set, so that none is left from an earlier question."""
    name = " ".join((route.contact_name or "").split()) if names else ""
    return {
        "LEADGATE_EXTEN": dialable(route.extension),
        "LEADGATE_MANAGER": _plain(route.manager_name or ""),
        "LEADGATE_CONTACT": route.contact_id or "",
        "LEADGATE_RULE": _plain(route.rule),
        "LEADGATE_NAME": _plain(name),
    }


def dialable(extension: str | None) -> str:
    """An extension that can be written into a dialplan's Dial(): one with ``&`` or ``,`` in it would say more."""
    if extension is None or not _EXTENSION.fullmatch(extension):
        return ""
    return extension


def _plain(text: str) -> str:
    """What a telephone shows. What a dialplan could trip over is written otherwise; control characters: nothing."""
    return text.translate(_FOR_DISPLAYS)[:MOST_NAME] if text.isprintable() else ""


@dataclass(slots=True, eq=False)
class Staff:
    """A Service: at the start the people of the configuration are brought into the table of managers."""

    store: Store
    people: tuple[ManagerSettings, ...]
    clock: Clock
    new_id: NewId

    async def start(self) -> None:
        """Raises StoreUnavailable."""
        people = [configured(person) for person in self.people]
        at = self.clock.now()
        done = await self.store.write_in_race(lambda connection: sync(connection, people, at=at, new_id=self.new_id))
        if done.added or done.changed:
            log.info(
                "The people of the configuration were brought into the database.",
                extra={"action": "staff_synced", "added": ", ".join(done.added), "changed": ", ".join(done.changed)},
            )
        for login in done.unnamed:
            log.warning(
                "A person is no longer in the configuration and stays as he was; "
                "'leadgate user disable' would lock him out.",
                extra={"action": "staff_unnamed", "login": login},
            )

    async def stop(self) -> None:
        """Nothing runs."""


def configured(person: ManagerSettings) -> Configured:
    """One ``[[manager]]`` as the routing takes it."""
    return Configured(
        login=person.id,
        name=person.name,
        role=person.role,
        email=person.email,
        mobile=person.mobile,
        extensions=person.extensions,
        hours=person.hours,
    )
