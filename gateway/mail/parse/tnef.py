"""winmail.dat: the files that Outlook hides in a letter in its own form (TNEF, [MS-OXTNEF]). Pure and bounded.

Everything is a slice of what came, but for the compressed text, whose size is limited; so no file grows.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.mail.parse.charsets import decode
from gateway.mail.parse.rtf import decompress_rtf

TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MOST_FILES = 100
MOST_TEXT = 1 << 20
"""Bytes of one text that are read."""
MOST_PROPERTIES = 5000
"""Of one list of properties; letters have some dozens."""

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_SIGNATURE = 0x223E9F78
_ATTACHMENT = 2
"""The level of attributes that belong to an attachment."""
_RENDER_DATA, _TITLE, _DATA, _ATTACHMENT_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
_MESSAGE_PROPERTIES, _BODY = 0x9003, 0x800C
_MIME_TYPE, _LONG_NAME, _SHORT_NAME, _BYTES = 0x370E, 0x3707, 0x3704, 0x3701
_TEXT, _RTF, _HTML = 0x1000, 0x1009, 0x1013
_FIXED = {1: 0, 2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""Property type -> bytes of a value, filled up to four ([MS-OXTNEF] 2.1.3.2)."""
_VARIABLE = frozenset({13, 30, 31, 258})
_UNICODE, _OBJECT, _MULTIPLE = 31, 13, 0x1000


@dataclass(frozen=True, slots=True)
class Hidden:
    """A file that was found inside."""

    name: str
    """As written there, possibly empty."""
    content_type: str
    content: bytes


@dataclass(slots=True)
class _Open:
    """An attachment whose attributes are being read."""

    title: str = ""
    long_name: str = ""
    content_type: str = ""
    content: bytes = b""


@dataclass(slots=True)
class _Found:
    files: list[Hidden] = field(default_factory=list)
    text: str = ""
    html: bytes = b""
    rtf: bytes = b""


def read_tnef(data: bytes) -> tuple[list[Hidden], str] | None:
    """The files inside, a formatted body among them, and the plain text; None for what is no TNEF or is all broken."""
    if len(data) < 6 or int.from_bytes(data[:4], "little") != _SIGNATURE:
        return None
    found = _Found()
    attachment: _Open | None = None
    for level, kind, value in _attributes(data):
        if level == _ATTACHMENT:
            if kind == _RENDER_DATA or attachment is None:
                _close(found, attachment)
                attachment = _Open()
            _to_attachment(attachment, kind, value)
        elif kind == _BODY:
            found.text = found.text or _text(value)
        elif kind == _MESSAGE_PROPERTIES:
            _to_body(found, value)
        if len(found.files) >= MOST_FILES:
            break
    _close(found, attachment)
    if found.html:
        found.files.append(Hidden("body.html", "text/html", found.html))
    elif found.rtf and (rtf := decompress_rtf(found.rtf)):
        found.files.append(Hidden("body.rtf", "application/rtf", rtf))
    return found.files, found.text


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Level, kind and value of each attribute up to the first that is broken. Checksums are not asked for."""
    at = 6
    while at + 9 <= len(data):
        level, kind, length = struct.unpack_from("<BxxxxI", data, at)[0], *struct.unpack_from("<HxxI", data, at + 1)
        if level not in (1, _ATTACHMENT) or at + 9 + length > len(data):
            return
        yield level, kind, data[at + 9 : at + 9 + length]
        at += 9 + length + 2


def _close(found: _Found, attachment: _Open | None) -> None:
    if attachment is not None and (attachment.content or attachment.title or attachment.long_name):
        name = attachment.long_name or attachment.title
        known = _MEDIA_TYPE.fullmatch(attachment.content_type)
        content_type = attachment.content_type if known else "application/octet-stream"
        found.files.append(Hidden(name, content_type, attachment.content))


def _to_attachment(attachment: _Open, kind: int, value: bytes) -> None:
    if kind == _TITLE:
        attachment.title = _text(value)
    elif kind == _DATA:
        attachment.content = value
    elif kind == _ATTACHMENT_PROPERTIES:
        for tag, text, raw in _properties(value):
            if tag == _LONG_NAME:
                attachment.long_name = text
            elif tag == _SHORT_NAME:
                attachment.title = attachment.title or text
            elif tag == _MIME_TYPE:
                attachment.content_type = text.lower()
            elif tag == _BYTES and not attachment.content:
                attachment.content = raw


def _to_body(found: _Found, value: bytes) -> None:
    for tag, text, raw in _properties(value):
        if tag == _TEXT:
            found.text = text
        elif tag == _HTML:
            found.html = raw or text.encode()
        elif tag == _RTF:
            found.rtf = raw


def _properties(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Tag, value as text and value as bytes of each property up to the first that is broken."""
    try:
        yield from _checked_properties(data)
    except struct.error:
        return


def _checked_properties(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    (count,) = struct.unpack_from("<I", data)
    at = 4
    for _ in range(min(count, MOST_PROPERTIES)):
        kind, tag = struct.unpack_from("<HH", data, at)
        at += 4
        if tag >= 0x8000:
            at = _after_name(data, at)
        base = kind & ~_MULTIPLE
        values = 1
        if kind & _MULTIPLE or base in _VARIABLE:
            (values,) = struct.unpack_from("<I", data, at)
            at += 4
        if base in _FIXED:
            at += _FIXED[base] * values
            continue
        if base not in _VARIABLE:
            return
        for _ in range(min(values, MOST_PROPERTIES)):
            (length,) = struct.unpack_from("<I", data, at)
            raw = data[at + 4 : at + 4 + length]
            if len(raw) < length:
                return
            at += 4 + _padded(length)
            yield tag, _property_text(base, raw), raw[16:] if base == _OBJECT else raw


def _after_name(data: bytes, at: int) -> int:
    """Where a named property's value begins: behind the GUID of its set and its number or name."""
    (kind,) = struct.unpack_from("<I", data, at + 16)
    if kind == 0:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return at + 24 + _padded(length)


def _padded(length: int) -> int:
    return (length + 3) & ~3


def _property_text(base: int, raw: bytes) -> str:
    if base == _UNICODE:
        return raw[:MOST_TEXT].decode("utf-16-le", "replace").partition("\0")[0]
    return _text(raw) if base == 30 else ""


def _text(raw: bytes) -> str:
    return decode(raw[:MOST_TEXT].partition(b"\0")[0], None).text
