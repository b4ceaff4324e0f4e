"""Bytes of an AMI socket, cut anywhere, to messages. Pure, and the fastest loop of the gateway.

The wire format (Asterisk, ``main/manager.c``): a banner line; then messages of ``Name: value`` lines that end with
CRLF, each message closed by an empty line. Two things make it quick. Events that nobody needs are dropped on their
first line. And a header line is understood once and remembered by its bytes: a channel's number, name, context and ids
come back in each of its events, so most lines cost one look-up in C.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Message = dict[str, str]
"""One response or event, header names as Asterisk writes them. A header that repeats (``Variable``, ``ChanVariable``,
``Output``) has its values joined with a newline; no single value holds one."""

MAX_MESSAGE = 256 * 1024
"""Bytes of one message. The longest honest ones are ``Output`` lists of some ten KiB."""
MAX_HEADERS = 2048
"""Lines of one message. An event with all its channel variables has some hundred."""
MAX_BANNER = 1024
"""Bytes of a first line. Asterisk's has 28."""

_END = b"\r\n\r\n"
_EVENT = b"Event: "
_TIMESTAMP = b"Timestamp: "
_VARIABLE = b"\r\nVariable: "
_REMEMBERED = 16_384
"""Lines kept by `_Lines`: about 350 bytes each, so below 6 MiB a connection."""
_LONG = 256
"""Lines longer than this are rare and not worth keeping."""

_ESCAPED_NAMES = ("CallerIDName", "ConnectedLineName", "ChanVariable")
"""Asterisk writes these, and only these, with C escapes (since 13.5); ``DestCallerIDName`` and the like end so too."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "?": "?", **dict.fromkeys("abfnrtv", " ")}
"""Control characters become a space: a line break in a caller's name is noise, and would look like a second value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are worth reading. Responses always are; the events of list actions count as events."""

    wanted: frozenset[str] | None = None
    """Names of events; others are dropped on their first line. None for all."""
    variables: frozenset[str] | None = None
    """Channel variables whose ``VarSet`` is worth reading, if that is wanted. None for all."""

    def encoded(self) -> tuple[frozenset[bytes] | None, frozenset[bytes] | None]:
        """Both sets as they are on the wire."""
        wanted, variables = (
            None if names is None else frozenset(name.encode() for name in names)
            for names in (self.wanted, self.variables)
        )
        return wanted, variables


KEEP_ALL = EventFilter()


@dataclass(slots=True, kw_only=True)
class FramingCounts:
    """What a stream was made of."""

    messages: int = 0
    """Handed on."""
    skipped: int = 0
    """Dropped on purpose by the filter."""
    oversized: int = 0
    """Longer than the limits, dropped."""
    garbage: int = 0
    """Blocks without a single header, dropped."""
    malformed_lines: int = 0
    """Lines without a colon in messages that were otherwise read."""


class _Lines(dict[bytes, tuple[str, str]]):
    """Line -> (name, value), filled as lines come by; ``("", "")`` for a line that is no header."""

    def __missing__(self, line: bytes) -> tuple[str, str]:
        if line[:11] == _TIMESTAMP and line[11:].replace(b".", b"").isdigit():
            return "Timestamp", line[11:].decode("ascii")  # each is new: kept, they would push the others out
        pair = read_header(line)
        if len(line) <= _LONG:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[line] = pair
        return pair


def read_header(line: bytes) -> tuple[str, str]:
    """One line without its CRLF -> (name, value); ``("", "")`` if it has no colon or no name.

    The space after the colon may be missing. Bytes that are not UTF-8, and NUL, become U+FFFD, so that any store takes
    the text; the line is whole here, so no letter is cut by a TCP chunk.
    """
    raw_name, colon, raw_value = line.partition(b":")
    name = raw_name.decode("utf-8", "replace").strip().replace("\0", "\ufffd")
    if not colon or not name:
        return "", ""
    value = raw_value.removeprefix(b" ").decode("utf-8", "replace").replace("\0", "\ufffd")
    value = value.replace("\r", " ").replace("\n", " ")  # a bare one of them is not a line's end in AMI
    if "\\" in value and name.endswith(_ESCAPED_NAMES):
        value = _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[0]), value)
    return name, value


class Framer:
    """Feeds on chunks, gives messages. Any way to cut a stream into chunks gives the same messages."""

    def __init__(
        self, events: EventFilter = KEEP_ALL, *, max_message: int = MAX_MESSAGE, max_headers: int = MAX_HEADERS
    ) -> None:
        self.counts = FramingCounts()
        self.banner: str | None = None
        """The first line, once known; empty if the stream began with a message, as a recording may."""
        self._wanted, self._variables = events.encoded()
        self._max_message = max_message
        self._max_headers = max_headers
        self._lines = _Lines()
        self._buffer = bytearray()
        self._searched = 0  # bytes at the buffer's start that hold no end of a message
        self._discarding = False  # in an oversized message, up to its end

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes, in order. Never raises on any input."""
        buffer = self._buffer
        buffer += data
        if self.banner is None and not self._take_banner():
            return []
        end = buffer.rfind(_END, max(0, self._searched - len(_END) + 1))
        if end < 0:
            self._searched = len(buffer)
            self._limit_rest()
            return []
        blocks = bytes(buffer[:end]).split(_END)
        del buffer[: end + len(_END)]
        if self._discarding:
            self._discarding = False
            del blocks[0]
        messages = self._read(blocks)
        self._searched = len(buffer)
        self._limit_rest()
        return messages

    def close(self) -> list[Message]:
        """What is left when the stream ends without its last empty line. For recordings; a live peer's half is lost."""
        rest = bytes(self._buffer).rstrip(b"\r\n")
        self._buffer.clear()
        self._searched = 0
        return self._read([rest]) if rest and not self._discarding and self.banner is not None else []

    def _take_banner(self) -> bool:
        """Cut the banner off the buffer. False while its line is not complete."""
        end = self._buffer.find(b"\n", 0, MAX_BANNER)
        if end < 0 and len(self._buffer) < MAX_BANNER:
            return False
        line = bytes(self._buffer[: max(end, 0)]).strip()
        if end < 0 or b":" in line:  # no banner: begins with a message, or is no text at all
            self.banner = ""
        else:
            self.banner = line.decode("utf-8", "replace")
            del self._buffer[: end + 1]
        return True

    def _limit_rest(self) -> None:
        """Give up on a message that outgrew the limit, and wait for its end, a part of which may be in already."""
        mark = len(_END) - 1
        if len(self._buffer) > self._max_message + mark:
            if not self._discarding:
                self._discarding = True
                self.counts.oversized += 1
            del self._buffer[:-mark]
            self._searched = 0

    def _read(self, blocks: Iterable[bytes]) -> list[Message]:
        messages: list[Message] = []
        wanted, remembered = self._wanted, self._lines.__getitem__
        skipped = 0
        for block in blocks:
            if block[:7] != _EVENT:
                block = block.strip(b"\r\n")  # more empty lines than one between two messages
            if wanted is not None and block[:7] == _EVENT:
                end = block.find(b"\r\n")
                name = block[7:end] if end >= 0 else block[7:]
                if name not in wanted or (name == b"VarSet" and not self._is_wanted_variable(block)):
                    skipped += 1
                    continue
            lines = block.split(b"\r\n")
            message: Message | None = dict(map(remembered, lines)) if len(block) <= self._max_message else None
            if message is None or "" in message or not len(message) == len(lines) <= self._max_headers:
                message = self._read_odd(block, lines)
            if message is not None:
                messages.append(message)
        self.counts.skipped += skipped
        self.counts.messages += len(messages)
        return messages

    def _is_wanted_variable(self, block: bytes) -> bool:
        """Whether a VarSet event sets a variable that is worth reading."""
        if self._variables is None:
            return True
        start = block.rfind(_VARIABLE) + len(_VARIABLE)  # it is the last header but one
        return block[start : block.find(b"\r\n", start)] in self._variables

    def _read_odd(self, block: bytes, lines: list[bytes]) -> Message | None:
        """A message with repeated headers or broken lines, read the slow way; None if nothing can be made of it."""
        if len(block) > self._max_message or len(lines) > self._max_headers:
            self.counts.oversized += 1
            return None
        values: dict[str, list[str]] = {}
        for line in lines:
            name, value = self._lines[line]
            if name:
                values.setdefault(name, []).append(value)
            elif line:
                self.counts.malformed_lines += 1
        if values:
            return {name: "\n".join(found) for name, found in values.items()}
        self.counts.garbage += bool(block)
        return None
