"""Address headers: mail-parser's scanner for what follows the standard, our own lenient one for the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailparser.utils import get_addresses

from gateway.mail.parse.headers import clean, unfold
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.words import decode_words

MAX_ADDRESS = 320
"""64 octets before the at sign and 255 after it (RFC 5321 section 4.5.3.1)."""

_ANGLE = re.compile(r"([^<>,;]{0,300})<\s*([^<>\s@]{1,64}@[^<>\s@]{1,255})\s*>?")
_BARE = re.compile(r"[^\s<>,;:\"'()\[\]@]{1,64}@[^\s<>,;:\"'()\[\]@]{1,255}")
_NEVER_IN_ADDRESS = re.compile(r"[\s<>,;:]")
_UNSURE_WORD = re.compile(r"=\?[^?]*\?[bBqQ]\?[^?]*\?=")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address as the header gave them; either may be empty, not both."""

    name: str
    email: str


def parse_addresses(value: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Mailbox, ...]:
    """The mailboxes of an unfolded address header, in order; groups are opened. Never raises."""
    if not value.strip():
        return ()
    # Outlook writes lists with semicolons; the standard knows them only at the end of a group.
    listed = value.replace(";", ",") if ";" in value and ":" not in value else value
    defects: list[object] = []
    try:
        pairs = get_addresses(listed, defects=defects, decode_names=False)
    except Exception:
        pairs, defects = [], [value]
    found = [Mailbox(_name(name), _address(email)) for name, email in pairs[: limits.addresses] if email]
    if defects and len(found) < value.count("@") <= limits.addresses:
        found = _lenient(value, found)
    return tuple(box for box in found if _is_address(box.email))[: limits.addresses]


def _is_address(email: str) -> bool:
    return "@" in email and len(email) <= MAX_ADDRESS and not _NEVER_IN_ADDRESS.search(email)


def display_name(value: str) -> str:
    """What a From header without an address says: ``Mail Delivery System``."""
    return _name(value.strip().strip("<>"))


def _lenient(value: str, found: list[Mailbox]) -> list[Mailbox]:
    """Everything that looks like an address, where the standard reading lost some."""
    decoded = decode_words(value)
    loose = [Mailbox(_name(match.group(1)), _address(match.group(2))) for match in _ANGLE.finditer(decoded)]
    known = {box.email.lower() for box in loose}
    loose += [Mailbox("", email) for email in _BARE.findall(_ANGLE.sub(",", decoded)) if email.lower() not in known]
    return loose if len(loose) > len(found) else found


def _name(name: str) -> str:
    decoded = clean(decode_words(name)).strip()
    for quote in ('"', "'"):
        if len(decoded) > 1 and decoded.startswith(quote) and decoded.endswith(quote):
            decoded = decoded[1:-1].strip()
    return " ".join(decoded.split())


def _address(email: str) -> str:
    decoded = decode_words(email) if _UNSURE_WORD.search(email) else email
    return unfold(decoded.encode("utf-8", "surrogateescape")).strip().strip("<>").replace(" ", "")
