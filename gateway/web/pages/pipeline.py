"""The board of stages: open leads on their way, moved by a form, by dragging or by keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from sqlalchemy import Connection

from gateway.leads.change import LeadChange
from gateway.leads.pipeline import Pipeline
from gateway.leads.settings import LeadsSettings
from gateway.views.shapes import LeadView, ManagerView
from gateway.web.access import viewer_of
from gateway.web.pages import lists
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.filters import NOBODY, Filters
from gateway.web.queries.people import managers
from gateway.web.queries.pipeline import StageColumn, next_due, stage_board

CARDS, ALL_CARDS = 8, 60
"""In each column of the board, and where one column is shown alone: the page stays below 60 kB."""
MOST_AT_ONCE = 200
DEEDS = ("move", "won", "lost")


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {"move": _("It was moved."), "won": _("Won!"), "lost": _("It was closed as lost.")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A lead on the board."""

    lead: LeadView
    seconds: float
    """In its stage."""
    stuck: bool
    """Longer than its stage allows."""
    due: datetime | None
    """When its most urgent task is due."""
    following: str | None
    """The stage after its own."""


class PipelinePages:
    """``/pipeline``."""

    def __init__(self, means: PageMeans, leads: LeadsSettings) -> None:
        self._means = means
        self._deeds = Deeds(means)
        self._pipeline = Pipeline(leads)

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the form needs the right to work."""
        return [web.get("/pipeline", self.board), web.post("/pipeline", self.move)]

    async def board(self, request: web.Request) -> web.Response:
        """The columns. Filters are links, so each view can be kept."""
        viewer, now = viewer_of(request), self._means.clock.now()
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        stage = (request.query.get("stage") or "")[:40].replace("\x00", "") or None
        manager = request.query.get("manager") or None
        filters = Filters(
            manager=lists.manager_of(manager, viewer),
            stage=stage,
            q=lists.words(request),
            seen_by=viewer.seen_by,
            limit=ALL_CARDS if stage else CARDS,
        )
        columns, due, people = await self._means.store.read(lambda c: self._read(c, filters))
        names = self._pipeline.names(self._means.renderer.words(request).texts.gettext)
        return self._means.renderer.page(
            request,
            "pipeline.html",
            told=lists.told(self._means, request, TOLD),
            columns=[column for column in columns if stage in {None, column.stage}],
            cards={column.stage: self._cards(column, due, now) for column in columns},
            chooser=[(column.stage, column.count) for column in columns],
            names={**{column.stage: column.stage for column in columns}, **names},
            won=frozenset(stage.key for stage in self._pipeline.stages if stage.won),
            reasons=self._pipeline.settings.lost_reasons,
            stage=stage,
            manager=manager,
            q=filters.q,
            whose=[(name, link(request, manager=name, done=None)) for name in (None, lists.MINE, NOBODY)],
            one=lambda key: link(request, stage=key, done=None),
            managers=people,
            offers=self._deeds.offers(request),
            position=position,
        )

    async def move(self, request: web.Request) -> web.Response:
        """Move leads, win them or lose them. Of many, those that somebody else changed meanwhile stay as they are."""
        fields = await request.post()
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        if forward := form.get("forward"):
            lead, _dot, form["stage"] = forward.rpartition(".")
            chosen, form["deed"] = [lead], "move"
        else:
            chosen = [value for value in fields.getall("lead", []) if isinstance(value, str)][:MOST_AT_ONCE]
        change = _change(form)
        if not chosen:
            raise Refused(400, "bad_form", "Tick the leads first.")
        done = 0
        for lead in chosen:
            lead_id, version = _lead_of(lead)
            try:
                await self._deeds.do(request, "changeLead", ids={"id": lead_id}, body=change, version=version)
                done += 1
            except Refused as refused:
                if len(chosen) == 1 or refused.status not in {404, 409}:
                    raise
        raise back(form, done=form["deed"], count=str(done), of=str(len(chosen)))

    def _read(
        self, connection: Connection, filters: Filters
    ) -> tuple[Sequence[StageColumn], Mapping[str, datetime], Sequence[ManagerView]]:
        columns = stage_board(connection, [stage.key for stage in self._pipeline.stages], filters)
        due = next_due(connection, [lead.id for column in columns for lead in column.leads])
        return columns, due, managers(connection, Filters(status="active"))

    def _cards(self, column: StageColumn, due: Mapping[str, datetime], now: datetime) -> list[Card]:
        keys = [stage.key for stage in self._pipeline.stages]
        stage = self._pipeline.stage(column.stage)
        stuck = stage.stuck if stage is not None else None
        after = keys[keys.index(column.stage) + 1 :] if column.stage in keys else []
        return [
            Card(
                lead=lead,
                seconds=(now - lead.stage_since).total_seconds(),
                stuck=stuck is not None and stuck.after(lead.stage_since, None) <= now,
                due=due.get(lead.id),
                following=after[0] if after else None,
            )
            for lead in column.leads
        ]


def _change(form: Mapping[str, str]) -> LeadChange:
    """Raises Refused."""
    match form.get("deed"):
        case "move":
            return LeadChange(stage=form.get("stage", ""))
        case "won":
            return LeadChange(status="won")
        case "lost":
            return LeadChange(status="lost", reason=form.get("reason", ""))
    raise Refused(400, "bad_form", "With leads there is %(known)s.", known=", ".join(DEEDS))


def _lead_of(value: str) -> tuple[str, int | None]:
    """``ID.VERSION``, or the id alone."""
    lead_id, dot, version = value.partition(".")
    known = bool(dot) and version.isascii() and version.isdigit() and len(version) < 10
    return lead_id, int(version) if known else None
