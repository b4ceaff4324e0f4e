"""Phone numbers to E.164 (ITU-T E.164), and what is no public number: extensions, short codes, withheld numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber

from gateway.core.types import Handle, HandleKind

WITHHELD = frozenset(
    {"", "anonymous", "unknown", "<unknown>", "restricted", "private", "unavailable", "withheld", "asterisk", "s", "-1"}
)
"""What PBXs send instead of a number (Asterisk: the caller id of a call without one)."""

MAX_DIGITS = 15
"""E.164 section 6.1: an international number has at most 15 digits."""

_NOISE = re.compile(r"[\s().\-\u00a0\u2010-\u2015/]+")
_SIP_URI = re.compile(r"^(?:sips?:|tel:)?([^@;>]+)", re.IGNORECASE)


def is_withheld(number: str | None) -> bool:
    """True where the caller sent no number at all."""
    return number is None or number.strip().lower() in WITHHELD


@lru_cache(maxsize=65536)  # phonenumbers parses 30 k numbers a second; the same few come all day
def to_e164(number: str, region: str) -> str | None:
    """``8 (926) 123-45-67`` with region RU -> ``+79261234567``; None for anything that is no public number.

    Accepts what PBXs and people write: spaces, brackets, dashes, ``00`` and ``+`` prefixes, ``tel:`` and SIP URIs, and
    full international digits without the plus sign (``79261234567``), as Russian trunks send them.
    """
    match = _SIP_URI.match(number.strip())
    bare = _NOISE.sub("", match.group(1)) if match else ""
    digits = bare.lstrip("+")
    if not digits.isascii() or not digits.isdigit() or not 6 <= len(digits) <= MAX_DIGITS + 2:
        return None
    for candidate, default in _readings(bare, region):
        parsed = _parse(candidate, default)
        if parsed is not None and phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None


def _readings(bare: str, region: str) -> Iterator[tuple[str, str | None]]:
    """The ways a string of digits can be meant, the likeliest first."""
    if bare.startswith("+"):
        yield bare, None
        return
    if bare.startswith("00"):
        yield "+" + bare[2:], None
    yield bare, region
    yield "+" + bare, None


def _parse(number: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None


def is_extension(number: str, region: str) -> bool:
    """True for a bare internal number: 2 to 6 digits that are no public number of the region."""
    return number.isascii() and number.isdigit() and 2 <= len(number) <= 6 and to_e164(number, region) is None


def phone_handle(number: str | None, region: str) -> Handle | None:
    """The handle of a public number, or None."""
    if number is None or is_withheld(number):
        return None
    e164 = to_e164(number, region)
    return Handle(HandleKind.PHONE, e164) if e164 else None


def region_of(e164: str) -> str | None:
    """``+79261234567`` -> ``RU``; None when the number is not known to any region."""
    parsed = _parse(e164, None)
    return phonenumbers.region_code_for_number(parsed) if parsed else None


@lru_cache(maxsize=8192)  # 60 µs each, and every page shows dozens that the page before showed
def for_people(e164: str) -> str:
    """``+79261234567`` -> ``+7 926 123-45-67``."""
    parsed = _parse(e164, None)
    if parsed is None:
        return e164
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
