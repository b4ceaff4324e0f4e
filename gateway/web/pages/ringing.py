"""The pop-up of incoming calls: only for those whom a call concerns."""

from __future__ import annotations

from aiohttp import web

from gateway.web.access import viewer_of
from gateway.web.pages.means import PageMeans
from gateway.web.queries.ringing import RingingCall, ringing


class RingingPages:
    """``/ringing``: a piece of a page that every page shows."""

    def __init__(self, means: PageMeans) -> None:
        self._means = means

    def routes(self) -> list[web.RouteDef]:
        """Needs a session."""
        return [web.get("/ringing", self.calls)]

    async def calls(self, request: web.Request) -> web.Response:
        """The calls of whoever asks, now."""
        manager_id, now = viewer_of(request).manager_id, self._means.clock.now()
        found: list[RingingCall] = []
        if manager_id is not None:
            found = await self._means.store.read(lambda c: ringing(c, manager_id, now))
        return self._means.renderer.page(request, "ringing.html", calls=found)
