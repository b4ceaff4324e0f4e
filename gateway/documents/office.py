"""Making documents: filled in, numbered without gaps, stored for good with their hash; as a PDF; declared void."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.documents.filling import Amount, Filled, fill, plain_fields
from gateway.documents.library import Library
from gateway.documents.pdf import to_pdf
from gateway.documents.render import Rendered, Rendering
from gateway.documents.template import Template
from gateway.live.changes import ChangeKind
from gateway.live.changes import record as note_change
from gateway.storage.store import Store
from gateway.storage.tables import Contact, Document, DocumentFile, DocumentNumber, Manager
from gateway.views.leads import leads_by_id
from gateway.views.people import contact_briefs

MAX_REASON = 500


class NewDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document to be made."""

    template: str
    """Name of the template."""
    language: str = ""
    """``ru`` or ``en``; empty: that of the gateway."""
    lead: str | None = None
    contact: str | None = None
    """Where it is for no lead."""
    fields: dict[str, Any] = {}
    """Name of the field -> what is filled in; of ``items`` a list of {name, quantity, unit, price}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """For whom and from whom a document is."""

    lead_id: str | None
    contact_id: str | None
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What documents are made with."""

    store: Store
    library: Library
    company: Mapping[str, str]
    language: str
    currency: str
    zone: tzinfo
    """In which the date and the year of a document are meant."""
    keep: timedelta | None = None

    async def defaults(self, template: Template, lead_id: str | None, contact_id: str | None, by: By) -> dict[str, str]:
        """What the fields of a template hold before anyone types. Raises NotPossible, BadTemplate."""
        about = await self.store.read(lambda c: self._about(c, lead_id, contact_id, by, self.currency))
        rendering = Rendering(self.library, template.language)
        given = {field.name: field.default for field in template.head.field if field.default}
        return {name: rendering.default(template, source, about.context) for name, source in given.items()}

    async def make(self, new: NewDocument, by: By) -> str:
        """Store a document with the next number of its kind and year; its id. Raises NotPossible, BadTemplate."""
        template = self.library.get(new.template, new.language or self.language)
        filled = fill(template, new.fields, self.currency)
        about = await self.store.read(lambda c: self._about(c, new.lead, new.contact, by, self.currency))
        rendered = await asyncio.to_thread(self._render, template, filled, about)
        document_id = by.new_id()
        await self.store.write(lambda c: self._store(c, document_id, template, filled, about, rendered, by))
        return document_id

    async def pdf(self, document_id: str, at: datetime) -> bytes:
        """The PDF, made when it is first asked for. Raises NotFound, NoPdf."""
        found = await self.store.read(lambda c: _content(c, document_id))
        if isinstance(found, bytes):
            return found
        content = await asyncio.to_thread(to_pdf, found, self.library)
        return await self.store.write(lambda c: _keep_file(c, document_id, content, at))

    def _render(self, template: Template, filled: Filled, about: About) -> Rendered:
        vat = filled.values.get("vat")
        total = filled.total
        context = {
            **about.context,
            **filled.values,
            "total": total,
            "total_vat": _included_vat(total, vat) if total is not None and vat is not None and vat > 0 else None,
            "currency": self.currency,
        }
        return Rendering(self.library, template.language).document(template, context)

    def _about(
        self, connection: Connection, lead_id: str | None, contact_id: str | None, by: By, currency: str
    ) -> About:
        """Raises NotPossible."""
        lead = leads_by_id(connection, [lead_id]).get(lead_id) if lead_id is not None else None
        if lead_id is not None and lead is None:
            raise NotPossible("There is no lead %(id)r.", id=lead_id[:60])
        if lead is not None and lead.contact is not None:
            contact_id = lead.contact.id
        person = contact_briefs(connection, [contact_id]).get(contact_id)
        if contact_id is not None and person is None:
            raise NotPossible("There is no contact %(id)r.", id=contact_id[:60])
        if lead is None and person is None:
            raise NotPossible("Say for whom: lead or contact.")
        columns = select(Contact.company).where(Contact.id == contact_id)
        context = {
            "lead": msgspec.to_builtins(lead) if lead is not None else {},
            "contact": {
                **(msgspec.to_builtins(person) if person is not None else {}),
                "company": connection.execute(columns).scalar_one_or_none() or "",
            },
            "manager": _manager(connection, by.manager_id or (lead.manager.id if lead and lead.manager else None)),
            "company": dict(self.company),
            "date": by.at.astimezone(self.zone).date(),
            "currency": currency,
        }
        return About(lead_id=lead_id, contact_id=contact_id, context=context)

    def _store(
        self,
        connection: Connection,
        document_id: str,
        template: Template,
        filled: Filled,
        about: About,
        rendered: Rendered,
        by: By,
    ) -> None:
        kind, year = template.head.kind, by.at.astimezone(self.zone).year
        number = next_number(connection, kind, year)
        label = template.label(year, number)
        final = rendered.numbered(label)
        row = {
            "id": document_id,
            "kind": kind,
            "template": template.name,
            "language": template.language,
            "year": year,
            "number": number,
            "label": label,
            "title": final.title,
            "lead_id": about.lead_id,
            "contact_id": about.contact_id,
            "fields": plain_fields(filled.values),
            "subject": final.subject,
            "message": final.message,
            "html": final.html,
            "sha256": hashlib.sha256(final.html.encode()).hexdigest(),
            "amount": filled.total.units if filled.total else None,
            "currency": filled.total.currency if filled.total else None,
            "created_by": by.actor,
            "created_at": by.at,
            "sent_to": [],
            "keep_until": by.at + self.keep if self.keep is not None else None,
        }
        connection.execute(insert(Document), row)
        write_down(connection, "document.made", document_id, {"label": label, "lead": about.lead_id}, by)
        tell_pages(connection, about.lead_id, about.contact_id, by)


def next_number(connection: Connection, kind: str, year: int) -> int:
    """The next number, taken in the caller's transaction: given back if that fails, and nobody else gets the same."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(DocumentNumber).values(kind=kind, year=year, last=1)
    taken = first.on_conflict_do_update(
        index_elements=[DocumentNumber.kind, DocumentNumber.year], set_={"last": DocumentNumber.last + 1}
    ).returning(DocumentNumber.last)
    number: int = connection.execute(taken).scalar_one()
    return number


def declare_void(connection: Connection, document_id: str, reason: str, by: By) -> None:
    """It keeps its number and stays to be seen, but no longer counts. Raises NotFound, NotPossible, Conflict."""
    document = found_document(connection, document_id)
    if document.void_at is not None:
        raise Conflict("It was declared void already.")
    words = reason.strip()
    if not words or len(words) > MAX_REASON:
        raise NotPossible("Say why it is void, in at most %(most)s characters.", most=MAX_REASON)
    connection.execute(update(Document).where(Document.id == document_id).values(void_at=by.at, void_reason=words))
    write_down(connection, "document.void", document_id, {"reason": words}, by)
    tell_pages(connection, document.lead_id, document.contact_id, by)


def found_document(connection: Connection, document_id: str) -> Row[Any]:
    """The row, locked where the database has locks. Raises NotFound."""
    row = connection.execute(select(Document).where(Document.id == document_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("There is no document with this id.")
    return row


def write_down(connection: Connection, action: str, document_id: str, detail: dict[str, Any], by: By) -> None:
    """Into the log of deeds."""
    deed = Deed(actor=by.actor, action=action, object_kind="document", object_id=document_id, detail=detail)
    record(connection, deed, by.at)


def tell_pages(connection: Connection, lead_id: str | None, contact_id: str | None, by: By) -> None:
    """Open pages show the lead, or the contact, anew."""
    if lead_id is not None:
        note_change(connection, ChangeKind.LEAD_UPDATED, lead_id, by.at)
    elif contact_id is not None:
        note_change(connection, ChangeKind.CONTACT_UPDATED, contact_id, by.at)


def _included_vat(total: Amount, percent: Any) -> Amount:
    """The tax within a sum that has it already: 20 % of 120 are 20."""
    return Amount(int((total.units * percent / (100 + percent)).to_integral_value()), total.currency)


def _manager(connection: Connection, manager_id: str | None) -> dict[str, Any]:
    columns = select(Manager.name, Manager.email, Manager.mobile).where(Manager.id == manager_id)
    row = connection.execute(columns).mappings().one_or_none()
    return dict(row) if row is not None else {}


def _content(connection: Connection, document_id: str) -> bytes | str:
    """The PDF where it was made, else the HTML. Raises NotFound."""
    query = (
        select(Document.html, DocumentFile.content)
        .outerjoin(DocumentFile, DocumentFile.document_id == Document.id)
        .where(Document.id == document_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no document with this id.")
    return bytes(row.content) if row.content is not None else str(row.html)


def _keep_file(connection: Connection, document_id: str, content: bytes, at: datetime) -> bytes:
    """Store the PDF; the one that somebody else stored meanwhile counts."""
    stored = connection.execute(
        select(DocumentFile.content).where(DocumentFile.document_id == document_id)
    ).scalar_one_or_none()
    if stored is not None:
        return bytes(stored)
    sha256 = hashlib.sha256(content).hexdigest()
    row = {"document_id": document_id, "content": content, "sha256": sha256, "made_at": at}
    connection.execute(insert(DocumentFile), row)
    return content
