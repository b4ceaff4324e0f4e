"""Encoded words in header values (RFC 2047), decoded by a loop whose work is bounded.

The standard library's policy.default needs gigabytes for a header of 20,000 encoded words (CPython issue 136063);
here the words beyond the limit stay as they are.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from gateway.mail.parse.charsets import decode
from gateway.mail.parse.limits import DEFAULT_LIMITS

# RFC 2047 section 2 forbids spaces inside a word, but senders put them there; the lengths keep the search linear.
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,16384})\?=")
_NONSENSE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")


@dataclass(slots=True)
class _Run:
    """Neighbouring words of one charset: their bytes are joined, for senders cut characters in two between words."""

    charset: str
    data: bytearray
    source: str
    """As it stood in the header."""


def decode_words(value: str, limit: int = DEFAULT_LIMITS.encoded_words) -> str:
    """``=?utf-8?b?0J/RgNC40LLQtdGC?=`` -> ``Привет``. Words that can't be read stay as they are. Never raises."""
    if "=?" not in value:
        return value
    pieces: list[str] = []
    run: _Run | None = None
    end = 0
    for count, match in enumerate(_WORD.finditer(value)):
        if count >= limit:
            break
        data = _word_bytes(match.group(2), match.group(3))
        if data is None:
            continue
        between = value[end : match.start()]
        charset = match.group(1).partition("*")[0].lower()  # RFC 2231 section 5: a language after an asterisk
        if run is not None and run.charset == charset and not between.strip():
            run.data += data
            run.source += between + match.group(0)
        else:
            _flush(pieces, run)
            # White space between two encoded words is not shown (RFC 2047 section 6.2).
            pieces.append("" if run is not None and not between.strip() else between)
            run = _Run(charset, bytearray(data), match.group(0))
        end = match.end()
    _flush(pieces, run)
    pieces.append(value[end:])
    return "".join(pieces)


def _flush(pieces: list[str], run: _Run | None) -> None:
    if run is None:
        return
    decoded = decode(bytes(run.data), run.charset)
    nonsense = decoded.problem is not None and _NONSENSE.search(decoded.text) is not None
    pieces.append(run.source if nonsense else decoded.text)


def _word_bytes(encoding: str, text: str) -> bytes | None:
    raw = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        spaced = raw.replace(b"_", b" ")
        return _Q_ESCAPE.sub(lambda match: bytes((int(match.group(1), 16),)), spaced)
    compact = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    if len(compact) % 4 == 1:
        compact = compact[:-1]
    try:
        return binascii.a2b_base64(compact + b"=" * (-len(compact) % 4))
    except binascii.Error:
        return None
