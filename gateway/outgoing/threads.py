"""Which lead a letter belongs to, told by our own token in the ids that it answers: never by its subject.

A token is random and was seen only by those to whom the letter went, so whoever answers with it has that letter, from
whatever address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Draft, Kind
from gateway.outgoing.claims import UNKNOWN
from gateway.outgoing.compose import token_in
from gateway.outgoing.failures import tell_writer
from gateway.outgoing.history import CONNECTOR
from gateway.outgoing.verdict import MAX_REASON
from gateway.storage.tables import Contact, ContactHandle, Interaction, Lead, Outgoing, Sighting

_DELAYED = re.compile(r"delay|warning|задерж|отлож", re.IGNORECASE)
"""In the subject of a report that no letter failed yet (RFC 3464 section 2.3.3, Action: delayed)."""
MAX_IDS = 50
"""The ids of a letter that are looked at, the nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What a letter of ours, that this one answers or is, belongs to."""

    lead_id: str | None
    """Only while it is open: what comes later opens a new one."""
    contact_id: str | None


def thread_of(connection: Connection, channel: Channel, draft: Draft) -> Thread | None:
    """The thread of a letter that names a letter of ours; None for all others."""
    if channel is not Channel.MAIL:
        return None
    tokens = list(dict.fromkeys(_tokens(draft)))[:MAX_IDS]
    if not tokens:
        return None
    rows = connection.execute(
        select(Outgoing.token, Outgoing.lead_id, Outgoing.contact_id).where(Outgoing.token.in_(tokens))
    ).all()
    found = {row.token: row for row in rows if row.lead_id or row.contact_id}
    row = next((found[token] for token in tokens if token in found), None)
    if row is None:
        return None
    contact_id = _living(connection, row.contact_id)
    return Thread(lead_id=_open_lead(connection, row.lead_id, contact_id), contact_id=contact_id)


def _tokens(draft: Draft) -> Iterator[str]:
    """Of the letter itself, of what it answers or returns, then of the thread from its newest letter back."""
    details = draft.details
    references = details.get("references") or ()
    returned = details.get("enclosed_message_id") if draft.kind is Kind.BOUNCE else None
    for message_id in (details.get("message_id"), returned, details.get("in_reply_to"), *reversed(references)):
        token = token_in(message_id) if isinstance(message_id, str) else None
        if token is not None:
            yield token


def _open_lead(connection: Connection, lead_id: str | None, contact_id: str | None) -> str | None:
    """The lead itself while it is open; of one that was merged, the open lead of the person."""
    if lead_id is None:
        return None
    lead = connection.execute(select(Lead.status, Lead.contact_id).where(Lead.id == lead_id)).one_or_none()
    if lead is None:
        return None
    if lead.status == "open":
        return lead_id
    owner = _living(connection, lead.contact_id) or contact_id
    if lead.status != "merged" or owner is None:
        return None
    query = select(Lead.id).where(Lead.contact_id == owner, Lead.status == "open")
    return connection.execute(query).scalar_one_or_none()


def _living(connection: Connection, contact_id: str | None) -> str | None:
    """The contact, or the one that it was merged into."""
    for _ in range(10):  # merges of merges; a ring would be a fault, and must not hang
        if contact_id is None:
            return None
        row = connection.execute(select(Contact.id, Contact.merged_into).where(Contact.id == contact_id)).one_or_none()
        if row is None or row.merged_into is None:
            return row.id if row else None
        contact_id = row.merged_into
    return contact_id


def settle_met(connection: Connection, at: datetime) -> int:
    """Letters of unknown fate of which a copy was met, in a folder of sent letters say, were sent; how many.

    A copy of a letter that is history already is no news for the processing: it is only written down where it was met.
    """
    unknown = connection.execute(select(Outgoing.id, Outgoing.recipient).where(*UNKNOWN)).all()
    met = [row.id for row in unknown if _was_met(connection, row.id, row.recipient)]
    values = {"state": "sent", "reason": "it left: a copy of it was found", "updated_at": at}
    connection.execute(update(Outgoing).where(Outgoing.id.in_(met), Outgoing.state == "unknown").values(**values))
    return len(met)


def _was_met(connection: Connection, letter_id: str, recipient: str | None) -> bool:
    """Whether the letter's place in the history has a sighting."""
    ours = (
        select(Interaction.details)
        .join(ContactHandle, ContactHandle.contact_id == Interaction.contact_id)
        .where(ContactHandle.kind == "email", ContactHandle.value == recipient)
        .where(Interaction.connector == CONNECTOR, exists().where(Sighting.interaction_id == Interaction.id))
    )
    found = connection.execute(ours).scalars()
    return any((details.get("outgoing") or {}).get("id") == letter_id for details in found)


class SentFollower:
    """A follower of the processing: what a letter tells of the letters that we sent."""

    def __init__(self, language: str) -> None:
        """``language``: of notices to managers who chose none."""
        self._language = language

    def follow(self, connection: Connection, placement: Placement) -> tuple[Event, ...]:
        """Our own letter: who wrote it is noted. Somebody else's: a letter of ours that it answers did arrive."""
        if placement.channel is not Channel.MAIL:
            return ()
        if placement.connector == CONNECTOR:
            _note_writer(connection, placement)
            return ()
        tokens = list(dict.fromkeys(_tokens(placement.draft)))[:MAX_IDS]
        if tokens and placement.draft.kind is Kind.BOUNCE:
            self._returned(connection, placement, tokens[0])
        elif tokens:
            connection.execute(
                update(Outgoing)
                .where(Outgoing.token.in_(tokens), Outgoing.state == "unknown")
                .values(state="sent", reason="it arrived: a later letter shows it", updated_at=placement.at)
            )
        return ()

    def _returned(self, connection: Connection, placement: Placement, token: str) -> None:
        """A bounce: the letter failed after all, unless it only warns that it is still on its way."""
        if _DELAYED.search(placement.draft.subject or ""):
            return
        reason = f"returned by a mail server: {placement.draft.subject or 'without a subject'}"[:MAX_REASON]
        left = (Outgoing.token == token, Outgoing.state.in_(["sent", "unknown"]))
        letter_id = connection.execute(select(Outgoing.id).where(*left)).scalar_one_or_none()
        if letter_id is None:
            return
        values = {"state": "failed", "reason": reason, "updated_at": placement.at}
        connection.execute(update(Outgoing).where(Outgoing.id == letter_id).values(**values))
        tell_writer(connection, letter_id, default=self._language, at=placement.at, new_id=placement.new_id)


def _note_writer(connection: Connection, placement: Placement) -> None:
    facts = placement.draft.details.get("outgoing") or {}
    writer = select(Outgoing.manager_id).where(Outgoing.id == facts.get("id")).scalar_subquery()
    connection.execute(update(Interaction).where(Interaction.id == placement.interaction_id).values(manager_id=writer))
