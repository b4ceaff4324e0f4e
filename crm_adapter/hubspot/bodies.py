"""Our things as HubSpot's properties. Pure. Source: developers.hubspot.com, CRM API v3, and its OpenAPI documents."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from crm_adapter.jsonclient import encode
from crm_adapter.numbers import ending
from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Lead, Message, Person
from crm_adapter.texts import (
    call_subject,
    cut,
    html_note,
    new_emails,
    new_phones,
    note_of_call,
    note_of_message,
    phone_spellings,
)

MARKER = "leadgate_id"
"""Name of the unique property of contacts and deals that holds our marker."""
MOST_NAME, MOST_TEXT, MOST_HTML = 250, 20_000, 65_000
"""Characters. HubSpot takes 65,536 with all markup."""
MOST_SEARCH = 2_900
"""Characters of a search as JSON; HubSpot refuses one of more than 3,000."""
MOST_HANDLES, SPELLINGS = 5, (24, 12, 6, 3, 1)
"""Numbers and mails of a person that are searched for, and in how many spellings each number: the most that fits."""
HANDLES = ("phone", "mobilephone", "email", "hs_additional_emails")
MAILS = ("email", "hs_additional_emails")
TO_CONTACT = {"deals": 3, "calls": 194, "emails": 198, "notes": 202}
TO_DEAL = {"calls": 206, "emails": 210, "notes": 214}
"""associationTypeId, HUBSPOT_DEFINED, by the type of the record that is made."""

_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")
"""HubSpot refuses the whole contact for a mail that it does not like."""


def contact(person: Person, where: Where) -> dict[str, Any]:
    """The properties of a new contact."""
    first, _, last = cut(person.title, MOST_NAME).partition(" ")
    return _without_empty(
        {
            "firstname": first,
            "lastname": last,
            "hubspot_owner_id": where.owner,
            MARKER: person.id,
            **added(person, {}),
            **person.extra,
        }
    )


def added(person: Person, known: Mapping[str, Any]) -> dict[str, str]:
    """What a contact lacks: two numbers have a place, any number of mails. A third number has none."""
    phones, emails = handles(known)
    missing_phones = new_phones(person, phones)
    missing_emails = [one for one in new_emails(person, emails) if _MAIL.fullmatch(one)]
    change = {}
    for name in ("phone", "mobilephone"):
        if missing_phones and not known.get(name):
            change[name] = missing_phones.pop(0)
    if missing_emails and not known.get("email"):
        change["email"] = missing_emails.pop(0)
    if missing_emails:
        others = [one for one in str(known.get("hs_additional_emails") or "").split(";") if one]
        change["hs_additional_emails"] = ";".join([*others, *missing_emails])
    return change


def handles(properties: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Numbers and mails of a contact."""
    phones = [str(properties[name]) for name in ("phone", "mobilephone") if properties.get(name)]
    emails = [str(properties.get("email") or ""), *str(properties.get("hs_additional_emails") or "").split(";")]
    return phones, [one for one in emails if one]


def search(person: Person) -> dict[str, Any]:
    """A search with one of the handles, in as many spellings as fit into what HubSpot takes."""
    for spellings in SPELLINGS:
        body = _search(person, spellings)
        if len(encode(body).decode()) <= MOST_SEARCH:
            break
    return body


def _search(person: Person, spellings: int) -> dict[str, Any]:
    """Groups are joined by "or", and five are allowed."""
    groups: list[dict[str, Any]] = []
    if person.phones:
        forms = [form for phone in person.phones[:MOST_HANDLES] for form in phone_spellings([phone])[:spellings]]
        groups += [_filter(name, "IN", values=forms) for name in ("phone", "mobilephone")]
        # HubSpot's own, without signs and the country's prefix: it finds what was typed as 8 (926) 111-22-33
        last = f"*{ending(person.phones[0])}"
        groups.append(_filter("hs_searchable_calculated_phone_number", "CONTAINS_TOKEN", value=last))
    if emails := [one.lower() for one in person.emails[:MOST_HANDLES]]:
        groups.append(_filter("email", "IN", values=emails))
        groups.append(_filter("hs_additional_emails", "CONTAINS_TOKEN", value=emails[0]))
    sorts = [{"propertyName": "createdate", "direction": "ASCENDING"}]
    properties = [*HANDLES, "hubspot_owner_id"]
    return {"filterGroups": groups, "sorts": sorts, "properties": properties, "limit": 50}


def _filter(name: str, operator: str, **operand: Any) -> dict[str, Any]:
    return {"filters": [{"propertyName": name, "operator": operator, **operand}]}


def deal(lead: Lead, where: Where, *, pipeline: str, stage: str) -> dict[str, Any]:
    """The body of a new deal."""
    marks = [f"utm_{name}: {value}" for name, value in lead.origin.utm.items() if value]
    page = [lead.origin.page] if lead.origin.page else []
    properties = {
        "dealname": cut(" ".join(lead.title.split()), MOST_NAME),
        "description": cut("\n".join([lead.description, *page, *marks]).strip(), MOST_TEXT),
        "pipeline": pipeline,
        "dealstage": stage,
        "hubspot_owner_id": where.owner,
        MARKER: lead.id,
        **lead.extra,
    }
    return _body("deals", properties, Where(contact=where.contact))


def call(one: Call, where: Where) -> dict[str, Any]:
    """The body of a call."""
    outside, line = one.number or "", one.line or ""
    properties = {
        "hs_timestamp": one.started_at.isoformat(),
        "hs_call_title": cut(call_subject(one), MOST_NAME),
        "hs_call_body": html_note(partial(note_of_call, one), MOST_TEXT, MOST_HTML),
        "hs_call_direction": "INBOUND" if one.inbound else "OUTBOUND",
        "hs_call_duration": str(one.talk_seconds * 1000),
        "hs_call_from_number": outside if one.inbound else line,
        "hs_call_to_number": line if one.inbound else outside,
        "hs_call_status": _status(one),
        "hubspot_owner_id": where.owner,
        "hs_call_recording_url": one.recording_url if (one.recording_url or "").startswith("https://") else None,
        **one.extra,
    }
    return _body("calls", properties, where)


def _status(one: Call) -> str:
    if one.answered:
        return "COMPLETED"
    if "busy" in (one.missed_reason, one.outcome):
        return "BUSY"
    return "NO_ANSWER"  # MISSED is of HubSpot's own calling only


def email(letter: Message, where: Where) -> dict[str, Any]:
    """The body of an email; it is logged, not sent."""
    sender = {"email": next(iter(letter.person.emails), "")} if letter.person and letter.person.emails else {}
    properties = {
        "hs_timestamp": letter.at.isoformat(),
        "hs_email_direction": "INCOMING_EMAIL" if letter.inbound else "EMAIL",
        "hs_email_subject": cut(letter.subject or "", MOST_NAME),
        "hs_email_text": note_of_message(letter, MOST_TEXT),
        "hs_email_status": "SENT",
        "hubspot_owner_id": where.owner,
        **({"hs_email_headers": _headers(sender, letter)} if sender and letter.inbound else {}),
        **letter.extra,
    }
    return _body("emails", properties, where)


def _headers(sender: Mapping[str, str], letter: Message) -> str:
    """Who wrote to whom, as JSON in a text."""
    to = [{"email": letter.line}] if letter.line and "@" in letter.line else []
    return json.dumps({"from": dict(sender), "to": to, "cc": [], "bcc": []})


def note(form: Message, where: Where) -> dict[str, Any]:
    """The body of a note."""
    properties = {
        "hs_timestamp": form.at.isoformat(),
        "hs_note_body": html_note(partial(note_of_message, form), MOST_TEXT, MOST_HTML),
        "hubspot_owner_id": where.owner,
        **form.extra,
    }
    return _body("notes", properties, where)


def _body(kind: str, properties: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """Properties and associations, so that a record is never there without its place."""
    places = [(where.contact, TO_CONTACT[kind])]
    if kind in TO_DEAL:
        places.append((where.lead, TO_DEAL[kind]))
    return {
        "properties": _without_empty(properties),
        "associations": [
            {
                "to": {"id": remote},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}],
            }
            for remote, type_id in places
            if remote
        ],
    }


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def texts(records: Sequence[Mapping[str, Any]], name: str) -> list[tuple[str, str]]:
    """Id and text of each record."""
    return [(str(one["id"]), str((one.get("properties") or {}).get(name) or "")) for one in records]


def milliseconds(properties: Mapping[str, Any], since: str) -> str:
    """The moment of a contact's last change; where HubSpot did not say it, ``since``."""
    try:
        moment = datetime.fromisoformat(str(properties.get("lastmodifieddate")))
    except ValueError:
        return since
    return str(int(moment.timestamp() * 1000))
