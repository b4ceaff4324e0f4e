"""Who gets whom, for the dialplan and for programs; absences; days with other hours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec
from sqlalchemy import Connection

from gateway.core.errors import StoreUnavailable
from gateway.routing import absences, exceptions
from gateway.routing.absences import AbsenceView
from gateway.routing.calendars import Schedules
from gateway.routing.exceptions import ExceptionView
from gateway.routing.live import Route, RouteQuestion
from gateway.storage.store import Store
from gateway.views.shapes import ManagerBrief
from gateway.web.access import Right
from gateway.web.api.reads import File, ReadCall, ReadOperation
from gateway.web.api.writes import WriteCall, WriteOperation

Ask = Callable[[RouteQuestion], Awaitable[Route | None]]
"""``routing.live.LiveRouter.route``."""


class RouteContact(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls."""

    id: str
    name: str | None


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a caller goes."""

    extension: str | None
    """Null: where he would have gone anyway."""
    manager: ManagerBrief | None
    rule: str
    """The rule that decided; ``nobody``, ``ours`` (our own number) or ``internal`` where none did."""
    contact: RouteContact | None


class NewAbsence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An absence to enter."""

    manager: str
    """Login or id."""
    starts_at: Annotated[datetime, msgspec.Meta(tz=True)]
    ends_at: Annotated[datetime, msgspec.Meta(tz=True)]
    """The first moment after it."""
    substitute: str | None = None
    """Login or id of who stands in."""
    reason: str = ""


class NewHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days that differ from the week."""

    first: date
    last: date
    """The last of the days, itself one of them."""
    hours: list[str] = []
    """``["09:00-15:00"]``; none: closed."""
    schedules: list[str] = []
    """Names of schedules (``company`` is [hours] itself); none: all."""
    reason: str = ""


class Absences(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    items: list[AbsenceView]


class HoursExceptions(msgspec.Struct, frozen=True, kw_only=True):
    """All that people entered; those of the configuration are not here."""

    items: list[ExceptionView]


def routing_reads(ask: Ask, store: Store) -> tuple[ReadOperation, ...]:
    """The operations, for ``WebServer(reads=...)``."""

    async def route(call: ReadCall) -> RouteView | File:
        found = await ask(RouteQuestion(caller=_given(call, "caller"), dialled=_given(call, "dialled")))
        if "text/plain" in call.accept:  # CURL() of a dialplan: it reads whatever comes, so nothing else may come
            extension = found.extension if found else None
            return File(name="route.txt", content=(extension or "").encode(), content_type="text/plain", inline=True)
        if found is None:
            raise StoreUnavailable("the route is not known in time")
        return route_view(found)

    async def all_absences(_call: ReadCall) -> Absences:
        return Absences(items=list(await store.read(absences.listed)))

    async def all_hours(_call: ReadCall) -> HoursExceptions:
        return HoursExceptions(items=await store.read(exceptions.listed))

    return (
        ReadOperation(
            path="/api/v1/route",
            name="route",
            summary="Who gets a caller, within 300 ms. With `Accept: text/plain` just the extension, or nothing.",
            act=route,
            answer=RouteView,
            parameters=(
                ("caller", "The caller's number as the PBX has it; empty: withheld."),
                ("dialled", "What was dialled."),
            ),
            right=Right.LEAD,
        ),
        ReadOperation(
            path="/api/v1/absences",
            name="listAbsences",
            summary="Who is away, was and will be, by the beginning.",
            act=all_absences,
            answer=Absences,
        ),
        ReadOperation(
            path="/api/v1/hours/exceptions",
            name="listHours",
            summary="Days that differ from the week, as people entered them, by the first day.",
            act=all_hours,
            answer=HoursExceptions,
        ),
    )


def routing_writes(schedules: Schedules, keep: timedelta | None) -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``. ``keep``: how long an absence is kept after its end."""

    def add_absence(connection: Connection, call: WriteCall) -> AbsenceView:
        body: NewAbsence = call.body
        new = absences.NewAbsence(**{name: getattr(body, name) for name in body.__struct_fields__})
        return absences.add(connection, new, call.who, keep=keep)

    def remove_absence(connection: Connection, call: WriteCall) -> None:
        absences.remove(connection, call.ids["id"], call.who)

    def add_hours(connection: Connection, call: WriteCall) -> ExceptionView:
        body: NewHours = call.body
        new = exceptions.NewException(**{name: getattr(body, name) for name in body.__struct_fields__})
        return exceptions.enter(connection, new, call.who, known=schedules.names)

    def remove_hours(connection: Connection, call: WriteCall) -> None:
        exceptions.take_back(connection, call.ids["id"], call.who)

    return (*_absence_writes(add_absence, remove_absence), *_hours_writes(add_hours, remove_hours))


Unit = Callable[[Connection, WriteCall], object]


def _absence_writes(add: Unit, remove: Unit) -> Sequence[WriteOperation]:
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/absences",
            name="addAbsence",
            summary="Enter an absence: rules give nobody to who is away, but to who stands in.",
            body=NewAbsence,
            answer=AbsenceView,
            status=201,
            unit=add,
            right=Right.LEAD,
        ),
        WriteOperation(
            method="DELETE",
            path="/api/v1/absences/{id}",
            name="removeAbsence",
            summary="Take an absence back.",
            unit=remove,
            right=Right.LEAD,
        ),
    )


def _hours_writes(add: Unit, remove: Unit) -> Sequence[WriteOperation]:
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/hours/exceptions",
            name="addHours",
            summary="Enter days that differ from the week. They count within seconds; of several for a day the last.",
            body=NewHours,
            answer=ExceptionView,
            status=201,
            unit=add,
            right=Right.ADMINISTER,
        ),
        WriteOperation(
            method="DELETE",
            path="/api/v1/hours/exceptions/{id}",
            name="removeHours",
            summary="Take such days back.",
            unit=remove,
            right=Right.ADMINISTER,
        ),
    )


def route_view(route: Route) -> RouteView:
    """The route as the API tells it."""
    manager = ManagerBrief(id=route.manager_id, name=route.manager_name or "") if route.manager_id is not None else None
    contact = RouteContact(id=route.contact_id, name=route.contact_name) if route.contact_id is not None else None
    return RouteView(extension=route.extension, manager=manager, rule=route.rule, contact=contact)


def _given(call: ReadCall, name: str) -> str | None:
    """A parameter; a plus sign that was not quoted arrives as a space."""
    text = call.query.get(name, "")
    return ("+" + text[1:] if text.startswith(" ") and text[1:].isdigit() else text.strip()) or None
