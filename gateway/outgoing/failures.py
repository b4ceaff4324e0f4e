"""A letter that did not reach the customer is told to whoever wrote it: nobody waits for an answer that can't come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from gateway.core.clock import NewId
from gateway.core.languages import texts_for
from gateway.outgoing.queue import Notice, put_notice
from gateway.storage.tables import Manager, Outgoing

WRITTEN = frozenset({"answer", "document"})
"""Purposes of letters that a person sent."""


def tell_writer(connection: Connection, letter_id: str, *, default: str, at: datetime, new_id: NewId) -> None:
    """Put a notice out for the writer of a letter that failed or whose fate is unknown; once for each such state.

    ``default``: the language of managers who chose none.
    """
    query = (
        select(Outgoing.payload, Outgoing.purpose, Outgoing.state, Outgoing.reason, Outgoing.lead_id, Manager.language)
        .add_columns(Outgoing.manager_id)
        .join_from(Outgoing, Manager, Manager.id == Outgoing.manager_id)
        .where(Outgoing.id == letter_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.purpose not in WRITTEN:
        return
    texts = texts_for(row.language, default)
    words = {"to": ", ".join(row.payload["to"]), "subject": row.payload["subject"], "reason": row.reason or ""}
    if row.state == "unknown":
        subject = texts.gettext("It is not known whether your letter to %(to)s arrived") % words
    else:
        subject = texts.gettext("Your letter to %(to)s was not delivered") % words
    notice = Notice(
        to_manager=row.manager_id,
        subject=subject,
        text=texts.gettext("Subject: %(subject)s\nReason: %(reason)s") % words,
        link=f"/leads/{row.lead_id}" if row.lead_id else None,
        urgency="warning",
    )
    put_notice(connection, notice, key=f"letter:{letter_id}:{row.state}", at=at, new_id=new_id)
