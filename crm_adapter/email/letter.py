"""An event as a letter (RFC 5322). Pure: the same event gives the same Message-ID, by which a repeat is recognised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from crm_adapter.base import Event
from crm_adapter.email.settings import CALL_MISSED, MailSettings, is_address
from crm_adapter.records import Kind, Person, call_of, lead_of, message_of, person_of
from crm_adapter.texts import transfers_of, why_missed
from crm_adapter.words import say

POLICY = SMTP.clone(max_line_length=200)
MOST_SUBJECT, MOST_TEXT = 150, 100_000
"""Characters."""
TITLES = {
    "lead.created": "New lead",
    "lead.updated": "Lead changed",
    "call.finished": "Call",
    CALL_MISSED: "Missed call",
    "call.recording_ready": "Recording",
    "email.received": "Letter",
    "form.received": "Form",
    "callback.opened": "Callback wanted",
    "callback.closed": "Callback settled",
    "contact.upserted": "Contact",
}


def name_of(event: Event) -> str:
    """The event's type, and ``call.missed`` for a call from outside that nobody answered."""
    if event.type != "call.finished":
        return event.type
    call = call_of({"id": "", **event.data}, event.timestamp)
    return CALL_MISSED if call.inbound and not call.answered else event.type


def letter(event: Event, settings: MailSettings, language: str) -> bytes:
    """The letter as it goes over the wire."""
    name = name_of(event)
    heading, lines = _content(event, language)
    person = person_of(event.data)
    message = EmailMessage(policy=POLICY)
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = _one_line(f"{say(language, TITLES.get(name, name))}: {heading}", MOST_SUBJECT)
    message["Date"] = format_datetime(event.timestamp)
    message["Message-ID"] = f"<{event.message_id}@{settings.sender.rpartition('@')[2]}>"
    if person and (answer_to := next((one for one in person.emails if is_address(one)), None)):
        message["Reply-To"] = answer_to
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note comes back
    message["X-Leadgate-Event"] = name
    text = "\n".join([*_who(person, language), *lines])
    message.set_content(_clean(text)[:MOST_TEXT] + "\n", cte="base64")
    if settings.attach_event:
        document = {"type": event.type, "timestamp": event.timestamp.isoformat(), "data": event.data}
        content = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        message.add_attachment(content, maintype="application", subtype="json", filename="event.json")
    return message.as_bytes()


def _content(event: Event, language: str) -> tuple[str, Sequence[str]]:
    """What the subject says, and the lines below the person."""
    data = {"id": event.message_id, **event.data}
    if event.type.startswith("lead."):
        lead = lead_of(data, language=language)
        rows = {"Page": lead.origin.page, "Source": lead.origin.name, **_utm(lead.origin.utm)}
        return lead.title, ["", lead.description, "", *_rows(rows, language)]
    if event.type.startswith("call."):
        call = call_of(data, event.timestamp, language=language)
        rows = {
            "Line": call.line,
            "Extension": call.extension,
            "Not answered": why_missed(call),
            "Transfer": transfers_of(call),
            "After hours": say(call.language, "yes") if call.after_hours else None,
            "Waited": str(call.wait_seconds),
            "Talked": str(call.talk_seconds) if call.answered else None,
            "Recording": call.recording_url,
        }
        who = call.person.title if call.person else call.number or say(language, "withheld number")
        number = [] if call.person else [call.number or say(language, "withheld number")]
        return who, [*number, f"{call.started_at:%Y-%m-%d %H:%M:%S %Z}", *_rows(rows, language)]
    if event.type in ("email.received", "form.received"):
        message = message_of(Kind.MAIL, data, event.timestamp, language=language)
        return message.subject or (message.person.title if message.person else ""), ["", message.summary]
    person = person_of(data)
    return person.title if person else str(data["id"]), []


def _who(person: Person | None, language: str) -> list[str]:
    if person is None:
        return []
    rows = {"Name": person.name, "Phone": ", ".join(person.phones), "Mail": ", ".join(person.emails)}
    return _rows(rows, language)


def _utm(utm: object) -> dict[str, str]:
    return {f"utm_{name}": str(value) for name, value in utm.items()} if isinstance(utm, dict) else {}


def _rows(rows: dict[str, str | None], language: str) -> list[str]:
    return [f"{say(language, name)}: {value}" for name, value in rows.items() if value]


def _one_line(text: str, most: int) -> str:
    """A header has no line breaks: whoever could write one could add headers of his own."""
    text = " ".join(_clean(text).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _clean(text: str) -> str:
    """Without what UTF-8 can't carry (half a surrogate pair) and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")
