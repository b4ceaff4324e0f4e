"""The JSON of the REST API as types: what contracts promise to other programs. OpenAPI is made from these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class ContactBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A contact inside another object."""

    id: str
    name: str | None
    phones: list[str]
    """E.164."""
    emails: list[str]


class ManagerBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A manager inside another object."""

    id: str
    name: str


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """Where it came from, in the words of the advertiser."""

    name: str | None
    """The configured name of the form, mailbox or line."""
    page: str | None
    utm: dict[str, str]
    """Without the prefix: ``source``, ``medium``, ``campaign`` ..."""
    click_ids: dict[str, str]


class MoneyView(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money."""

    amount: str
    """Decimal, with a point: ``12500.50``."""
    currency: str
    """ISO 4217."""


class LeadView(msgspec.Struct, frozen=True, kw_only=True):
    """A contact's request being worked."""

    id: str
    channel: str
    """``call``, ``mail`` or ``form``: how it began."""
    status: str
    """``open``, ``won``, ``lost``, ``spam``, or ``merged`` into the open lead of the same person."""
    stage: str
    stage_since: datetime
    """When it came to its stage."""
    reason: str | None
    """Why it was lost or is spam."""
    amount: MoneyView | None
    """What it is worth."""
    contact: ContactBrief | None
    """Null where the person withheld every handle."""
    manager: ManagerBrief | None
    source: SourceView
    subject: str | None
    text: str
    fields: dict[str, str]
    after_hours: bool | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    version: int
    """One more with each change by a person or program; ``If-Match`` takes it."""
    interactions: list[str]
    """Ids, the oldest first."""


class HandleView(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach a person."""

    kind: str
    """``phone`` (E.164) or ``email``."""
    value: str


class SightingView(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a letter was met. The same letter in two mailboxes is one interaction with two of them."""

    source: str
    """The configured name of the mailbox, or ``smtp``."""
    place: str
    """The folder; empty for SMTP."""
    seen_at: datetime
    """When it came there."""


class InteractionView(msgspec.Struct, frozen=True, kw_only=True):
    """One call, mail or form submission."""

    id: str
    channel: str
    connector: str
    source_name: str
    """The configured name of the PBX, mailbox, listener or form."""
    phase: str
    """``received`` (not understood yet), ``ringing``, ``answered`` or ``ended``."""
    direction: str | None
    kind: str | None
    outcome: str | None
    """Of calls: ``answered``, ``missed``, ``no_answer``, ``busy`` or ``failed``."""
    line: str | None
    name: str | None
    subject: str | None
    text: str
    fields: dict[str, str]
    source: SourceView
    handles: list[HandleView]
    attachments: list[dict[str, Any]]
    problems: list[str]
    details: dict[str, Any]
    """The channel's own record."""
    sightings: list[SightingView] = []
    """Of letters: where they were met, the first place first."""
    after_hours: bool | None
    contact: ContactBrief | None
    manager: ManagerBrief | None
    lead: str | None
    """Id of the lead it belongs to."""
    occurred_at: datetime
    ended_at: datetime | None
    received_at: datetime
    updated_at: datetime


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call: its record (docs/calls.md) and whose it is."""

    id: str
    pbx: str
    line: str | None
    contact: ContactBrief | None
    manager: ManagerBrief | None
    lead: str | None
    after_hours: bool | None
    linkedid: str | None = None
    direction: str | None = None
    caller: str | None = None
    dialled: str | None = None
    caller_name: str | None = None
    answered: bool = False
    answered_by: str | None = None
    outcome: str | None = None
    missed_reason: str | None = None
    rang: list[str] = []
    transfers: list[dict[str, Any]] = []
    queue: str | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    wait_seconds: float | None = None
    talk_seconds: float | None = None
    recording: str | None = None
    voicemail: bool = False
    ended: bool = False
    gap: bool = False
    """Events were lost: the PBX, the connection or Leadgate went down during the call. What is said may not be all."""


class OutcallView(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was asked for (click to call), and how far it came."""

    id: str
    manager: str | None
    """Id of the manager whose phone rings."""
    pbx: str | None
    extension: str | None
    number: str
    """E.164."""
    contact: str | None
    callback: str | None
    state: str
    """``refused``, ``calling_manager``, ``calling_customer``, ``manager_no_answer``, ``manager_busy``, ``failed``, or
    ``unknown`` where the connection was lost before the PBX told."""
    code: str | None
    """Why it was refused or failed, for programs."""
    reason: str | None
    """The same for people."""
    call: str | None
    """Id of the call itself (``/api/v1/calls/{id}``) once the PBX told of it: there stands whether they talked."""


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """A person or company known by handles."""

    id: str
    name: str | None
    company: str | None
    phones: list[str]
    emails: list[str]
    manager: ManagerBrief | None
    """The owner."""
    created_at: datetime
    updated_at: datetime


class ManagerView(msgspec.Struct, frozen=True, kw_only=True):
    """A user who serves contacts."""

    id: str
    login: str
    name: str
    role: str
    email: str | None
    mobile: str | None
    extensions: list[str]
    active: bool


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a delivery."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    result: str | None
    """``done`` or the error's code; null while under way, or when the process died: then nobody knows."""
    detail: str | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One event pushed, or to be pushed, to one CRM."""

    id: int
    crm: str
    type: str
    message_id: str
    """The same over all tries."""
    status: str
    """``waiting``, ``sending``, ``done``, ``held``, ``dead`` or ``dropped``."""
    lead: str | None
    interaction: str | None
    attempts: int
    due_at: datetime
    reason: str | None
    remote_id: str | None
    remote_url: str | None
    created_at: datetime
    updated_at: datetime


class DeliveryDetails(DeliveryView, frozen=True, kw_only=True):
    """A delivery with what was sent and every try."""

    payload: dict[str, Any]
    tries: list[AttemptView]
