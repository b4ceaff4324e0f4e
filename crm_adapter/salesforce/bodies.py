"""Our things as Salesforce's objects. Pure. Source: Object Reference for the Salesforce Platform."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Any

from crm_adapter.numbers import ending
from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.texts import call_facts, call_subject, cut, message_head, new_phones, with_news
from crm_adapter.words import say

MOST_NAME, MOST_FIRST, MOST_COMPANY, MOST_PHONE, MOST_EMAIL, MOST_SUBJECT, MOST_TEXT = 80, 40, 255, 40, 80, 255, 31_000
"""Characters; Description takes 32,000 of them, and counts some twice."""
OBJECTS = {Kind.CONTACT: "Contact", Kind.LEAD: "Lead", Kind.CALL: "Task", Kind.MAIL: "Task", Kind.FORM: "Task"}
LEAD_SOURCES = {"call": "Phone Inquiry", "mail": "Email", "form": "Web"}
HANDLES = ("Phone", "MobilePhone", "OtherPhone")
"""Of a contact; the first that is empty takes a new number."""

_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")


def mails(person: Person) -> list[str]:
    """Those that Salesforce would take: it refuses the whole record for a mail it does not like."""
    return [one for one in person.emails if len(one) <= MOST_EMAIL and _MAIL.fullmatch(one)]


def names(person: Person) -> dict[str, str]:
    """LastName is required, and a name of strangers can't be taken apart: all of it goes there."""
    return {"LastName": cut(person.title, MOST_NAME)}


def contact_body(person: Person, where: Where, *, account: str | None) -> dict[str, Any]:
    """A new contact. Without an account a contact is private to its owner."""
    body: dict[str, Any] = {**names(person), **_numbers({}, person)}
    if email := next(iter(mails(person)), None):
        body["Email"] = email
    if rest := [*person.phones[len(HANDLES) :], *mails(person)[1:]]:
        body["Description"] = "\n".join(rest)
    return _with(body, {"AccountId": account, "OwnerId": where.owner}, person.extra)


def missing(person: Person, contact: Mapping[str, Any]) -> dict[str, Any]:
    """What the contact lacks: numbers into empty fields, a first mail, further mails and numbers as lines of text."""
    known = [str(contact[name]) for name in HANDLES if contact.get(name)]
    text = str(contact.get("Description") or "")
    body = _numbers(contact, person)
    lines = [one for one in new_phones(person, [*known, *body.values()]) if one not in text]
    new = [one for one in mails(person) if one.lower() != str(contact.get("Email") or "").lower()]
    if new and not contact.get("Email"):
        body["Email"] = new.pop(0)
    lines += [one for one in new if one.lower() not in text.lower()]
    if lines:
        body["Description"] = cut("\n".join([*([text] if text else []), *lines]), MOST_TEXT)
    return {**body, **person.extra}


def _numbers(contact: Mapping[str, Any], person: Person) -> dict[str, Any]:
    empty = [name for name in HANDLES if not contact.get(name)]
    new = new_phones(person, [str(contact[name]) for name in HANDLES if contact.get(name)])
    return {name: cut(number, MOST_PHONE) for name, number in zip(empty, new, strict=False)}


def lead_body(lead: Lead, where: Where, *, company: str, link: str) -> dict[str, Any]:
    """A new lead. ``link``: our field that leads to the contact; Salesforce itself has none."""
    person = lead.person or Person(id="", name=say(lead.language, "withheld number"))
    body: dict[str, Any] = {
        **names(person),
        "Company": cut(company or person.title, MOST_COMPANY),
        "Title": cut(lead.title, 128),
        "Description": description(lead),
        "LeadSource": LEAD_SOURCES.get(lead.channel, "Other"),
    }
    if person.phones:
        body["Phone"] = cut(person.phones[0], MOST_PHONE)
    if email := next(iter(mails(person)), None):
        body["Email"] = email
    return _with(body, {link: where.contact, "OwnerId": where.owner}, lead.extra)


def lead_change(lead: Lead, where: Where, now: Mapping[str, Any]) -> dict[str, Any]:
    """What an update may write: our text below what is there; name, company and status are the people's."""
    old = str(now.get("Description") or "")
    text = cut(with_news(old, description(lead)), MOST_TEXT)
    return _with({}, {"Description": text if text != old else None, "OwnerId": where.owner}, lead.extra)


def description(lead: Lead) -> str:
    """Text, form fields, page and UTM."""
    origin = {"Page": lead.origin.page, **{f"utm_{name}": value for name, value in lead.origin.utm.items()}}
    lines = [f"{say(lead.language, name)}: {value}" for name, value in origin.items() if value]
    return cut("\n".join([cut(lead.description, MOST_TEXT - 2000), *lines]), MOST_TEXT)


def call_body(call: Call, where: Where, zone: tzinfo) -> dict[str, Any]:
    """A finished call as a completed Task of the subtype Call; its day is that of ``zone``."""
    body: dict[str, Any] = {
        "Subject": cut(call_subject(call), MOST_SUBJECT),
        "TaskSubtype": "Call",
        "Status": "Completed",
        "ActivityDate": call.started_at.astimezone(zone).date().isoformat(),
        "CallType": "Inbound" if call.inbound else "Outbound",
        "CallDurationInSeconds": call.talk_seconds,
        "CallDisposition": cut(call.outcome, 255),
        "CallObject": cut(call.id, 255),
        "Description": cut(call_facts(call), MOST_TEXT),
    }
    return _with(body, {"OwnerId": where.owner}, call.extra)


def message_body(message: Message, where: Where, zone: tzinfo) -> dict[str, Any]:
    """A letter or form as a completed Task; nothing is sent to anybody."""
    is_mail = message.kind is Kind.MAIL
    word = say(message.language, "Letter" if is_mail else "Form")
    body: dict[str, Any] = {
        "Subject": cut(f"{word}: {message.subject or message.line or ''}", MOST_SUBJECT),
        "TaskSubtype": "Email" if is_mail else "Task",
        "Status": "Completed",
        "ActivityDate": message.at.astimezone(zone).date().isoformat(),
        "Description": cut(f"{message_head(message)}\n{message.summary}", MOST_TEXT),
    }
    return _with(body, {"OwnerId": where.owner}, message.extra)


def _with(body: Mapping[str, Any], more: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, **{name: value for name, value in more.items() if value}, **extra}


LIKE_DIGITS = 7
LIKE_PLACES = ((0, 1, 3, 5, 7), (0, 2, 4, 5, 7), (0, 1, 4, 7))
"""Where a pattern lets other signs stand between digits. With a sign after each digit it would fit strangers, too."""


def likes(phone: str) -> list[str]:
    """Patterns of SOQL for a number however it was typed: its last seven digits in the groups that people make.

    1-2-2-2 fits 123-45-67 and 123 4567 too, and 2-2-1-2 fits 1234-567 and 12 345 67.
    """
    last = ending(phone)[-LIKE_DIGITS:]
    if len(last) < LIKE_DIGITS:
        return [f"%{last}"]
    return ["%" + "%".join(last[start:end] for start, end in pairwise(places)) for places in LIKE_PLACES]


def quoted(text: str) -> str:
    """A literal of SOQL ("Quoted String Escape Sequences")."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ").replace("\r", " ") + "'"


def moment(at: datetime) -> str:
    """A dateTime literal of SOQL, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def literal(text: str) -> str:
    """A moment of an answer (``2026-11-22T09:30:00.000+0000``) as a literal of SOQL, to the millisecond."""
    return text.replace("+0000", "Z")
