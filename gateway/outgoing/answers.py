"""A person's answer to a customer: to the right address, in the right thread, from the right sender, once.

Used by the API and by the pages. Everything happens in the caller's transaction; the worker sends the letter after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.core.languages import texts_for
from gateway.core.types import Channel, Direction, Kind
from gateway.outgoing.claims import Senders
from gateway.outgoing.compose import one_line, reply_subject
from gateway.outgoing.queue import Letter, OutgoingFile, put_letter
from gateway.outgoing.settings import SenderSettings
from gateway.storage.tables import Contact, ContactHandle, Interaction, Lead, Outgoing

MAX_TEXT = 200_000
"""Characters of an answer."""
MAX_QUOTED = 20_000
"""Characters of the customer's letter that are quoted below an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person wrote."""

    text: str
    subject: str | None = None
    """None: ``Re:`` and the subject of what is answered."""
    sender: str | None = None
    """Name of a ``[[sender]]``; None: the one whose address the customer wrote to, else the default one."""
    quote: bool = False
    """The customer's letter is repeated below."""
    files: tuple[OutgoingFile, ...] = ()
    key: str | None = None
    """The same key twice is one answer: a form that was sent twice, a program that tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of it."""

    letter_id: str
    state: str
    """``waiting`` at first."""
    to: str
    repeated: bool
    """The key was known: nothing new was stored."""


class AnswerDesk:
    """Takes answers. Holds settings only, so it may be shared."""

    def __init__(self, senders: Senders, *, language: str) -> None:
        """``language``: of the line above a quoted letter."""
        self._senders = senders
        self._language = language

    def answer_lead(self, connection: Connection, lead_id: str, answer: Answer, by: By) -> Answered:
        """Answer the newest letter or form of the lead; a letter of its own where there is none.

        Raises NotFound, NotPossible (nobody to write to, no sender, an empty text) or Conflict (the key was used for
        another text).
        """
        lead = connection.execute(select(Lead.id, Lead.contact_id).where(Lead.id == lead_id)).one_or_none()
        if lead is None:
            raise NotFound("There is no lead with this id.")
        query = (
            select(Interaction)
            .where(
                Interaction.lead_id == lead_id,
                Interaction.direction == Direction.INBOUND.value,
                Interaction.kind == Kind.MESSAGE.value,
                Interaction.channel.in_([Channel.MAIL.value, Channel.FORM.value]),
            )
            .order_by(Interaction.occurred_at.desc(), Interaction.id.desc())
            .limit(1)
        )
        answered = connection.execute(query).one_or_none()
        return self._put(connection, answered, answer, by, lead_id=lead_id, contact_id=lead.contact_id)

    def answer_interaction(self, connection: Connection, interaction_id: str, answer: Answer, by: By) -> Answered:
        """Answer this very call, letter or form. Raises as ``answer_lead``."""
        row = connection.execute(select(Interaction).where(Interaction.id == interaction_id)).one_or_none()
        if row is None:
            raise NotFound("There is no interaction with this id.")
        return self._put(connection, row, answer, by, lead_id=row.lead_id, contact_id=row.contact_id)

    def _put(
        self,
        connection: Connection,
        answered: Any,
        answer: Answer,
        by: By,
        *,
        lead_id: str | None,
        contact_id: str | None,
    ) -> Answered:
        if not answer.text.strip():
            raise NotPossible("The answer has no text.")
        if len(answer.text) > MAX_TEXT:
            raise NotPossible("The answer is longer than %(most)s characters.", most=MAX_TEXT)
        to = _address(connection, answered, contact_id)
        key = _key(answer, by, lead_id, answered)
        known = _known(connection, key, answer)
        if known is not None:
            return known
        sender = self._sender(answer, answered)
        letter = self._letter(answered, answer, to, sender, lead_id=lead_id, contact_id=contact_id, by=by)
        try:
            letter_id = put_letter(connection, letter, key=key, at=by.at, new_id=by.new_id)
        except ValueError as error:
            raise NotPossible("The letter can't be sent: %(why)s.", why=error) from None
        if letter_id is None:
            raise Conflict("This answer was given a moment ago.")
        kind, object_id = ("lead", lead_id) if lead_id else ("interaction", answered.id if answered else None)
        deed = Deed(
            actor=by.actor,
            action="letter.answered",
            object_kind=kind,
            object_id=object_id,
            detail={"letter": letter_id, "sender": sender.name, "files": len(answer.files)},
        )
        record(connection, deed, by.at)
        return Answered(letter_id=letter_id, state="waiting", to=to, repeated=False)

    def _sender(self, answer: Answer, answered: Any) -> SenderSettings:
        if answer.sender is not None:
            chosen = self._senders.find(answer.sender)
            if chosen is None:
                raise NotPossible("There is no [[sender]] named %(sender)r in the configuration.", sender=answer.sender)
            return chosen
        line = (answered.line or "").lower() if answered is not None else ""
        for sender in self._senders.by_name.values():
            if line and sender.address.lower() == line:
                return sender
        for sender in self._senders.by_name.values():
            if answered is not None and answered.source_name in (sender.name, sender.mailbox):
                return sender
        if self._senders.default is None:
            raise NotPossible("No [[sender]] is configured, so nothing can be sent. Add one to the configuration.")
        return self._senders.default

    def _letter(
        self,
        answered: Any,
        answer: Answer,
        to: str,
        sender: SenderSettings,
        *,
        lead_id: str | None,
        contact_id: str | None,
        by: By,
    ) -> Letter:
        is_letter = answered is not None and answered.channel == Channel.MAIL.value
        details = answered.details if is_letter else {}
        text = answer.text
        if answer.quote and answered is not None:
            text = f"{text.rstrip()}\n\n{self._quoted(answered, to)}"
        subject = one_line(answer.subject or "") or reply_subject(answered.subject if answered is not None else None)
        return Letter(
            to=(to,),
            subject=subject or texts_for(self._language).gettext("Your request"),
            text=text,
            mailbox=sender.name,
            in_reply_to=details.get("message_id"),
            references=tuple(details.get("references") or ()),
            attachments=answer.files,
            purpose="answer",
            lead_id=lead_id,
            contact_id=contact_id,
            manager_id=by.manager_id,
        )

    def _quoted(self, answered: Any, address: str) -> str:
        """The customer's words with ``>`` before each line, below a line that says whose they are (RFC 3676 4.5)."""
        moment: datetime = answered.occurred_at
        texts = texts_for(self._language)
        head = texts.gettext("On %(day)s %(name)s wrote:") % {
            "day": moment.strftime("%d.%m.%Y"),
            "name": one_line(answered.name or "") or address,
        }
        lines = answered.text[:MAX_QUOTED].splitlines()
        return "\n".join([head, *(f">{line}" if line.startswith(">") else f"> {line}" for line in lines)]) + "\n"


def _address(connection: Connection, answered: Any, contact_id: str | None) -> str:
    """Where the customer wrote from, else an address that is known of the person."""
    handles: Sequence[dict[str, str]] = answered.handles if answered is not None else ()
    found = next((handle["value"] for handle in handles if handle["kind"] == "email"), None)
    if found is None and contact_id is not None:
        query = (
            select(ContactHandle.value)
            .join_from(ContactHandle, Contact, Contact.id == ContactHandle.contact_id)
            .where(ContactHandle.contact_id == contact_id, ContactHandle.kind == "email")
            .order_by(ContactHandle.id)
            .limit(1)
        )
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotPossible("No mail address of this person is known. Add one to the contact, or call.")
    return found


def _key(answer: Answer, by: By, lead_id: str | None, answered: Any) -> str:
    thing = lead_id or (answered.id if answered is not None else "")
    return f"answer:{thing}:{hashlib.sha256(answer.key.encode()).hexdigest() if answer.key else by.new_id()}"


def _known(connection: Connection, key: str, answer: Answer) -> Answered | None:
    """The answer that was given under this key before."""
    query = select(Outgoing.id, Outgoing.state, Outgoing.payload).where(Outgoing.key == key)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if not row.payload["text"].startswith(answer.text.rstrip()):
        raise Conflict("This key was used for another answer. Use a new one for a new answer.")
    return Answered(letter_id=row.id, state=row.state, to=row.payload["to"][0], repeated=True)
