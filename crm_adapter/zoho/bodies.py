"""Our things as Zoho's records. Pure. Source: CRM API v8, "Insert Records", and "Kaizen #38: Calls API"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.texts import call_facts, call_subject, cut, message_head, new_phones, with_news
from crm_adapter.words import say

MOST_NAME, MOST_COMPANY, MOST_PHONE, MOST_EMAIL, MOST_SUBJECT, MOST_TEXT = 80, 100, 30, 100, 120, 31_000
"""Characters; Description takes 32,000."""
MOST_NOTE = 30_000
SOURCES = {"call": "Phone", "mail": "Email", "form": "Web Form"}
PHONES, EMAILS = ("Phone", "Mobile", "Other_Phone"), ("Email", "Secondary_Email")
"""Of a contact; the first that is empty takes what is new."""

_MAIL = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")


def mails(person: Person) -> list[str]:
    """Those that Zoho would take: it refuses the whole record for a mail it does not like."""
    return [one for one in person.emails if len(one) <= MOST_EMAIL and _MAIL.fullmatch(one)]


def contact_body(person: Person, where: Where, *, marker: str) -> dict[str, Any]:
    """A new contact: all of the name is the last name, since a stranger's can't be taken apart."""
    body = {"Last_Name": cut(person.title, MOST_NAME), marker: person.id, **missing(person, {})}
    return _with(body, where, {})


def missing(person: Person, contact: Mapping[str, Any]) -> dict[str, Any]:
    """What the contact lacks: into empty fields, and as lines of text what finds none."""
    known = [str(contact[name]) for name in PHONES if contact.get(name)]
    there = {str(contact[name]).lower() for name in EMAILS if contact.get(name)}
    phones = new_phones(person, known)
    emails = [one for one in mails(person) if one.lower() not in there]
    empty_phones = [name for name in PHONES if not contact.get(name)]
    empty_emails = [name for name in EMAILS if not contact.get(name)]
    body: dict[str, Any] = {
        **{name: cut(one, MOST_PHONE) for name, one in zip(empty_phones, phones, strict=False)},
        **dict(zip(empty_emails, emails, strict=False)),
    }
    text = str(contact.get("Description") or "")
    rest = [one for one in (*phones[len(empty_phones) :], *emails[len(empty_emails) :]) if one not in text]
    if rest:
        body["Description"] = cut("\n".join([*([text] if text else []), *rest]), MOST_TEXT)
    return {**body, **person.extra}


def lead_body(lead: Lead, where: Where, *, marker: str, link: str, company: str) -> dict[str, Any]:
    """A new lead. ``link``: our field that leads to the contact; Zoho itself has none."""
    person = lead.person or Person(id="", name=say(lead.language, "withheld number"))
    body: dict[str, Any] = {
        "Last_Name": cut(person.title, MOST_NAME),
        "Company": cut(company or person.title, MOST_COMPANY),
        "Designation": cut(lead.title, 100),
        "Description": description(lead),
        "Lead_Source": SOURCES.get(lead.channel, "Other"),
        marker: lead.id,
    }
    if person.phones:
        body["Phone"] = cut(person.phones[0], MOST_PHONE)
    if email := next(iter(mails(person)), None):
        body["Email"] = email
    if where.contact:
        body[link] = {"id": where.contact}
    return _with(body, where, lead.extra)


def lead_change(lead: Lead, where: Where, now: Mapping[str, Any]) -> dict[str, Any]:
    """What an update may write: our text below what is there; name, company and status are the people's."""
    old = str(now.get("Description") or "")
    text = cut(with_news(old, description(lead)), MOST_TEXT)
    return _with({"Description": text} if text != old else {}, where, lead.extra)


def description(lead: Lead) -> str:
    """Text, form fields, page and UTM."""
    origin = {"Page": lead.origin.page, **{f"utm_{name}": value for name, value in lead.origin.utm.items()}}
    lines = [f"{say(lead.language, name)}: {value}" for name, value in origin.items() if value]
    return cut("\n".join([cut(lead.description, MOST_TEXT - 2000), *lines]), MOST_TEXT)


def call_body(call: Call, where: Where, *, marker: str) -> dict[str, Any]:
    """A call that is over. It belongs to a lead (What_Id) or to a contact (Who_Id), not to both."""
    kind = "Outbound" if not call.inbound else "Inbound" if call.answered else "Missed"
    minutes, seconds = divmod(call.talk_seconds, 60)
    body: dict[str, Any] = {
        "Subject": cut(call_subject(call), MOST_SUBJECT),
        "Call_Type": kind,
        "Call_Start_Time": moment(call.started_at),
        "Description": cut(call_facts(call), MOST_TEXT),
        marker: call.id,
    }
    if kind != "Missed":  # a missed call has no duration, and Zoho refuses one
        body["Call_Duration"] = f"{minutes:02d}:{seconds:02d}"
    if kind == "Outbound":
        body["Outbound_Call_Status"] = "Completed"
    if where.lead:
        body |= {"What_Id": {"id": where.lead}, "$se_module": "Leads"}
    elif where.contact:
        body["Who_Id"] = {"id": where.contact}
    return _with(body, where, call.extra)


def note_body(message: Message) -> dict[str, Any]:
    """A letter or form. The marker is in the title, which lists show in full."""
    word = say(message.language, "Letter" if message.kind is Kind.MAIL else "Form")
    line = note_mark(message.id)
    heading = f"{word}: {message.subject or message.line or ''}"
    return {
        "Note_Title": f"{cut(heading, MOST_SUBJECT - len(line) - 1)} {line}",
        "Note_Content": cut(f"{message_head(message)}\n{message.summary}", MOST_NOTE),
        **message.extra,
    }


def note_mark(marker: str) -> str:
    """How a note is found again."""
    return f"[{marker}]"


def _with(body: Mapping[str, Any], where: Where, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, **({"Owner": {"id": where.owner}} if where.owner else {}), **extra}


def moment(at: datetime) -> str:
    """ISO 8601 with a zone and without fractions, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def quoted(text: str) -> str:
    """A literal of COQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ").replace("\r", " ") + "'"
