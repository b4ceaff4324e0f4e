"""The listening socket: who is let in, start with a clear word when the port is taken, stop without losing a letter."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from typing import cast

from gateway.core.clock import Clock
from gateway.core.errors import ConfigError
from gateway.core.ports import Sink, SourceHealth
from gateway.core.sentences import NOTHING, Sentence
from gateway.mail.settings import SmtpSettings, split_address
from gateway.mail.smtp.door import Door
from gateway.mail.smtp.handler import LMTP, SMTP, LetterHandler
from gateway.mail.smtp.session import LetterSession, LmtpSession, SessionContext

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long the stop waits for letters that are being stored; the whole gateway has ten seconds."""


class SmtpListener:
    """Takes letters by SMTP, or by LMTP, and hands them to ``sink``, raw. A ``core.ports.Source``."""

    def __init__(self, settings: SmtpSettings, sink: Sink, clock: Clock, protocol: str = SMTP) -> None:
        """``protocol``: ``smtp`` or ``lmtp``; also the name of the source."""
        self._settings = settings
        self._protocol = protocol
        self._session_type = LmtpSession if protocol == LMTP else LetterSession
        self._door = Door(connections=settings.max_connections, per_address=settings.per_ip, octets=settings.max_memory)
        self._handler = LetterHandler(settings, sink, clock, self._door, protocol)
        self._sessions: set[LetterSession] = set()
        self._server: asyncio.Server | None = None
        self._context: SessionContext | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; differs from the configured one when that is 0."""
        if self._server is None:
            raise RuntimeError("the SMTP listener is not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises ConfigError when the address can't be listened on or the certificate can't be read."""
        # aiosmtpd logs each command with its addresses; what matters is logged by us, with an action
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._context = SessionContext(
            settings=self._settings,
            door=self._door,
            hostname=self._settings.hostname or socket.gethostname(),
            tls=_tls_context(self._settings),
        )
        host, port = split_address(self._settings.listen)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Doorkeeper(self), host or None, port)
        except OSError as error:
            raise ConfigError(_why_not(error, self._settings.listen, port, self._protocol)) from error
        log.info(
            "%s listens on %s",
            self._protocol.upper(),
            self._settings.listen,
            extra={"action": f"{self._protocol}_listening", "port": self.port},
        )

    async def stop(self) -> None:
        """Take no new connection, let letters that are being stored become durable, and close what is open."""
        if self._server is None:
            return
        self._server.close()
        await self._handler.drain(STOP_SECONDS)
        for session in tuple(self._sessions):
            session.goodbye("421 4.3.2 The gateway stops, please try again later")
        self._server = None

    def health(self) -> list[SourceHealth]:
        """One entry: the listener."""
        failure = self._handler.last_failure
        if self._server is None:
            state = "stopped"
            detail = Sentence("The %(protocol)s listener is not running.", {"protocol": self._protocol.upper()})
        elif failure is not None:
            state, detail = "refusing", failure
        else:
            state, detail = "listening", NOTHING
        ok = state == "listening"
        return [
            SourceHealth(
                name=self._protocol, ok=ok, state=state, detail=detail, last_event_at=self._handler.last_letter_at
            )
        ]

    def admit(self, transport: asyncio.Transport) -> None:
        """Let a new connection in, or tell it to come again later."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        context = self._context
        refusal = self._door.enter(address) if context is not None else "not started"
        if refusal is not None or context is None:
            log.info("SMTP connection refused: %s", refusal, extra={"action": "smtp_refused", "peer": address})
            transport.write(f"421 4.7.0 {refusal}, please try again later\r\n".encode("ascii"))
            transport.close()
            return
        session = self._session_type(
            self._handler,
            context,
            ended=lambda ended: self._left(ended, address),
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        transport.set_protocol(session)
        session.connection_made(transport)

    def _left(self, session: LetterSession, address: str) -> None:
        self._sessions.discard(session)
        self._door.leave(address)


class Doorkeeper(asyncio.Protocol):
    """The first protocol of a connection: a refused one never costs the making of a session."""

    def __init__(self, listener: SmtpListener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._listener.admit(cast(asyncio.Transport, transport))


def _tls_context(settings: SmtpSettings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"[smtp] tls_cert = {settings.tls_cert!r}, tls_key = {settings.tls_key!r}: {error}. "
            "Both must be PEM files that belong together and that the gateway's user may read"
        ) from error
    return context


def _why_not(error: OSError, listen: str, port: int, protocol: str = SMTP) -> str:
    """A sentence for people: what is wrong with the address, who may be behind it, which key to change."""
    name, key = protocol.upper(), f"[{protocol}] listen"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{name}: port {port} ({listen}) is taken by another program, often Postfix, Exim or a second Leadgate "
            f"(`ss -ltnp 'sport = :{port}'` shows it). Stop it, or set another port in {key}"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{name}: port {port} ({listen}) needs more rights, as ports below 1024 do. Give the service "
            f"CAP_NET_BIND_SERVICE, or set a port above 1023 in {key}"
        )
    return f"{name}: can't listen on {listen}: {error.strerror or error}. Set an address of this machine in {key}"
