"""What the names that Asterisk gives to channels and dial targets say.

``PJSIP/101-0000004f``: technology, endpoint, serial number. ``Local/103@from-internal-00000005;1``: one half of a
pair of connected channels that are no phone. A dial string is what the dialplan dialled: ``79161112233@trunk``,
``101``, ``mytrunk/89161112233``, ``Local/101@from-internal/n``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from gateway.core.phone import is_extension, is_withheld, to_e164

ROBOTS = frozenset(
    {
        "Snoop", "CBAnn", "CBRec", "Recorder", "Announcer", "Surrogate", "Bridge", "Message", "MulticastRTP",
        "UnicastRTP", "AudioSocket", "WebSocket", "Parked", "AsyncGoto", "Multicast",
    }
)  # fmt: skip
"""Technologies of channels with no person behind: listeners, announcers, recorders, media of programs."""

_SERIAL = re.compile(r"-[0-9a-fA-F]+$")
_MARKS = re.compile(r"<(?:MASQ|ZOMBIE)>$")
_PART = re.compile(r"[/@,!&]")
_DIGITS = re.compile(r"\+?[0-9]{2,}")
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069\x00-\x08\x0e-\x1f\x7f]")
"""Embeddings, overrides and isolates of Unicode's bidirectional algorithm, and controls that are no space. The marks
that Hebrew and Arabic names need (U+200E, U+200F, U+061C) stay."""
LONGEST_NAME = 256
"""Characters. A provider sends some 15, SIP allows any number."""
_BIRTH = re.compile(r"(?:^|-)([0-9]{9,11})\.([0-9]{1,18})$")


class ChannelName(NamedTuple):
    """A channel's name, taken apart."""

    technology: str
    endpoint: str
    half: int
    """1 or 2 for a Local channel, 0 for any other."""
    pair: str
    """What both halves of a Local channel have in common; empty for any other."""


@lru_cache(maxsize=8192)  # a channel's name comes back in each of its events and dies with it
def parse_channel(name: str) -> ChannelName:
    """``PJSIP/101-0000004f`` -> PJSIP, 101; ``Local/103@ctx-00000005;1`` -> Local, 103@ctx, 1, its pair's name."""
    technology, _, rest = _MARKS.sub("", name).partition("/")
    if technology == "Local" and rest[-2:] in (";1", ";2"):
        return ChannelName(technology, _SERIAL.sub("", rest[:-2]), int(rest[-1]), rest[:-2])
    return ChannelName(technology, _SERIAL.sub("", rest), 0, "")


def epoch_of(uniqueid: str) -> float | None:
    """The second in which a channel was born: ``pbx1-1795308351.89`` -> 1795308351.0; None for another shape."""
    match = _BIRTH.search(uniqueid)
    return float(match[1]) if match else None


def birth_order(uniqueid: str) -> tuple[int, int]:
    """Sorts channels by birth: second and running number. As text, ``.10`` would come before ``.9``."""
    match = _BIRTH.search(uniqueid)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def dialled_number(dial_string: str, region: str) -> str | None:
    """The number in a dial string: a public one if there is one, else the first that is all digits."""
    parts = [part.removeprefix("sip:") for part in _PART.split(dial_string)]
    digits = [part for part in parts if _DIGITS.fullmatch(part)]
    public = next((part for part in digits if to_e164(part, region)), None)
    return public or next(iter(digits), None)


def local_target(endpoint: str) -> str | None:
    """What a Local channel was made to reach: ``103@from-internal`` -> 103; None when that is no number."""
    target = endpoint.partition("@")[0]
    return target if _DIGITS.fullmatch(target) else None


def public_number(number: str | None, region: str) -> str | None:
    """E.164 where it is a public number, as it stands where it is not, None where it was withheld."""
    if number is None or is_withheld(number):
        return None
    number = number.strip()
    return number if is_extension(number, region) else to_e164(number, region) or number


def spoken_name(name: str) -> str | None:
    """A caller's name as sent, on one line; None for an empty one and for Asterisk's own word for "none".

    What turns the direction of everything behind it (U+202E and its kin) is left out; a name ends after 256 letters.
    """
    name = " ".join(_TURNS.sub("", name[: 4 * LONGEST_NAME]).split())
    return None if name in ("", "<unknown>") else name[:LONGEST_NAME]
