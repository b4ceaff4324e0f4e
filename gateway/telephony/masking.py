"""Takes numbers and names out of an AMI stream so that it can be given away, and still tells the same calls. Pure.

The same number, however it is written (``8 926``, ``+7926``, in a channel's name, in a file's name), becomes the same
other number of the same length and country; each name becomes another one. What the call tracker does not read is left
out rather than masked: an AppData or a variable may hold anything. Extensions (up to six digits) stay: without them
nobody could say what a bug report is about.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

from gateway.core.phone import is_withheld, to_e164
from gateway.telephony.ami.framing import Message
from gateway.telephony.tracker import VARIABLES
from gateway.telephony.tracker.channels import STAGES

TAIL = 6
"""Last digits of a number that are replaced: those that tell the subscriber. Operator and town remain."""
SHORTEST = 7
"""Digits from which a run is taken for a number."""
TRIES = 50
"""Random numbers tried until one is as valid as the number it stands for."""
LEFT_OUT = "(masked)"

IDS = frozenset({"Event", "Privilege", "Timestamp", "ActionID", "EventList", "SystemName"})
"""Headers that hold no person, besides all that end as `_IDS_END`."""
_IDS_END = ("Uniqueid", "Linkedid", "BridgeId")
NAMES_END = ("CallerIDName", "ConnectedLineName", "MemberName")
READ = (
    "CallerIDNum", "ConnectedLineNum", "Channel", "ChannelState", "ChannelStateDesc", "Context", "Exten", "Extension",
    "Priority", "Application", "DialStatus", "DialString", "Cause", "Cause-txt", "TechCause", "CID-CallingPres",
    "Language", "Newname", "Oldname", "Queue", "Position", "HoldTime", "Wait", "Count", "Variable", "Response",
    "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeNumChannels", "Result", "IsExternal", "DestType",
    "Duration", "LocalOptimization", "Interface", "Status", "Paused", "Membership", "ListItems", "ParkingSpace",
    "Reason",
)  # fmt: skip
"""Headers that are kept with their numbers masked, also behind a prefix (``DestChannel``, ``TransfererExten``)."""
_APPLICATIONS = frozenset({*STAGES, "mixmonitor", "appdial", "appdial2", "appqueue", "goto", "answer", "hangup"})
"""Dialplan applications whose arguments are the dialplan's own and are read."""

_RUN = re.compile(rf"\d{{{SHORTEST},}}")
_BIRTH = re.compile(r"1\d{9}\.\d+")
"""A channel's id inside a file's name: seconds since 1970 and a running number."""
_SERIAL = re.compile(r"-[0-9a-f]{8}(?=$|;[12]|<)")
"""The running number at the end of a channel's name, in hexadecimal."""


class Masker:
    """One recording's replacements: random, so nothing can be worked out from the file, and the same throughout."""

    def __init__(self, region: str, *, below: Callable[[int], int] = secrets.randbelow) -> None:
        """``region``: the country of national numbers. ``below(n)`` gives a random number from 0 to n-1."""
        self._region = region
        self._below = below
        self._tails: dict[str, str] = {}
        self._taken: set[str] = set()
        self._names: dict[str, str] = {}

    def message(self, message: Message) -> Message:
        """One event, masked. A header that repeats is masked value by value."""
        return {name: self._header(name, value, message) for name, value in message.items()}

    def numbers(self, text: str) -> str:
        """Every number in a text replaced; channel ids and the serials of channel names stay."""
        kept = [match.span() for pattern in (_BIRTH, _SERIAL) for match in pattern.finditer(text)]

        def replace(match: re.Match[str]) -> str:
            inside = any(start <= match.start() and match.end() <= end for start, end in kept)
            return match[0] if inside else self._number(match[0])

        return _RUN.sub(replace, text)

    def name(self, text: str) -> str:
        """A person's name; a number in its place is masked as a number."""
        if is_withheld(text.strip()) or text.strip() in ("", "<unknown>"):
            return text
        if not any(letter.isalpha() for letter in text):
            return self.numbers(text)
        return self._names.setdefault(text.strip(), f"Name {len(self._names) + 1}")

    def _header(self, name: str, value: str, message: Mapping[str, str]) -> str:
        if name in IDS or name.endswith(_IDS_END):
            return value
        if name.endswith(NAMES_END):
            return "\n".join(self.name(line) for line in value.split("\n"))
        if name in ("AppData", "ApplicationData"):
            known = message.get("Application", "").lower() in _APPLICATIONS
            return self.numbers(value) if known else LEFT_OUT
        if name == "Value":
            return self.numbers(value) if message.get("Variable") in VARIABLES else LEFT_OUT
        if name.endswith(READ):
            return self.numbers(value)
        return value if len(value) < SHORTEST and value.isdecimal() else LEFT_OUT

    def _number(self, digits: str) -> str:
        head, tail = digits[:-TAIL], digits[-TAIL:]
        if tail not in self._tails:
            self._tails[tail] = self._fresh(head, tail)
        return head + self._tails[tail]

    def _fresh(self, head: str, tail: str) -> str:
        """Six other digits, never given before, that leave a valid number valid."""
        public = to_e164(head + tail, self._region) is not None
        chosen = ""
        for _ in range(TRIES):
            chosen = f"{self._below(10**TAIL):0{TAIL}d}"
            if chosen not in self._taken and (to_e164(head + chosen, self._region) is not None) == public:
                break
        while chosen in self._taken:
            chosen = f"{(int(chosen) + 1) % 10**TAIL:0{TAIL}d}"
        self._taken.add(chosen)
        return chosen
