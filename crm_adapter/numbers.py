"""One phone number, and the ways in which people type it. Pure; by the numbering plans of libphonenumber.

CRMs keep what somebody typed by hand years ago. One whose search compares digits is asked for the few ways to dial the
number, one that compares whole texts also for the usual ways to write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat

COMPARED_DIGITS = 10
"""Where a number has so many without the country's, one that ends with them is the same: whatever was typed before."""

_NO_DIGITS = re.compile(r"[^0-9]+")
_EXTENSION = re.compile(r"(?i)(?:ext|доб|x|#|,|;).*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a number is made of, as people see it."""

    country: str
    """``7``, ``49``."""
    trunk: str
    """What is dialled before a number of the own country: ``8``, ``0``; empty where there is nothing."""
    groups: tuple[str, ...]
    """Without both: ``("912", "345", "67", "89")``, the area first."""
    national: str
    """``8 (912) 345-67-89``."""
    international: str
    """``+7 912 345-67-89``."""

    @property
    def bare(self) -> str:
        """``9123456789``."""
        return "".join(self.groups)


@lru_cache(maxsize=4096)
def parts(phone: str) -> Parts | None:
    """None for what is no number of the world (E.164), as an extension."""
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return None
    country = str(number.country_code)
    bare = phonenumbers.national_significant_number(number)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    groups = tuple(_NO_DIGITS.split(international.removeprefix(f"+{country}").strip()))
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return Parts(
        country=country,
        trunk=phonenumbers.ndd_prefix_for_region(region, True) or "",
        groups=groups if "".join(groups) == bare else (bare,),
        national=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        international=international,
    )


def dialled(phone: str) -> list[str]:
    """The ways to dial a number, without any sign in between: E.164 first, then by digits only."""
    known = parts(phone)
    if known is None:
        return list(dict.fromkeys((phone, digits_of(phone))))
    whole = f"{known.country}{known.bare}"
    forms = [f"+{whole}", whole, f"{known.trunk}{known.bare}", known.bare, f"00{whole}"]
    if known.trunk == "0":  # +49 (0) 30 1234567
        forms += [f"+{known.country}0{known.bare}", f"{known.country}0{known.bare}"]
    forms.append(digits_of(known.national))  # 8 0152 in Belarus, 011 15 in Argentina: plans have more than a trunk
    return list(dict.fromkeys(forms))


def spellings(phone: str) -> list[str]:
    """The usual ways to write a number, and to dial it, the likeliest first: what whole texts are compared with."""
    known = parts(phone)
    if known is None or len(known.groups) < 2:
        return dialled(phone)
    area, rest = known.groups[0], known.groups[1:]
    dashes, blanks = "-".join(rest), " ".join(rest)
    own = f"{known.trunk}{area}" if known.trunk == "0" else area
    before = known.trunk if known.trunk and known.trunk != "0" else ""
    forms = [
        *dialled(phone)[:4],
        known.national,
        known.international,
        f"+{known.country} ({area}) {dashes}",
        f"+{known.country}({area}){dashes}",
        f"+{known.country} {area} {blanks}",
        f"+{known.country}-{area}-{dashes}",
        *([f"{before}({area}){dashes}", f"{before}-{area}-{dashes}", f"{before} {area} {blanks}"] if before else []),
        f"({own}) {dashes}",
        f"{own}-{dashes}",
        f"{own} {blanks}",
        *([f"{own}/{''.join(rest)}"] if known.trunk == "0" else []),
        *dialled(phone)[4:],
    ]
    return list(dict.fromkeys(forms))


def ending(phone: str) -> str:
    """The digits that a number ends with however it was typed: what searches for parts of numbers are asked for."""
    known = parts(phone)
    return known.bare if known else digits_of(phone)[-COMPARED_DIGITS:]


def digits_of(phone: str) -> str:
    """What of a number is dialled."""
    return _NO_DIGITS.sub("", phone)


def same(phone: str, typed: str) -> bool:
    """Whether ``typed``, by hand or by a CRM, is the number ``phone`` (E.164)."""
    text = _EXTENSION.sub("", typed)
    theirs = digits_of(text)
    if not theirs:
        return False
    if theirs in {digits_of(form) for form in dialled(phone)}:
        return True
    if text.strip().startswith("+") and parts(text) is not None:
        return False  # a whole number of the world, and another one
    mine = ending(phone)
    return min(len(mine), len(theirs)) >= COMPARED_DIGITS and mine[-COMPARED_DIGITS:] == theirs[-COMPARED_DIGITS:]


def unknown(phones: Iterable[str], known: Iterable[str]) -> list[str]:
    """Those of ``phones`` (E.164) that are not among ``known``, however these were typed."""
    there = list(known)
    return [phone for phone in phones if not any(same(phone, typed) for typed in there)]
