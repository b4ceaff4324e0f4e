"""How much of one letter is read. Everything beyond a limit stays in the raw item and is named in the letter's
problems.

The figures hold the worst letter we know below one second and 100 MB (tests/integration/mail/test_bombs.py); a letter
that people write is far below each of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the reading of one letter."""

    header_bytes: int = 256 * 1024
    """All headers of one part. Postfix takes 100 KiB (header_size_limit)."""
    header_count: int = 500
    """Headers of one part; chains of Received lines stay below 100."""
    header_value_bytes: int = 64 * 1024
    """One header value. 64 KiB hold about 1,500 addresses."""
    encoded_words: int = 2000
    """Encoded words (RFC 2047) decoded in one header value."""
    addresses: int = 1000
    """Addresses of one header."""
    references: int = 200
    """Message ids of References; threading looks at the last ones."""
    depth: int = 50
    """Nesting of multiparts. Postfix stops at 100 (mime_nesting_limit)."""
    parts: int = 500
    """Leaves and multiparts together."""
    text_chars: int = 1024 * 1024
    """Readable text of the whole letter, in characters."""
    html_chars: int = 1024 * 1024
    """One HTML part, embedded images not counted. Its tree takes up to 100 bytes a character."""
    html_nodes: int = 60_000
    """Nodes of one HTML part that are walked."""
    html_depth: int = 2000
    """Open elements of one HTML part: the time to build the tree grows with their square."""
    html_growth: int = 500_000
    """Open formatting elements times tags: each block opened inside them copies all of them (HTML standard 13.2.4.3).
    """


DEFAULT_LIMITS = Limits()
