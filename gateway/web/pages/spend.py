"""What the sources of leads cost, entered by hand: the figures behind "Cost and revenue"."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
from aiohttp import web

from gateway.leads.spend import NewSpend
from gateway.web.access import Right, needs, viewer_of
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leadforms import Fields
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters
from gateway.web.queries.work import spend as one_spend
from gateway.web.queries.work import spend_page

ROWS = 50
CHANNELS = ("call", "mail", "form")
TEXTS = ("source", "medium", "campaign", "channel", "amount", "currency", "comment")


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {
    "add": _("The amount was entered."),
    "change": _("The amount was changed."),
    "remove": _("The amount was removed."),
}


class SpendPages:
    """``/spend``: for those who lead."""

    def __init__(self, means: PageMeans, currency: str) -> None:
        self._means = means
        self._deeds = Deeds(means)
        self._currency = currency

    def routes(self) -> list[web.RouteDef]:
        """All need a session and the right to lead."""
        return [
            web.get("/spend", self.table),
            web.post("/spend", self.add),
            web.post("/spend/{id}", self.change),
            web.post("/spend/{id}/remove", self.remove),
        ]

    @needs(Right.LEAD)
    async def table(self, request: web.Request) -> web.Response:
        """The amounts, the newest entered first; one of them, or a new one, in the form."""
        return await self._page(request)

    @needs(Right.LEAD)
    async def add(self, request: web.Request) -> web.Response:
        """Enter one."""
        fields = await read_form(request)
        return await self._keep(request, fields, "addSpend", "add", None)

    @needs(Right.LEAD)
    async def change(self, request: web.Request) -> web.Response:
        """Set one anew."""
        fields = await read_form(request)
        return await self._keep(request, fields, "setSpend", "change", request.match_info["id"])

    @needs(Right.LEAD)
    async def remove(self, request: web.Request) -> web.Response:
        """Take one away."""
        fields = await read_form(request)
        await self._deeds.do(request, "removeSpend", ids={"id": request.match_info["id"]})
        raise back(fields, done="remove")

    async def _keep(
        self, request: web.Request, fields: Fields, operation: str, done: str, spend_id: str | None
    ) -> web.Response:
        """What was typed is shown again where it can't be kept."""
        ids = {"id": spend_id} if spend_id is not None else {}
        version = fields.get("version", "")
        known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
        try:
            await self._deeds.do(request, operation, ids=ids, body=_body(fields), version=known)
        except Refused as refused:
            if refused.status in {403, 404}:
                raise
            return await self._page(request, fields, refused)
        raise back({"next": "/spend"}, done=done)

    async def _page(
        self, request: web.Request, fields: Fields | None = None, refused: Refused | None = None
    ) -> web.Response:
        viewer, today = viewer_of(request), self._means.clock.now().astimezone(self._means.zone).date()
        filters = Filters(
            q=lists.words(request),
            channel=lists.one_of(request, "channel", CHANNELS),
            seen_by=viewer.seen_by,
            limit=ROWS,
            after=lists.position(request),
        )
        edited = request.match_info.get("id") or request.query.get("edit") or ""
        scope = Filters(seen_by=viewer.seen_by)
        page = await self._means.store.read(lambda c: spend_page(c, filters))
        chosen = (
            await self._means.store.read(lambda c: one_spend(c, edited, scope))
            if edited and "\x00" not in edited
            else None
        )
        first_of_last = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
        fresh = {
            "currency": self._currency,
            "first_day": first_of_last.isoformat(),
            "last_day": (today.replace(day=1) - timedelta(days=1)).isoformat(),
        }
        return self._means.renderer.page(
            request,
            "spend.html",
            status=refused.status if refused else 200,
            told=lists.told(self._means, request, TOLD),
            rows=page.items,
            older=link(request, cursor=page.next, done=None) if page.next else None,
            held=fields or (_held(chosen) if chosen else fresh),
            edited=chosen,
            problem=refused,
            channels=CHANNELS,
            filters=filters,
            offers=self._deeds.offers(request),
        )


def _body(fields: Fields) -> NewSpend:
    """Raises Refused."""
    values: dict[str, Any] = {name: fields.get(name, "").strip() for name in TEXTS}
    try:
        days = {name: date.fromisoformat(fields.get(name, "")) for name in ("first_day", "last_day")}
        return msgspec.convert({**values, **days}, NewSpend)
    except (ValueError, msgspec.ValidationError):
        raise Refused(400, "bad_form", "Say for which days, and for which channel if for one.") from None


def _held(one: Any) -> dict[str, str]:
    """An amount as the form holds it."""
    return {
        **{name: getattr(one, name) for name in ("source", "medium", "campaign", "channel", "comment")},
        "first_day": one.first_day.isoformat(),
        "last_day": one.last_day.isoformat(),
        "amount": one.cost.amount,
        "currency": one.cost.currency,
        "version": str(one.version),
    }
