"""What the tests of the listener share: a started listener, and a client that says exactly the bytes it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.mail.settings import SmtpSettings
from gateway.mail.smtp import SmtpListener
from tests.support.patience import PATIENCE
from tests.support.sink import ManualClock, RecordingSink

LETTER = b"From: ivan@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Pump\r\n\r\nHow much?\r\n"


@asynccontextmanager
async def listening(sink: RecordingSink, **changed: Any) -> AsyncIterator[SmtpListener]:
    """A listener on a free port of the loopback."""
    listener = SmtpListener(SmtpSettings(listen="127.0.0.1:0", **changed), sink, ManualClock())
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


class Client:
    """A raw SMTP client. Answers are returned as their lines without line ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, listener: SmtpListener) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", listener.port))

    @classmethod
    async def greeted(cls, listener: SmtpListener) -> Client:
        """A client that has had its greeting and said EHLO."""
        client = await cls.connect(listener)
        assert (await client.answer()).startswith("220 ")
        assert "250" in await client.say("EHLO client.example")
        return client

    async def answer(self) -> str:
        """The next answer, its last line; empty at EOF."""
        async with asyncio.timeout(PATIENCE):
            while True:
                line = (await self.reader.readline()).decode("utf-8").rstrip("\r\n")
                if line[3:4] != "-":
                    return line

    async def say(self, *commands: str) -> str:
        """Send commands, one packet, and return the answer to the last."""
        self.send("".join(f"{command}\r\n" for command in commands).encode("utf-8", "surrogateescape"))
        last = ""
        for _ in commands:
            last = await self.answer()
        return last

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def begin(self, recipient: str = "info@shop.example") -> None:
        """Up to 354."""
        answer = await self.say("MAIL FROM:<ivan@example.com>", f"RCPT TO:<{recipient}>", "DATA")
        assert answer.startswith("354"), answer

    async def deliver(self, letter: bytes = LETTER) -> str:
        """One whole letter; returns the answer to the dot."""
        await self.begin()
        self.send(letter + b".\r\n")
        return await self.answer()

    async def closed(self) -> bool:
        """True when the listener closes the connection, whatever it says before."""
        async with asyncio.timeout(PATIENCE):
            await self.reader.read()
        await self.leave()
        return True

    async def leave(self) -> None:
        """Close without a word."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return

    def reset(self) -> None:
        """Go away with a TCP reset."""
        self.writer.transport.abort()


async def eventually(condition: Any) -> None:
    """Wait until ``condition()`` is true, at most five seconds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)
