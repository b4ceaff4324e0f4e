"""Bytes to text: any charset that forms still come in, and nothing that a database refuses."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

MAX_VALUE = 20_000
"""Characters of one answer that are shown; the raw item keeps all."""

_CYRILLIC = re.compile(r"[\u0400-\u045f\u0490\u0491]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"})
"""Codecs that Python calls text encodings and that no form is written in; they make text that no store takes, and
punycode takes a minute for 300 KB."""
ENOUGH_CYRILLIC = 0.7
"""Share of the non-ASCII characters from which a text read as windows-1251 is taken to be that."""


def decode_all(values: Sequence[bytes], declared: str | None) -> tuple[list[str], str | None]:
    """Decode the values of one submission, all in one charset, and say what was wrong (None: nothing).

    UTF-8 where it fits, else the declared charset, else windows-1251 when that gives Russian, else UTF-8 with the
    replacement character for what can't be read. Never raises.
    """
    try:
        return [value.decode("utf-8") for value in values], None
    except UnicodeDecodeError:
        joined = b"\n".join(values)
    charset = known_charset(declared)
    texts = _decoded(values, charset) if charset is not None else None
    if texts is not None:
        return texts, None
    if _looks_russian(joined):
        return [value.decode("cp1251", "replace") for value in values], "The text was no UTF-8: read as windows-1251."
    return [value.decode("utf-8", "replace") for value in values], "Some characters could not be read: no UTF-8."


def decode_text(raw: bytes, declared: str | None) -> tuple[str, str | None]:
    """``decode_all`` for one value."""
    [text], problem = decode_all([raw], declared)
    return text, problem


def known_charset(name: str | None) -> str | None:
    """The codec's name where Python knows ``name`` as a charset (``zlib`` and ``unicode_escape`` are codecs too)."""
    if not name:
        return None
    try:
        codec = codecs.lookup(name.strip().strip("\"'"))
    except (LookupError, ValueError):
        return None
    return codec.name if getattr(codec, "_is_text_encoding", False) and codec.name not in _NO_CHARSETS else None


def _decoded(values: Sequence[bytes], charset: str) -> list[str] | None:
    """None where one of the values is not in this charset: each may be cut, so their sum says nothing."""
    try:
        return [storable(value.decode(charset)) for value in values]
    except UnicodeError:
        return None


def _looks_russian(octets: bytes) -> bool:
    text = octets.decode("cp1251", "replace")
    strange = len(_NOT_ASCII.findall(text))
    return strange > 0 and len(_CYRILLIC.findall(text)) / strange >= ENOUGH_CYRILLIC


def storable(text: str) -> str:
    """Without lone surrogates, which JSON and headers can hold and no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def clean(text: str) -> str:
    """Without NUL (PostgreSQL refuses it) and surrounding space, and not longer than shown."""
    if "\0" in text:
        text = text.replace("\0", "")
    text = text.strip()
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "\u2026"
