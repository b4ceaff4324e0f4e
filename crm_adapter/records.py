"""What an event says, as the things a CRM keeps: a person, a lead, a call, a letter, a form.

The shapes are those of ``lead.created``, ``call.finished``, ... (docs/contracts of the webhook). What is missing or of
another type than promised becomes None or empty: a newer gateway must not break an older adapter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_adapter.words import say


class Kind(StrEnum):
    """The things that have a marker and a link."""

    CONTACT = "contact"
    LEAD = "lead"
    CALL = "call"
    MAIL = "mail"
    FORM = "form"


Extra = Mapping[str, Any]
"""Fields of the CRM by its own names, from the field mapping of the configuration. They go in last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact."""

    id: str
    """The marker."""
    name: str | None = None
    phones: tuple[str, ...] = ()
    """E.164."""
    emails: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    """Ids of contacts that proved to be the same person."""
    extra: Extra = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Something to call them by, always."""
        return self.name or next(iter((*self.phones, *self.emails)), "Unknown caller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where it came from, in the words of the advertiser."""

    name: str | None = None
    page: str | None = None
    utm: Mapping[str, str] = field(default_factory=dict)
    """Without the prefix: ``source``, ``medium``, ``campaign``, ``term``, ``content``."""
    click_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A contact's request."""

    id: str
    """The marker."""
    channel: str
    """``call``, ``mail`` or ``form``."""
    status: str
    stage: str
    person: Person | None
    manager_id: str | None
    origin: Origin
    subject: str | None
    text: str
    fields: Mapping[str, str]
    created_at: datetime | None
    language: str = "en"
    extra: Extra = field(default_factory=dict)

    @property
    def title(self) -> str:
        """A heading, always: the subject, or who it is and how they came."""
        word = say(self.language, {"call": "Call", "mail": "Letter", "form": "Form"}.get(self.channel, "Request"))
        return self.subject or f"{word}: {self.person.title if self.person else say(self.language, 'withheld number')}"

    @property
    def description(self) -> str:
        """The text, then what was filled in, one line a field."""
        lines = [self.text] if self.text else []
        lines += [f"{label}: {value}" for label, value in self.fields.items() if value and value not in self.text]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One transfer within a call."""

    by: str | None
    """Extension or number."""
    to: str | None
    answered: bool
    """False: the caller came to nobody there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that is over."""

    id: str
    """The marker."""
    lead_id: str | None
    person: Person | None
    manager_id: str | None
    inbound: bool
    number: str | None
    """The outside person's, E.164; None where it was withheld."""
    line: str | None
    """Our number."""
    answered: bool
    extension: str | None
    """Who spoke, or (missed) whose phone rang last."""
    outcome: str
    missed_reason: str | None
    started_at: datetime
    ended_at: datetime | None
    talk_seconds: int
    wait_seconds: int
    has_recording: bool
    recording_url: str | None
    """Where the CRM can fetch it, if anywhere."""
    origin: Origin
    rang: tuple[str, ...] = ()
    """Extensions that rang, in order."""
    queue: str | None = None
    """In which the caller waited."""
    transfers: tuple[Handover, ...] = ()
    after_hours: bool = False
    """By the company's calendar."""
    card: str | None = None
    """The CRM's id of the card that it showed while the phone rang."""
    language: str = "en"
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One letter or one form submission."""

    id: str
    """The marker."""
    kind: Kind
    lead_id: str | None
    person: Person | None
    manager_id: str | None
    inbound: bool
    line: str | None
    """The mailbox, or the form's key."""
    subject: str | None
    text: str
    fields: Mapping[str, str]
    attachments: Sequence[str]
    """Names of files."""
    at: datetime
    message_id: str | None
    """The letter's Message-ID, where it has one."""
    origin: Origin
    language: str = "en"
    extra: Extra = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """All of it as text, for a CRM that has notes only."""
        head = [f"{self.subject}"] if self.subject else []
        body = [self.text] if self.text else []
        rows = [f"{label}: {value}" for label, value in self.fields.items() if value]
        files = [f"{say(self.language, 'Files')}: {', '.join(self.attachments)}"] if self.attachments else []
        source = [f"{say(self.language, 'Page')}: {self.origin.page}"] if self.origin.page else []
        return "\n".join([*head, *body, *rows, *files, *source]) or "(empty)"


def person_of(data: Mapping[str, Any]) -> Person | None:
    """The contact of a lead or interaction, or a ``contact.upserted`` itself."""
    found = data.get("contact") if "contact" in data else data
    if not isinstance(found, Mapping) or not isinstance(found.get("id"), str):
        return None
    return Person(
        id=found["id"],
        name=_name(found.get("name")),
        phones=_texts(found.get("phones")),
        emails=_texts(found.get("emails")),
        merged=_texts(found.get("merged")),
    )


def lead_of(data: Mapping[str, Any], extra: Extra | None = None, *, language: str = "en") -> Lead:
    """The data of ``lead.created`` and ``lead.updated``."""
    return Lead(
        id=str(data["id"]),
        channel=_text(data.get("channel")) or "",
        status=_text(data.get("status")) or "open",
        stage=_text(data.get("stage")) or "new",
        person=person_of(data) if data.get("contact") else None,
        manager_id=_manager_id(data),
        origin=_origin(data.get("source")),
        subject=_text(data.get("subject")),
        text=_text(data.get("text")) or "",
        fields=_pairs(data.get("fields")),
        created_at=_moment(data.get("created_at")),
        language=language,
        extra=extra or {},
    )


def call_of(data: Mapping[str, Any], at: datetime, extra: Extra | None = None, *, language: str = "en") -> Call:
    """The data of ``call.finished`` and ``call.recording_ready``; ``at`` is used where the start is not known."""
    record = data.get("details")
    record = record if isinstance(record, Mapping) else {}
    inbound = (record.get("direction") or data.get("direction")) != "outbound"
    rang = _texts(record.get("rang"))
    answered = record.get("answered") is True
    person = person_of(data) if data.get("contact") else None
    number = _text(record.get("caller" if inbound else "dialled"))
    if inbound:
        extension = _text(record.get("answered_by")) if answered else (rang[-1] if rang else None)
    else:
        extension = _text(record.get("caller"))
    return Call(
        id=str(data["id"]),
        lead_id=_text(data.get("lead")),
        person=person,
        manager_id=_manager_id(data),
        inbound=inbound,
        number=number or next(iter(person.phones if person else ()), None),
        line=_text(data.get("line")),
        answered=answered,
        extension=extension,
        outcome=_text(record.get("outcome")) or ("answered" if answered else "missed"),
        missed_reason=_text(record.get("missed_reason")),
        started_at=_moment(record.get("started_at")) or _moment(data.get("occurred_at")) or at,
        ended_at=_moment(record.get("ended_at")) or _moment(data.get("ended_at")),
        talk_seconds=_seconds(record.get("talk_seconds")) if answered else 0,
        wait_seconds=_seconds(record.get("wait_seconds")),
        has_recording=bool(record.get("recording")),
        recording_url=_text(record.get("recording_url")),
        origin=_origin(data.get("source")),
        rang=rang,
        queue=_text(record.get("queue")),
        transfers=_transfers(record.get("transfers")),
        after_hours=data.get("after_hours") is True,
        language=language,
        extra=extra or {},
    )


def _transfers(found: Any) -> tuple[Handover, ...]:
    if not isinstance(found, list | tuple):
        return ()
    return tuple(
        Handover(by=_text(one.get("by")), to=_text(one.get("to")), answered=one.get("answered") is True)
        for one in found
        if isinstance(one, Mapping)
    )


def message_of(
    kind: Kind, data: Mapping[str, Any], at: datetime, extra: Extra | None = None, *, language: str = "en"
) -> Message:
    """The data of ``email.received`` (Kind.MAIL) and ``form.received`` (Kind.FORM)."""
    details = data.get("details")
    details = details if isinstance(details, Mapping) else {}
    return Message(
        id=str(data["id"]),
        kind=kind,
        lead_id=_text(data.get("lead")),
        person=person_of(data) if data.get("contact") else None,
        manager_id=_manager_id(data),
        inbound=data.get("direction") != "outbound",
        line=_text(data.get("line")),
        subject=_text(data.get("subject")),
        text=_text(data.get("text")) or "",
        fields=_pairs(data.get("fields")),
        attachments=_names(data.get("attachments")),
        at=_moment(data.get("occurred_at")) or at,
        message_id=_text(details.get("message_id")),
        origin=_origin(data.get("source")),
        language=language,
        extra=extra or {},
    )


def digest(*values: Any) -> str:
    """A short fingerprint: what was sent last, so that the same is not sent again."""
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _name(value: Any) -> str | None:
    """None too for one of blanks only: CRMs refuse such a record."""
    return (_text(value) or "").strip() or None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str) and one) if isinstance(value, list | tuple) else ()


def _names(files: Any) -> list[str]:
    return [str(one.get("name")) for one in files if isinstance(one, Mapping)] if isinstance(files, list) else []


def _pairs(value: Any) -> dict[str, str]:
    return {str(key): str(one) for key, one in value.items() if one is not None} if isinstance(value, Mapping) else {}


def _seconds(value: Any) -> int:
    return round(value) if isinstance(value, int | float) and 0 <= value < 1e9 else 0


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _manager_id(data: Mapping[str, Any]) -> str | None:
    manager = data.get("manager")
    return _text(manager.get("id")) if isinstance(manager, Mapping) else None


def _origin(value: Any) -> Origin:
    if not isinstance(value, Mapping):
        return Origin()
    return Origin(
        name=_text(value.get("name")),
        page=_text(value.get("page")),
        utm=_pairs(value.get("utm")),
        click_ids=_pairs(value.get("click_ids")),
    )
