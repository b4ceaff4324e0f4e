"""multipart/form-data (RFC 7578) from bytes that are all there: fields and files, bounded, forgiving.

The body was read whole already, as its raw bytes are stored; a streaming parser would only add work.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gateway.core.types import Attachment
from gateway.webforms.text import decode_text

MAX_HEAD = 16 * 1024
"""Bytes of one part's headers."""
MAX_NAME = 100
"""Characters of a file's name."""

_PARAMETER = re.compile(rb';\s*(name|filename\*?|charset)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_BIDI = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field or file."""

    name: bytes
    filename: str | None
    """Made safe for showing; None for a field, empty for a file input that was left empty."""
    content_type: str
    charset: str | None
    content: bytes

    def as_attachment(self) -> Attachment:
        """The file as it is listed; its bytes stay in the raw submission."""
        return Attachment(name=self.filename or "file", content_type=self.content_type, size=len(self.content))


def split_parts(raw: bytes, boundary: str | None, limit: int) -> tuple[list[Part], list[str]]:
    """The parts in order, at most ``limit``, and sentences about what was wrong. Never raises."""
    problems: list[str] = []
    mark = b"--" + boundary.encode("utf-8", "replace") if boundary else _guess_mark(raw)
    start = raw.find(mark) if mark else -1
    parts: list[Part] = []
    while start >= 0:
        head = start + len(mark)
        if raw[head : head + 2] == b"--":
            return parts, problems
        if len(parts) == limit:
            problems.append(f"More than {limit} parts came: the raw submission keeps all of them.")
            return parts, problems
        following = raw.find(b"\n" + mark, head)
        end = len(raw) if following < 0 else following
        part = _read_part(raw, head, end)
        if part is not None:
            parts.append(part)
        start = following + 1 if following >= 0 else -1
    missing = "ends before its last boundary" if parts else "has no parts"
    problems.append(f"The multipart body {missing}.")
    return parts, problems


def _guess_mark(raw: bytes) -> bytes:
    """The boundary line itself, for senders that forgot to name it in the header."""
    line = raw[:200].partition(b"\n")[0].rstrip()
    return line if line.startswith(b"--") and len(line) > 2 else b""


def _read_part(raw: bytes, start: int, end: int) -> Part | None:
    gap = _HEAD_END.search(raw, start, min(end, start + MAX_HEAD))
    if gap is None:
        return None
    head = raw[start : gap.start()]
    content = raw[gap.end() : end].removesuffix(b"\r") if end < len(raw) else raw[gap.end() :]
    disposition = _header(head, b"content-disposition")
    found = {key.lower(): quoted or bare for key, quoted, bare in _PARAMETER.findall(disposition)}
    content_type = _header(head, b"content-type")
    charset = {key.lower(): quoted or bare for key, quoted, bare in _PARAMETER.findall(content_type)}.get(b"charset")
    return Part(
        name=_unescape(found.get(b"name", b"")),
        filename=_filename(found),
        content_type=_plain_type(content_type),
        charset=charset.decode("ascii", "replace") if charset else None,
        content=content,
    )


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.replace(b"\r\n", b"\n").split(b"\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value
    return b""


def _filename(found: dict[bytes, bytes]) -> str | None:
    extended = found.get(b"filename*")
    if extended is not None and extended.count(b"'") >= 2:  # RFC 8187: charset'language'percent-encoded
        charset, _, value = extended.split(b"'", 2)
        return safe_name(decode_text(unquote_to_bytes(value), charset.decode("ascii", "replace"))[0])
    if b"filename" not in found:
        return None
    return safe_name(decode_text(_unescape(found[b"filename"]), None)[0])


def _unescape(value: bytes) -> bytes:
    """Browsers write a quote as %22 (HTML standard), others as backslash and quote."""
    return value.replace(b'\\"', b'"').replace(b"%22", b'"').replace(b"%0D", b"\r").replace(b"%0A", b"\n")


def _plain_type(value: bytes) -> str:
    plain = value.partition(b";")[0].strip().lower().decode("ascii", "replace")
    return plain if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", plain, re.ASCII) else "application/octet-stream"


def safe_name(name: str) -> str:
    """A file's name without folders, control characters and signs that turn the reading direction."""
    base = re.split(r"[\\/]", name)[-1]
    shown = "".join(char for char in base if unicodedata.category(char) not in ("Cc", "Cs"))
    shown = _BIDI.sub("", shown).strip(" .")
    if len(shown) <= MAX_NAME:
        return shown
    stem, dot, suffix = shown.rpartition(".")
    return stem[: MAX_NAME - len(suffix) - 1] + dot + suffix if dot and len(suffix) < 10 else shown[:MAX_NAME]
