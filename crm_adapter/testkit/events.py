"""Events as the gateway makes them, about made-up persons. The number of a person decides all about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_adapter.base import Event
from crm_adapter.people import Manager

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ANNA = Manager(
    id="019fa0aa-0000-7000-8000-00000000000a", login="anna", name="Anna", email="Anna@Example.com", extensions=("101",)
)
OLEG = Manager(id="019fa0aa-0000-7000-8000-00000000000b", login="oleg", name="Oleg", extensions=("102",))
MANAGERS = (ANNA, OLEG)
"""The fakes know Anna by her mail as user 7 and Oleg by his extension as user 8."""
ANNA_THERE, OLEG_THERE = "7", "8"


def ident(kind: int, person: int, number: int = 1) -> str:
    """A UUID that can be read."""
    return f"019fa000-{kind:04d}-7000-8000-{person:06d}{number:06d}"


TYPED = (
    ("+79261000001", "+79261000001"),
    ("+79261000002", "79261000002"),
    ("+79261000003", "89261000003"),
    ("+79261000004", "9261000004"),
    ("+79261000005", "8 (926) 100-00-05"),
    ("+79261000006", "+7 (926) 100-00-06"),
    ("+79261000007", "8-926-100-00-07"),
    ("+79261000008", "+7 926 100 00 08"),
    ("+49301234501", "+49301234501"),
    ("+49301234502", "0301234502"),
    ("+49301234503", "030 1234503"),
    ("+49301234504", "+49 30 1234504"),
    ("+49301234505", "030/1234505"),
    ("+49301234506", "+49 30 1234-506"),
    ("+49301234507", "+49 (0)30 1234507"),
    ("+49301234508", "0049301234508"),
    ("+12025550101", "(202) 555-0101"),
    ("+12025550102", "202-555-0102"),
    ("+12025550103", "1-202-555-0103"),
)
"""Numbers, and how somebody typed them into a CRM by hand."""


def phone(person: int) -> str:
    """E.164."""
    return f"+7926{person:07d}"


def contact(person: int, *, more_emails: tuple[str, ...] = ()) -> dict[str, Any]:
    """A ContactBrief."""
    return {
        "id": ident(1, person),
        "name": f"Иван {person} Петров",
        "phones": [phone(person)],
        "emails": [f"ivan{person}@example.com", *more_emails],
    }


def event(event_type: str, data: Mapping[str, Any], *, step: int = 1, attempt: int = 1) -> Event:
    """The event of a person's ``step``; its message id follows from the data's id and the step."""
    message_id = f"{str(data['id'])[:-12]}{step:04d}{str(data['id'])[-8:]}"
    return Event(type=event_type, message_id=message_id, timestamp=START, data=data, attempt=attempt)


def lead(person: int, *, text: str = "Нужна кухня 3 метра 🙂", manager: Manager | None = ANNA) -> dict[str, Any]:
    """A LeadView that came by a form."""
    return {
        "id": ident(2, person),
        "channel": "form",
        "status": "open",
        "stage": "new",
        "contact": contact(person),
        "manager": {"id": manager.id, "name": manager.name} if manager else None,
        "source": {
            "name": "site",
            "page": "https://shop.example.com/kitchens?utm_source=yandex",
            "utm": {"source": "yandex", "medium": "cpc", "campaign": "kitchens"},
            "click_ids": {"yclid": "123"},
        },
        "subject": f"Заявка {person}",
        "text": text,
        "fields": {"Имя": f"Иван {person} Петров", "Бюджет": "300 000"},
        "after_hours": False,
        "created_at": START.isoformat(),
        "interactions": [ident(5, person)],
    }


def _interaction(kind: int, person: int, number: int, channel: str, **more: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=number)
    return {
        "id": ident(kind, person, number),
        "channel": channel,
        "connector": {"call": "ami", "mail": "smtp"}.get(channel, "form"),
        "source_name": "office",
        "phase": "ended",
        "direction": "inbound",
        "kind": "message",
        "outcome": None,
        "line": None,
        "name": f"Иван {person} Петров",
        "subject": None,
        "text": "",
        "fields": {},
        "source": {"name": "office", "page": None, "utm": {}, "click_ids": {}},
        "handles": [{"kind": "phone", "value": phone(person)}],
        "attachments": [],
        "problems": [],
        "details": {},
        "after_hours": False,
        "contact": contact(person),
        "manager": {"id": ANNA.id, "name": ANNA.name},
        "lead": ident(2, person),
        "occurred_at": at.isoformat(),
        "ended_at": (at + timedelta(minutes=1)).isoformat(),
        "received_at": at.isoformat(),
        "updated_at": at.isoformat(),
        **more,
    }


def call(person: int, number: int = 1, *, answered: bool = True, recording: bool = False) -> dict[str, Any]:
    """An InteractionView of an inbound call that is over; Oleg's phone."""
    at = START + timedelta(minutes=number)
    details = {
        "linkedid": f"{1763800000 + person}.{number}",
        "direction": "inbound",
        "caller": phone(person),
        "dialled": "+74950000101",
        "answered": answered,
        "answered_by": "102" if answered else None,
        "outcome": "answered" if answered else "missed",
        "missed_reason": None if answered else "no_answer",
        "rang": ["101", "102"],
        "transfers": [],
        "queue": None,
        "started_at": at.isoformat(),
        "answered_at": (at + timedelta(seconds=5)).isoformat() if answered else None,
        "ended_at": (at + timedelta(seconds=65)).isoformat(),
        "wait_seconds": 5.2,
        "talk_seconds": 59.6 if answered else None,
        "recording": "/var/spool/asterisk/monitor/1.wav" if recording else None,
        "voicemail": False,
        "ended": True,
    }
    outcome = "answered" if answered else "missed"
    return _interaction(3, person, number, "call", line="+74950000101", outcome=outcome, details=details)


def letter(person: int, number: int = 1) -> dict[str, Any]:
    """An InteractionView of a letter."""
    return _interaction(
        4, person, number, "mail", line="sales@example.com", subject=f"Вопрос {number}",
        text="Когда привезёте?\n<b>Иван</b>", details={"message_id": f"<{person}.{number}@example.com>"},
        attachments=[{"name": "план.pdf", "content_type": "application/pdf", "size": 482113}],
    )  # fmt: skip


def form(person: int, number: int = 1) -> dict[str, Any]:
    """An InteractionView of a submission."""
    fields = {"Имя": f"Иван {person} Петров", "Телефон": phone(person)}
    return _interaction(5, person, number, "form", line="site", subject="Заявка", text="Перезвоните", fields=fields)


def story(person: int) -> list[Event]:
    """What happens with one person, in order: each of the events that carry something."""
    return [
        event("lead.created", lead(person), step=1),
        event("form.received", form(person), step=2),
        event("call.finished", call(person, 1), step=3),
        event("lead.updated", lead(person, text="Нужна кухня 4 метра"), step=4),
        event("email.received", letter(person, 1), step=5),
        event("call.finished", call(person, 2, answered=False), step=6),
    ]


def again(one: Event, attempt: int) -> Event:
    """The same event, tried once more."""
    return Event(type=one.type, message_id=one.message_id, timestamp=one.timestamp, data=one.data, attempt=attempt)
