"""``/settings/hours``: when the company works, days that differ, and who gets whom and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web
from babel.dates import format_date, get_day_names
from sqlalchemy import Connection, select

from gateway.core.assignment import Assigned, AssignRequest
from gateway.core.phone import phone_handle
from gateway.core.sentences import Sentence
from gateway.core.types import Channel, Source
from gateway.routing import exceptions
from gateway.routing.hours import Hours
from gateway.routing.settings import COMPANY
from gateway.routing.week import WEEKDAYS
from gateway.storage.tables import ContactHandle, Manager
from gateway.web.access import Right, needs
from gateway.web.guard import read_form
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame, done, path_id, text_of
from gateway.web.pages.settings.parts import SettingsParts
from gateway.web.pages.words import Words

HOME = "/settings/hours"
AHEAD = 10
"""Days whose real hours are shown: public holidays and exceptions counted in."""


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One schedule."""

    name: str
    week: list[tuple[str, str]]
    """Name of the weekday, hours as text; empty: closed."""
    ahead: list[tuple[str, str]]
    """The next days as they really are."""


class HoursPages:
    """Hours, and the rules asked."""

    def __init__(self, means: PageMeans, parts: SettingsParts) -> None:
        self._frame = Frame(means)
        self._means = means
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """Days are the owner's to enter."""
        return [
            web.get(HOME, self.show),
            web.post(HOME, self.add),
            web.post(HOME + "/{id}/remove", self.remove),
        ]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """With ``caller``, ``dialled`` and ``channel`` in the address also what the rules say of that person."""
        return await self._page(request)

    @needs(Right.ADMINISTER)
    async def add(self, request: web.Request) -> web.Response:
        """Days that differ; no hours means closed."""
        form, by = await read_form(request), self._frame.by(request)
        try:
            first = date.fromisoformat(form.get("first", ""))
            last = date.fromisoformat(form.get("last") or form.get("first", ""))
        except ValueError:
            return await self._page(request, fault=_("Choose the first and the last day."), status=422)
        hours = [one.strip() for one in form.get("hours", "").replace("–", "-").split(",") if one.strip()]
        schedule = text_of(form, "schedule")
        new = exceptions.NewException(
            first=first,
            last=last,
            hours=hours,
            schedules=[schedule] if schedule else [],
            reason=text_of(form, "reason") or "",
        )
        try:
            await self._frame.write(lambda c: exceptions.enter(c, new, by, known=self._parts.schedules.names))
        except exceptions.HoursError as error:
            return await self._page(request, fault=error.sentence, status=422)
        raise done(HOME, "added")

    @needs(Right.ADMINISTER)
    async def remove(self, request: web.Request) -> web.Response:
        """Taken back."""
        exception_id, by = path_id(request), self._frame.by(request)
        await self._frame.write(lambda c: exceptions.take_back(c, exception_id, by))
        raise done(HOME, "removed")

    async def _page(
        self, request: web.Request, *, fault: Sentence | str | None = None, status: int = 200
    ) -> web.Response:
        words = self._means.renderer.words(request)
        asked = {name: request.query.get(name, "").strip()[:100] for name in ("caller", "dialled", "channel")}
        today = self._means.clock.now().astimezone(self._means.zone).date()
        wants = request.query.get("explain") == "1"

        def read(connection: Connection) -> tuple[Any, Assigned | None, dict[str, str]]:
            names = {row.id: row.name for row in connection.execute(select(Manager.id, Manager.name))}
            answer = self._parts.assigner.explain(connection, self._request(connection, asked)) if wants else None
            return exceptions.listed(connection), answer, names

        entered, answer, names = await self._means.store.read(read)
        return self._frame.page(
            request,
            "settings_hours.html",
            status=status,
            fault=fault,
            plans=self._plans(words, today),
            schedules=self._parts.schedules.names,
            company=COMPANY,
            entered=entered,
            of_file=self._parts.exceptions,
            day=lambda value: format_date(value, "d MMM y", locale=words.locale),
            rules=self._parts.rules,
            asked=asked,
            answer=answer,
            names=names,
        )

    def _request(self, connection: Connection, asked: Mapping[str, str]) -> AssignRequest:
        handle = phone_handle(asked["caller"], self._parts.region) if asked["caller"] else None
        contact = None
        if handle is not None:
            known = select(ContactHandle.contact_id).where(ContactHandle.value == handle.value)
            contact = connection.execute(known).scalars().first()
        channel = asked["channel"] if asked["channel"] in set(Channel) else Channel.CALL.value
        return AssignRequest(
            contact_id=contact,
            handles=(handle,) if handle is not None else (),
            channel=Channel(channel),
            line=asked["dialled"].replace("\x00", "") or None,
            source=Source(),
            at=self._means.clock.now(),
        )

    def _plans(self, words: Words, today: date) -> list[Plan]:
        schedules = self._parts.schedules
        hours = {COMPANY: schedules.company, **schedules.named}
        names = get_day_names("abbreviated", locale=words.locale)
        return [
            Plan(
                name=name,
                week=[
                    (names[number], ", ".join(self._parts.weeks.get(name, {}).get(day, ())))
                    for number, day in enumerate(WEEKDAYS)
                ],
                ahead=[
                    (format_date(day, "EEE d MMM", locale=words.locale), open_times(one, day))
                    for day in (today + timedelta(days=count) for count in range(AHEAD))
                ],
            )
            for name, one in hours.items()
            if one is not None
        ]


def open_times(hours: Hours, day: date) -> str:
    """``09:00–13:00, 14:00–18:00`` of that local day, with holidays and exceptions; empty: closed."""
    return ", ".join(f"{_clock(start, day)}–{_clock(end, day)}" for start, end in hours.open_on(day))


def _clock(moment: datetime, day: date) -> str:
    return f"{moment:%H:%M}" if moment.date() == day else "24:00"
