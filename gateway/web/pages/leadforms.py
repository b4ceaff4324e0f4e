"""The forms of a lead's card: what each does, whose id it needs, how its fields are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.contacts.edit import ContactChange, NewContact
from gateway.documents.sending import SendDocument
from gateway.leads.change import LeadChange, NewAmount
from gateway.leads.create import NewLead
from gateway.leads.notes import NewNote
from gateway.leads.tasks import NewTask, TaskChange
from gateway.web.api.calls import NewCall
from gateway.web.api.contacts import MergeContacts
from gateway.web.api.documents import VoidDocument
from gateway.web.api.letters import NewAnswer

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the card knows when a form of it is read."""

    lead_id: str
    contact_id: str | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form."""

    operation: str
    """Of the API."""
    body: Callable[[Fields, Where], msgspec.Struct | None]
    """Raises ValueError for a field with a value that can't be."""
    of: str = "lead"
    """Whose id the operation needs: ``lead``, ``contact``, or the field that has it."""
    versioned: bool = False
    """Refused where somebody changed the lead since the page was made."""
    told: str = ""
    """A sentence for what was done."""


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


def text_of(fields: Fields, name: str) -> str | None:
    """A field without blanks around it; None for an empty one."""
    return fields.get(name, "").strip() or None


def _lines(fields: Fields, name: str) -> list[str]:
    return [line.strip() for line in fields.get(name, "").splitlines() if line.strip()]


def moment_of(fields: Fields, name: str, zone: ZoneInfo) -> datetime:
    """A field for day and time knows no zone: the company's is meant."""
    moment = datetime.fromisoformat(fields.get(name, ""))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _close(fields: Fields, _where: Where) -> LeadChange:
    status, reason = fields.get("status", ""), text_of(fields, "reason")
    if status not in {"won", "lost", "spam"}:
        raise ValueError(status)
    return LeadChange(status=status, reason=reason if reason and status != "won" else msgspec.UNSET)


def _amount(fields: Fields, _where: Where) -> LeadChange:
    amount = text_of(fields, "amount")
    wanted = NewAmount(amount=amount, currency=fields.get("currency", "").strip().upper()) if amount else None
    return LeadChange(amount=wanted)


def _task(fields: Fields, where: Where) -> NewTask:
    return msgspec.convert(
        {
            "kind": fields.get("kind") or "call",
            "text": fields.get("text", ""),
            "due_at": moment_of(fields, "due_at", where.zone),
            "lead": where.lead_id,
            "owner": text_of(fields, "owner"),
        },
        NewTask,
    )


def _task_end(fields: Fields, _where: Where) -> TaskChange:
    status = fields.get("status") or "done"
    return msgspec.convert({"status": status, "outcome": fields.get("outcome", "")}, TaskChange)


def _contact(fields: Fields, _where: Where) -> ContactChange:
    return ContactChange(
        name=fields.get("name", ""),
        company=fields.get("company", ""),
        phones=_lines(fields, "phones"),
        emails=_lines(fields, "emails"),
    )


def new_contact(fields: Fields) -> NewContact:
    """The body of ``addContact``, for a lead of which nobody knows whose it is."""
    return NewContact(
        name=fields.get("name", ""),
        company=fields.get("company", ""),
        phones=_lines(fields, "phones"),
        emails=_lines(fields, "emails"),
    )


def _answer(fields: Fields, _where: Where) -> NewAnswer:
    return NewAnswer(
        text=fields.get("text", ""),
        subject=text_of(fields, "subject"),
        sender=text_of(fields, "sender"),
        quote=fields.get("quote") == "yes",
        key=text_of(fields, "key"),
    )


def _send(fields: Fields, _where: Where) -> SendDocument:
    return SendDocument(
        to=[address for address in fields.get("to", "").replace(",", " ").split() if address],
        subject=fields.get("subject", ""),
        message=fields.get("message", ""),
        mailbox=text_of(fields, "sender"),
        stage=text_of(fields, "stage"),
    )


def _nothing(_fields: Fields, _where: Where) -> None:
    return None


FORMS: Mapping[str, Form] = {
    "stage": Form(
        operation="changeLead",
        body=lambda fields, _where: LeadChange(stage=fields.get("stage", "")),
        versioned=True,
        told=_("The stage was changed."),
    ),
    "close": Form(operation="changeLead", body=_close, versioned=True, told=_("The lead was closed.")),
    "reopen": Form(
        operation="changeLead",
        body=lambda _fields, _where: LeadChange(status="open"),
        versioned=True,
        told=_("The lead is open again."),
    ),
    "owner": Form(
        operation="changeLead",
        body=lambda fields, _where: LeadChange(manager=text_of(fields, "manager")),
        versioned=True,
        told=_("The lead has a new owner."),
    ),
    "amount": Form(operation="changeLead", body=_amount, versioned=True, told=_("The amount was kept.")),
    "subject": Form(
        operation="changeLead",
        body=lambda fields, _where: LeadChange(subject=fields.get("subject", "")),
        versioned=True,
        told=_("The subject was kept."),
    ),
    "person": Form(
        operation="changeLead",
        body=lambda fields, _where: LeadChange(contact=fields.get("other", "")),
        told=_("It is known now whose lead it is."),
    ),
    "note": Form(
        operation="addLeadNote",
        body=lambda fields, _where: NewNote(text=fields.get("text", "")),
        told=_("The note was kept."),
    ),
    "note-edit": Form(
        operation="editNote",
        body=lambda fields, _where: NewNote(text=fields.get("text", "")),
        of="note",
        told=_("The note was kept."),
    ),
    "note-remove": Form(operation="removeNote", body=_nothing, of="note", told=_("The note was removed.")),
    "task": Form(operation="addTask", body=_task, told=_("The task was added.")),
    "task-end": Form(operation="changeTask", body=_task_end, of="task", told=_("The task was changed.")),
    "contact": Form(operation="changeContact", body=_contact, of="contact", told=_("The contact was kept.")),
    "call": Form(
        operation="makeCall",
        body=lambda fields, where: NewCall(number=fields.get("number", ""), contact=where.contact_id),
        told=_("Your phone rings. Pick up, and the client will be called."),
    ),
    "answer": Form(operation="answerLead", body=_answer, told=_("The letter is on its way.")),
    "answer-one": Form(
        operation="answerInteraction", body=_answer, of="interaction", told=_("The letter is on its way.")
    ),
    "letter-retry": Form(operation="retryOutgoing", body=_nothing, of="letter", told=_("The letter is on its way.")),
    "letter-drop": Form(operation="dropOutgoing", body=_nothing, of="letter", told=_("The letter will not be sent.")),
    "merge": Form(
        operation="mergeContacts",
        body=lambda fields, _where: MergeContacts(other=fields.get("other", "")),
        of="contact",
        told=_("The two contacts are one now."),
    ),
    "part": Form(operation="undoMerge", body=_nothing, of="merge", told=_("The two contacts were parted.")),
    "open": Form(
        operation="openLead",
        body=lambda fields, _where: NewLead(interaction=fields.get("interaction", "")),
        told=_("A lead was opened."),
    ),
    "send": Form(operation="sendDocument", body=_send, of="document", told=_("The document is on its way.")),
    "void": Form(
        operation="voidDocument",
        body=lambda fields, _where: VoidDocument(reason=fields.get("reason", "")),
        of="document",
        told=_("The document is void now."),
    ),
}
"""The last part of the address -> the form."""
TOLD: Mapping[str, str] = {name: form.told for name, form in FORMS.items()} | {
    "document": _("The document was made."),
    "new-contact": _("It is known now whose lead it is."),
}


def body_of(form: Form, fields: Fields, where: Where) -> Any:
    """The operation's body. Raises ValueError."""
    try:
        return form.body(fields, where)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
