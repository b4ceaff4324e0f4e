"""Every letter that left to a customer is part of the history: an interaction like any other, with its raw bytes.

It goes through the Sink under the same key as a copy of it that is found in a mailbox, so the copy in the Sent folder
is only a second sighting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.address import canonical_address, email_handle
from gateway.core.clock import Clock
from gateway.core.ports import Interpreter, Sink
from gateway.core.types import Channel, Direction, Draft, Inbound, Json, Kind
from gateway.outgoing.claims import Claimed, mark_recorded
from gateway.outgoing.compose import compose
from gateway.storage.store import Store

CONNECTOR = "outgoing"
DOUBT = (
    "The mail server did not say whether it took this letter. It is not sent again by itself; if the customer does not "
    "have it, send it again: it keeps its Message-ID, so a second copy can be told."
)

Digest = Callable[[bytes, datetime], str]
"""What tells copies of a letter (``gateway.mail.identity.letter_digest``)."""


@dataclass(frozen=True, slots=True)
class History:
    """Writes letters that left into the history."""

    sink: Sink
    store: Store
    clock: Clock
    digest: Digest

    async def record(self, claimed: Claimed, *, doubtful: bool) -> None:
        """Doing it again changes nothing. Raises NotDurable or StoreUnavailable: try again later."""
        letter, sender = claimed.letter, claimed.sender
        if letter is None or sender is None:
            raise ValueError("only letters are part of the history")
        raw = await asyncio.to_thread(compose, letter, sender)
        key = f"mail:{self.digest(raw, letter.created_at)}"
        facts = {"id": claimed.id, "purpose": claimed.purpose, "doubtful": doubtful}
        item = Inbound(
            connector=CONNECTOR,
            source=sender.name,
            channel=Channel.MAIL,
            dedup_key=key,
            key=key,
            raw=raw,
            received_at=self.clock.now(),
            pending="to be parsed",
            meta={"outgoing": facts, "mail_from": sender.address, "rcpt_to": list(letter.payload["to"])},
        )
        await self.sink.accept(item)
        await self.store.write(lambda connection: mark_recorded(connection, claimed.id, self.clock.now()))


class SentInterpreter:
    """Implements ``core.ports.Interpreter`` for our own letters: the mail room reads them, what we know counts."""

    def __init__(self, letters: Interpreter) -> None:
        self._letters = letters

    async def interpret(self, raw: bytes, meta: Mapping[str, Json], received_at: datetime) -> Draft:
        """A Draft, always."""
        draft = await self._letters.interpret(raw, {**meta, "rcpt_to": []}, received_at)
        facts = meta["outgoing"]
        handles = (email_handle(address) for address in meta["rcpt_to"])
        return replace(
            draft,
            direction=Direction.OUTBOUND,
            kind=Kind.AUTO_REPLY if facts["purpose"] == "acknowledgement" else Kind.MESSAGE,
            handles=tuple(dict.fromkeys(handle for handle in handles if handle is not None)),
            name=None,
            company=None,
            line=canonical_address(meta["mail_from"]),
            fields={},
            problems=(DOUBT, *draft.problems) if facts["doubtful"] else draft.problems,
            details={**draft.details, "outgoing": {"id": facts["id"], "purpose": facts["purpose"]}},
        )
