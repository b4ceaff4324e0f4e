"""Documents: which templates there are, making one, its PDF, sending it, declaring it void."""

from __future__ import annotations

import asyncio

import msgspec
from sqlalchemy import Connection, select

from gateway.core.errors import NotFound
from gateway.documents.office import NewDocument, Office, declare_void
from gateway.documents.pdf import why_no_pdf
from gateway.documents.sending import SendDocument, file_name, send
from gateway.documents.template import Template
from gateway.leads.change import LeadChange, change_lead
from gateway.leads.desk import Desk
from gateway.storage.tables import Document
from gateway.views.work import DocumentView
from gateway.web.api.leadwork import scope_of, see_contact, see_lead, told
from gateway.web.api.reads import File, ReadCall, ReadOperation
from gateway.web.api.writes import Who, WriteCall, WriteOperation
from gateway.web.queries import work
from gateway.web.queries.filters import Filters


class TemplateField(msgspec.Struct, frozen=True, kw_only=True):
    """Something to fill in."""

    name: str
    label: str
    type: str
    """``text``, ``long``, ``date``, ``number``, ``money`` or ``items``: a list of {name, quantity, unit, price}."""
    required: bool
    default: str
    """For the lead or contact that was named; else empty."""


class TemplateView(msgspec.Struct, frozen=True, kw_only=True):
    """A template."""

    template: str
    language: str
    name: str
    """For people."""
    kind: str
    own: bool
    """The company's own."""
    attach: bool
    """It goes as a PDF with a letter; otherwise it is the letter."""
    fields: list[TemplateField]


class TemplateList(msgspec.Struct, frozen=True, kw_only=True):
    """All templates."""

    items: list[TemplateView]
    problems: list[str]
    """A sentence for each own template that can't be used."""
    pdf: str | None
    """Why PDF files can't be made here; null where they can."""


class VoidDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it no longer counts."""

    reason: str


def document_writes(office: Office, desk: Desk) -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``."""
    deeds = DocumentDeeds(office, desk)
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/documents",
            name="makeDocument",
            summary="Make a document from a template, with the next number of its kind and year.",
            body=NewDocument,
            answer=DocumentView,
            status=201,
            act=deeds.make,
        ),
        WriteOperation(
            method="POST",
            path="/api/v1/documents/{id}/send",
            name="sendDocument",
            summary="Send it by mail, as a PDF; the lead may go to another stage with it. 409 for a second click.",
            body=SendDocument,
            answer=DocumentView,
            act=deeds.send,
            body_optional=True,
        ),
        WriteOperation(
            method="POST",
            path="/api/v1/documents/{id}/void",
            name="voidDocument",
            summary="Declare it void: it keeps its number and stays to be seen.",
            body=VoidDocument,
            answer=DocumentView,
            unit=deeds.void,
        ),
    )


def document_reads(office: Office) -> tuple[ReadOperation, ...]:
    """The operations, for ``WebServer(reads=...)``."""
    reads = DocumentReads(office)
    return (
        ReadOperation(
            path="/api/v1/templates",
            name="listTemplates",
            summary="The templates of letters and documents, with their fields.",
            act=reads.templates,
            answer=TemplateList,
            parameters=(
                ("lead", "Fill in the defaults for this lead."),
                ("contact", "Or for this contact."),
                ("language", "Only those in this language: ru or en."),
            ),
        ),
        ReadOperation(
            path="/api/v1/documents/{id}/pdf",
            name="getDocumentPdf",
            summary="A document as PDF. 422 with the code pdf_not_available where this machine can't make PDF files.",
            act=reads.pdf,
            content_type="application/pdf",
        ),
        ReadOperation(
            path="/api/v1/documents/{id}/page",
            name="getDocumentPage",
            summary="A document as a page to be shown and printed.",
            act=reads.page,
            content_type="text/html",
        ),
    )


class DocumentDeeds:
    """What is done with documents, for the API and the pages."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self._office = office
        self._desk = desk

    async def make(self, call: WriteCall) -> DocumentView:
        """``body``: NewDocument."""
        await self._office.store.read(lambda c: _see(c, call.body.lead, call.body.contact, call.who))
        document_id = await self._office.make(call.body, call.who)
        return await self._office.store.read(lambda c: _view(c, document_id, Filters()))

    async def send(self, call: WriteCall) -> DocumentView:
        """``body``: SendDocument."""
        document_id = call.ids["id"]
        view = await self._office.store.read(lambda c: _view(c, document_id, scope_of(call.who)))
        template = self._office.library.get(view.template, view.language)
        pdf = await self._office.pdf(document_id, call.who.at) if template.head.attach else None

        def unit(connection: Connection) -> DocumentView:
            lead_id = send(connection, document_id, call.body, pdf, call.who)
            if call.body.stage is not None and lead_id is not None:
                change_lead(connection, self._desk, lead_id, LeadChange(stage=call.body.stage), call.who)
            return _view(connection, document_id, Filters())

        return await self._office.store.write(unit)

    def void(self, connection: Connection, call: WriteCall) -> DocumentView:
        """``body``: VoidDocument."""
        _view(connection, call.ids["id"], scope_of(call.who))
        declare_void(connection, call.ids["id"], call.body.reason, call.who)
        return _view(connection, call.ids["id"], Filters())


class DocumentReads:
    """What is read of documents and templates."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def templates(self, call: ReadCall) -> TemplateList:
        """All of them, or those of one language."""
        lead_id, contact_id = call.query.get("lead"), call.query.get("contact")
        store = self._office.store
        await store.read(lambda c: _see(c, lead_id, contact_id, call.who))
        found, problems = await asyncio.to_thread(self._office.library.templates)
        language = call.query.get("language")
        shown = [template for template in found if language in {None, template.language}]
        items = [await self._view(template, lead_id, contact_id, call.who) for template in shown]
        no_pdf = await asyncio.to_thread(why_no_pdf)
        return TemplateList(items=items, problems=problems, pdf=str(no_pdf) if no_pdf else None)

    async def _view(self, template: Template, lead_id: str | None, contact_id: str | None, who: Who) -> TemplateView:
        known = lead_id is not None or contact_id is not None
        defaults = await self._office.defaults(template, lead_id, contact_id, who) if known else {}
        fields = [
            TemplateField(
                name=field.name,
                label=field.label,
                type=field.type,
                required=field.required,
                default=defaults.get(field.name, ""),
            )
            for field in template.head.field
        ]
        return TemplateView(
            template=template.name,
            language=template.language,
            name=template.head.name,
            kind=template.head.kind,
            own=template.own,
            attach=template.head.attach,
            fields=fields,
        )

    async def pdf(self, call: ReadCall) -> File:
        """The file."""
        document_id = call.ids["id"]
        name, _ = await self._office.store.read(lambda c: _page(c, document_id, call.who))
        content = await self._office.pdf(document_id, call.who.at)
        return File(name=name, content=content, content_type="application/pdf")

    async def page(self, call: ReadCall) -> File:
        """The page as it was made; no script in it runs, nothing is fetched."""
        name, html = await self._office.store.read(lambda c: _page(c, call.ids["id"], call.who))
        name = name.removesuffix(".pdf") + ".html"
        return File(name=name, content=html.encode(), content_type="text/html", inline=True)


def _see(connection: Connection, lead_id: str | None, contact_id: str | None, who: Who) -> None:
    if lead_id is not None:
        see_lead(connection, lead_id, who)
    elif contact_id is not None:
        see_contact(connection, contact_id, who)


def _view(connection: Connection, document_id: str, scope: Filters) -> DocumentView:
    return told(work.document(connection, document_id, scope))


def _page(connection: Connection, document_id: str, who: Who) -> tuple[str, str]:
    """File name and HTML."""
    _view(connection, document_id, scope_of(who))
    row = connection.execute(select(Document).where(Document.id == document_id)).one_or_none()
    if row is None:
        raise NotFound("There is no document with this id.")
    return file_name(row), row.html
