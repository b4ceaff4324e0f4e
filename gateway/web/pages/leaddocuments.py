"""A document for a lead: choose a template, fill it in, make it. Sending it is a form of the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.documents.office import NewDocument
from gateway.web.access import viewer_of
from gateway.web.api.documents import TemplateView
from gateway.web.guard import read_form
from gateway.web.pages.asks import Asks
from gateway.web.pages.deeds import Deeds
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters
from gateway.web.queries.leads import lead as one_lead

ITEM_ROWS = 6
"""Lines of goods in the form; a document with more is made by the API."""
ITEM_PARTS = ("name", "quantity", "unit", "price")


class LeadDocumentPages:
    """``/leads/{id}/document``."""

    def __init__(self, means: PageMeans, deeds: Deeds, asks: Asks) -> None:
        self._means = means
        self._deeds = deeds
        self._asks = asks

    def routes(self) -> list[web.RouteDef]:
        """Need a session; making one needs the right to work."""
        return [web.get("/leads/{id}/document", self.form), web.post("/leads/{id}/document", self.make)]

    async def form(self, request: web.Request) -> web.Response:
        """The templates, or the fields of one."""
        return await self._page(request, {})

    async def make(self, request: web.Request) -> web.Response:
        """Make it; the card has it then. What was typed is shown again where it can't be made."""
        fields = await read_form(request)
        chosen = await self._chosen(request, fields)
        if chosen is None:
            raise Refused(404, "not_found", "There is no such template.")
        body = NewDocument(
            template=chosen.template,
            language=chosen.language,
            lead=request.match_info["id"],
            fields=filled(chosen, fields),
        )
        try:
            made = await self._deeds.do(request, "makeDocument", body=body)
        except Refused as refused:
            if refused.status in {403, 404}:
                raise
            return await self._page(request, fields, refused)
        raise web.HTTPSeeOther(f"/leads/{request.match_info['id']}?done=document#document-{made.id}")

    async def _page(
        self, request: web.Request, fields: Mapping[str, str], refused: Refused | None = None
    ) -> web.Response:
        lead_id, viewer = request.match_info["id"], viewer_of(request)
        scope = Filters(seen_by=viewer.seen_by)
        lead = await self._means.store.read(lambda c: one_lead(c, lead_id, scope)) if "\x00" not in lead_id else None
        if lead is None:
            raise Refused(404, "not_found", "There is no lead with this id.")
        templates = await self._templates(request)
        chosen = await self._chosen(request, fields or request.query, templates)
        return self._means.renderer.page(
            request,
            "lead_document.html",
            status=refused.status if refused else 200,
            lead=lead,
            templates=templates,
            chosen=chosen,
            fields=fields,
            problem=refused,
            rows=range(ITEM_ROWS),
            parts=ITEM_PARTS,
        )

    async def _templates(self, request: web.Request) -> Sequence[TemplateView]:
        if not self._asks.can("listTemplates"):
            return ()
        found = await self._asks.ask(request, "listTemplates", query={"lead": request.match_info["id"]})
        items: Sequence[TemplateView] = found.items
        return items

    async def _chosen(
        self, request: web.Request, fields: Mapping[str, str], templates: Sequence[TemplateView] | None = None
    ) -> TemplateView | None:
        wanted = (fields.get("template"), fields.get("language"))
        found = await self._templates(request) if templates is None else templates
        return next((one for one in found if (one.template, one.language) == wanted), None)


def filled(template: TemplateView, fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form as the API takes them: empty ones are left out, lines without a name too."""
    found: dict[str, Any] = {}
    for one in template.fields:
        if one.type == "items":
            lines = [_line(fields, one.name, number) for number in range(ITEM_ROWS)]
            found[one.name] = [line for line in lines if line.get("name")]
        elif text := fields.get(f"f-{one.name}", "").strip():
            found[one.name] = text
    return {name: value for name, value in found.items() if value}


def _line(fields: Mapping[str, str], name: str, number: int) -> dict[str, str]:
    parts = {part: fields.get(f"f-{name}-{number}-{part}", "").strip() for part in ITEM_PARTS}
    return {part: text for part, text in parts.items() if text}
