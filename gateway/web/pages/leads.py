"""The list of leads and the card of one lead."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy import Connection

from gateway.storage.store import Store
from gateway.views.leads import leads_by_id
from gateway.views.shapes import InteractionView, LeadView
from gateway.web.api.parameters import FilterReader
from gateway.web.pages.render import Renderer
from gateway.web.problems import Refused
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.filters import Filters, Page
from gateway.web.queries.interactions import LastCall, history, last_calls
from gateway.web.queries.leads import leads_page

CHANNELS = ("call", "mail", "form")
STATUSES = ("open", "won", "lost", "spam")


class LeadPages:
    """``/`` and ``/leads/{id}``."""

    def __init__(self, store: Store, reader: FilterReader, renderer: Renderer) -> None:
        self._store = store
        self._reader = reader
        self._renderer = renderer

    def routes(self) -> list[web.RouteDef]:
        """Both need a session."""
        return [web.get("/", self.inbox), web.get("/leads/{id}", self.card)]

    async def inbox(self, request: web.Request) -> web.Response:
        """The leads, the newest first. Filters are links, so each view can be kept and sent."""
        filters = self._reader.read(request.query)
        # the feed's end is read first: what changes in between is then shown twice rather than never
        position = self._store.peek(lambda c: feed_ends(c).newest)
        page, calls = await self._store.read(lambda c: _leads_and_calls(c, filters))
        return self._renderer.page(
            request,
            "leads.html",
            leads=page.items,
            calls=calls,
            older=link(request, cursor=page.next) if page.next else None,
            filters=filters,
            channels=[(name, link(request, channel=name)) for name in (None, *CHANNELS)],
            statuses=[(name, link(request, status=name)) for name in (None, *STATUSES)],
            position=position,
            live=filters.after is None,
        )

    async def card(self, request: web.Request) -> web.Response:
        """One lead with everything that belongs to it."""
        lead_id = request.match_info["id"]
        position = self._store.peek(lambda c: feed_ends(c).newest)
        lead, interactions = await self._store.read(lambda c: _lead_and_history(c, lead_id))
        if lead is None:
            raise Refused(404, "not_found", "There is no lead with this id.")
        return self._renderer.page(request, "lead.html", lead=lead, history=interactions, position=position)


def link(request: web.Request, **changes: str | None) -> str:
    """The address of this view with some filters changed (None: left out); from the first page on."""
    query = {name: value for name, value in request.query.items() if name != "cursor" and value}
    query.update({name: value for name, value in changes.items() if value is not None})
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
    return f"{request.path}?{urlencode(query)}" if query else request.path


def _leads_and_calls(connection: Connection, filters: Filters) -> tuple[Page[LeadView], Mapping[str, LastCall | None]]:
    page = leads_page(connection, filters)
    lead_ids = [lead.id for lead in page.items]
    return page, {**dict.fromkeys(lead_ids), **last_calls(connection, lead_ids)}


def _lead_and_history(connection: Connection, lead_id: str) -> tuple[LeadView | None, list[InteractionView]]:
    lead = leads_by_id(connection, [lead_id]).get(lead_id) if "\x00" not in lead_id else None
    return lead, history(connection, lead_id) if lead is not None else []
