"""What every page works with; the rooms that a page shows are given to it besides, by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.core.clock import Clock, NewId
from gateway.storage.store import Store
from gateway.web.api.parameters import FilterReader
from gateway.web.api.reads import ReadOperation
from gateway.web.api.writes import WriteOperation
from gateway.web.pages.render import Renderer
from gateway.web.settings import LocaleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMeans:
    """Shared by all pages."""

    store: Store
    renderer: Renderer
    reader: FilterReader
    clock: Clock
    new_id: NewId
    locale: LocaleSettings
    writes: Sequence[WriteOperation]
    """What forms can do, as programs do it."""
    reads: Sequence[ReadOperation] = ()
    """What the API tells of rooms: templates, letters."""
    after_write: Callable[[], None]
    """To be called after each committed change: wakes the live pages and the delivery."""

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.locale.timezone)


Pages = Callable[[PageMeans], Sequence[web.RouteDef]]
"""Makes the routes of pages; all of them need a session."""


def no_pages(_means: PageMeans) -> Sequence[web.RouteDef]:
    """Where only the pages that this room has by itself are wanted: they begin with the leads."""

    async def to_the_leads(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther("/leads")

    return [web.get("/", to_the_leads)]
