"""Fetching the whole of a letter of which only the headers were read, as it was too large: on demand of a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from gateway.audit.log import Deed, record
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError, NotFound, NotPossible
from gateway.mail.imap.letters import CONNECTOR
from gateway.mail.imap.ondemand import LetterGone, fetch_letter
from gateway.mail.imap.trouble import trouble_of
from gateway.mail.oauth.tokens import tokens_of
from gateway.mail.parse import read_headers_only
from gateway.storage.store import Store
from gateway.storage.tables import Journal
from gateway.web.api.writes import WriteCall, WriteOperation


class LetterAway(LeadgateError):
    """The mail server can't be asked now."""

    code = "mailbox_unavailable"
    retryable = True


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """The letter is here; its text and attachments follow in a moment."""

    interaction_id: str
    size: int
    """Bytes of the whole letter."""


@dataclass(slots=True, eq=False)
class LetterFetcher:
    """Asks the mailbox again, beside the connection that reads it. One letter at a time: they are large."""

    store: Store
    settings: Settings
    clock: Clock
    on_stored: Callable[[], None]
    """Kicks the processing, which reads the letter."""
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fetch(self, interaction_id: str, actor: str) -> Fetched:
        """Raises NotFound, NotPossible (it is whole, or gone), LetterAway, StoreUnavailable."""
        row = await self.store.read(lambda connection: _newest(connection, interaction_id))
        if row is None:
            raise NotFound("There is no letter from a mailbox with this id.")
        if "problem" not in row.meta:
            raise NotPossible("The letter was read whole already.")
        async with self._one:
            raw = await self._ask(row)
        at = self.clock.now()
        await self.store.write(lambda connection: _put(connection, row, raw, actor, at))
        self.on_stored()
        return Fetched(interaction_id=interaction_id, size=len(raw))

    async def _ask(self, row: Any) -> bytes:
        mailbox = next((box for box in self.settings.mailbox if box.name == row.source), None)
        if mailbox is None:
            raise NotPossible(
                "No [[mailbox]] is called %(source)s any more, so the letter can't be fetched.", source=row.source
            )
        message_id = read_headers_only(row.raw, row.received_at).message_id
        tokens = tokens_of(mailbox, self.settings.data, self.clock)
        try:
            return await fetch_letter(mailbox, tokens, row.meta, message_id, now=self.clock.now())
        except LetterGone as error:
            raise NotPossible("%(why)s.", why=error) from None
        except Exception as error:  # a server may answer anything
            raise LetterAway("%(why)s.", why=trouble_of(error, mailbox).sentence) from error

    def writes(self) -> tuple[WriteOperation, ...]:
        """The operation for the API."""

        async def fetch(call: WriteCall) -> Fetched:
            return await self.fetch(call.ids["id"], call.who.actor)

        return (
            WriteOperation(
                method="POST",
                path="/api/v1/interactions/{id}/fetch",
                name="fetchLetter",
                summary="Fetch the whole of a letter of which only the headers were read, as it was too large.",
                answer=Fetched,
                status=202,
                act=fetch,
            ),
        )


def _newest(connection: Connection, interaction_id: str) -> Any:
    query = (
        select(Journal.id, Journal.source, Journal.raw, Journal.meta, Journal.received_at, Journal.interaction_id)
        .where(Journal.interaction_id == interaction_id, Journal.connector == CONNECTOR)
        .order_by(Journal.id.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def _put(connection: Connection, row: Any, raw: bytes, actor: str, at: datetime) -> None:
    """The whole letter in the place of its headers; the processing reads it as if it came now."""
    meta = {name: value for name, value in row.meta.items() if name != "problem"}
    again = {"raw": raw, "meta": meta, "draft": None, "state": "new", "attempts": 0, "due_at": at, "error": None}
    connection.execute(update(Journal).where(Journal.id == row.id).values(**again))
    detail = {"mailbox": row.source, "bytes": len(raw)}
    deed = Deed(
        actor=actor, action="letter.fetched", object_kind="interaction", object_id=row.interaction_id, detail=detail
    )
    record(connection, deed, at)
