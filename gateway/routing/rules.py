"""``[routing]``: who gets whom, as ordered rules. The first that names somebody who can take the person decides."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import phonenumbers

_PREFIX = re.compile(r"\+\d{1,14}", re.ASCII)
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
MOST_WEIGHT = 100


class RuleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[routing.rule]]``. All that it says must hold; what it leaves out does not matter."""

    name: str
    """How people and the log call it."""
    give: Literal["owner", "last", "manager", "rotation"]
    """``owner``: whose contact it is. ``last``: who talked last. ``manager``: the first of ``to`` who can.
    ``rotation``: those of ``to`` in turn."""
    to: tuple[str, ...] = ()
    """Ids of ``[[manager]]``, for ``manager`` and ``rotation``."""
    channels: tuple[Literal["call", "mail", "form"], ...] = ()
    """How the person came."""
    lines: tuple[str, ...] = ()
    """Dialled numbers, mail addresses and keys of forms."""
    sources: tuple[str, ...] = ()
    """Names of PBXs, mailboxes, listeners and forms that it came from."""
    utm: dict[str, str] = {}
    """What the link must say, as ``{source = "yandex"}``; ``*`` at the end stands for any rest."""
    countries: tuple[str, ...] = ()
    """Countries of the person's number, two letters each, as ``["KZ", "BY"]``."""
    prefixes: tuple[str, ...] = ()
    """How the person's number begins, as ``["+7812"]``."""
    during: Literal["any", "open", "closed"] = "any"
    """``open``: in the hours of what was dialled. ``closed``: outside of them."""
    only: tuple[Literal["working", "online", "free"], ...] = ()
    """The manager must be in his own hours, online (telephone or pages), not in a call."""
    substitute: bool = True
    """Who stands in for an absent manager gets the person; off: the next rule decides."""
    within_days: int = 90
    """For ``last``: how long ago that talk may be."""
    weights: dict[str, int] = {}
    """For ``rotation``: who gets more than others, as ``{anna = 2}``; 1 for who is not named."""
    max_open: int | None = None
    """A manager with so many open leads gets no more by this rule."""
    max_a_day: int | None = None
    """For ``rotation``: so many a day and manager."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name != self.name.strip():
            raise ValueError(f'name {self.name!r}: give a short one on one line, as in "new customers"')
        self._check_people()
        for country in self.countries:
            if country not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError(f"countries: {country!r} is no two-letter country code. Write RU, KZ, DE, ...")
        for prefix in self.prefixes:
            if not _PREFIX.fullmatch(prefix):
                raise ValueError(f"prefixes: {prefix!r} is no beginning of a number. Write it like +7812")
        if not 1 <= self.within_days <= 3650:
            raise ValueError("within_days: a talk may be 1 to 3650 days ago")

    def _check_people(self) -> None:
        named = self.give in ("manager", "rotation")
        if named and not self.to:
            raise ValueError(f'to is missing: give = "{self.give}" needs ids of [[manager]], as in to = ["anna"]')
        if self.to and not named:
            raise ValueError(f'to has no meaning with give = "{self.give}". Remove it, or write give = "manager"')
        if len(set(self.to)) < len(self.to):
            raise ValueError("to names somebody twice. Use weights for who gets more")
        if self.give != "rotation" and (self.weights or self.max_a_day is not None):
            raise ValueError('give: weights and max_a_day need give = "rotation"')
        for name, weight in self.weights.items():
            if name not in self.to:
                raise ValueError(f"weights: {name!r} is not in to")
            if not 1 <= weight <= MOST_WEIGHT:
                raise ValueError(f"weights: {name} has {weight}; a weight is 1 to {MOST_WEIGHT}")
        for key in ("max_open", "max_a_day"):
            if (cap := getattr(self, key)) is not None and cap < 1:
                raise ValueError(f"{key}: must be 1 or more; leave it out for no limit")


USUAL_RULES = (RuleSettings(name="owner", give="owner"), RuleSettings(name="last talk", give="last"))
"""Without any ``[[routing.rule]]``: a known person gets his own manager, or who talked with him last."""


class RoutingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[routing]``: what is done with who was found."""

    own_contacts: bool = True
    """The manager of a lead becomes the owner of its contact, where that has none."""
    answered_takes: bool = True
    """Who answers the call of somebody without a manager gets the lead, before any rule is asked."""
    caller_name: bool = True
    """The contact's name is sent to the PBX, for the telephone's display."""
    online_minutes: int = 15
    """So long after the last click in the pages a manager counts as online."""
    rule: tuple[RuleSettings, ...] = USUAL_RULES
    """Asked in this order."""

    def __post_init__(self) -> None:
        if not 1 <= self.online_minutes <= 1440:
            raise ValueError("online_minutes: must be 1 to 1440")
