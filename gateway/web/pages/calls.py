"""The log of calls: who, what became of it, how long, the recording; from a missed one a lead in one click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from gateway.leads.create import NewLead
from gateway.views.shapes import CallView
from gateway.web.access import viewer_of
from gateway.web.api.calls import NewCall
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.filters import NOBODY, Filters
from gateway.web.queries.interactions import calls_page
from gateway.web.queries.people import managers

ROWS = 26
DIRECTIONS = ("inbound", "outbound", "internal")
OUTCOMES = ("answered", "missed", "no_answer", "busy", "failed", "open")


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {
    "lead": _("A lead was opened."),
    "call": _("Your phone rings. Pick up, and the client will be called."),
}


class CallPages:
    """``/calls``."""

    def __init__(self, means: PageMeans, recordings: Mapping[str, str]) -> None:
        """``recordings``: name of each PBX -> ``here`` (a folder) or ``elsewhere`` (another server has them)."""
        self._means = means
        self._deeds = Deeds(means)
        self._recordings = recordings

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/calls", self.log),
            web.post("/calls", self.call),
            web.post("/calls/{id}/lead", self.open_lead),
        ]

    async def log(self, request: web.Request) -> web.Response:
        """The calls, the newest first. Filters are in the address, so each view can be kept."""
        viewer = viewer_of(request)
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        manager = request.query.get("manager") or None
        chosen = lists.one_of(request, "period", lists.PERIODS)
        since, until = lists.span(self._means, chosen)
        filters = Filters(
            since=since,
            until=until,
            status=lists.one_of(request, "outcome", OUTCOMES),
            direction=lists.one_of(request, "direction", DIRECTIONS),
            line=lists.words(request, "line"),
            manager=lists.manager_of(manager, viewer),
            q=lists.words(request),
            seen_by=viewer.seen_by,
            limit=ROWS,
            after=lists.position(request),
        )
        page = await self._means.store.read(lambda c: calls_page(c, filters))
        people = await self._means.store.read(lambda c: managers(c, Filters(status="active")))
        return self._means.renderer.page(
            request,
            "calls.html",
            told=lists.told(self._means, request, TOLD),
            calls=[(one, number_of(one)) for one in page.items],
            older=link(request, cursor=page.next, done=None) if page.next else None,
            filters=filters,
            period=chosen,
            manager=manager,
            outcomes=[(name, link(request, outcome=name, done=None)) for name in (None, "missed", "answered")],
            directions=DIRECTIONS,
            all_outcomes=OUTCOMES,
            periods=lists.PERIODS,
            managers=people,
            nobody=NOBODY,
            recordings=self._recordings,
            offers=self._deeds.offers(request),
            position=position,
            live=filters.after is None,
            narrowed=replace(filters, seen_by=None) != Filters(limit=ROWS),
        )

    async def call(self, request: web.Request) -> web.Response:
        """Call somebody back: one's own phone rings first."""
        fields = await read_form(request)
        number, contact = fields.get("number", ""), fields.get("contact") or None
        await self._deeds.do(request, "makeCall", body=NewCall(number=number, contact=contact))
        raise back(fields, done="call")

    async def open_lead(self, request: web.Request) -> web.Response:
        """A lead out of a call that has none; then its card."""
        await read_form(request)
        lead = await self._deeds.do(request, "openLead", body=NewLead(interaction=request.match_info["id"]))
        raise web.HTTPSeeOther(f"/leads/{lead.id}?done=open")


def number_of(call: CallView) -> str | None:
    """The number of the other side: the caller's, or whom we called."""
    number = call.dialled if call.direction == "outbound" else call.caller
    if number is None and call.contact is not None and call.contact.phones:
        number = call.contact.phones[0]
    return number
