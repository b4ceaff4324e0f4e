"""Putting letters and notices out: rows written in the transaction of their cause, so that none is lost or made up.

The worker (``gateway.outgoing.worker``) looks for them every two seconds, and at once after ``kick``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from gateway.core.address import canonical_address
from gateway.core.clock import NewId
from gateway.core.sentences import Unusable
from gateway.storage.tables import Outgoing as OutgoingRow
from gateway.storage.tables import OutgoingFile as FileRow

Purpose = Literal["answer", "acknowledgement", "document", "summary", "notice"]
Urgency = Literal["info", "warning", "alarm"]

MAX_RECIPIENTS = 100
"""RFC 5321 section 4.5.3.1.8: what every server must take."""
MAX_FILES_BYTES = 25 << 20
"""Attachments of one letter: the limit of the large providers."""
TOKEN_BYTES = 16
"""Nobody guesses 128 bits: who knows a token was sent the letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFile:
    """A file that goes with a letter."""

    name: str
    content_type: str
    """``application/pdf``; anything that is no media type goes as ``application/octet-stream``."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter to people outside, or to a manager."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str | None = None
    mailbox: str | None = None
    """Name of the configured ``[[sender]]``; None: the default one."""
    in_reply_to: str | None = None
    """Message-ID of the letter that this one answers, with its angle brackets."""
    references: tuple[str, ...] = ()
    """Message-IDs of the thread so far, the oldest first (RFC 5322 section 3.6.4)."""
    attachments: tuple[OutgoingFile, ...] = ()
    purpose: Purpose
    lead_id: str | None = None
    contact_id: str | None = None
    manager_id: str | None = None
    """Who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A word to a manager, by mail and to the messenger, as ``[notices]`` says."""

    to_manager: str
    """Id of the manager."""
    subject: str
    """One line, in the manager's language (``gateway.core.languages.texts_for``)."""
    text: str
    link: str | None = None
    """Path of the page that it is about: ``/callbacks?id=...``."""
    urgency: Urgency = "info"


def put_letter(connection: Connection, letter: Letter, *, key: str, at: datetime, new_id: NewId) -> str | None:
    """Store a letter to be sent; its id, or None where ``key`` was put before.

    Raises ValueError with a sentence for a letter that can't be sent: without recipients, with one that is no address,
    with files that no server takes.
    """
    recipients = _recipients(letter.to)
    size = sum(len(file.content) for file in letter.attachments)
    if size > MAX_FILES_BYTES:
        raise Unusable(
            "the attachments have %(size)s MB; mail servers take %(most)s MB in all",
            size=size >> 20,
            most=MAX_FILES_BYTES >> 20,
        )
    payload = {
        "to": recipients,
        "subject": storable(letter.subject),
        "text": storable(letter.text),
        "html": storable(letter.html) if letter.html is not None else None,
        "in_reply_to": letter.in_reply_to,
        "references": list(letter.references),
    }
    row = {
        "way": "letter",
        "purpose": letter.purpose,
        "sender": letter.mailbox,
        "recipient": canonical_address(recipients[0]),
        "payload": payload,
        "lead_id": letter.lead_id,
        "contact_id": letter.contact_id,
        "manager_id": letter.manager_id,
    }
    letter_id = put(connection, row, key=key, at=at, new_id=new_id)
    if letter_id is not None and letter.attachments:
        connection.execute(insert(FileRow), [_file_row(letter_id, file) for file in letter.attachments])
    return letter_id


def put_notice(connection: Connection, notice: Notice, *, key: str, at: datetime, new_id: NewId) -> str | None:
    """Store a notice to be given; its id, or None where ``key`` was put before."""
    payload = {
        "subject": storable(notice.subject),
        "text": storable(notice.text),
        "link": notice.link,
        "urgency": notice.urgency,
    }
    row = {"way": "notice", "purpose": "notice", "manager_id": notice.to_manager, "payload": payload}
    return put(connection, row, key=key, at=at, new_id=new_id)


def put(connection: Connection, row: dict[str, Any], *, key: str, at: datetime, new_id: NewId) -> str | None:
    """One row, waiting and due now; None where ``key`` is there. For this room; others use the two above."""
    if connection.execute(select(OutgoingRow.id).where(OutgoingRow.key == key)).first() is not None:
        return None
    row_id = new_id()
    fixed = {"id": row_id, "key": key, "token": secrets.token_hex(TOKEN_BYTES)}
    connection.execute(insert(OutgoingRow), {**fixed, **row, "due_at": at, "created_at": at, "updated_at": at})
    return row_id


def storable(text: str) -> str:
    """Without what no database and no letter takes: halves of surrogate pairs, NULs."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _recipients(addresses: tuple[str, ...]) -> list[str]:
    if not addresses:
        raise Unusable("a letter needs a recipient")
    if len(addresses) > MAX_RECIPIENTS:
        raise Unusable(
            "a letter has at most %(most)s recipients, this one %(count)s", most=MAX_RECIPIENTS, count=len(addresses)
        )
    for address in addresses:
        if canonical_address(address) is None:
            raise Unusable("%(address)r is no mail address", address=address)
        if not address.rpartition("@")[0].isascii():
            raise Unusable(
                "%(address)r: letters outside ASCII before the @ can't be delivered by most mail servers",
                address=address,
            )
    return list(dict.fromkeys(address.strip() for address in addresses))


def _file_row(letter_id: str, file: OutgoingFile) -> dict[str, Any]:
    return {
        "outgoing_id": letter_id,
        "name": file.name,
        "content_type": file.content_type,
        "content": file.content,
    }
