"""Our things as records of EspoCRM. Pure. Source: the entityDefs of EspoCRM's own metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Lead, Message, Person
from crm_adapter.texts import (
    call_facts,
    call_subject,
    cut,
    marker_line,
    message_head,
    new_emails,
    new_phones,
    note_of_message,
    with_news,
)

MOST_NAME, MOST_SUBJECT, MOST_TEXT = 100, 200, 20_000
"""Characters. Names take 100, subjects 255; texts are larger, but nobody reads them."""
SOURCES = {"call": "Call", "mail": "Email", "form": "Web Site"}
"""Sources that every EspoCRM has from the start, by our channel."""
Place = dict[str, Any]
"""The fields that say with which records something is shown."""
_BAD = re.compile(r"[<>=]+")
"""The pattern ``$noBadCharacters`` of names refuses these."""


def plain(text: str, most: int) -> str:
    """A name that EspoCRM takes."""
    return cut(" ".join(_BAD.sub(" ", text).split()), most)


def moment(at: datetime) -> str:
    """A time as EspoCRM writes it, always in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def contact_body(person: Person, where: Where, *, marker: str) -> dict[str, Any]:
    """A new contact."""
    body = {"lastName": plain(person.title, MOST_NAME) or "-", marker: person.id, **handles(person)}
    return _with(body, where, person.extra)


def handles(person: Person) -> dict[str, Any]:
    """All numbers and mails; the first is the main one."""
    found: dict[str, Any] = {}
    if person.phones:
        found["phoneNumberData"] = _entries("phoneNumber", person.phones, first=True)
    if person.emails:
        found["emailAddressData"] = _entries("emailAddress", person.emails, first=True)
    return found


def missing_handles(person: Person, contact: Mapping[str, Any]) -> dict[str, Any]:
    """The lists with what they lack added; a list is replaced as a whole. Empty: nothing is new."""
    found: dict[str, Any] = {}
    for name, missing in (("phoneNumber", new_phones), ("emailAddress", new_emails)):
        there = [one for one in contact.get(f"{name}Data") or () if one.get(name)]
        if added := missing(person, [str(one[name]) for one in there]):
            found[f"{name}Data"] = [*there, *_entries(name, added, first=not there)]
    return found


def with_handles(contact: Mapping[str, Any], person: Person) -> str:
    """The contact's description, and below it the numbers and mails that its lists do not have."""
    phones = [str(one.get("phoneNumber")) for one in contact.get("phoneNumberData") or ()]
    emails = [str(one.get("emailAddress")) for one in contact.get("emailAddressData") or ()]
    news = "\n".join([*new_phones(person, phones), *new_emails(person, emails)])
    return with_news(str(contact.get("description") or ""), news)


def _entries(name: str, values: Sequence[str], *, first: bool) -> list[dict[str, Any]]:
    kind = {"type": "Mobile"} if name == "phoneNumber" else {}
    return [{name: value, "primary": first and place == 0, **kind} for place, value in enumerate(values)]


def lead_body(lead: Lead, where: Where, *, marker: str, link: str | None) -> dict[str, Any]:
    """A new lead. ``link``: our field that leads to the contact; EspoCRM's own means a lead that was converted."""
    person = lead.person
    name = plain(person.title if person else lead.title, MOST_NAME) or "-"
    body: dict[str, Any] = {"lastName": name, marker: lead.id, "description": description(lead)}
    if person:
        body |= handles(person)
    if source := SOURCES.get(lead.channel):
        body["source"] = source
    if where.contact and link:
        body[f"{link}Id"] = where.contact
    return _with(body, where, lead.extra)


def lead_change(lead: Lead, where: Where, now: Mapping[str, Any]) -> dict[str, Any]:
    """What an update may write: our text below what is there; the name and the status are the people's."""
    old = str(now.get("description") or "")
    text = cut(with_news(old, cut(lead.description, MOST_TEXT)), 3 * MOST_TEXT)
    return _with({"description": text} if text != old else {}, where, lead.extra)


def description(lead: Lead) -> str:
    """The heading, which leads of EspoCRM have no field for, the text, page and UTM."""
    origin = {"page": lead.origin.page, **{f"utm_{name}": value for name, value in lead.origin.utm.items()}}
    lines = [f"{name}: {value}" for name, value in origin.items() if value]
    text = cut(lead.description, MOST_TEXT)
    return "\n".join([cut(lead.title, MOST_SUBJECT), *([text] if text else []), *lines])


def call_body(call: Call, where: Where, *, marker: str) -> dict[str, Any]:
    """A call that is over; it lasts as long as was talked."""
    body: dict[str, Any] = {
        "name": plain(call_subject(call), MOST_SUBJECT),
        "status": "Held" if call.answered else "Not Held",
        "direction": "Inbound" if call.inbound else "Outbound",
        "dateStart": moment(call.started_at),
        "dateEnd": moment(call.started_at + timedelta(seconds=call.talk_seconds)),
        "description": cut(call_facts(call), MOST_TEXT),
        "usersIds": [where.owner] if where.owner else [],
        marker: call.id,
    }
    return _with(body, where, call.extra)


def parents(where: Where) -> list[Place]:
    """Where a post or letter can be shown: with the lead, else with the contact."""
    found = [("Lead", where.lead), ("Contact", where.contact)]
    return [{"parentType": kind, "parentId": record} for kind, record in found if record]


def call_place(where: Where) -> Place:
    """Whom a call belongs to."""
    contacts: Place = {"contactsIds": [where.contact]} if where.contact else {}
    leads: Place = {"leadsIds": [where.lead]} if where.lead else {}
    return {**next(iter(parents(where)), {}), **leads, **contacts}


def email_body(letter: Message, where: Where) -> dict[str, Any] | None:
    """An archived letter, which is never sent; None where an address is not known and it has to be a post."""
    theirs = next(iter(letter.person.emails), None) if letter.person else None
    ours = letter.line if letter.line and "@" in letter.line else None
    if theirs is None or ours is None:
        return None
    sender, receiver = (theirs, ours) if letter.inbound else (ours, theirs)
    body = {
        "name": cut(" ".join((letter.subject or message_head(letter)).split()), MOST_SUBJECT),
        "from": sender,
        "to": receiver,
        "status": "Archived",
        "dateSent": moment(letter.at),
        "isHtml": False,
        "body": f"{cut(letter.summary, MOST_TEXT)}\n{marker_line(letter.id)}",
    }
    return _with(body, where, letter.extra)


def post_body(message: Message) -> dict[str, Any]:
    """A letter or form as a post in the stream."""
    return {"type": "Post", "post": note_of_message(message, MOST_TEXT)}


def _with(body: Mapping[str, Any], where: Where, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, **({"assignedUserId": where.owner} if where.owner else {}), **extra}
