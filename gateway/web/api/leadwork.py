"""What people and programs do with leads: change them, open them, tasks and notes."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Connection

from gateway.core.errors import NotFound
from gateway.leads import change, create, notes, tasks
from gateway.leads.desk import Desk
from gateway.views.shapes import LeadView
from gateway.views.work import NoteView, TaskView
from gateway.web.api.writes import Who, WriteCall, WriteOperation
from gateway.web.queries import work
from gateway.web.queries.filters import Filters

T = TypeVar("T")


def lead_writes(desk: Desk) -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``."""
    deeds = LeadDeeds(desk)
    return (
        WriteOperation(
            method="PATCH",
            path="/api/v1/leads/{id}",
            name="changeLead",
            summary="Change a lead: stage, status with reason, manager, amount, contact, subject; add a note. A stage "
            "that is won wins the lead, `status` open reopens it. All or nothing.",
            body=change.LeadChange,
            answer=LeadView,
            unit=deeds.change_lead,
            conditional=True,
        ),
        WriteOperation(
            method="POST",
            path="/api/v1/leads",
            name="openLead",
            summary="Open a lead by hand: from an interaction that has none (a missed call), or for a contact. 409 "
            "where the contact has an open lead.",
            body=create.NewLead,
            answer=LeadView,
            status=201,
            unit=deeds.open_lead,
        ),
        *_note_writes(deeds),
        *_task_writes(deeds),
    )


def _note_writes(deeds: LeadDeeds) -> tuple[WriteOperation, ...]:
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/leads/{id}/notes",
            name="addLeadNote",
            summary="Add a note to a lead.",
            body=notes.NewNote,
            answer=NoteView,
            status=201,
            unit=deeds.add_lead_note,
        ),
        WriteOperation(
            method="POST",
            path="/api/v1/contacts/{id}/notes",
            name="addContactNote",
            summary="Add a note to a contact.",
            body=notes.NewNote,
            answer=NoteView,
            status=201,
            unit=deeds.add_contact_note,
        ),
        WriteOperation(
            method="PATCH",
            path="/api/v1/notes/{id}",
            name="editNote",
            summary="Write one's own note anew.",
            body=notes.NewNote,
            answer=NoteView,
            unit=deeds.edit_note,
        ),
        WriteOperation(
            method="DELETE",
            path="/api/v1/notes/{id}",
            name="removeNote",
            summary="Remove one's own note.",
            unit=deeds.remove_note,
        ),
    )


def _task_writes(deeds: LeadDeeds) -> tuple[WriteOperation, ...]:
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/tasks",
            name="addTask",
            summary="Add a task for a lead or a contact.",
            body=tasks.NewTask,
            answer=TaskView,
            status=201,
            unit=deeds.add_task,
        ),
        WriteOperation(
            method="PATCH",
            path="/api/v1/tasks/{id}",
            name="changeTask",
            summary="Change a task, hand it over, move it; `status` done or void ends it, open reopens it.",
            body=tasks.TaskChange,
            answer=TaskView,
            unit=deeds.change_task,
            conditional=True,
        ),
    )


class LeadDeeds:
    """The operations as functions of a connection and a call: for the API, and for pages that make the call of a form.

    Each refuses (NotFound) what the person does not see.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def change_lead(self, connection: Connection, call: WriteCall) -> LeadView:
        """``body``: LeadChange."""
        see_lead(connection, call.ids["id"], call.who)
        return change.change_lead(connection, self._desk, call.ids["id"], call.body, call.who, version=call.version)

    def open_lead(self, connection: Connection, call: WriteCall) -> LeadView:
        """``body``: NewLead."""
        return create.open_lead(connection, self._desk, call.body, call.who)

    def add_lead_note(self, connection: Connection, call: WriteCall) -> NoteView:
        """``body``: NewNote."""
        lead_id = call.ids["id"]
        see_lead(connection, lead_id, call.who)
        return self._add_note(connection, call, lead_id, None)

    def add_contact_note(self, connection: Connection, call: WriteCall) -> NoteView:
        """``body``: NewNote."""
        see_contact(connection, call.ids["id"], call.who)
        return self._add_note(connection, call, None, call.ids["id"])

    def _add_note(
        self, connection: Connection, call: WriteCall, lead_id: str | None, contact_id: str | None
    ) -> NoteView:
        note_id = notes.put_note(
            connection, self._desk, lead_id=lead_id, contact_id=contact_id, text=call.body.text, by=call.who
        )
        notes.tell_pages(connection, lead_id, contact_id, call.who)
        return told(work.note(connection, note_id))

    def edit_note(self, connection: Connection, call: WriteCall) -> NoteView:
        """``body``: NewNote."""
        notes.edit_note(connection, call.ids["id"], call.body.text, call.who)
        return told(work.note(connection, call.ids["id"]))

    def remove_note(self, connection: Connection, call: WriteCall) -> None:
        """Without a body."""
        notes.remove_note(connection, call.ids["id"], call.who)

    def add_task(self, connection: Connection, call: WriteCall) -> TaskView:
        """``body``: NewTask."""
        if call.body.lead is not None:
            see_lead(connection, call.body.lead, call.who)
        task_id = tasks.add_task(connection, self._desk, call.body, call.who)
        return told(work.task(connection, task_id, Filters()))

    def change_task(self, connection: Connection, call: WriteCall) -> TaskView:
        """``body``: TaskChange."""
        told(work.task(connection, call.ids["id"], scope_of(call.who)))
        tasks.change_task(connection, call.ids["id"], call.body, call.who, version=call.version)
        return told(work.task(connection, call.ids["id"], Filters()))


def scope_of(who: Who) -> Filters:
    """What a person may see, for the queries."""
    return Filters(seen_by=who.seen_by, now=who.at)


def see_lead(connection: Connection, lead_id: str, who: Who) -> None:
    """Raises NotFound for a lead that is not there or not the person's to see."""
    if not work.may_see_lead(connection, lead_id, who.seen_by):
        raise NotFound("There is no lead with this id.")


def see_contact(connection: Connection, contact_id: str, who: Who) -> None:
    """The same for a contact."""
    if not work.may_see_contact(connection, contact_id, who.seen_by):
        raise NotFound("There is no contact with this id.")


def told(view: T | None) -> T:
    """A view that must be there. Raises NotFound where it is not."""
    if view is None:
        raise NotFound("There is nothing with this id.")
    return view
