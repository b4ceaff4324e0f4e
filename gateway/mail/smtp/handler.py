"""From an SMTP envelope to the Sink: which recipients are ours, and 250 only after the letter is durable."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.core.clock import Clock
from gateway.core.ports import Sink
from gateway.core.sentences import Sentence
from gateway.core.types import Channel, Inbound, Json, Receipt, Sighting
from gateway.mail.identity import letter_digest
from gateway.mail.settings import SmtpSettings
from gateway.mail.smtp.door import Door
from gateway.mail.smtp.recipients import Recipients

if TYPE_CHECKING:
    from datetime import datetime

    from aiosmtpd.smtp import Envelope, Session

    from gateway.mail.smtp.session import LetterSession

log = logging.getLogger(__name__)

SMTP = "smtp"
LMTP = "lmtp"
"""Each is connector and source at once: there is one listener of each kind."""
REFUSALS = 20
"""Unknown recipients in one connection after which it is closed: somebody is guessing addresses."""
BUSY = "451 4.3.0 The letter could not be stored just now, please try again later"
OFFLOADED = 1 << 20
"""Bytes from which a letter is hashed in a thread: a megabyte costs the event loop about 2 ms."""


class LetterHandler:
    """What aiosmtpd asks during all sessions of one listener (its ``handle_*`` hooks)."""

    def __init__(self, settings: SmtpSettings, sink: Sink, clock: Clock, door: Door, protocol: str = SMTP) -> None:
        self._settings = settings
        self._protocol = protocol
        self._sink = sink
        self._clock = clock
        self._door = door
        self._recipients = Recipients(settings.recipients)
        self._storing: set[asyncio.Task[Receipt]] = set()
        self.last_letter_at: datetime | None = None
        self.last_failure: Sentence | None = None
        """A sentence about the newest letter that could not be stored; None once one could again."""

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds hooks by these names
        self, _server: LetterSession, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Leave AUTH out of the extensions."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-AUTH")]

    async def handle_RCPT(  # noqa: N802
        self, server: LetterSession, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Ours: 250. Not ours: 550. Too many: 452, which makes a mail server send the rest in a second letter."""
        if not self._recipients.accepts(address):
            return self._refuse(server, address)
        if len(envelope.rcpt_tos) >= self._settings.max_recipients:
            return "452 4.5.3 Too many recipients of one letter, send the rest separately"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: LetterSession, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the letter, then say 250. A sender that goes away meanwhile changes nothing for the letter."""
        task = asyncio.ensure_future(self._store(server, session, envelope))
        self._storing.add(task)
        octets, server.octets_held = server.octets_held, 0
        task.add_done_callback(partial(self._stored, octets))
        try:
            async with asyncio.timeout(self._settings.accept_seconds):
                receipt = await asyncio.shield(task)
        except Exception:  # whatever it was is logged by _stored; the sender keeps the letter and tries again
            if not task.done():
                self._say_slow()
            return BUSY
        return f"250 2.0.0 OK {receipt.interaction_id}"

    def _say_slow(self) -> None:
        seconds = self._settings.accept_seconds
        self.last_failure = Sentence(
            "Storing a letter takes more than %(seconds)s s: look at the disk and the database.",
            {"seconds": f"{seconds:g}"},
        )
        log.error("Storing a letter takes too long", extra={"action": "smtp_store_slow", "seconds": seconds})

    async def _store(self, server: LetterSession, session: Session, envelope: Envelope) -> Receipt:
        raw = envelope.original_content or b""
        received_at = self._clock.now()
        if len(raw) > OFFLOADED:
            digest = await asyncio.to_thread(letter_digest, raw, received_at)
        else:
            digest = letter_digest(raw, received_at)
        item = Inbound(
            connector=self._protocol,
            source=self._protocol,
            channel=Channel.MAIL,
            # without the recipients: a retry, the copy for a second recipient of ours, and the copy in a mailbox that
            # is read by IMAP are the same letter
            dedup_key=f"mail:{digest}",
            key=f"mail:{digest}",
            raw=raw,
            received_at=received_at,
            pending="to be parsed",
            meta=_envelope_facts(server, session, envelope),
            sighting=Sighting(place="", mark=digest, seen_at=received_at),
        )
        return await self._sink.accept(item)

    def _stored(self, octets: int, task: asyncio.Task[Receipt]) -> None:
        self._storing.discard(task)
        self._door.give_back(octets)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.last_letter_at = self._clock.now()
            self.last_failure = None
        else:
            self.last_failure = Sentence(
                "The newest letter could not be stored (%(words)s); senders keep it and try again.", {"words": error}
            )
            log.error("A letter could not be stored", exc_info=error, extra={"action": "smtp_store_failed"})

    async def drain(self, seconds: float) -> None:
        """Wait until letters that are being stored are stored; those that take longer are given up, unacknowledged."""
        if not self._storing:
            return
        _, late = await asyncio.wait(set(self._storing), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.error("%d letters were given up at the stop", len(late), extra={"action": "smtp_gave_up"})
            await asyncio.wait(late)

    def _refuse(self, server: LetterSession, address: str) -> str:
        server.refusals += 1
        log.info(
            "SMTP recipient refused",
            extra={"action": "smtp_recipient_refused", "peer": server.peer_address, "recipient": storable(address)},
        )
        if server.refusals >= REFUSALS:
            server.loop.call_soon(server.goodbye, "421 4.7.0 Goodbye")
            return "550 5.1.1 Too many unknown recipients"
        return "550 5.1.1 This recipient is not ours"


def _envelope_facts(server: LetterSession, session: Session, envelope: Envelope) -> dict[str, Json]:
    """The envelope as ``Inbound.meta``: it is not in the letter and would be lost."""
    sender = envelope.mail_from or ""
    tls: Any = session.ssl
    return {
        "mail_from": "" if sender == "<>" else storable(sender),
        "rcpt_to": [storable(address) for address in envelope.rcpt_tos],
        "helo": storable(session.host_name or ""),
        "peer": server.peer_address,
        "tls": tls is not None,
    }


def storable(text: str) -> str:
    """Without surrogates (aiosmtpd's way to carry bytes that are no UTF-8) and NUL, as databases take neither."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
