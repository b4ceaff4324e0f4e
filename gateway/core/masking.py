"""Numbers and addresses as they are shown to who may not have them: enough to tell two people apart, not to reach one.

Pure: the same text gives the same mask, and a mask that is masked again stays as it is. What is short, and what can't
be read as a number of some country, is hidden as a whole. docs/decisions/0011 tells what it is used for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

import phonenumbers

from gateway.core.address import canonical_address
from gateway.core.phone import MAX_DIGITS, to_e164

HIDDEN = "***"
MASK = re.compile(r"\*\*\*(?:-\*\*|@|%40)", re.IGNORECASE)
"""A mask in what somebody sends, as text or within a form."""
SHOWN_AT_END = 2
HIDDEN_AT_LEAST = 5
"""Digits of a number that nobody is shown: a hundred thousand people could be meant."""
SHORTEST = 7
"""Digits of a public number; fewer are an extension, a code, a year."""
TRIES = 50_000
"""About as many in two seconds; a file of contacts needs one for each number."""
GLUED = 10
"""So many digits in a row are a number even where a letter touches them."""

_SPACES = " \u00a0\u2007\u2009\u202f"
_INLINE = rf"[\t{_SPACES}().\-/_\u00ad\u200b-\u200f\u2010-\u2015\u2060\u2212\ufeff]"
"""What people, and whoever wants to hide a number from a filter, write between its digits."""
_LOCAL_PART = r"(?<![^\s@\"<>,;:()\[\]\\])[^\s@\"<>,;:()\[\]\\]+"
_DOMAIN = r"[^\s@\"<>,;:()\[\]\\/?&=#%'*]*[^\s@\"<>,;:()\[\]\\/?&=#%'*.]"
_ADDRESS = rf"(?P<address>{_LOCAL_PART}(?:@|%40){_DOMAIN})"
_DAY = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_HOUR = r"[0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?"
_CENTS = rf"[.,]\d{{1,2}}(?!\d)(?!{_INLINE}\d)"
_CURRENCY = rf"(?=[{_SPACES}]?(?:₽|€|\$|£|руб|RUB|EUR|USD))"
_NO_NUMBER = "|".join(
    (
        r"(?<![0-9A-Fa-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Fa-f])",  # an id of ours
        r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{32,}(?![0-9A-Za-z])",  # a checksum
        rf"(?<![\d+(])(?<![\d+][ .-]){_DAY}(?:[T ]{_HOUR})?(?![\d-])",  # ISO 8601
        r"(?<![\d+(])(?<![\d+][ .-])[0-3]?\d\.[01]?\d\.(?:19|20)\d\d(?:,? [0-2]?\d:[0-5]\d)?(?![\d.])",
        r"(?<![\d.+])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])",  # IPv4
        r"(?<![\d+(.])1[5-9]\d{8}\.\d{1,7}(?!\d)",  # a call's id of Asterisk: seconds since 1970, a counter
        rf"(?<![\d+(.])(?<![\d+][{_SPACES}.-])\d{{1,3}}(?:[{_SPACES}]?\d{{3}}){{0,2}}(?:{_CENTS}|{_CURRENCY})",
    )
)
_DIGITS = rf"(?P<digits>\+?[(]?\d(?:{_INLINE}{{0,4}}\d)+)"
_TELLING = re.compile(f"{_ADDRESS}|(?:{_NO_NUMBER})|{_DIGITS}")
_WITHOUT_ADDRESS = re.compile(f"(?:{_NO_NUMBER})|{_DIGITS}")
_ENCODED = re.compile(r"(?<![^\s\"<>])[^\s\"<>]*%[0-9A-Fa-f]{2}[^\s\"<>]*")
_CUT = re.compile(r"\s?(?:…|\.\.\.)")
"""Behind a text that was cut off: the number before it may have been longer."""
_OF_THE_TOWN = re.compile(r"\d{3}[ -]\d{2}[ -]\d{2}|\d{3}-\d{4}")
"""A number of the own town, as people write it without the code."""


@lru_cache(maxsize=16384)
def masked_number(number: str, region: str) -> str:
    """``+79261234567`` -> ``+7 926 ***-**-67``: at most country, operator's prefix and two digits; else ``***``."""
    e164 = to_e164(number, region)
    if e164 is None:
        return HIDDEN
    parsed = phonenumbers.parse(e164, None)
    national = phonenumbers.national_significant_number(parsed)
    hideable = len(national) - SHOWN_AT_END - HIDDEN_AT_LEAST
    if hideable < 0:
        return HIDDEN
    prefix = national[: min(phonenumbers.length_of_national_destination_code(parsed), hideable)]
    return f"+{parsed.country_code} {prefix}{' ' if prefix else ''}***-**-{national[-SHOWN_AT_END:]}"


def masked_address(address: str) -> str:
    """``ivan@example.com`` -> ``i***@example.com``; of a single letter nothing is left."""
    local, at, domain = _split(address)
    if not at:
        return HIDDEN
    return f"{local[:1] if len(local) > 1 and local[0] != '*' else ''}{HIDDEN}{at}{domain}"


def _split(address: str) -> tuple[str, str, str]:
    at = "@" if "@" in address else "%40"
    return address.rpartition(at)


class Masker:
    """Masks what looks like a number or an address in any text; the company's own stay as they are.

    ``region`` reads numbers without a country code. Rather too much is hidden than too little: a tax number or an
    order's number of seven digits and more is no less hidden than a telephone's.
    """

    def __init__(
        self, region: str, *, numbers: Iterable[str] = (), addresses: Iterable[str] = (), domains: Iterable[str] = ()
    ) -> None:
        self.region = region
        self._numbers = frozenset(filter(None, (to_e164(number, region) for number in numbers)))
        self._addresses = frozenset(filter(None, (canonical_address(address) for address in addresses)))
        self._domains = frozenset(domain.lower() for domain in domains)

    def text(self, text: str) -> str:
        """``text`` with every number of people and every address masked."""
        return Reading(self).text(text)

    def number(self, written: str) -> str:
        """A number of people masked, one of the company's as it is written."""
        bare = _bare(written)
        return written if to_e164(bare, self.region) in self._numbers else masked_number(bare, self.region)

    def address(self, address: str) -> str:
        """The same for an address."""
        canonical = canonical_address(address.replace("%40", "@"))
        if canonical is None:
            return masked_address(address)
        is_own = canonical in self._addresses or canonical.rpartition("@")[2] in self._domains
        return address if is_own else masked_address(address)


class Reading:
    """One answer that is read, in as many texts as it has. What looks like a number is looked up TRIES times at most;
    after that any seven digits that stand together are hidden, so that no letter full of digits takes long to read.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._left = TRIES

    def text(self, text: str) -> str:
        """As ``Masker.text``."""
        return self._plain(_ENCODED.sub(self._decoded, text) if "%" in text else text)

    def _decoded(self, match: re.Match[str]) -> str:
        """An address of the web as it is meant, where it tells something."""
        meant = (unquote_plus if "=" in match[0] else unquote)(match[0])
        shown = self._plain(meant)
        return match[0] if shown == meant else shown

    def _plain(self, text: str) -> str:
        pattern = _TELLING if "@" in text or "%40" in text else _WITHOUT_ADDRESS
        return pattern.sub(self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        found = match.groupdict()
        if (address := found.get("address")) is not None:
            return self._masker.address(address)
        return self._run(match) if found["digits"] is not None else match[0]

    def _run(self, match: re.Match[str]) -> str:
        """Groups of digits that stand together: some of them may be a number, or several numbers."""
        run = match[0]
        touched = _letter(match.string, match.start() - 1), _letter(match.string, match.end())
        done, parts = 0, []
        for start, end in self._numbers_in(run, touched):
            parts += [run[done:start], self._masker.number(run[start:end]) if self._left > 0 else HIDDEN]
            done = end
        tail = run[done:]
        if _CUT.match(match.string, match.end()) and len(_bare(tail).lstrip("+")) >= SHORTEST:
            tail = HIDDEN
        return "".join([*parts, tail])

    def _numbers_in(self, run: str, touched: tuple[bool, bool]) -> Iterator[tuple[int, int]]:
        """Where the numbers in ``run`` stand. ``touched``: whether a letter stands before it, behind it."""
        groups = [found.span() for found in re.finditer(r"\d+", run)]
        index = 0
        while index < len(groups):
            if self._left <= 0:
                if sum(end - start for start, end in groups[index:]) >= SHORTEST:
                    yield groups[index][0], groups[-1][1]
                return
            start = groups[index][0] - run[: groups[index][0]].endswith("+")
            last = self._last_group(run, start, groups, index)
            if last is None and _is_long(groups, index, touched):
                last = index
            if last is not None:
                yield start, groups[last][1]
            index = index + 1 if last is None else last + 1

    def _last_group(self, run: str, start: int, groups: list[tuple[int, int]], first: int) -> int | None:
        """The group with which the longest number ends that begins at ``start``."""
        plus, longest = run[start] == "+", None
        for last in range(first, len(groups)):
            written = run[start : groups[last][1]]
            bare = _bare(written)
            count = len(bare.lstrip("+"))
            if count > MAX_DIGITS + 2:
                break
            if count < SHORTEST:
                continue
            self._left -= 1
            if to_e164(bare, self._masker.region) is not None or _OF_THE_TOWN.fullmatch(written):
                longest = last
            elif plus and longest is None and last == len(groups) - 1:
                longest = last  # of no country we know, but somebody meant a number
        return longest


def _is_long(groups: list[tuple[int, int]], index: int, touched: tuple[bool, bool]) -> bool:
    """Whether a group alone is too many digits to be shown."""
    start, end = groups[index]
    glued = (touched[0] and index == 0) or (touched[1] and index == len(groups) - 1)
    return end - start >= (GLUED if glued else SHORTEST)


def _letter(text: str, place: int) -> bool:
    return 0 <= place < len(text) and text[place].isascii() and text[place].isalpha()


def _bare(written: str) -> str:
    """Digits of any script as ASCII, without what stands between them; a plus sign before them stays."""
    digits = "".join(str(int(letter)) for letter in written if letter.isdecimal())
    return f"+{digits}" if written.startswith("+") else digits
