"""``Content-Type`` and ``Content-Disposition``: a value and its parameters (RFC 2045 section 5.1, RFC 2231).

File names come in five spellings: plain, quoted, encoded words inside quotes (forbidden and common), raw 8-bit,
and RFC 2231 with charset and continuations. All are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from gateway.mail.parse.charsets import decode
from gateway.mail.parse.words import decode_words

MAX_PARAMETERS = 100
"""Real letters have below ten; a long RFC 2231 name has about 20 pieces."""

# A value is quoted, or runs to the next semicolon: names with spaces are often sent without quotes.
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
_CONTINUATION = re.compile(r"^(.+?)(?:\*(\d{1,3}))?(\*)?$")
_MEDIA_TYPE = re.compile(r"^[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}$")


@dataclass(frozen=True, slots=True)
class Parametrised:
    """``text/plain; charset=utf-8`` -> value ``text/plain`` and its parameters."""

    value: str
    """Lower case."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Lower-case name to decoded value; the first of a name that repeats."""


def parse_parametrised(text: str) -> Parametrised:
    """Read one header value. Never raises; what can't be read is left out."""
    value, _, _ = text.partition(";")
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, match in enumerate(_PARAMETER.finditer(text, len(value))):
        if count >= MAX_PARAMETERS:
            break
        name, content = match.group(1).lower(), _unquote(match.group(2))
        shape = _CONTINUATION.match(name)
        if shape is not None and (shape.group(2) or shape.group(3)):
            pieces.setdefault(shape.group(1), {}).setdefault(int(shape.group(2) or 0), (content, bool(shape.group(3))))
        else:
            plain.setdefault(name, decode_words(content))
    # RFC 2231 names win over the plain ones that are sent beside them for old readers (RFC 6266 section 4.3).
    extended = {name: _join(numbered) for name, numbered in pieces.items()}
    return Parametrised(value.strip().lower(), {**plain, **extended})


def media_type(text: str) -> str | None:
    """The lower-case ``type/subtype``, or None for what is none."""
    bare = re.sub(r"\(.*?\)", "", text).replace(" ", "")
    return bare if _MEDIA_TYPE.match(bare) else None


def _unquote(value: str) -> str:
    value = value.strip()
    if not value.startswith('"'):
        return value
    inner = value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:]
    return re.sub(r"\\([\"\\])", r"\1", inner)


def _join(numbered: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 section 4.1: the charset stands before the first piece; encoded and literal pieces may mix."""
    charset = ""
    data = b""
    for position, number in enumerate(sorted(numbered)):
        content, encoded = numbered[number]
        if not encoded:
            data += content.encode("utf-8", "surrogateescape")
            continue
        if position == 0 and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        data += unquote_to_bytes(content)
    text = decode(data, charset or None).text
    return decode_words(text) if "=?" in text else text
