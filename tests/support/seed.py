"""Rows as the processing leaves them, for tests and pictures of the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from gateway.live.changes import ChangeKind, record
from gateway.storage.tables import Attempt, Contact, ContactHandle, Interaction, Lead, Manager, Outbox
from tests.support.clock import MONDAY

NO_SOURCE: dict[str, Any] = {"name": None, "page": None, "referer": None, "utm": {}, "click_ids": {}}


def add_manager(connection: Connection, manager_id: str, login: str, **columns: Any) -> None:
    """A user without a password."""
    values = {"name": login.title(), "role": "manager", "extensions": ["101"], "created_at": MONDAY}
    connection.execute(insert(Manager), {"id": manager_id, "login": login, **values, **columns})


def add_managers(connection: Connection, ids: Sequence[str]) -> None:
    """Users whose logins are their ids."""
    for manager_id in ids:
        add_manager(connection, manager_id, manager_id)


def add_contact(
    connection: Connection,
    contact_id: str,
    *,
    name: str | None = None,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    at: datetime = MONDAY,
    **columns: Any,
) -> None:
    """A contact with its handles."""
    row = {"id": contact_id, "name": name, "created_at": at, "updated_at": at, **columns}
    connection.execute(insert(Contact), row)
    for kind, values in (("phone", phones), ("email", emails)):
        for value in values:
            handle = {"kind": kind, "value": value, "contact_id": contact_id, "created_at": at}
            connection.execute(insert(ContactHandle), handle)


def add_lead(
    connection: Connection, lead_id: str, contact_id: str | None, *, at: datetime = MONDAY, **columns: Any
) -> None:
    """A lead and its row in the feed of changes."""
    values = {"channel": "form", "text": "", "fields": {}, "source": NO_SOURCE, "status": "open"}
    row = {"id": lead_id, "contact_id": contact_id, "created_at": at, "updated_at": at, **values, **columns}
    connection.execute(insert(Lead), row)
    record(connection, ChangeKind.LEAD_CREATED, lead_id, at)


def add_interaction(
    connection: Connection, interaction_id: str, *, at: datetime = MONDAY, channel: str = "form", **columns: Any
) -> None:
    """One call, mail or form, understood and ended."""
    values: Mapping[str, Any] = {
        "key": f"key:{interaction_id}",
        "channel": channel,
        "connector": {"call": "ami", "mail": "smtp"}.get(channel, "form"),
        "source_name": {"call": "office", "mail": "sales"}.get(channel, "site"),
        "phase": "ended",
        "direction": "inbound",
        "kind": "message",
        "text": "",
        "fields": {},
        "source": NO_SOURCE,
        "handles": [],
        "attachments": [],
        "problems": [],
        "details": {},
        "occurred_at": at,
        "received_at": at,
        "updated_at": at,
    }
    connection.execute(insert(Interaction), {"id": interaction_id, **values, **columns})


def add_delivery(connection: Connection, delivery_id: int, *, lead_id: str | None, state: str, tries: int = 0) -> None:
    """A delivery to the CRM ``main``."""
    row = {
        "id": delivery_id,
        "crm": "main",
        "event_type": "lead.created",
        "message_id": f"message-{delivery_id}",
        "order_key": lead_id or "none",
        "lead_id": lead_id,
        "payload": {"type": "lead.created"},
        "state": state,
        "attempts": tries,
        "due_at": MONDAY,
        "created_at": MONDAY,
        "updated_at": MONDAY,
    }
    connection.execute(insert(Outbox), row)
    for number in range(1, tries + 1):
        attempt = {"outbox_id": delivery_id, "number": number, "started_at": MONDAY, "result": "unavailable"}
        connection.execute(insert(Attempt), attempt)


def add_office(connection: Connection) -> None:
    """A small office's morning: three people, all channels, every state that a page can show."""
    add_manager(connection, "m-anna", "anna", name="Анна Смирнова", email="anna@example.com", mobile="+79035550101")
    add_manager(connection, "m-oleg", "oleg", name="Олег", disabled_at=MONDAY)
    _ivan(connection)
    _caller_only(connection)
    _letter(connection)
    add_lead(connection, "l-withheld", None, channel="call", at=MONDAY - timedelta(hours=30), status="lost")
    add_interaction(connection, "i-withheld", channel="call", lead_id="l-withheld", outcome="missed",
                    at=MONDAY - timedelta(hours=30), details={"answered": False, "missed_reason": "queue_abandoned",
                    "queue": "sales", "wait_seconds": 3725.4, "rang": ["101", "102"]})  # fmt: skip
    add_delivery(connection, 1, lead_id="l-ivan", state="done", tries=1)
    add_delivery(connection, 2, lead_id="l-caller", state="waiting", tries=3)


def _ivan(connection: Connection) -> None:
    """One person who called, wrote and filled in a form: one contact, one lead."""
    add_contact(connection, "c-ivan", name="Иван Петров", phones=["+79261234567", "+74951234567"],
                emails=["ivan@example.com"], owner_id="m-anna")  # fmt: skip
    source = {
        "name": "site",
        "page": "https://shop.example.com/kitchens?utm_source=yandex",
        "utm": {"source": "yandex", "medium": "cpc", "campaign": "kitchens-moscow"},
        "click_ids": {"yclid": "1234567890"},
    }
    fields = {"Имя": "Иван Петров", "Телефон": "8 926 123-45-67", "Комментарий": "Нужна кухня 3 метра, белая."}
    add_lead(connection, "l-ivan", "c-ivan", manager_id="m-anna", subject="Заявка с сайта", source=source,
             text="Нужна кухня 3 метра, белая. Перезвоните, пожалуйста, после обеда.", fields=fields,
             opened_by="i-form", at=MONDAY - timedelta(minutes=40))  # fmt: skip
    common = {"contact_id": "c-ivan", "lead_id": "l-ivan"}
    add_interaction(connection, "i-form", at=MONDAY - timedelta(minutes=40), subject="Заявка с сайта", fields=fields,
                    source=source, **common)  # fmt: skip
    add_interaction(connection, "i-mail", channel="mail", at=MONDAY - timedelta(minutes=25), subject="Re: кухня",
                    text="Добрый день!\n\nПрикладываю план комнаты.\n\nИван", problems=["The date is in the future."],
                    attachments=[{"name": "план.pdf", "content_type": "application/pdf", "size": 482_113}],
                    **common)  # fmt: skip
    record_of_call = {"caller": "+79261234567", "dialled": "+74950000101", "answered": True, "answered_by": "101",
                      "outcome": "answered", "rang": ["101", "102"], "wait_seconds": 12.0, "talk_seconds": 187.4,
                      "queue": None, "voicemail": False, "ended": True}  # fmt: skip
    add_interaction(connection, "i-call", channel="call", at=MONDAY - timedelta(minutes=5), outcome="answered",
                    line="+74950000101", manager_id="m-anna", details=record_of_call, **common)  # fmt: skip


def _caller_only(connection: Connection) -> None:
    add_contact(connection, "c-caller", phones=["+74959876543"], at=MONDAY - timedelta(minutes=2))
    add_lead(connection, "l-caller", "c-caller", channel="call", at=MONDAY - timedelta(minutes=2), after_hours=True)
    add_interaction(connection, "i-missed", channel="call", at=MONDAY - timedelta(minutes=2), outcome="missed",
                    contact_id="c-caller", lead_id="l-caller", line="+74950000101",
                    details={"caller": "+74959876543", "answered": False, "outcome": "missed",
                             "missed_reason": "no_answer", "rang": ["101"], "wait_seconds": 31.0})  # fmt: skip


def _letter(connection: Connection) -> None:
    add_contact(connection, "c-letter", name="Marie-Claire Dubois-Lefèvre", company="Atelier Dubois",
                emails=["marie-claire.dubois-lefevre@atelier-dubois.example.com"],
                at=MONDAY - timedelta(days=400))  # fmt: skip
    add_lead(connection, "l-letter", "c-letter", channel="mail", at=MONDAY - timedelta(days=400), status="won",
             subject="Request for a quotation: 40 oak doors, delivery to Lyon before the end of March",
             text="Dear Sir or Madam, " + "we would like to order doors of solid oak, " * 20)  # fmt: skip
    add_interaction(connection, "i-letter", channel="mail", at=MONDAY - timedelta(days=400), contact_id="c-letter",
                    lead_id="l-letter", subject="Request for a quotation")  # fmt: skip
