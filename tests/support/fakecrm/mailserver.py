"""A mail server for the adapter ``email``: takes letters, or misbehaves as the kit's fake CRMs do.

Like the mailboxes that recognise repeats it shows each Message-ID once; ``arrived`` has every letter.
"""

from __future__ import annotations

import asyncio
import base64
import json
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from crm_adapter.testkit.fakecrm import DONE_ALL_THE_SAME, REASON, Asked, FakeCrm, Trouble
from tests.support.fakecrm.told import shown_of

USER, PASSWORD = "leads@example.com", "password-of-the-mailbox"
SAID = {
    Trouble.BUSY: "451 4.3.0 Try again later",
    Trouble.BROKEN: "421 4.3.2 Going down",
    Trouble.THROTTLED: "450 4.7.1 Too many messages, slow down",
    Trouble.REFUSED: f"550 5.7.1 {REASON}",
    Trouble.FORBIDDEN: "535 5.7.8 Authentication failed",
    Trouble.EXPIRED: "454 4.7.0 Temporary authentication failure",
}
ASKED_ABOUT = ("AUTH", "MAIL", "RCPT", "LETTER")
"""Commands that can meet trouble; LETTER is the answer after the dot."""


class FakeMailServer(FakeCrm):
    """Plain SMTP on loopback; its TLS has tests with another server."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[EmailMessage] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 22)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._over.set()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def once(self) -> list[EmailMessage]:
        """The letters as a mailbox with a filter of repeats shows them."""
        return list({str(one["Message-ID"]): one for one in self.arrived}.values())

    def documents(self) -> list[dict[str, Any]]:
        """The attached event of each letter, repeats dropped."""
        return [document_of(one) for one in self.once()]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return shown_of(self.documents())

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client hung up: nothing is left to be said
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        signed_in = False
        while True:
            line = (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n")
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                await writer.drain()
                return
            if verb == "DATA":
                writer.write(b"354 Go on\r\n")
                content = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                verb, good = "LETTER", "250 2.0.0 Queued as 1"
            else:
                content = b""
                good = {"EHLO": "250-mail.test\r\n250 AUTH PLAIN", "AUTH": "235 2.7.0 OK"}.get(verb, "250 2.0.0 OK")
            if verb == "AUTH":
                signed_in = base64.b64decode(rest.split()[1]) == f"\0{USER}\0{PASSWORD}".encode()
                good = good if signed_in else SAID[Trouble.FORBIDDEN]
            if verb in ("MAIL", "RCPT") and not signed_in:
                good = "530 5.7.0 Authentication required"
            if not await self._answer(writer, verb, content, good):
                return

    async def _answer(self, writer: asyncio.StreamWriter, verb: str, content: bytes, good: str) -> bool:
        """Say it, or what trouble makes of it; False where the connection ends."""
        asked = Asked(method=verb, path="", query={}, headers={}, body=content)
        self.asked.append(asked)
        trouble = self._next(asked) if verb in ASKED_ABOUT else None
        self.met += trouble is not None
        if verb == "LETTER" and (trouble is None or trouble in DONE_ALL_THE_SAME):
            self.arrived.append(message_from_bytes(content, policy=default))
        if trouble in (Trouble.HANGS, Trouble.TIMES_OUT):
            await self._over.wait()
            return False
        if trouble is Trouble.CUT:
            writer.write(good[:2].encode())
            await writer.drain()
        if trouble in (Trouble.LOST, Trouble.CUT):
            return False
        writer.write(f"{SAID[trouble] if trouble else good}\r\n".encode())
        await writer.drain()
        return trouble is not Trouble.BROKEN


def document_of(letter: EmailMessage) -> dict[str, Any]:
    """The event that is attached."""
    (attached,) = letter.iter_attachments()
    found: dict[str, Any] = json.loads(attached.get_content())
    return {"message_id": str(letter["Message-ID"])[1:].partition("@")[0], **found}
