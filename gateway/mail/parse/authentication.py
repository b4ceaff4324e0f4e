"""What our own mail server found out about a letter's sender: Authentication-Results (RFC 8601).

Anybody can write such a header, so only those of servers that the configuration names count, and of each method only
the first result: a server puts its own on top.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gateway.mail.parse.headers import Headers

METHODS = ("spf", "dkim", "dmarc")
RESULTS = frozenset(
    {
        "pass",
        "fail",
        "softfail",
        "neutral",
        "none",
        "temperror",
        "permerror",
        "policy",
        "hardfail",
        "unknown",
        "bestguesspass",
    }
)
"""RFC 8601 section 2.7 and what large providers write."""
MOST_HEADERS = 20
MOST_CHARACTERS = 8192

_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^\s*([a-z0-9-]+)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)


def authentication(headers: Headers, trusted: Collection[str]) -> dict[str, str]:
    """``{"spf": "pass", "dkim": "fail", ...}`` by the servers in ``trusted`` (authserv-ids, small letters).

    Empty where none is trusted or none said anything.
    """
    found: dict[str, str] = {}
    for value in headers.all("authentication-results")[:MOST_HEADERS]:
        server, _, rest = _without_comments(value[:MOST_CHARACTERS]).partition(";")
        words = server.split()  # the name, and perhaps a version
        if not words or words[0].strip('"').lower() not in trusted:
            continue
        for statement in rest.split(";"):
            match = _RESULT.match(statement)
            if match is None:
                continue
            method, result = match.group(1).lower(), match.group(2).lower()
            if method in METHODS and result in RESULTS:
                found.setdefault(method, result)
    return found


def _without_comments(value: str) -> str:
    """Comments nest (RFC 5322 section 3.2.2): the innermost go first; what is deeper than ten is nobody's comment."""
    for _ in range(10):
        shorter = _COMMENT.sub(" ", value)
        if shorter == value:
            break
        value = shorter
    return value
