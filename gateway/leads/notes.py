"""What people write down about leads and contacts. Whoever wrote a note may mend or remove it; both are deeds."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import NotFound, NotPossible
from gateway.core.sentences import Sentence
from gateway.leads.desk import Desk, checked_text
from gateway.live.changes import ChangeKind
from gateway.live.changes import record as note_change
from gateway.storage.tables import Note

A_NOTE = Sentence("The note")
MAX_NOTE = 20_000


class NewNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note to be written, or as it shall be."""

    text: str


def put_note(
    connection: Connection, desk: Desk, *, lead_id: str | None, contact_id: str | None, text: str, by: By
) -> str:
    """Store a note; its id. The caller tells the open pages. Raises NotPossible."""
    note_id = by.new_id()
    row = {
        "id": note_id,
        "lead_id": lead_id,
        "contact_id": contact_id,
        "text": checked_text(text, A_NOTE, MAX_NOTE),
        "author": by.actor,
        "created_at": by.at,
        "keep_until": desk.keep_until(by.at),
    }
    connection.execute(insert(Note), row)
    _write_down(connection, "note.added", note_id, {"lead": lead_id, "contact": contact_id}, by)
    return note_id


def edit_note(connection: Connection, note_id: str, text: str, by: By) -> None:
    """Write it anew. Raises NotFound, NotPossible for another person's note."""
    note = _own(connection, note_id, by)
    values = {"text": checked_text(text, A_NOTE, MAX_NOTE), "edited_at": by.at}
    connection.execute(update(Note).where(Note.id == note_id).values(**values))
    _write_down(connection, "note.edited", note_id, {"lead": note.lead_id}, by)
    tell_pages(connection, note.lead_id, note.contact_id, by)


def remove_note(connection: Connection, note_id: str, by: By) -> None:
    """Remove it. Raises NotFound, NotPossible for another person's note."""
    note = _own(connection, note_id, by)
    connection.execute(delete(Note).where(Note.id == note_id))
    _write_down(connection, "note.removed", note_id, {"lead": note.lead_id, "contact": note.contact_id}, by)
    tell_pages(connection, note.lead_id, note.contact_id, by)


def tell_pages(connection: Connection, lead_id: str | None, contact_id: str | None, by: By) -> None:
    """Open pages show the lead, or the contact, anew."""
    if lead_id is not None:
        note_change(connection, ChangeKind.LEAD_UPDATED, lead_id, by.at)
    elif contact_id is not None:
        note_change(connection, ChangeKind.CONTACT_UPDATED, contact_id, by.at)


def _own(connection: Connection, note_id: str, by: By) -> Row[Any]:
    note = connection.execute(select(Note).where(Note.id == note_id)).one_or_none()
    if note is None:
        raise NotFound("There is no note with this id.")
    if note.author != by.actor:
        raise NotPossible("Only who wrote a note can change it: add one of your own.")
    return note


def _write_down(connection: Connection, action: str, note_id: str, detail: dict[str, Any], by: By) -> None:
    record(connection, Deed(actor=by.actor, action=action, object_kind="note", object_id=note_id, detail=detail), by.at)
