"""Letters in the API: answering one, its HTML made harmless, its source; and what goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, select

from gateway.core.by import By
from gateway.core.errors import NotFound
from gateway.core.types import Channel
from gateway.outgoing import shelf
from gateway.outgoing.answers import Answer, AnswerDesk, Answered
from gateway.outgoing.queue import OutgoingFile
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, Journal
from gateway.web.access import Right
from gateway.web.api.leadwork import see_lead
from gateway.web.api.parameters import CURSOR, LIMIT, MAX_LIMIT, page_of
from gateway.web.api.reads import File, ReadCall, ReadOperation
from gateway.web.api.writes import Who, WriteCall, WriteOperation
from gateway.web.problems import Refused
from gateway.web.queries.filters import Position

PLAIN = "application/octet-stream"


class Letters(Protocol):
    """Who can read raw letters (``mail.interpreter.MailInterpreter``)."""

    async def html(self, raw: bytes, received_at: datetime) -> str | None:
        """The HTML for showing; None where there is none."""
        ...


class NewFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that goes with an answer."""

    name: str
    content: bytes
    """In base64."""
    content_type: str = PLAIN


class NewAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to a customer."""

    text: str
    subject: str | None = None
    """Without it `Re:` and the subject of what is answered."""
    sender: str | None = None
    """Name of a [[sender]]; without it the one whose address the customer wrote to."""
    quote: bool = False
    """Repeat the customer's letter below."""
    attachments: list[NewFile] = []
    key: str | None = None
    """The same key twice is one letter."""


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """The letter that will be sent."""

    letter: str
    """Its id: `GET /api/v1/outgoing/{id}` says what became of it."""
    state: str
    to: str
    repeated: bool
    """The key was known, so nothing new was stored."""


class TryView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    result: str | None
    detail: str | None


class OutgoingView(msgspec.Struct, frozen=True, kw_only=True):
    """A letter or message on its way out."""

    id: str
    way: str
    """letter, or webhook."""
    purpose: str
    """answer, acknowledgement, document, summary, notice."""
    state: str
    """waiting, sending, sent, failed, unknown (it may have arrived), dropped."""
    reason: str | None
    to: list[str]
    subject: str
    lead_id: str | None
    manager_id: str | None
    attempts: int
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    tries: list[TryView] = []


class OutgoingList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what goes out."""

    items: list[OutgoingView]
    next: str | None
    """`cursor` of the next page; null on the last."""


@dataclass(slots=True, eq=False)
class LetterDesk:
    """The operations, closed over what they work with."""

    store: Store
    desk: AnswerDesk
    letters: Letters

    def reads(self) -> tuple[ReadOperation, ...]:
        """For ``WebServer(reads=...)``."""
        return (
            ReadOperation(
                path="/api/v1/interactions/{id}/html",
                name="getLetterHtml",
                summary="The HTML of a letter, made harmless: no script, nothing that is loaded from anywhere.",
                act=self.html,
                content_type="text/html",
            ),
            ReadOperation(
                path="/api/v1/interactions/{id}/source",
                name="getLetterSource",
                summary="The letter as it came.",
                act=self.source,
                content_type="message/rfc822",
            ),
            ReadOperation(
                path="/api/v1/outgoing",
                name="listOutgoing",
                summary="Letters and messages that go out, the newest first.",
                act=self.listed,
                answer=OutgoingList,
                parameters=(
                    ("status", f"One of {', '.join(shelf.STATES)}."),
                    (LIMIT.name, f"{LIMIT.description} From 1 to {MAX_LIMIT}."),
                    (CURSOR.name, CURSOR.description),
                ),
                right=Right.LEAD,
            ),
            ReadOperation(
                path="/api/v1/outgoing/{id}",
                name="getOutgoing",
                summary="One letter or message with every try.",
                act=self.one,
                answer=OutgoingView,
            ),
        )

    def writes(self) -> tuple[WriteOperation, ...]:
        """For ``WebServer(writes=...)``."""
        answers = (("leads", "answerLead", self.answer_lead), ("interactions", "answerInteraction", self.answer_one))
        deeds = (
            ("retry", "retryOutgoing", "Send it now.", shelf.retry),
            ("drop", "dropOutgoing", "Never send it.", shelf.drop),
        )
        return (
            *(
                WriteOperation(
                    method="POST",
                    path=f"/api/v1/{things}/{{id}}/answer",
                    name=name,
                    summary="Answer the customer by mail, in the thread of the letter that is answered.",
                    body=NewAnswer,
                    answer=AnswerView,
                    status=202,
                    unit=unit,
                )
                for things, name, unit in answers
            ),
            *(
                WriteOperation(
                    method="POST",
                    path=f"/api/v1/outgoing/{{id}}/{verb}",
                    name=name,
                    summary=f"{summary} For what waits, failed or is unknown.",
                    answer=OutgoingView,
                    unit=partial(self._deed, deed),
                )
                for verb, name, summary, deed in deeds
            ),
        )

    def answer_lead(self, connection: Connection, call: WriteCall) -> AnswerView:
        """``body``: NewAnswer."""
        see_lead(connection, call.ids["id"], call.who)
        return _answered(self.desk.answer_lead(connection, call.ids["id"], _answer(call.body), call.who))

    def answer_one(self, connection: Connection, call: WriteCall) -> AnswerView:
        """``body``: NewAnswer."""
        _see_interaction(connection, call.ids["id"], call.who)
        return _answered(self.desk.answer_interaction(connection, call.ids["id"], _answer(call.body), call.who))

    async def html(self, call: ReadCall) -> File:
        """Raises NotFound."""
        row = await self._raw(call)
        found = await self.letters.html(row.raw, row.received_at)
        if found is None:
            raise NotFound("This letter has no HTML: its text says all.")
        return File(name="letter.html", content=found.encode(), content_type="text/html", inline=True)

    async def source(self, call: ReadCall) -> File:
        """Raises NotFound."""
        row = await self._raw(call)
        return File(name="letter.eml", content=row.raw, content_type=PLAIN)

    async def listed(self, call: ReadCall) -> OutgoingList:
        """Raises Refused for a status that there is not, and for what is no page."""
        status = call.query.get("status")
        if status is not None and status not in shelf.STATES:
            raise Refused(400, "bad_parameter", "status can be %(known)s.", known=", ".join(shelf.STATES))
        limit, after = page_of(call.query)
        before = after.id if after else None
        found = await self.store.read(lambda connection: shelf.listed(connection, status, limit + 1, before))
        shown = found[:limit]
        more = Position(shown[-1].created_at, shown[-1].id).encode() if len(found) > limit else None
        return OutgoingList(items=[_outgoing(one) for one in shown], next=more)

    async def one(self, call: ReadCall) -> OutgoingView:
        """Raises NotFound."""

        def read(connection: Connection) -> shelf.OnShelf:
            found = shelf.one(connection, call.ids["id"])
            _see_letter(connection, found, call.who)
            return found

        return _outgoing(await self.store.read(read))

    def _deed(
        self, deed: Callable[[Connection, str, By], shelf.OnShelf], connection: Connection, call: WriteCall
    ) -> OutgoingView:
        _see_letter(connection, shelf.one(connection, call.ids["id"]), call.who)
        return _outgoing(deed(connection, call.ids["id"], call.who))

    async def _raw(self, call: ReadCall) -> Any:
        """The newest raw copy of a letter. Raises NotFound where it is none, or not the person's to see."""

        def read(connection: Connection) -> Any:
            _see_interaction(connection, call.ids["id"], call.who)
            query = (
                select(Journal.raw, Journal.received_at)
                .where(Journal.interaction_id == call.ids["id"], Journal.channel == Channel.MAIL.value)
                .order_by(Journal.id.desc())
                .limit(1)
            )
            return connection.execute(query).one_or_none()

        row = await self.store.read(read)
        if row is None:
            raise NotFound("There is no letter with this id.")
        return row


def _see_interaction(connection: Connection, interaction_id: str, who: Who) -> None:
    row = connection.execute(
        select(Interaction.id, Interaction.lead_id).where(Interaction.id == interaction_id)
    ).first()
    if row is None:
        raise NotFound("There is no interaction with this id.")
    if row.lead_id is not None:
        see_lead(connection, row.lead_id, who)


def _see_letter(connection: Connection, letter: shelf.OnShelf, who: Who) -> None:
    if letter.lead_id is not None:
        see_lead(connection, letter.lead_id, who)
    elif who.seen_by is not None and letter.manager_id != who.seen_by:
        raise NotFound("There is no letter with this id.")


def _answer(body: NewAnswer) -> Answer:
    files = tuple(
        OutgoingFile(name=file.name, content_type=file.content_type, content=file.content) for file in body.attachments
    )
    return Answer(text=body.text, subject=body.subject, sender=body.sender, quote=body.quote, files=files, key=body.key)


def _answered(done: Answered) -> AnswerView:
    return AnswerView(letter=done.letter_id, state=done.state, to=done.to, repeated=done.repeated)


def _outgoing(found: shelf.OnShelf) -> OutgoingView:
    return msgspec.convert(found, OutgoingView, from_attributes=True)
