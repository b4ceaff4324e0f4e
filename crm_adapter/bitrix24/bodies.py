"""Our things as the fields of Bitrix24. Pure. Sources: the schemas of crm.item.add, crm.activity.add and
telephony.externalCall.* in b24-rest-docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from crm_adapter.bitrix24.portal import number
from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Lead, Message, Person
from crm_adapter.texts import cut, marker_line, message_head, new_emails, new_phones

LEAD, DEAL, CONTACT = 1, 2, 3
"""entityTypeId."""
WORDS = {LEAD: "LEAD", DEAL: "DEAL", CONTACT: "CONTACT"}
ORIGINATOR = "leadgate"
SOURCES = {"call": "CALL", "mail": "EMAIL", "form": "WEB"}
"""Sources that every Bitrix24 has from the start, by our channel."""
UTM = ("source", "medium", "campaign", "content", "term")
MOST_TITLE, MOST_NAME, MOST_UTM, MOST_TEXT, MOST_SUBJECT = 255, 50, 255, 15_000, 500
"""Characters. Texts are columns of 64 KiB; 15,000 Cyrillic letters stay below it with their markup."""

FILLED = {
    "contact": frozenset({"name", "fm", "originatorId", "originId"}),
    "lead": frozenset({"title", "comments", "originatorId", "originId", "sourceId"}),
}
"""Fields that every record of ours has, by kind."""

CALL_CODES = {"answered": "200", "busy": "486", "rejected": "603", "caller_hung_up": "603-S", "unavailable": "480"}
MISSED = "304"
PLAYED = (".wav", ".mp3")
"""Names of recordings that telephony takes: "Only wav and mp3 are allowed"."""


def handles(person: Person) -> list[dict[str, str]]:
    """The multifields of a contact."""
    return [
        *({"typeId": "PHONE", "valueType": "WORK", "value": phone} for phone in person.phones),
        *({"typeId": "EMAIL", "valueType": "WORK", "value": email} for email in person.emails),
    ]


def contact_fields(person: Person, where: Where) -> dict[str, Any]:
    """A new contact."""
    fields: dict[str, Any] = {
        "name": cut(person.title, MOST_NAME),
        "fm": handles(person),
        "originatorId": ORIGINATOR,
        "originId": person.id,
        **person.extra,
    }
    if where.owner:
        fields["assignedById"] = number(where.owner)
    return fields


def missing_handles(person: Person, found: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What ``found``, the contact's multifields, lacks."""
    known: dict[str, list[str]] = {"PHONE": [], "EMAIL": []}
    for one in found:
        known.setdefault(str(one.get("typeId")), []).append(str(one.get("value")))
    lacks = replace(
        person, phones=tuple(new_phones(person, known["PHONE"])), emails=tuple(new_emails(person, known["EMAIL"]))
    )
    return handles(lacks)


def lead_fields(lead: Lead, where: Where) -> dict[str, Any]:
    """A new lead or deal."""
    utm = {f"utm{name.capitalize()}": lead.origin.utm.get(name) for name in UTM}
    fields: dict[str, Any] = {
        "title": cut(lead.title, MOST_TITLE),
        "comments": cut(lead.description, MOST_TEXT),
        "originatorId": ORIGINATOR,
        "originId": lead.id,
        **{name: cut(value, MOST_UTM) for name, value in utm.items() if value},
    }
    if source := SOURCES.get(lead.channel):
        fields["sourceId"] = source
    if lead.origin.page or lead.origin.name:
        fields["sourceDescription"] = cut(lead.origin.page or lead.origin.name or "", MOST_TITLE)
    if where.contact:
        fields["contactId"] = number(where.contact)
    if where.owner:
        fields["assignedById"] = number(where.owner)
    return fields | dict(lead.extra)


def call_code(call: Call) -> str:
    """STATUS_CODE of telephony.externalCall.finish."""
    if call.answered:
        return CALL_CODES["answered"]
    if call.inbound:  # why, is in FAILED_REASON: any other code would not count among the missed ones
        return MISSED
    return CALL_CODES.get(call.missed_reason or call.outcome, MISSED)


def recording_name(name: str) -> str:
    """With a small ending: Asterisk writes ``.WAV`` for a compressed one."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}{dot}{ending.lower()}"


def comment(message: Message) -> str:
    """A letter or form as a comment of the timeline. Its last line is the marker that it is found by."""
    return f"{message_head(message)}\n{cut(message.summary, MOST_TEXT)}\n{marker_line(message.id)}"
