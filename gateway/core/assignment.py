"""The question "who gets this person?" and its answer: what the rooms ask and the routing answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gateway.core.types import Channel, Handle, Source

NOBODY = "nobody"
"""The rule's name where no rule gave anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRequest:
    """One person who reached the company, or tries to."""

    contact_id: str | None
    """None where nobody knows who it is."""
    handles: Sequence[Handle]
    channel: Channel
    line: str | None
    """What was dialled, written to or filled in."""
    source: Source = field(default_factory=Source)
    at: datetime
    lead_id: str | None = None
    """The request that is worked on, where there is one: its manager stays."""


class Tried(NamedTuple):
    """What one rule said."""

    rule: str
    matched: bool
    why: str
    """A sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """Who gets the person, and why."""

    manager_id: str | None
    rule: str
    """The name of the rule that gave the manager; `NOBODY` where none did."""
    extension: str | None
    """The manager's internal number, the first of several."""
    trail: tuple[Tried, ...] = ()
    """Every rule up to the one that matched, in order."""
