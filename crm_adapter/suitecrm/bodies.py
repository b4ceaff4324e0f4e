"""Our things as records of SuiteCRM. Pure. Source: the vardefs of its modules."""

from __future__ import annotations

import html
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_adapter.numbers import ending
from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Lead, Message, Person
from crm_adapter.suitecrm.api import Row, narrow
from crm_adapter.texts import (
    call_facts,
    call_subject,
    cut,
    message_head,
    new_emails,
    new_phones,
    with_news,
)

MOST_NAME, MOST_CALL, MOST_SUBJECT, MOST_TEXT = 100, 50, 255, 15_000
"""Characters."""
MOST_BYTES = 60_000
"""Of a text as SuiteCRM keeps it: its columns have 64 KiB."""
SOURCES = {"call": "Other", "mail": "Email", "form": "Web Site"}
"""Of ``lead_source_dom``, as it is from the start, by our channel."""
LEAST_DIGITS = 7
"""Of a number that is searched for whatever stands between its digits; shorter ones must be the whole."""
PHONES = ("phone_mobile", "phone_work", "phone_home", "phone_other")
EMAILS = ("email1", "email2")
_ANGLES = str.maketrans("<>", "‹›")
"""SuiteCRM takes whatever looks like a tag out of every text: of ``a <b@c.de>`` it would keep ``a``."""


def plain(text: str, most: int) -> str:
    """A text that stays as it is."""
    return _fitting(
        cut(text.translate(_ANGLES), most), lambda one: len(_kept(one).encode("utf-8", "replace")) <= MOST_BYTES
    )


def line(text: str, most: int) -> str:
    """The same on one line, for a column of so many characters."""
    return _fitting(cut(" ".join(text.translate(_ANGLES).split()), most), lambda one: len(_kept(one)) <= most)


def _kept(text: str) -> str:
    """As SuiteCRM keeps it: an ``&`` is five characters."""
    return html.escape(text)


def _fitting(text: str, fits: Callable[[str], bool]) -> str:
    while not fits(text):
        text = cut(text, max(1, len(text) * 3 // 4))
    return text


def moment(at: datetime) -> str:
    """A time as SuiteCRM's database has it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def typed(phone: str) -> str | None:
    """What LIKE finds a number by however it was typed; None for a short one."""
    compared = ending(phone)
    return f"%{'%'.join(compared)}%" if len(compared) >= LEAST_DIGITS else None


def contact_fields(person: Person, where: Where) -> dict[str, Any]:
    """A new contact."""
    return _with({"last_name": line(person.title, MOST_NAME), **missing_handles(person, None)}, where, person.extra)


def missing_handles(person: Person, contact: Row | None) -> dict[str, Any]:
    """Numbers and mails that the contact lacks, in its empty fields; what finds no room goes into the description."""
    known = {name: contact.text(name) for name in (*PHONES, *EMAILS)} if contact else {}
    fields: dict[str, Any] = {}
    rest: list[str] = []
    phones = new_phones(person, [known.get(name, "") for name in PHONES])
    emails = new_emails(person, [known.get(name, "") for name in EMAILS])
    for names, values in ((PHONES, phones), (EMAILS, emails)):
        free = [name for name in names if not known.get(name)]
        fields |= dict(zip(free, values, strict=False))
        rest += values[len(free) :]
    old = contact.text("description") if contact else ""
    if news := "\n".join(one for one in rest if one not in old):
        fields["description"] = plain(with_news(old, news), MOST_TEXT)
    return fields


def lead_fields(lead: Lead, where: Where) -> dict[str, Any]:
    """A new lead."""
    person = lead.person
    fields: dict[str, Any] = {
        "last_name": line(person.title if person else lead.title, MOST_NAME),
        "title": line(lead.title, MOST_NAME),
        "description": description(lead),
        "lead_source_description": line(lead.origin.page or lead.origin.name or "", MOST_SUBJECT),
    }
    if person:
        fields |= {name: value for name, value in missing_handles(person, None).items() if name != "description"}
    if source := SOURCES.get(lead.channel):
        fields["lead_source"] = source
    if where.contact:
        fields["contact_id"] = where.contact
    return _with(fields, where, lead.extra)


def lead_change(lead: Lead, where: Where, now: Row) -> dict[str, Any]:
    """What an update may write: our text below what is there; the name and the status are the people's."""
    old = now.text("description")
    news = plain(lead.description, MOST_TEXT)
    text = old if narrow(news) in old else plain(with_news(old, news), 2 * MOST_TEXT)
    return _with({"description": text} if text != old else {}, where, lead.extra)


def description(lead: Lead) -> str:
    """Text, form fields and UTM."""
    lines = [f"utm_{name}: {value}" for name, value in lead.origin.utm.items() if value]
    return plain("\n".join([cut(lead.description, MOST_TEXT - 2000), *lines]), MOST_TEXT)


def call_fields(call: Call, where: Where) -> dict[str, Any]:
    """A call that is over. Its length is kept in whole minutes; the seconds are in the description."""
    minutes = -(-call.talk_seconds // 60)
    fields: dict[str, Any] = {
        "name": line(call_subject(call), MOST_CALL),
        "status": "Held" if call.answered else "Not Held",
        "direction": "Inbound" if call.inbound else "Outbound",
        "date_start": moment(call.started_at),
        "date_end": moment(call.started_at + timedelta(minutes=minutes)),
        "duration_hours": minutes // 60,
        "duration_minutes": minutes % 60,
        "description": plain(call_facts(call), MOST_TEXT),
        **parent(where),
    }
    if where.contact:
        fields["contact_id"] = where.contact
    return _with(fields, where, call.extra)


def note_fields(message: Message, where: Where) -> dict[str, Any]:
    """A letter or form as a note."""
    head = message_head(message)
    fields: dict[str, Any] = {
        "name": line(f"{head}: {message.subject or message.line or ''}", MOST_SUBJECT),
        "description": plain(f"{head}\n{message.summary}", MOST_TEXT),
        **parent(where),
    }
    if where.contact:
        fields["contact_id"] = where.contact
    return _with(fields, where, message.extra)


def parent(where: Where) -> dict[str, Any]:
    """The lead, else the contact."""
    if where.lead:
        return {"parent_type": "Leads", "parent_id": where.lead}
    return {"parent_type": "Contacts", "parent_id": where.contact} if where.contact else {}


def own_id(marker: str, use: str = "") -> str:
    """The id of a record of ours: the marker, which is a UUID, or one that follows from it and ``use``."""
    try:
        known = uuid.UUID(marker)
    except ValueError:
        known = uuid.uuid5(uuid.NAMESPACE_URL, f"leadgate:{marker}")
    return str(uuid.uuid5(known, use) if use else known)


def phones_of(row: Row) -> Sequence[str]:
    """The numbers of a contact."""
    return [row.text(name) for name in PHONES]


def emails_of(row: Row) -> Sequence[str]:
    """The mails of a contact."""
    return [row.text(name) for name in EMAILS]


def _with(fields: Mapping[str, Any], where: Where, extra: Mapping[str, Any]) -> dict[str, Any]:
    """SuiteCRM refuses an attribute that is blank."""
    found = {**fields, **({"assigned_user_id": where.owner} if where.owner else {}), **extra}
    return {name: value for name, value in found.items() if value or (value == 0 and value is not False)}
