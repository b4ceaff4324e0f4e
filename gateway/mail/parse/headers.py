"""The header block of a letter or a part: cut off, unfolded, repaired, with caps.

A header value is bytes until it is asked for: raw 8-bit values (RFC 6532 allows UTF-8; Russian form scripts send
windows-1251) can only be repaired from the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from gateway.mail.parse.charsets import decode
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.words import decode_words

# RFC 5322 section 2.2: a field name is printable ASCII without the colon. White space before the colon is obsolete
# syntax.
_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]{1,200})[ \t]*:(.*)", re.DOTALL)
_KNOWN_FIELD = re.compile(
    rb"(?:from|to|cc|subject|date|message-id|mime-version|content-type|content-transfer-encoding|received"
    rb"|in-reply-to|references"
    rb"|reply-to|return-path|x-[a-z-]+)[ \t]*:",
    re.IGNORECASE,
)
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_FOLD = re.compile(r"(?:\r\n|\r|\n)+[ \t]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Headers:
    """Header fields in their order. Names are compared without case."""

    fields: tuple[tuple[str, bytes], ...]
    """Lower-case name and raw value, folds included."""
    problems: tuple[str, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, list[bytes]]:
        index: dict[str, list[bytes]] = {}
        for name, value in self.fields:
            index.setdefault(name, []).append(value)
        return index

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def raw(self, name: str) -> str | None:
        """The first value of the field, unfolded, encoded words left as they are; None when absent."""
        values = self._by_name.get(name.lower())
        return unfold(values[0]) if values else None

    def text(self, name: str) -> str | None:
        """The first value as people read it: unfolded, decoded, without control characters."""
        values = self._by_name.get(name.lower())
        return readable(values[0]) if values else None

    def all(self, name: str) -> list[str]:
        """Every value of the field, unfolded."""
        return [unfold(value) for value in self._by_name.get(name.lower(), ())]

    def count(self, name: str) -> int:
        """How often the field stands in the block."""
        return len(self._by_name.get(name.lower(), ()))

    def is_raw_eight_bit(self, name: str) -> bool:
        """True where the value has bytes that are neither ASCII nor UTF-8."""
        return any(not _is_utf8(value) for value in self._by_name.get(name.lower(), ()))


def split_headers(data: bytes, start: int, end: int, limits: Limits = DEFAULT_LIMITS) -> tuple[Headers, int]:
    """Read the header block of ``data[start:end]``; returns it and where the body begins.

    A line that is neither a field nor a continuation belongs to the header above where more headers follow (someone
    folded a line without indenting it), else to the body: losing text is worse than showing a stray header.
    """
    fields: list[tuple[str, bytearray]] = []
    problems: list[str] = []
    position = start
    for line_start, line_end in _lines(data, start, end):
        line = data[line_start : min(line_end, line_start + limits.header_value_bytes)]
        if not line.strip(b"\r\n"):
            return _frozen(fields, problems), line_end
        if line_end - line_start > limits.header_value_bytes:
            problems.append("A header was too long and was cut.")
        if line_start - start > limits.header_bytes or len(fields) >= limits.header_count:
            problems.append("The headers were too long; those beyond the limit were not read.")
            return _frozen(fields, problems), _after_blank_line(data, line_start, end)
        if line[:1] in b" \t" and line.strip():
            if fields:
                _continue_field(fields, line, limits)
        elif (match := _FIELD.match(line)) is not None:
            fields.append((match.group(1).decode("ascii").lower(), bytearray(match.group(2))))
        elif not _is_mbox_line(line, bool(fields)):
            if not fields or not _headers_go_on(data, line_end, end):
                return _frozen(fields, problems), line_start
            problems.append("A line among the headers was no header; it was taken as part of the one above.")
            _continue_field(fields, b" " + line, limits)
        position = line_end
    return _frozen(fields, problems), position


def _headers_go_on(data: bytes, start: int, end: int) -> bool:
    """True where a header that letters have stands below, before the next empty line."""
    for line_start, line_end in islice(_lines(data, start, end), 20):
        line = data[line_start : min(line_end, line_start + 100)]
        if not line.strip(b"\r\n"):
            return False
        if _KNOWN_FIELD.match(line):
            return True
    return False


def _continue_field(fields: list[tuple[str, bytearray]], line: bytes, limits: Limits) -> None:
    value = fields[-1][1]
    value += line[: limits.header_value_bytes - len(value)]


def _frozen(fields: list[tuple[str, bytearray]], problems: list[str]) -> Headers:
    return Headers(tuple((name, bytes(value)) for name, value in fields), tuple(dict.fromkeys(problems)))


def _lines(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    position = start
    while position < end:
        match = _LINE.match(data, position, end)
        if match is None or match.end() == position:
            return
        yield match.start(), match.end()
        position = match.end()


def _is_mbox_line(line: bytes, after_fields: bool) -> bool:
    """``From someone Mon Jan 1 ...`` before the headers, quoted or not: left over from a mailbox file."""
    return not after_fields and line.startswith((b"From ", b">From "))


_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n")


def _after_blank_line(data: bytes, start: int, end: int) -> int:
    match = _BLANK_LINE.search(data, start, end)
    return match.end() if match else end


def unfold(value: bytes) -> str:
    """Bytes of a header value as one line of text, repaired when they are not ASCII; encoded words stay."""
    text = value.decode("ascii") if value.isascii() else decode(value, None).text
    return _CONTROLS.sub("", _FOLD.sub(" ", text)).strip()


def readable(value: bytes) -> str:
    """Bytes of a header value as people read it."""
    return clean(decode_words(unfold(value)))


def clean(text: str) -> str:
    """Without control characters; tabs and line ends that a decoded word brought in become spaces."""
    return _CONTROLS.sub("", re.sub(r"[\t\r\n]+", " ", text)).strip()


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
