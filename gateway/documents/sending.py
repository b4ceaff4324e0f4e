"""Sending a document: a letter put into the outgoing queue in one transaction with the document's history."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from gateway.core.address import canonical_address
from gateway.core.by import By
from gateway.core.errors import Conflict, NotPossible
from gateway.documents.office import found_document, tell_pages, write_down
from gateway.outgoing.queue import Letter, OutgoingFile, put_letter
from gateway.storage.tables import ContactHandle, Document

MAX_RECIPIENTS = 20
MAX_MESSAGE = 100_000
AGAIN_AFTER = timedelta(minutes=1)
"""The same to the same people within this time is a second click, not a second letter."""


class SendDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to send a document, and with what words."""

    to: list[str] = []
    """Addresses; empty: the contact's first one."""
    subject: str = ""
    """Empty: what the template says."""
    message: str = ""
    """Empty: what the template says."""
    mailbox: str | None = None
    """Name of the sender; null: the default one."""
    stage: str | None = None
    """The lead goes to this stage with it, ``offer`` say; null: it stays."""


def send(connection: Connection, document_id: str, wish: SendDocument, pdf: bytes | None, by: By) -> str | None:
    """Put the letter out; the id of the document's lead. ``pdf`` is attached; None: the page itself is the letter.

    Raises NotFound; NotPossible without an address or for a void document; Conflict for a second click.
    """
    document = found_document(connection, document_id)
    if document.void_at is not None:
        raise NotPossible("The document was declared void: %(reason)s", reason=document.void_reason)
    to = _recipients(connection, document, wish)
    if (
        document.sent_at is not None
        and sorted(document.sent_to) == sorted(to)
        and by.at - document.sent_at < AGAIN_AFTER
    ):
        raise Conflict("It was sent to %(to)s a moment ago.", to=", ".join(to))
    letter = Letter(
        to=to,
        subject=" ".join(wish.subject.split()) or document.subject,
        text=wish.message.strip() or document.message or document.title,
        html=document.html if pdf is None else None,
        mailbox=wish.mailbox,
        attachments=(OutgoingFile(name=file_name(document), content_type="application/pdf", content=pdf),)
        if pdf
        else (),
        purpose="document",
        lead_id=document.lead_id,
        contact_id=document.contact_id,
        manager_id=by.manager_id,
    )
    try:
        put_letter(connection, letter, key=f"document:{document_id}:{by.new_id()}", at=by.at, new_id=by.new_id)
    except ValueError as error:
        raise NotPossible("It can't be sent: %(why)s.", why=error) from None
    connection.execute(update(Document).where(Document.id == document_id).values(sent_at=by.at, sent_to=list(to)))
    write_down(connection, "document.sent", document_id, {"to": list(to), "lead": document.lead_id}, by)
    tell_pages(connection, document.lead_id, document.contact_id, by)
    lead_id: str | None = document.lead_id
    return lead_id


def file_name(document: Row[Any]) -> str:
    """``Invoice INV-2026-0007.pdf``: the title, without what file systems do not take."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", str(document.title))
    return f"{' '.join(name.split())[:120].strip(' .') or document.label}.pdf"


def _recipients(connection: Connection, document: Row[Any], wish: SendDocument) -> tuple[str, ...]:
    if len(wish.to) > MAX_RECIPIENTS:
        raise NotPossible("At most %(most)s people get one letter.", most=MAX_RECIPIENTS)
    if len(wish.message) > MAX_MESSAGE:
        raise NotPossible("The message has more than %(most)s characters.", most=MAX_MESSAGE)
    to = tuple(dict.fromkeys(address.strip() for address in wish.to if address.strip())) or _first(connection, document)
    for address in to:
        if canonical_address(address) is None:
            raise NotPossible("%(address)r is no mail address.", address=address[:80])
    if not to:
        raise NotPossible("The contact has no mail address: write one into to.")
    return to


def _first(connection: Connection, document: Row[Any]) -> tuple[str, ...]:
    query = select(func.min(ContactHandle.id)).where(
        ContactHandle.contact_id == document.contact_id, ContactHandle.kind == "email"
    )
    value = connection.execute(
        select(ContactHandle.value).where(ContactHandle.id == query.scalar_subquery())
    ).scalar_one_or_none()
    return (value,) if value is not None else ()
