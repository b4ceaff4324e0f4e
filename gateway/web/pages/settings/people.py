"""``/settings/people``: who may sign in, as what, and who is away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from gateway.core.errors import LeadgateError, StoreUnavailable
from gateway.core.sentences import Sentence
from gateway.routing import absences
from gateway.web import people
from gateway.web.access import Right, needs
from gateway.web.accounts import MAX_NAME, ROLES, NewManager, new_secret
from gateway.web.guard import read_form
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame, done, path_id, text_of
from gateway.web.problems import Refused

HOME = "/settings/people"
KEPT_ABSENCES = timedelta(days=30)
"""Absences that ended longer ago are not listed."""


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


ABSENCE_FAULTS = (
    _("An absence ends after it begins. Exchange the two"),
    _("An absence of more than three years is a mistake. Use 'leadgate user disable' for who left"),
    _("Nobody stands in for himself. Name another manager, or none"),
)
"""What the room says, for the catalogue."""


class PeoplePages:
    """People and their absences."""

    def __init__(self, means: PageMeans, *, link_lifetime: timedelta, keep: timedelta | None = None) -> None:
        """``keep``: how long an absence is kept after its end."""
        self._frame = Frame(means)
        self._means = means
        self._lifetime = link_lifetime
        self._keep = keep

    def routes(self) -> list[web.RouteDef]:
        """People are the owner's; absences a chief's too."""
        return [
            web.get(HOME, self.show),
            web.post(HOME, self.add),
            web.get(HOME + "/{id}", self.one),
            web.post(HOME + "/{id}", self.change),
            web.post(HOME + "/{id}/link", self.link),
            web.post(HOME + "/{id}/lock", self.lock),
            web.post(HOME + "/{id}/unlock", self.unlock),
            web.post(HOME + "/{id}/factor", self.factor),
            web.post("/settings/absences", self.add_absence),
            web.post("/settings/absences/{id}/remove", self.remove_absence),
        ]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """Everybody."""
        return await self._list(request)

    @needs(Right.ADMINISTER)
    async def add(self, request: web.Request) -> web.Response:
        """Somebody new; their one-time link is shown this once."""
        form, secret = await read_form(request), new_secret()
        by = self._frame.by(request)
        try:
            login = form.get("login", "").strip()
            if not login or len(login) > MAX_NAME:
                raise people.PeopleError("A login is needed.")
            read = _changes(form, login)
            if read.role not in ROLES:
                raise people.PeopleError("There is no such role.")
            new = NewManager(
                login=login,
                name=read.name,
                role=read.role,
                email=read.email,
                mobile=read.mobile,
                extensions=read.extensions,
            )
            added = await self._frame.write(lambda c: people.add(c, new, by, secret=secret, lifetime=self._lifetime))
        except StoreUnavailable:
            raise
        except LeadgateError as error:
            return await self._list(request, fault=error.sentence, typed=form, status=422)
        return self._link_page(request, added, secret)

    @needs(Right.INSPECT)
    async def one(self, request: web.Request) -> web.Response:
        """One person."""
        return await self._person(request)

    @needs(Right.ADMINISTER)
    async def change(self, request: web.Request) -> web.Response:
        """Name, role, numbers."""
        form, manager_id, by = await read_form(request), path_id(request), self._frame.by(request)
        new = _changes(form, "")
        return await self._do(request, lambda c: people.change(c, manager_id, new, by), "changed")

    @needs(Right.ADMINISTER)
    async def lock(self, request: web.Request) -> web.Response:
        """Locked out at once."""
        manager_id, by = path_id(request), self._frame.by(request)
        return await self._do(request, lambda c: people.lock_out(c, manager_id, by), "locked")

    @needs(Right.ADMINISTER)
    async def unlock(self, request: web.Request) -> web.Response:
        """And in again."""
        manager_id, by = path_id(request), self._frame.by(request)
        return await self._do(request, lambda c: people.let_in(c, manager_id, by), "unlocked")

    @needs(Right.ADMINISTER)
    async def factor(self, request: web.Request) -> web.Response:
        """The second factor off, for who lost it."""
        manager_id, by = path_id(request), self._frame.by(request)
        return await self._do(request, lambda c: people.drop_factor(c, manager_id, by), "factor_off")

    @needs(Right.ADMINISTER)
    async def link(self, request: web.Request) -> web.Response:
        """A new one-time link, shown this once."""
        manager_id, by, secret = path_id(request), self._frame.by(request), new_secret()
        try:
            found = await self._frame.write(
                lambda c: people.renew_link(c, manager_id, by, secret=secret, lifetime=self._lifetime)
            )
        except people.PeopleError as error:
            return await self._person(request, fault=error.sentence, status=422)
        return self._link_page(request, found, secret)

    @needs(Right.LEAD)
    async def add_absence(self, request: web.Request) -> web.Response:
        """Whole days: the last is one of them."""
        form, by, zone = await read_form(request), self._frame.by(request), self._means.zone
        try:
            first, last = date.fromisoformat(form.get("first", "")), date.fromisoformat(form.get("last", ""))
            after = last + timedelta(days=1)
        except (ValueError, OverflowError):
            return await self._list(request, fault=_("Choose the first and the last day."), status=422)
        new = absences.NewAbsence(
            manager=form.get("manager", ""),
            starts_at=datetime.combine(first, time(), zone),
            ends_at=datetime.combine(after, time(), zone),
            substitute=text_of(form, "substitute"),
            reason=text_of(form, "reason") or "",
        )
        try:
            await self._frame.write(lambda c: absences.add(c, new, by, keep=self._keep))
        except absences.AbsenceError as error:
            return await self._list(request, fault=error.sentence, status=422)
        raise done(HOME, "added")

    @needs(Right.LEAD)
    async def remove_absence(self, request: web.Request) -> web.Response:
        """Taken back."""
        absence_id, by = path_id(request), self._frame.by(request)
        await self._frame.write(lambda c: absences.remove(c, absence_id, by))
        raise done(HOME, "removed")

    async def _do(self, request: web.Request, unit: Any, word: str) -> web.Response:
        try:
            await self._frame.write(unit)
        except people.PeopleError as error:
            return await self._person(request, fault=error.sentence, status=422)
        raise done(f"{HOME}/{path_id(request)}", word)

    async def _list(
        self,
        request: web.Request,
        *,
        fault: Sentence | str | None = None,
        typed: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        now = self._means.clock.now()

        def read(connection: Connection) -> tuple[list[people.PersonRow], Any]:
            return people.people(connection, now), absences.listed(connection, since=now - KEPT_ABSENCES)

        rows, away = await self._means.store.read(read)
        return self._frame.page(
            request,
            "settings_people.html",
            status=status,
            fault=fault,
            people=rows,
            absences=away,
            typed=typed or {},
            roles=ROLES,
        )

    async def _person(
        self, request: web.Request, *, fault: Sentence | str | None = None, status: int = 200
    ) -> web.Response:
        manager_id, now = path_id(request), self._means.clock.now()
        row = next((one for one in await self._people(now) if one.id == manager_id), None)
        if row is None:
            raise Refused(404, "not_found", "There is nobody with this id.")
        return self._frame.page(request, "settings_person.html", status=status, fault=fault, person=row, roles=ROLES)

    async def _people(self, now: datetime) -> list[people.PersonRow]:
        return await self._means.store.read(lambda c: people.people(c, now))

    def _link_page(self, request: web.Request, person: people.PersonRow, secret: str) -> web.Response:
        address = f"{request.scheme}://{request.host}/setup/{secret}"
        hours = round(self._lifetime.total_seconds() / 3600)
        return self._frame.page(request, "settings_link.html", person=person, address=address, hours=hours)


def _changes(form: Mapping[str, str], login: str) -> people.Changes:
    extensions = form.get("extensions", "").replace(";", ",").split(",")
    return people.Changes(
        name=(text_of(form, "name", 500) or login),
        role=form.get("role", ""),
        email=text_of(form, "email", 500),
        mobile=text_of(form, "mobile", 500),
        extensions=tuple(one.strip() for one in extensions if one.strip()),
    )
