"""Letters and documents: the list, one with its preview, sending it, declaring it void, making one for a contact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.documents.office import NewDocument
from gateway.documents.pdf import why_no_pdf
from gateway.documents.sending import SendDocument
from gateway.views.shapes import ContactView, ManagerView
from gateway.views.work import DocumentView
from gateway.web.access import viewer_of
from gateway.web.api.documents import TemplateView, VoidDocument
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.asks import Asks
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leaddocuments import ITEM_PARTS, ITEM_ROWS, filled
from gateway.web.pages.leadforms import Fields, text_of
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.contacts import Known, contact_list, known_of
from gateway.web.queries.filters import NOBODY, Filters, Page
from gateway.web.queries.people import contact, managers
from gateway.web.queries.work import document, document_kinds, documents_page, may_see_contact

ROWS, CANDIDATES = 40, 15
STATES = ("made", "sent", "void")


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {
    "make": _("The document was made."),
    "send": _("The document is on its way."),
    "void": _("The document is void now."),
}


def _send(fields: Fields) -> SendDocument:
    return SendDocument(
        to=fields.get("to", "").replace(",", " ").replace(";", " ").split(),
        subject=fields.get("subject", ""),
        message=fields.get("message", ""),
        mailbox=text_of(fields, "sender"),
        stage=text_of(fields, "stage"),
    )


DEEDS: Mapping[str, tuple[str, Callable[[Fields], msgspec.Struct]]] = {
    "send": ("sendDocument", _send),
    "void": ("voidDocument", lambda fields: VoidDocument(reason=fields.get("reason", ""))),
}
"""The last part of the address -> the operation and how its form is read."""


class DocumentPages:
    """``/documents``."""

    def __init__(self, means: PageMeans, parts: LeadParts) -> None:
        self._means = means
        self._deeds = Deeds(means)
        self._asks = Asks(means)
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/documents", self.documents),
            web.get("/documents/new", self.new),
            web.post("/documents/new", self.make),
            web.get("/documents/{id}", self.card),
            web.post("/documents/{id}/{deed}", self.do),
        ]

    async def documents(self, request: web.Request) -> web.Response:
        """The documents, the newest first. Filters are in the address."""
        viewer, manager = viewer_of(request), request.query.get("manager") or None
        state = lists.one_of(request, "state", STATES)
        filters = Filters(
            status=state,
            kind=(request.query.get("kind") or "")[:40].replace("\x00", "") or None,
            manager=lists.manager_of(manager, viewer),
            q=lists.words(request),
            seen_by=viewer.seen_by,
            limit=ROWS,
            after=lists.position(request),
        )

        def read(connection: Connection) -> tuple[Page[DocumentView], list[str], list[ManagerView]]:
            people = managers(connection, Filters(status="active"))
            return documents_page(connection, filters), document_kinds(connection), people

        page, kinds, people = await self._means.store.read(read)
        return self._means.renderer.page(
            request,
            "documents.html",
            documents=page.items,
            older=link(request, cursor=page.next) if page.next else None,
            states=[(name, link(request, state=name)) for name in (None, *STATES)],
            state=state,
            kinds=kinds,
            filters=filters,
            manager=manager,
            managers=people,
            nobody=NOBODY,
            offers=self._deeds.offers(request),
        )

    async def card(self, request: web.Request) -> web.Response:
        """One document as it looks, with what can be done with it."""
        document_id, scope = request.match_info["id"], Filters(seen_by=viewer_of(request).seen_by)
        store = self._means.store
        found = await store.read(lambda c: document(c, document_id, scope)) if "\x00" not in document_id else None
        if found is None:
            raise Refused(404, "not_found", "There is no document with this id.")
        texts = self._means.renderer.words(request).texts
        return self._means.renderer.page(
            request,
            "document.html",
            told=lists.told(self._means, request, TOLD),
            document=found,
            no_pdf=await asyncio.to_thread(why_no_pdf),
            senders=self._parts.senders,
            stages=self._parts.stages(texts.gettext),
            offers=self._deeds.offers(request),
        )

    async def do(self, request: web.Request) -> web.Response:
        """Send it or declare it void; then back to it."""
        fields, document_id = await read_form(request), request.match_info["id"]
        deed = DEEDS.get(request.match_info["deed"])
        if deed is None:
            raise Refused(404, "not_found", "There is nothing that can be done under this address.")
        operation, read_body = deed
        await self._deeds.do(request, operation, ids={"id": document_id}, body=read_body(fields))
        raise back({"next": f"/documents/{document_id}"}, done=request.match_info["deed"])

    async def new(self, request: web.Request) -> web.Response:
        """For whom, then which template, then its fields. For a lead there is the lead's own page."""
        if lead := request.query.get("lead"):
            raise web.HTTPSeeOther(f"/leads/{quote(lead, safe='')}/document")
        if not request.query.get("contact"):
            return await self._whom(request)
        return await self._form(request, request.query["contact"], {})

    async def make(self, request: web.Request) -> web.Response:
        """Make it; then it is shown. What was typed is shown again where it can't be made."""
        fields = await read_form(request)
        contact_id = fields.get("contact", "")
        chosen = _chosen(await self._templates(request, contact_id), fields)
        if chosen is None:
            raise Refused(404, "not_found", "There is no such template.")
        body = NewDocument(
            template=chosen.template, language=chosen.language, contact=contact_id, fields=filled(chosen, fields)
        )
        try:
            made = await self._deeds.do(request, "makeDocument", body=body)
        except Refused as refused:
            if refused.status in {403, 404}:
                raise
            return await self._form(request, contact_id, fields, refused)
        raise web.HTTPSeeOther(f"/documents/{made.id}?done=make")

    async def _whom(self, request: web.Request) -> web.Response:
        q, seen_by = lists.words(request), viewer_of(request).seen_by
        filters = Filters(q=q, seen_by=seen_by, limit=CANDIDATES)

        def read(connection: Connection) -> tuple[Sequence[ContactView], Mapping[str, Known]]:
            found = contact_list(connection, filters).items
            return found, known_of(connection, [one.id for one in found], seen_by)

        found, known = await self._means.store.read(read)
        return self._means.renderer.page(request, "document_whom.html", contacts=found, known=known, q=q)

    async def _form(
        self, request: web.Request, contact_id: str, fields: Fields, refused: Refused | None = None
    ) -> web.Response:
        seen_by = viewer_of(request).seen_by

        def read(connection: Connection) -> ContactView | None:
            return contact(connection, contact_id) if may_see_contact(connection, contact_id, seen_by) else None

        person = await self._means.store.read(read) if "\x00" not in contact_id else None
        if person is None:
            raise Refused(404, "not_found", "There is no contact with this id.")
        templates = await self._templates(request, contact_id)
        return self._means.renderer.page(
            request,
            "document_new.html",
            status=refused.status if refused else 200,
            contact=person,
            templates=templates,
            chosen=_chosen(templates, fields or request.query),
            fields=fields,
            problem=refused,
            rows=range(ITEM_ROWS),
            parts=ITEM_PARTS,
        )

    async def _templates(self, request: web.Request, contact_id: str) -> Sequence[TemplateView]:
        if not self._asks.can("listTemplates"):
            return ()
        found = await self._asks.ask(request, "listTemplates", query={"contact": contact_id})
        items: Sequence[TemplateView] = found.items
        return items


def _chosen(templates: Sequence[TemplateView], fields: Mapping[str, str]) -> TemplateView | None:
    wanted = (fields.get("template"), fields.get("language"))
    return next((one for one in templates if (one.template, one.language) == wanted), None)
