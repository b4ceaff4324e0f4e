"""One SMTP connection: aiosmtpd's protocol with the limits and the manners that a door to the internet needs.

What is different from aiosmtpd 1.4.6, and why:

- the text after DATA is read by LetterReader (no permanent 500 for long lines, time-out renewed while bytes come);
- nothing that goes wrong inside becomes a permanent error or shows its text to the sender;
- a connection has an idle time-out that says goodbye, and a longest life;
- AUTH is not offered: recipients are the access rule, and some senders log in wherever AUTH is offered, and fail;
- parameters of delivery status notifications (RFC 3461) are ignored rather than refused: we never bounce;
- limits of command lines are kept per connection (aiosmtpd shares one growing table among all).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, TLSSetupException, syntax

from gateway.mail.settings import SmtpSettings
from gateway.mail.smtp.door import Door
from gateway.mail.smtp.letter import LetterReader, LetterRefused

log = logging.getLogger(__name__)

COMMAND_LINE_LIMIT = 1024
"""Bytes. RFC 5321 section 4.5.3.1.4 asks for 512, extensions add some (RFC 3461, RFC 6531)."""
READER_LIMIT = 1 << 20
"""asyncio pauses a sender that is twice this far ahead of us; also the longest line that a command may be read from."""
CALLS = 100
"""How often one connection may say any command that is not part of sending letters (NOOP, HELP, VRFY, ...)."""
IGNORED_PARAMETERS = frozenset({"AUTH", "RET", "ENVID", "NOTIFY", "ORCPT"})
"""RFC 3461 and RFC 4954: about bounces and accounts, which we do not have."""
IDENT = "Leadgate"


@dataclass(frozen=True, kw_only=True)
class SessionContext:
    """What all connections of one listener share."""

    settings: SmtpSettings
    door: Door
    hostname: str
    tls: ssl.SSLContext | None


class LetterSession(SMTP):
    """One connection that was let in. ``ended`` is called once, when it is gone."""

    line_length_limit = READER_LIMIT

    def __init__(
        self,
        handler: Any,
        context: SessionContext,
        *,
        ended: Callable[[LetterSession], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        settings = context.settings
        self.command_size_limits = defaultdict(lambda: COMMAND_LINE_LIMIT)
        self.command_size_limit = COMMAND_LINE_LIMIT
        super().__init__(
            handler,
            data_size_limit=settings.max_size,
            enable_SMTPUTF8=True,  # without it a Cyrillic address or an 8-bit byte in a command is a permanent error
            hostname=context.hostname,
            ident=IDENT,
            tls_context=context.tls,
            timeout=settings.idle_seconds,
            command_call_limit=_call_limits(settings),
            loop=loop,
        )
        self._context = context
        self._ended: Callable[[LetterSession], None] | None = ended
        self._reading: LetterReader | None = None
        self._age: asyncio.TimerHandle | None = None
        self.octets_held = 0
        """Memory that the letter in ``envelope`` holds; the handler takes it over when it begins to store it."""
        self.refusals = 0
        """Recipients that were not ours."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._age is None:  # a second call comes after STARTTLS
            life = self._context.settings.session_seconds
            self._age = self.loop.call_later(
                life, self.goodbye, "421 4.4.2 This connection is too old, please reconnect"
            )

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._age is not None:
            self._age.cancel()
        if self._ended is not None:  # aiosmtpd calls this twice after a failed TLS handshake
            ended, self._ended = self._ended, None
            ended(self)

    def goodbye(self, answer: str) -> None:
        """Say ``answer`` and close the connection. A letter that is being stored is stored nevertheless."""
        if self.transport is not None and not self.transport.is_closing():
            self._writer.write(answer.encode("ascii") + b"\r\n")
            self.transport.close()

    def _timeout_cb(self) -> None:
        if self._reading is not None and self._reading.lone_line_feeds:
            log.warning(
                "An SMTP sender ends its lines with LF alone, so its letter never ends and was not taken",
                extra={"action": "smtp_lone_line_feeds", "peer": self.peer_address},
            )
            self.goodbye("421 4.5.2 Lines must end with CRLF, the letter with CRLF . CRLF (RFC 5321 section 2.3.8)")
            return
        self.goodbye("421 4.4.2 Nothing came for too long, goodbye")

    @property
    def peer_address(self) -> str:
        """The sender's IP address."""
        peer = self.session.peer if self.session is not None else None
        return str(peer[0]) if peer else ""

    async def _handle_client(self) -> None:
        try:
            await super()._handle_client()
        except ConnectionError as error:
            log.info("SMTP connection lost: %s", error, extra={"action": "smtp_lost", "peer": self.peer_address})

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours is temporary for the sender, and its text stays in our log."""
        if isinstance(error, TLSSetupException):
            log.info("TLS handshake failed", extra={"action": "smtp_tls_failed", "peer": self.peer_address})
        else:
            log.error("SMTP command failed", exc_info=error, extra={"action": "smtp_failed", "peer": self.peer_address})
        return "451 4.3.0 Something went wrong here, please try again later"

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            address, rest = super()._getaddr(arg)
        except (IndexError, ValueError):  # the parser of the standard library trips over "<" and a lone quote
            return None, None
        return address, rest

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        kept = [param for param in params if param.partition("=")[0].upper() not in IGNORED_PARAMETERS]
        return super()._getparams(kept)

    async def smtp_AUTH(self, _arg: str) -> None:  # noqa: N802 - aiosmtpd finds commands by these names
        await self.push("502 5.5.1 AUTH is neither offered nor needed here")

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        envelope = self.envelope
        if await self.check_helo_needed():
            return
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT comes before DATA")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            envelope.content = envelope.original_content = await self._read_letter()
            answer = await self._call_handler_hook("DATA")
        except LetterRefused as refused:
            answer = refused.args[0]
        finally:
            self._context.door.give_back(self.octets_held)
            self.octets_held = 0
        recipients = tuple(envelope.rcpt_tos)
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        self._reset_timeout()
        await self._answer_letter(answer, recipients)

    async def _answer_letter(self, answer: str, recipients: Sequence[str]) -> None:  # noqa: ARG002 - LMTP wants them
        """One answer, whoever the letter is for."""
        await self.push(answer)

    async def _read_letter(self) -> bytes:
        door = self._context.door
        reading = LetterReader(self._reader, self._context.settings.max_size, door.take, self._reset_timeout)
        self._reading = reading
        try:
            return await reading.read()
        finally:
            self.octets_held = reading.taken
            self._reading = None


class LmtpSession(LetterSession):
    """The same for LMTP (RFC 2033): LHLO instead of EHLO, and after the letter an answer for each recipient.

    A letter is stored once for all of its recipients, so they all get the same answer: a mail server then keeps it for
    each of them, or for none.
    """

    show_smtp_greeting = False

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802
        await super().smtp_EHLO(hostname)

    async def smtp_EHLO(self, _hostname: str) -> None:  # noqa: N802
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def smtp_HELO(self, _hostname: str) -> None:  # noqa: N802
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def _answer_letter(self, answer: str, recipients: Sequence[str]) -> None:
        for recipient in recipients:
            code, _, words = answer.partition(" ")
            await self.push(f"{code} {words} <{_printable(recipient)}>")


def _printable(address: str) -> str:
    """An address as an answer may hold it."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in address)


def _call_limits(settings: SmtpSettings) -> dict[str, int]:
    letters = settings.max_messages
    return {
        "MAIL": letters,
        "DATA": letters,
        "RSET": letters,
        "RCPT": letters * settings.max_recipients,
        "*": CALLS,
    }
