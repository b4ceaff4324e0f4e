"""Reading the text of a letter after DATA (RFC 5321 sections 4.1.1.4 and 4.5.2).

aiosmtpd reads it line by line, answers a permanent 500 to a line above its buffer, and lets the whole text share one
time-out. This reader looks for the end mark in whatever has arrived: lines may be as long as the letter, and each piece
that comes shows that the sender is alive. Only CRLF "." CRLF ends a letter; anything looser is how letters are smuggled
(CVE-2024-27305).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

END = b"\r\n.\r\n"
WHOLE_BUFFER = 1 << 30
"""More than a StreamReader holds: ``read`` then empties it, so what follows the end mark can be put back in order."""


DRAIN_SLACK = 1 << 20
"""Bytes beyond twice the limit after which a sender that does not stop is cut off."""


class LetterRefused(Exception):
    """The letter was read to its end and dropped. ``args[0]`` is the SMTP answer."""


@dataclass
class LetterReader:
    """Reads one letter from ``reader``."""

    reader: asyncio.StreamReader
    limit: int
    """Bytes of the largest letter."""
    take: Callable[[int], bool]
    """Reserves memory for so many bytes; False when there is none."""
    progress: Callable[[], None]
    """Called after each piece that arrived."""
    taken: int = 0
    """Bytes reserved so far; the caller gives them back."""
    refusal: str | None = None
    received: int = 0
    lone_line_feeds: bool = False
    """The sender ended its lines, and seemingly the letter, with LF alone: it waits for an answer that can't come."""

    async def read(self) -> bytes:
        """The text with its dots unstuffed (section 4.5.2). Raises LetterRefused, or ConnectionResetError at EOF."""
        # the end mark may be the very first thing, so the text begins as if it stood after a line end
        data = bytearray(b"\r\n")
        while True:
            chunk = await self.reader.read(WHOLE_BUFFER)
            if not chunk:
                raise ConnectionResetError("the sender went away in the middle of a letter")
            self.progress()
            searched = max(0, len(data) - len(END) + 1)
            data += chunk
            end = data.find(END, searched)
            if end >= 0:
                self._put_back(bytes(data[end + len(END) :]))
                del data[end + 2 :]
                self._admit(len(chunk), len(data))
                break
            self._admit(len(chunk), len(data))
            if self.refusal:
                del data[: -len(END)]
            self.lone_line_feeds = data.endswith(b"\n.\n")
        if self.refusal:
            raise LetterRefused(self.refusal)
        if b"\r\n." in data:
            data = data.replace(b"\r\n.", b"\r\n")
        return bytes(memoryview(data)[2:])

    def _put_back(self, following: bytes) -> None:
        """What stands behind the end mark is the next command."""
        if following and not self.reader.at_eof():
            self.reader.feed_data(following)

    def _admit(self, octets: int, held: int) -> None:
        """Account for a piece. A letter too large is read on and dropped, as the answer has to wait for its end."""
        self.received += octets
        if self.received > 2 * self.limit + DRAIN_SLACK:
            raise ConnectionResetError("the sender does not stop")
        if self.refusal:
            return
        if held > self.limit + 2:
            self.refusal = f"552 5.3.4 The letter is larger than {self.limit} bytes"
        elif self.take(octets):
            self.taken += octets
        else:
            self.refusal = "452 4.3.1 No room for a letter just now, please try again later"
