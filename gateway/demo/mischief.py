"""The ways in which a PBX, or whatever answers in its place, can misbehave. For tests, and to try the pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """How the next connections are treated. The default is a PBX that behaves."""

    banner: bytes | None = None
    """A first line other than Asterisk's, with its line end."""
    silent: bool = False
    """Accepts the connection and never sends a byte."""
    silent_after_login: bool = False
    """Answers nothing after the login, as a host that died without a word."""
    no_challenge: bool = False
    """Does not know the MD5 challenge."""
    after_login: bytes = b""
    """Sent raw after the login: garbage, half a message, a header of 1 MB."""
    cut_after_login: bool = False
    """Closes once ``after_login`` is sent."""
    cut_after: int | None = None
    """Closes the connection when so many bytes were sent on it."""
    drip: int | None = None
    """Sends at most so many bytes at a time, each as a packet of its own."""
    refuses: frozenset[str] = frozenset()
    """Actions answered with ``Permission denied``."""
    permits: frozenset[str] = frozenset()
    """Actions answered with Success that an account should not be allowed: ``Command``."""
    version: str = "22.10.1"
    """What CoreSettings calls itself."""
    clock_ahead: float = 0.0
    """Seconds by which its Ping is ahead of the right time."""
    started: str = "2026-11-22 08:00:00"
    """When it was started, as CoreStatus says."""
    hides: frozenset[str] = frozenset()
    """Events of an Originate that are not sent, as to an account without the right to read them."""
    undated: bool = False
    """The events of an Originate carry no Timestamp (``timestampevents = no``)."""
    first_leg: str = "4"
    """How the first leg of an Originate ends: ``Reason`` of OriginateResponse. 4 answered, 3 rang in vain, 5 busy."""


class Wire:
    """Writes to one client as the mischief says."""

    def __init__(self, writer: asyncio.StreamWriter, mischief: Mischief) -> None:
        self._writer = writer
        self._mischief = mischief
        self._left = mischief.cut_after
        self._turn = asyncio.Lock()  # messages of several tasks must not mix

    async def send(self, data: bytes) -> None:
        """Write, or don't. Raises ConnectionError when the connection is gone or cut on purpose."""
        async with self._turn:
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        cut = self._left is not None and len(data) >= self._left
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        step = self._mischief.drip or max(len(data), 1)
        for start in range(0, len(data), step):
            if self._writer.is_closing():
                raise ConnectionResetError("the client is gone")
            self._writer.write(data[start : start + step])
            await self._writer.drain()
            if self._mischief.drip:
                await asyncio.sleep(0)
        if cut:
            self.cut()
            raise ConnectionAbortedError("cut on purpose")

    def cut(self) -> None:
        """Close without a word, after what was written."""
        self._writer.close()
