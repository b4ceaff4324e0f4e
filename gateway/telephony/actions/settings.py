"""``[pbx.originate]``: how a PBX makes calls for managers, and which numbers they may be made to."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

EXTENSION_FIELD = "{extension}"
NumberFormat = Literal["digits", "e164", "national"]

_CHANNEL = re.compile(r"[A-Za-z0-9_]+/[A-Za-z0-9_.+*#@:{}/-]{1,120}")
_CONTEXT = re.compile(r"[A-Za-z0-9_.-]{1,79}")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_DIALLED_FIRST = re.compile(r"[0-9*#]{0,10}")


class OriginateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Click to call on one PBX."""

    context: str
    """The dialplan context that may call outside, from which the customer is called, as ``from-internal``."""
    channel: str = "PJSIP/{extension}"
    """The manager's phone; ``SIP/{extension}`` or ``Local/{extension}@from-internal`` where that is its name."""
    number_format: NumberFormat = "digits"
    """How the dialplan wants a number: "digits" (79261234567), "e164" (+79261234567), "national" (89261234567)."""
    prefix: str = ""
    """What is dialled before the number, as ``9``."""
    countries: tuple[str, ...] = ()
    """Two-letter countries that may be called; empty: that of [gateway] region."""
    prefixes: tuple[str, ...] = ()
    """Beginnings of other numbers that may be called, as ``+44``."""
    refused_prefixes: tuple[str, ...] = ()
    """Beginnings of numbers that may not be called, whatever else says so, as ``+7809``."""
    premium: bool = False
    """Numbers with a price of their own may be called too. Emergency numbers never are."""
    per_hour: int = 60
    """Calls that one manager may ask for within an hour."""
    ring_seconds: int = 30
    """How long the manager's own phone rings."""

    def __post_init__(self) -> None:
        if not _CONTEXT.fullmatch(self.context):
            raise ValueError(f'context {self.context!r}: give the name of a dialplan context, as in "from-internal"')
        if EXTENSION_FIELD not in self.channel or not _CHANNEL.fullmatch(self.channel):
            raise ValueError('channel: give the phone with {extension} in it, as in "PJSIP/{extension}"')
        if not _DIALLED_FIRST.fullmatch(self.prefix):
            raise ValueError(f'prefix {self.prefix!r}: digits, * and # only, at most 10, as in "9"')
        for country in self.countries:
            if not re.fullmatch(r"[A-Z]{2}", country):
                raise ValueError(f'countries: {country!r} is no country of two capital letters, as in ["RU", "KZ"]')
        for prefix in (*self.prefixes, *self.refused_prefixes):
            if not _PREFIX.fullmatch(prefix):
                raise ValueError(f'prefixes: write {prefix!r} with + and the country code, as in ["+44", "+7800"]')
        if not 1 <= self.per_hour <= 10_000:
            raise ValueError(f"per_hour = {self.per_hour} is out of range: 1 to 10000")
        if not 5 <= self.ring_seconds <= 120:
            raise ValueError(f"ring_seconds = {self.ring_seconds} is out of range: 5 to 120")
