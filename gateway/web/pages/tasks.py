"""What a person has to do: overdue, today, later, done. A chief sees everybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.leads.tasks import NewTask, TaskChange
from gateway.views.shapes import ContactView, ManagerView
from gateway.views.work import TaskView
from gateway.web.access import Right, viewer_of
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leadforms import Fields, moment_of, text_of
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.contacts import contact_list
from gateway.web.queries.filters import NOBODY, Filters, Page
from gateway.web.queries.people import managers
from gateway.web.queries.tasks import DONE, LATER, OVERDUE, TODAY, Times, count_done, count_open, tasks_of

GROUPS = (OVERDUE, TODAY, LATER, DONE)
ROWS, SOME_ROWS = 22, 7
"""Of a group shown alone, and of each where all are shown: the page stays below 60 kB."""
POSTPONED = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "1w": timedelta(weeks=1)}
KINDS = ("call", "write", "meet", "other")
CANDIDATES = 12
EVERYBODY = "all"


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {
    "add": _("The task was added."),
    "done": _("Done."),
    "void": _("It need not be done any more."),
    "reopen": _("It is to be done after all."),
    "postpone": _("It was put off."),
    "give": _("It was given on."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some of the tasks."""

    key: str
    tasks: Sequence[TaskView]
    next: str | None
    """Where the next page of them begins."""
    count: int | None
    """How many there are in all; None where nobody sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """A task was typed, but it is not clear for whom."""

    fields: Fields
    candidates: Sequence[ContactView]
    problem: Refused | None = None


class TaskPages:
    """``/tasks``."""

    def __init__(self, means: PageMeans) -> None:
        self._means = means
        self._deeds = Deeds(means)

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/tasks", self.tasks),
            web.post("/tasks", self.add),
            web.post("/tasks/{id}/{deed}", self.do),
        ]

    async def tasks(self, request: web.Request) -> web.Response:
        """The tasks of whoever looks, or of somebody else."""
        return await self._page(request)

    async def add(self, request: web.Request) -> web.Response:
        """Make a task. Where it is not clear for whom, the page asks."""
        fields = await read_form(request)
        about, candidates = await self._about(request, fields)
        if not about:
            return await self._page(request, Unclear(fields=fields, candidates=candidates))
        try:
            body = _new(fields, about, self._means)
            await self._deeds.do(request, "addTask", body=body)
        except Refused as refused:
            if refused.status in {403, 404}:
                raise
            return await self._page(request, Unclear(fields=fields, candidates=candidates, problem=refused))
        raise back(fields, done="add")

    async def do(self, request: web.Request) -> web.Response:
        """One deed; then back to where the form was."""
        fields, deed = await read_form(request), request.match_info["deed"]
        try:
            body = self._change(deed, fields)
        except ValueError:
            raise Refused(400, "bad_form", "The form can't be read: a day and time is missing.") from None
        version = fields.get("version", "")
        known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
        await self._deeds.do(request, "changeTask", ids={"id": request.match_info["id"]}, body=body, version=known)
        raise back(fields, done=deed)

    def _change(self, deed: str, fields: Fields) -> TaskChange:
        match deed:
            case "done" | "void":
                outcome = text_of(fields, "outcome")
                return TaskChange(status=deed, outcome=outcome if outcome else msgspec.UNSET)
            case "reopen":
                return TaskChange(status="open")
            case "postpone":
                return TaskChange(due_at=self._postponed(fields))
            case "give":
                return TaskChange(owner=text_of(fields, "owner"))
        raise Refused(404, "not_found", "There is nothing that can be done under this address.")

    def _postponed(self, fields: Fields) -> datetime:
        """An hour is meant from now; days keep the clock's hand: tomorrow at the same time."""
        length = POSTPONED.get(fields.get("preset", ""))
        if length is None:
            return moment_of(fields, "due_at", self._means.zone)
        now = self._means.clock.now().astimezone(self._means.zone)
        if length < timedelta(days=1):
            return now + length
        due = datetime.fromisoformat(fields.get("due", "")).astimezone(self._means.zone)
        return datetime.combine((max(now, due) + length).date(), due.time(), self._means.zone)

    async def _about(self, request: web.Request, fields: Fields) -> tuple[dict[str, str], Sequence[ContactView]]:
        """``lead`` or ``contact`` with its id; else whom the words may mean."""
        for name in ("lead", "contact"):
            if chosen := text_of(fields, name):
                return {name: chosen}, ()
        wanted = text_of(fields, "about")
        if wanted is None:
            return {}, ()
        q = wanted[: lists.MAX_WORDS].replace("\x00", "")
        filters = Filters(q=q, seen_by=viewer_of(request).seen_by, limit=CANDIDATES)
        found = (await self._means.store.read(lambda c: contact_list(c, filters))).items
        return ({"contact": found[0].id}, ()) if len(found) == 1 else ({}, found)

    async def _page(self, request: web.Request, unclear: Unclear | None = None) -> web.Response:
        viewer = viewer_of(request)
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        group = lists.one_of(request, "view", GROUPS)
        whose = request.query.get("manager") or lists.MINE
        if viewer.manager_id is None and whose == lists.MINE:
            whose = EVERYBODY
        filters = Filters(
            manager=None if whose == EVERYBODY else lists.manager_of(whose, viewer),
            q=lists.words(request),
            seen_by=viewer.seen_by,
            limit=ROWS if group else SOME_ROWS,
            after=lists.position(request) if group else None,
        )
        groups, people = await self._means.store.read(lambda c: self._read(c, group, filters))
        following = groups[0].next if group else None
        problem = unclear.problem if unclear else None
        return self._means.renderer.page(
            request,
            "tasks.html",
            status=problem.status if problem else 200,
            told=lists.told(self._means, request, TOLD),
            groups=[shown for shown in groups if shown.key in {group, *([] if group else GROUPS[:3])}],
            counts={shown.key: shown.count for shown in groups},
            views=[(name, link(request, view=name, done=None)) for name in (None, *GROUPS)],
            one={name: link(request, view=name, done=None) for name in GROUPS},
            group=group,
            whose=whose,
            owners=[(name, link(request, manager=name, done=None)) for name in _owners(viewer.may(Right.LEAD))],
            following=link(request, cursor=following, done=None) if following else None,
            q=filters.q,
            managers=people,
            kinds=KINDS,
            presets=tuple(POSTPONED),
            may_lead=viewer.may(Right.LEAD),
            offers=self._deeds.offers(request),
            unclear=unclear,
            soon=self._soon(),
            position=position,
        )

    def _read(
        self, connection: Connection, group: str | None, filters: Filters
    ) -> tuple[list[Group], Sequence[ManagerView]]:
        """All groups, the one that is shown first; the tasks of those that are shown."""
        now = self._means.clock.now()
        tomorrow = now.astimezone(self._means.zone).date() + timedelta(days=1)
        times = Times(now=now, tomorrow=datetime.combine(tomorrow, time(), self._means.zone))
        counts = msgspec.structs.asdict(count_open(connection, filters, times))
        if group == DONE:
            counts[DONE] = count_done(connection, filters)
        found = []
        for key in GROUPS:
            is_shown = key == group or (group is None and key != DONE)
            page: Page[TaskView] = tasks_of(connection, key, filters, times) if is_shown else Page([], None)
            found.append(Group(key=key, tasks=page.items, next=page.next, count=counts.get(key)))
        found.sort(key=lambda one: one.key != group)
        return found, managers(connection, Filters(status="active"))

    def _soon(self) -> str:
        """What the field for the due time holds at first: the next full hour."""
        local = self._means.clock.now().astimezone(self._means.zone) + timedelta(hours=1)
        return local.replace(minute=0, second=0, microsecond=0, tzinfo=None).isoformat(timespec="minutes")


def _owners(may_lead: bool) -> tuple[str, ...]:
    return (lists.MINE, NOBODY, EVERYBODY) if may_lead else (lists.MINE, NOBODY)


def _new(fields: Fields, about: Mapping[str, str], means: PageMeans) -> NewTask:
    """Raises Refused."""
    try:
        due_at = moment_of(fields, "due_at", means.zone)
    except ValueError:
        raise Refused(400, "bad_form", "Say when it is due.") from None
    body: dict[str, Any] = {
        "kind": fields.get("kind") or "call",
        "text": fields.get("text", ""),
        "due_at": due_at,
        "owner": text_of(fields, "owner"),
        **about,
    }
    try:
        return msgspec.convert(body, NewTask)
    except msgspec.ValidationError:
        raise Refused(
            400, "bad_form", "There is no such kind of task; there are %(known)s.", known=", ".join(KINDS)
        ) from None
