"""Mail addresses in one canonical form, so that equal addresses are one person."""

from __future__ import annotations

import re

from gateway.core.types import Handle, HandleKind

MAX_LENGTH = 254
"""RFC 5321 section 4.5.3.1.3: a path has at most 256 octets, two of them the angle brackets."""

_SHAPE = re.compile(r"^[^\s@<>()\[\],;:\"\\\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\"\\\x00-\x1f\x7f]{1,253}$")


def canonical_address(address: str) -> str | None:
    """``Ivan@Example.COM`` -> ``ivan@example.com``; IDN domains become punycode; None for what is no address.

    The local part is compared without case, as every large provider does (RFC 5321 2.4 leaves it to the receiver).
    Dots and ``+tags`` stay: two addresses that a provider might join are not two spellings everywhere.
    """
    trimmed = address.strip().strip("<>")
    if len(trimmed) > MAX_LENGTH or not _SHAPE.match(trimmed):
        return None
    local, _, domain = trimmed.rpartition("@")
    try:
        ascii_domain = domain.rstrip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local.lower()}@{ascii_domain}" if ascii_domain else None


def email_handle(address: str | None) -> Handle | None:
    """The handle of a mail address, or None."""
    canonical = canonical_address(address) if address else None
    return Handle(HandleKind.EMAIL, canonical) if canonical else None
