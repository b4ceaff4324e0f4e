"""Which channels lead outside: trunk or extension, told from endpoint names and dialplan contexts.

A PJSIP or SIP channel is born in the context of its endpoint, whether it calls or is called; so the context at birth
says which side it is on, and the first letters of customers' own contexts never matter as long as the PBX's defaults
are in use. Everything can be overridden in the config (``[[pbx]] trunks, trunk_contexts, internal_contexts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

from gateway.core.sentences import Sentence

TRUNK_CONTEXTS = (
    "from-trunk*", "from-pstn*", "from-did*", "from-sip-external", "from-zaptel", "from-dahdi*", "from-analog",
    "from-digital", "from-outside*", "from-provider*", "from-external*",  # FreePBX, Issabel
    "trk-*", "default-trunk", "trunk-*",  # VitalPBX
    "*-incoming", "public-direct-dial",  # MikoPBX: one context a provider, SIP-<id>-incoming
    "incoming*", "inbound*", "voipgrid_in", "trunk", "trunks", "public", "pstn", "external",
)  # fmt: skip
"""Contexts (shell patterns) that calls from outside enter, in plain Asterisk and the common distributions."""

INTERNAL_CONTEXTS = (
    "from-internal*", "from-queue*", "ext-*", "macro-*", "sub-*", "app-*",  # FreePBX, Issabel
    "cos-*", "extensions-*",  # VitalPBX
    "all_peers", "internal*", "internal-users", "peers",  # MikoPBX
    "osvpi_account*", "from-users", "users", "local", "office", "phones",
)  # fmt: skip
"""Contexts (shell patterns) of the company's own phones."""

TRUNK_NAMES = ("*trunk*", "*siproute*", "*provider*", "*pstn*", "trk-*", "gsm*", "goip*")
"""Endpoint names (shell patterns) that are trunks by their own words."""

_EXTENSION = re.compile(r"[0-9]{2,6}(?:[-_][A-Za-z0-9]+)?")
_TRUNK_TECHNOLOGIES = frozenset({"DAHDI", "Zap", "mISDN", "Dongle", "Quectel", "Khomp", "CAPI", "LCR"})
"""Lines, not phones, unless a context says otherwise."""


_NAMED = Sentence("named like a trunk")
REMEMBERED = 4_096
"""Endpoints whose verdict is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """The customer's own trunks and contexts, each a shell pattern; they win over the defaults."""

    trunks: tuple[str, ...] = ()
    """Endpoints of trunks, with or without the technology: ``PJSIP/mango``, ``voipgrid-siproute-*``."""
    trunk_contexts: tuple[str, ...] = ()
    internal_contexts: tuple[str, ...] = ()
    robots: tuple[str, ...] = ()
    """Endpoints that answer but are no people: a voice bot, a fax, an outside mailbox."""
    _patterns: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _judged: dict[tuple[str, str, str], tuple[bool | None, Sentence]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """What was said of each: a PBX has some hundred lines and phones, which come back in every call."""
    _robots: dict[tuple[str, str], bool] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        own = (self.trunks, self.trunk_contexts, self.internal_contexts, self.robots)
        compiled = tuple(_one_of(patterns) for patterns in (*own, TRUNK_CONTEXTS, INTERNAL_CONTEXTS, TRUNK_NAMES))
        object.__setattr__(self, "_patterns", compiled)

    def is_trunk(self, technology: str, endpoint: str, context: str) -> bool | None:
        """Whether a channel of this endpoint, born in this context, leads outside; None when nothing tells."""
        return self.judge(technology, endpoint, context)[0]

    def judge(self, technology: str, endpoint: str, context: str) -> tuple[bool | None, Sentence]:
        """The same with the rule that decided, in words: for people who want to know why."""
        asked = (technology, endpoint, context)
        known = self._judged.get(asked)
        if known is None:
            _make_room(self._judged)
            known = self._judged[asked] = self._decide(technology, endpoint, context)
        return known

    def _decide(self, technology: str, endpoint: str, context: str) -> tuple[bool | None, Sentence]:
        trunks, trunk_contexts, internal_contexts, _, outside, inside, names = self._patterns
        if trunks.fullmatch(endpoint) or trunks.fullmatch(f"{technology}/{endpoint}"):
            return True, Sentence("a line of [[pbx]] trunks")
        if trunk_contexts.fullmatch(context):
            return True, Sentence("its context stands in [[pbx]] trunk_contexts")
        if internal_contexts.fullmatch(context):
            return False, Sentence("its context stands in [[pbx]] internal_contexts")
        if outside.fullmatch(context):
            return True, Sentence("calls from outside usually enter in its context")
        if inside.fullmatch(context):
            # Patterns as wide as "internal*" meet trunks that a small office put beside its phones.
            trunk = bool(names.fullmatch(endpoint)) and not _EXTENSION.fullmatch(endpoint)
            return trunk, _NAMED if trunk else Sentence("phones are usually in its context")
        if names.fullmatch(endpoint):
            return True, _NAMED
        if technology in _TRUNK_TECHNOLOGIES:
            return True, Sentence("a technology of lines, not of phones")
        if _EXTENSION.fullmatch(endpoint):
            return False, Sentence("named like an extension")
        return None, Sentence("neither its name nor its context tells")

    def is_robot(self, technology: str, endpoint: str) -> bool:
        """Whether the config says that nobody sits behind this endpoint."""
        known = self._robots.get((technology, endpoint))
        if known is None:
            robots = self._patterns[3]
            _make_room(self._robots)
            known = bool(robots.fullmatch(endpoint) or robots.fullmatch(f"{technology}/{endpoint}"))
            self._robots[technology, endpoint] = known
        return known


def _make_room(known: dict[Any, Any]) -> None:
    """Forgets all where names never end: the endpoints of Local channels hold numbers."""
    if len(known) >= REMEMBERED:
        known.clear()


def _one_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for all patterns; for none, one that matches nothing (not even an empty context)."""
    return re.compile("|".join(translate(pattern) for pattern in patterns) or r"(?!)", re.IGNORECASE)
