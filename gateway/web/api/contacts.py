"""What people and programs do with contacts: make, change, merge, part."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from gateway.contacts.edit import ContactChange, ContactDesk, NewContact
from gateway.views.shapes import ContactView
from gateway.views.work import MergeView
from gateway.web.access import Right
from gateway.web.api.leadwork import see_contact, told
from gateway.web.api.writes import WriteCall, WriteOperation
from gateway.web.queries import people, work


class MergeContacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which contact becomes part of this one."""

    other: str
    """Its id."""


def contact_writes(desk: ContactDesk) -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``."""
    deeds = ContactDeeds(desk)
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/contacts",
            name="addContact",
            summary="Make a contact. 409 where one of the numbers or addresses belongs to another.",
            body=NewContact,
            answer=ContactView,
            status=201,
            unit=deeds.create,
        ),
        WriteOperation(
            method="PATCH",
            path="/api/v1/contacts/{id}",
            name="changeContact",
            summary="Change name, company, owner; `phones` and `emails` are all there shall be.",
            body=ContactChange,
            answer=ContactView,
            unit=deeds.change,
        ),
        WriteOperation(
            method="POST",
            path="/api/v1/contacts/{id}/merge",
            name="mergeContacts",
            summary="Make another contact part of this one: its numbers, leads and history come here.",
            body=MergeContacts,
            answer=MergeView,
            unit=deeds.merge,
        ),
        WriteOperation(
            method="POST",
            path="/api/v1/merges/{id}/undo",
            name="undoMerge",
            summary="Part two contacts that were merged: what moved moves back.",
            answer=MergeView,
            unit=deeds.part,
            right=Right.LEAD,
        ),
    )


class ContactDeeds:
    """The operations as functions of a connection and a call, for the API and the pages."""

    def __init__(self, desk: ContactDesk) -> None:
        self._desk = desk

    def create(self, connection: Connection, call: WriteCall) -> ContactView:
        """``body``: NewContact."""
        return told(people.contact(connection, self._desk.create(connection, call.body, call.who)))

    def change(self, connection: Connection, call: WriteCall) -> ContactView:
        """``body``: ContactChange."""
        see_contact(connection, call.ids["id"], call.who)
        self._desk.change(connection, call.ids["id"], call.body, call.who)
        return told(people.contact(connection, call.ids["id"]))

    def merge(self, connection: Connection, call: WriteCall) -> MergeView:
        """``body``: MergeContacts."""
        for contact_id in (call.ids["id"], call.body.other):
            see_contact(connection, contact_id, call.who)
        merge_id = self._desk.merge(connection, call.ids["id"], call.body.other, call.who)
        return told(work.merge_of(connection, merge_id))

    def part(self, connection: Connection, call: WriteCall) -> MergeView:
        """Without a body."""
        told(work.merge_of(connection, call.ids["id"]))
        self._desk.part(connection, call.ids["id"], call.who)
        return told(work.merge_of(connection, call.ids["id"]))
