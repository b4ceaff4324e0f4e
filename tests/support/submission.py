"""A submission server on a real socket (aiosmtpd) that is honest until it is told to misbehave."""

from __future__ import annotations

import asyncio
import base64
import ssl
import warnings
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True, slots=True)
class Arrived:
    """A letter that the server took."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes
    signed_in_as: str | None

    @property
    def message(self) -> EmailMessage:
        """Read by the standard library, not by our own reader."""
        return message_from_bytes(self.raw, policy=default)


@dataclass
class SubmissionServer:
    """Start it, send to ``port``, look at ``arrived``. What is queued below is done once each, in order."""

    username: str | None = None
    password: str = "secret"
    token: str | None = None
    """An access token that XOAUTH2 takes."""
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    """TLS from the first byte, instead of STARTTLS."""
    rcpt: deque[str] = field(default_factory=deque)
    """Answers to RCPT."""
    data: deque[str] = field(default_factory=deque)
    """Answers to the letter; ``cut`` takes it and breaks the connection, ``hang`` takes it and says nothing."""
    greeting: str | None = None
    """Said instead of the greeting, and then the connection is closed."""
    arrived: list[Arrived] = field(default_factory=list)
    sign_ins: int = 0
    connections: int = 0
    _server: asyncio.Server | None = None
    port: int = 0

    async def start(self) -> SubmissionServer:
        loop = asyncio.get_running_loop()
        context = self.tls if self.implicit else None
        self._server = await loop.create_server(self._session, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _session(self) -> asyncio.Protocol:
        self.connections += 1
        if self.greeting is not None:
            return _Grump(self.greeting)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # aiosmtpd warns of signing in without TLS: on the loopback, in a test
            return _Session(
                self,
                hostname="submission.test",
                tls_context=None if self.implicit else self.tls,
                require_starttls=self.tls is not None and not self.implicit,
                auth_required=self.username is not None,
                auth_require_tls=False,
                authenticator=self._authenticate if self.username is not None else None,
            )

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> AuthResult:
        self.sign_ins += 1
        good = data == LoginPassword((self.username or "").encode(), self.password.encode())
        return AuthResult(success=good, handled=False, auth_data=self.username)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds hooks by these names
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.rcpt.popleft() if self.rcpt else "250 OK"
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.data.popleft() if self.data else "250 2.0.0 queued as 1"
        if answer.startswith("2") or answer in ("cut", "hang"):
            who = session.auth_data if session.authenticated else None
            raw = cast(bytes, envelope.original_content)
            self.arrived.append(Arrived(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw, who))
        if answer == "cut":
            cast(asyncio.Transport, server.transport).abort()
        if answer == "hang":
            await asyncio.sleep(60)
        return answer

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """Google's and Microsoft's way to take an access token."""
        self.sign_ins += 1
        words = base64.b64decode(args[1]).decode().split("\x01")
        if words == [f"user={self.username}", f"auth=Bearer {self.token}", "", ""]:
            return AuthResult(success=True, auth_data=self.username)
        await server.push("334 eyJzdGF0dXMiOiI0MDAifQ==")
        await server._reader.readline()
        return AuthResult(success=False, handled=False)


class _Session(SMTP):
    """aiosmtpd without its limit on the lines of a letter."""

    line_length_limit = 1 << 20


class _Grump(asyncio.Protocol):
    """Says one line and hangs up."""

    def __init__(self, line: str) -> None:
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writer = cast(asyncio.Transport, transport)
        writer.write(f"{self._line}\r\n".encode())
        writer.close()
