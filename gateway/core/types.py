"""What flows through the house: an ``Inbound`` goes in, a ``Receipt`` comes back.

Two keys, never one: ``Inbound.dedup_key`` is unique per *report* (the same report twice is ignored), ``Inbound.key`` is
unique per *interaction* (ringing, answered and ended of one call update one row).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Json = Any
"""A value that JSON can carry: None, bool, int, float, str, list or dict of the same."""


class Channel(StrEnum):
    """How a person reached the company."""

    CALL = "call"
    MAIL = "mail"
    FORM = "form"


class Direction(StrEnum):
    """Who began: the outside person (inbound), the company (outbound), or nobody outside (internal)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Phase(StrEnum):
    """How far an interaction has come. An item not understood yet is ``RECEIVED``; mails and forms go to ``ENDED``."""

    RECEIVED = "received"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"

    @property
    def rank(self) -> int:
        """Later phases have higher ranks; a report of a lower rank never overwrites one of a higher."""
        return _PHASE_ORDER.index(self)


_PHASE_ORDER = tuple(Phase)


class Kind(StrEnum):
    """What an interaction is, once understood. Only ``MESSAGE`` opens leads by default."""

    MESSAGE = "message"
    """A person wants something: a call, a letter, a form submission."""
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    BULK = "bulk"
    SPAM = "spam"
    TEST = "test"
    """A form builder's test ping: recorded, never a lead."""
    PART = "part"
    """A piece of another interaction, as the consultation before a transfer: recorded, never a lead of its own."""


class HandleKind(StrEnum):
    """The ways to reach a person that Leadgate compares."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Handle:
    """One way to reach a person: a phone in E.164 or a canonical mail address. Equal handles are one person."""

    kind: HandleKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an interaction came from, in the words of the advertiser."""

    name: str | None = None
    """The configured name of the form, mailbox or line."""
    page: str | None = None
    """Address of the web page, as the browser gave it."""
    referer: str | None = None
    utm: Mapping[str, str] = field(default_factory=dict)
    """utm_source, utm_medium, utm_campaign, utm_term, utm_content and other utm_* without the prefix."""
    click_ids: Mapping[str, str] = field(default_factory=dict)
    """gclid, yclid, fbclid, ym_uid, ga and the like, by their own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a mail or a form; the bytes stay in the raw item."""

    name: str
    content_type: str
    size: int
    """Bytes, decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a connector understood of one interaction, before anyone looked anything up."""

    direction: Direction
    phase: Phase
    occurred_at: datetime
    """When it began, as the source says; timezone-aware."""
    kind: Kind = Kind.MESSAGE
    ended_at: datetime | None = None
    handles: tuple[Handle, ...] = ()
    """The outside person's handles, the surest first. Empty for a withheld number."""
    name: str | None = None
    """The outside person's name as sent."""
    company: str | None = None
    line: str | None = None
    """Our side of it: the dialled number, the mailbox address, the form's key."""
    subject: str | None = None
    text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Everything the person filled in, label to value, in order."""
    source: Source = field(default_factory=Source)
    attachments: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = ()
    """Sentences: what was wrong with the item."""
    details: Mapping[str, Json] = field(default_factory=dict)
    """The channel's own record: the call record of docs/calls.md, the mail's headers, the form's delivery facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a source was read. Stored in the transaction of the item that it covers, never before."""

    name: str
    """``cdr:office``, ``imap:sales/INBOX``."""
    value: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where an item was met. The same letter in two mailboxes is one interaction with two of them."""

    place: str
    """The folder of the mailbox; empty where a source has only one place."""
    mark: str
    """What tells the item there from others: meeting it again under the same mark is no news."""
    seen_at: datetime
    """When it came there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What a connector hands over. Durable before anyone tries to understand it."""

    connector: str
    """Which connector: ``ami``, ``smtp``, ``imap``, ``form``. Chooses who can interpret ``raw``."""
    source: str
    """Its configured name: the PBX, the mailbox or listener, the form's key."""
    channel: Channel
    dedup_key: str
    key: str
    raw: bytes
    """As it came from the wire."""
    received_at: datetime
    draft: Draft | None = None
    pending: str | None = None
    """Why there is no draft yet, a word for people: ``to be parsed``. Exactly one of draft and pending is set."""
    meta: Mapping[str, Json] = field(default_factory=dict)
    """What the wire said around the raw bytes: envelope, headers, addresses. Needed to interpret ``raw`` later."""
    cursor: Cursor | None = None
    """For sources that are read in order: where to go on after this item."""
    sighting: Sighting | None = None
    """Where it was met; written down for an item that is known already too."""

    def __post_init__(self) -> None:
        if (self.draft is None) == (self.pending is None):
            raise ValueError("an Inbound carries either a draft or the reason why there is none")


class Outcome(StrEnum):
    """What became of an Inbound."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    SPOOLED = "spooled"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Given only when the item is durable."""

    outcome: Outcome
    interaction_id: str
    """The id under which the interaction can be found; of the first report when this one was a duplicate."""
