"""The inbox of leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict
from sqlalchemy import Connection

from gateway.views.shapes import LeadView, ManagerView
from gateway.web.access import Viewer, viewer_of
from gateway.web.api.parameters import FILTERS
from gateway.web.pages import period
from gateway.web.pages.leadcard import LeadCardPages
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.filters import NOBODY, Filters, Page
from gateway.web.queries.interactions import LastCall, last_calls
from gateway.web.queries.leads import leads_page
from gateway.web.queries.people import managers

CHANNELS = ("call", "mail", "form")
STATUSES = ("open", "won", "lost", "spam")
PERIODS = ("today", "yesterday", "7d", "30d", "month", "last_month")
MINE = "mine"
ROWS = 30
"""Of one page: it stays below 60 kB."""
KNOWN = frozenset(parameter.name for parameter in FILTERS)


class LeadPages:
    """``/leads``, and the card of each lead."""

    def __init__(self, means: PageMeans, parts: LeadParts, recordings: Mapping[str, str]) -> None:
        self._means = means
        self._parts = parts
        self._card = LeadCardPages(means, parts, recordings)

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [web.get("/leads", self.inbox), *self._card.routes()]

    async def inbox(self, request: web.Request) -> web.Response:
        """The leads, the newest first. Filters are links, so each view can be kept and sent."""
        viewer = viewer_of(request)
        filters = self._filters(request, viewer)
        # the feed's end is read first: what changes in between is then shown twice rather than never
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        page, calls, people = await self._means.store.read(lambda c: _read(c, filters))
        asked = {name: value for name in ("manager", "stage", "period") if (value := request.query.get(name))}
        return self._means.renderer.page(
            request,
            "leads.html",
            leads=page.items,
            calls=calls,
            older=link(request, cursor=page.next) if page.next else None,
            filters=filters,
            asked=asked,
            narrowed=any((filters.channel, filters.status, filters.q, filters.since, filters.until, *asked.values())),
            channels=[(name, link(request, channel=name)) for name in (None, *CHANNELS)],
            statuses=[(name, link(request, status=name)) for name in (None, *STATUSES)],
            whose=[(name, link(request, manager=name)) for name in (None, MINE, NOBODY)],
            stages=self._parts.stages(self._means.renderer.words(request).texts.gettext),
            managers=people,
            periods=PERIODS,
            position=position,
            live=filters.after is None,
        )

    def _filters(self, request: web.Request, viewer: Viewer) -> Filters:
        known = MultiDict((name, value) for name, value in request.query.items() if name in KNOWN)
        mine = known.get("manager") == MINE
        if mine:
            known["manager"] = viewer.manager_id or NOBODY
        known.setdefault("limit", str(ROWS))
        filters = self._means.reader.read(known)
        stage = (request.query.get("stage") or "")[:40].replace("\x00", "") or None
        since, until = self._span(request.query.get("period") or None)
        return replace(
            filters,
            stage=stage,
            since=since or filters.since,
            until=until or filters.until,
            seen_by=viewer.seen_by,
            now=self._means.clock.now(),
        )

    def _span(self, name: str | None) -> tuple[datetime | None, datetime | None]:
        """The first moment of a named period and the one after its last. Raises Refused."""
        if name is None:
            return None, None
        if name not in PERIODS:
            raise Refused(
                400,
                "bad_parameter",
                "There is no period %(name)r; there are %(known)s.",
                name=name[:40],
                known=", ".join(PERIODS),
            )
        zone = self._means.zone
        first, last = period.days(name, self._means.clock.now().astimezone(zone).date())
        return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def link(request: web.Request, **changes: str | None) -> str:
    """The address of this view with some filters changed (None: left out); from the first page on."""
    query = {name: value for name, value in request.query.items() if name != "cursor" and value}
    query.update({name: value for name, value in changes.items() if value is not None})
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
    return f"{request.path}?{urlencode(query)}" if query else request.path


def _read(
    connection: Connection, filters: Filters
) -> tuple[Page[LeadView], Mapping[str, LastCall | None], list[ManagerView]]:
    page = leads_page(connection, filters)
    lead_ids = [lead.id for lead in page.items]
    calls = {**dict.fromkeys(lead_ids), **last_calls(connection, lead_ids)}
    return page, calls, managers(connection, Filters(status="active"))
