"""Our things as amoCRM's models. Pure. Source: amocrm.ru/developers, API v4, and the SDK amocrm-api-php."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crm_adapter.ids import number
from crm_adapter.numbers import ending, parts
from crm_adapter.recordcrm import Where
from crm_adapter.records import Call, Lead, Message, Person
from crm_adapter.texts import cut, marker_line, new_emails, new_phones, note_of_message, transfers_of, why_missed
from crm_adapter.words import say

MOST_NAME, MOST_NOTE = 250, 20_000
"""Characters."""
UTM = ("source", "medium", "campaign", "content", "term")
SOURCE = "Leadgate"
LEFT_MESSAGE, TALKED, NO_ANSWER, BUSY = 1, 4, 6, 7
"""call_status."""
MARKER_CODE = "LEADGATE_ID"
"""Code of the lead field that holds our marker."""


def mapped(extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Mapped fields: a number is a field's id, anything else its code."""
    return [
        {("field_id" if name.isdigit() else "field_code"): int(name) if name.isdigit() else name,
         "values": [{"value": value}]}
        for name, value in extra.items()
    ]  # fmt: skip


def searched(phone: str) -> list[str]:
    """Parts of texts that find a number: its end in digits, and for those typed with signs what follows the area."""
    known = parts(phone)
    rest = known.groups[1:] if known else ()
    return list(dict.fromkeys([ending(phone), *([sign.join(rest) for sign in "- "] if rest else [])]))


def handles(phones: Iterable[str], emails: Iterable[str]) -> list[dict[str, Any]]:
    """PHONE and EMAIL as custom fields."""
    found = []
    for code, values in (("PHONE", list(phones)), ("EMAIL", list(emails))):
        if values:
            entries = [{"value": value, "enum_code": "WORK"} for value in values]
            found.append({"field_code": code, "values": entries})
    return found


def contact_body(person: Person, where: Where) -> dict[str, Any]:
    """A new contact."""
    body: dict[str, Any] = {
        "name": cut(person.title, MOST_NAME),
        "custom_fields_values": [*handles(person.phones, person.emails), *mapped(person.extra)],
        "request_id": person.id,
    }
    if where.owner:
        body["responsible_user_id"] = number(where.owner, "user")
    return body


def values_of(contact: Mapping[str, Any], code: str) -> list[str]:
    """The values of PHONE or EMAIL of a contact as amoCRM shows it."""
    for one in contact.get("custom_fields_values") or ():
        if one.get("field_code") == code:
            return [str(value.get("value")) for value in one.get("values") or ()]
    return []


def merged_handles(person: Person, contact: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All numbers and mails, the contact's first; a custom field is replaced as a whole. Empty: nothing is new."""
    phones, emails = values_of(contact, "PHONE"), values_of(contact, "EMAIL")
    more_phones, more_emails = new_phones(person, phones), new_emails(person, emails)
    return handles([*phones, *more_phones] if more_phones else (), [*emails, *more_emails] if more_emails else ())


def lead_body(lead: Lead, where: Where, *, pipeline: int | None) -> dict[str, Any]:
    """A new lead."""
    body: dict[str, Any] = {
        "name": cut(lead.title, MOST_NAME),
        "custom_fields_values": [
            {"field_code": MARKER_CODE, "values": [{"value": lead.id}]},
            *utm_fields(lead),
            *mapped(lead.extra),
        ],
        "request_id": lead.id,
    }
    if lead.created_at is not None:
        body["created_at"] = int(lead.created_at.timestamp())
    if pipeline is not None:
        body["pipeline_id"] = pipeline
    if where.owner:
        body["responsible_user_id"] = number(where.owner, "user")
    if where.contact:
        body["_embedded"] = {"contacts": [{"id": number(where.contact, "contact")}]}
    return body


def utm_fields(lead: Lead) -> list[dict[str, Any]]:
    """The statistics fields that every account has."""
    known = {
        f"UTM_{name.upper()}": lead.origin.utm.get(name) for name in ("source", "medium", "campaign", "content", "term")
    }
    return [{"field_code": code, "values": [{"value": cut(value, 250)}]} for code, value in known.items() if value]


def unsorted_body(lead: Lead, where: Where, *, pipeline: int | None) -> dict[str, Any]:
    """An entry of the unsorted inbox, of the category ``forms``."""
    inner = lead_body(lead, Where(owner=where.owner), pipeline=None)
    inner.pop("request_id")
    at = inner.pop("created_at", None)
    page = lead.origin.page or ""
    metadata = {"form_id": lead.channel, "form_name": lead.origin.name or lead.channel, "form_page": page or SOURCE}
    body: dict[str, Any] = {
        "request_id": lead.id,
        "source_name": SOURCE,
        "source_uid": lead.id,
        "metadata": {**metadata, **({"form_sent_at": at} if at else {})},
        "_embedded": {"leads": [inner]},
    }
    if where.contact:
        body["_embedded"]["contacts"] = [{"id": number(where.contact, "contact")}]
    if pipeline is not None:
        body["pipeline_id"] = pipeline
    return body


def call_body(call: Call, where: Where) -> dict[str, Any]:
    """A call; amoCRM attaches it to the contact with the phone."""
    body: dict[str, Any] = {
        "direction": "inbound" if call.inbound else "outbound",
        "uniq": call.id,
        "duration": call.talk_seconds,
        "source": SOURCE,
        "phone": call.number,
        "call_status": call_status(call),
        "call_result": call_result(call),
        "created_at": int(call.started_at.timestamp()),
        "request_id": call.id,
    }
    if call.recording_url:
        body["link"] = call.recording_url
    if where.owner:
        body["responsible_user_id"] = number(where.owner, "user")
        body["call_responsible"] = number(where.owner, "user")
    return body


def unsorted_sip_body(call: Call) -> dict[str, Any]:
    """A call of somebody whom amoCRM does not know."""
    metadata: dict[str, Any] = {
        "from": call.number,
        "phone": call.line or SOURCE,
        "called_at": int(call.started_at.timestamp()),
        "duration": call.talk_seconds,
        "service_code": SOURCE.lower(),
        "uniq": call.id,
        "is_call_event_needed": True,
    }
    if call.recording_url:
        metadata["link"] = call.recording_url
    return {"request_id": call.id, "source_name": SOURCE, "source_uid": call.id, "metadata": metadata}


def call_status(call: Call) -> int:
    """amoCRM's number for the outcome."""
    if call.answered:
        return TALKED
    if call.missed_reason == "voicemail":
        return LEFT_MESSAGE
    return BUSY if "busy" in (call.missed_reason, call.outcome) else NO_ANSWER


def call_result(call: Call) -> str:
    """A few words under the call."""
    facts = {
        "Not answered": why_missed(call),
        "Transfer": transfers_of(call),
        "After hours": say(call.language, "yes") if call.after_hours else None,
        "Waited": str(call.wait_seconds),
        "Line": call.line,
    }
    return "; ".join(f"{say(call.language, name)}: {value}" for name, value in facts.items() if value)


def withheld_call(call: Call) -> str:
    """The text of a note about a call without a number."""
    head = f"{say(call.language, 'Call')}: {say(call.language, 'withheld number')}"
    return f"{head}\n{call_result(call)}\n{marker_line(call.id)}"


def note(text: str) -> dict[str, Any]:
    """A common note."""
    return {"note_type": "common", "params": {"text": cut(text, MOST_NOTE)}}


def message_note(message: Message) -> dict[str, Any]:
    """A letter or form. The last line is the marker that it is found by."""
    return note(note_of_message(message, MOST_NOTE))
