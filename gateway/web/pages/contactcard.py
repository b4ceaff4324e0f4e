"""The card of a contact: how to reach it, its leads, what was said, notes, tasks, merges; everything can be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.contacts.edit import ContactChange
from gateway.leads.create import NewLead
from gateway.leads.notes import NewNote
from gateway.leads.tasks import NewTask
from gateway.views.shapes import ContactView, ManagerView
from gateway.web.access import Right, viewer_of
from gateway.web.api.calls import NewCall
from gateway.web.api.contacts import MergeContacts
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leadforms import Fields, moment_of, text_of
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.means import PageMeans
from gateway.web.pages.tasks import KINDS, POSTPONED
from gateway.web.problems import Refused
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.contacts import ContactCard, contact_card, contact_list
from gateway.web.queries.filters import Filters
from gateway.web.queries.people import managers

TALKS, LEADS, CANDIDATES = 20, 20, 10


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of the card."""

    operation: str
    """Of the API."""
    body: Callable[[Fields, str, ZoneInfo], msgspec.Struct | None]
    """Given the fields, the contact's id and the zone. Raises ValueError."""
    told: str
    of: str = ""
    """The field with the id that the operation needs; empty: the contact's."""


def _change(fields: Fields, _contact_id: str, _zone: ZoneInfo) -> ContactChange:
    return ContactChange(
        name=fields.get("name", ""),
        company=fields.get("company", ""),
        phones=_lines(fields, "phones"),
        emails=_lines(fields, "emails"),
        manager=text_of(fields, "manager"),
    )


def _task(fields: Fields, contact_id: str, zone: ZoneInfo) -> NewTask:
    due_at = moment_of(fields, "due_at", zone)
    return msgspec.convert(
        {
            "kind": fields.get("kind") or "call",
            "text": fields.get("text", ""),
            "due_at": due_at,
            "contact": contact_id,
            "owner": text_of(fields, "owner"),
        },
        NewTask,
    )


def _lines(fields: Fields, name: str) -> list[str]:
    return [line.strip() for line in fields.get(name, "").splitlines() if line.strip()]


FORMS: Mapping[str, Form] = {
    "change": Form(operation="changeContact", body=_change, told=_("The contact was kept.")),
    "note": Form(
        operation="addContactNote",
        body=lambda fields, _id, _zone: NewNote(text=fields.get("text", "")),
        told=_("The note was kept."),
    ),
    "note-remove": Form(
        operation="removeNote", body=lambda _fields, _id, _zone: None, of="note", told=_("The note was removed.")
    ),
    "task": Form(operation="addTask", body=_task, told=_("The task was added.")),
    "call": Form(
        operation="makeCall",
        body=lambda fields, contact_id, _zone: NewCall(number=fields.get("number", ""), contact=contact_id),
        told=_("Your phone rings. Pick up, and the client will be called."),
    ),
    "merge": Form(
        operation="mergeContacts",
        body=lambda fields, _id, _zone: MergeContacts(other=fields.get("other", "")),
        told=_("The two contacts are one now."),
    ),
    "part": Form(
        operation="undoMerge",
        body=lambda _fields, _id, _zone: None,
        of="merge",
        told=_("The two contacts were parted."),
    ),
}
"""The last part of the address -> the form."""
TOLD: Mapping[str, str] = {name: form.told for name, form in FORMS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the card was made from."""

    card: ContactCard
    people: list[ManagerView]
    candidates: list[ContactView]
    """Whom it may be merged with, for what was looked for."""


class ContactCardPages:
    """``/contacts/{id}`` and its forms."""

    def __init__(self, means: PageMeans, parts: LeadParts) -> None:
        self._means = means
        self._deeds = Deeds(means)
        self._stages = parts.stages

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/contacts/{id}", self.card),
            web.post("/contacts/{id}/lead", self.lead),
            web.post("/contacts/{id}/{deed}", self.do),
        ]

    async def card(self, request: web.Request) -> web.Response:
        """Everything around one contact. An address of one that was merged leads to the one it was merged into."""
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        shown = await self._read(request)
        card = shown.card
        if card.contact.id != request.match_info["id"]:
            raise web.HTTPSeeOther(f"/contacts/{card.contact.id}")
        viewer, texts = viewer_of(request), self._means.renderer.words(request).texts
        return self._means.renderer.page(
            request,
            "contact.html",
            told=lists.told(self._means, request, TOLD),
            card=card,
            contact=card.contact,
            managers=shown.people,
            candidates=shown.candidates,
            other=lists.words(request, "other"),
            stages=self._stages(texts.gettext),
            offers=self._deeds.offers(request),
            kinds=KINDS,
            presets=tuple(POSTPONED),
            may_lead=viewer.may(Right.LEAD),
            me=viewer.actor,
            soon=self._soon(),
            position=position,
        )

    async def lead(self, request: web.Request) -> web.Response:
        """Open a lead for the contact; then its card."""
        fields = await read_form(request)
        new = NewLead(contact=request.match_info["id"], subject=text_of(fields, "subject"))
        lead = await self._deeds.do(request, "openLead", body=new)
        raise web.HTTPSeeOther(f"/leads/{lead.id}?done=open")

    async def do(self, request: web.Request) -> web.Response:
        """One deed; then back to the card."""
        fields, contact_id = await read_form(request), request.match_info["id"]
        form = FORMS.get(request.match_info["deed"])
        if form is None:
            raise Refused(404, "not_found", "There is nothing that can be done under this address.")
        try:
            body = form.body(fields, contact_id, self._means.zone)
        except (ValueError, msgspec.ValidationError):
            raise Refused(
                400, "bad_form", "The form can't be read: a field of it has a value that is not there."
            ) from None
        target = fields.get(form.of, "") if form.of else contact_id
        await self._deeds.do(request, form.operation, ids={"id": target}, body=body)
        raise back({"next": f"/contacts/{contact_id}", **fields}, done=request.match_info["deed"])

    async def _read(self, request: web.Request) -> Shown:
        contact_id, scope = request.match_info["id"], Filters(seen_by=viewer_of(request).seen_by)
        other = lists.words(request, "other")

        def read(connection: Connection) -> Shown | None:
            card = contact_card(connection, contact_id, scope, talks=TALKS, leads=LEADS)
            if card is None:
                return None
            wanted = Filters(q=other, seen_by=scope.seen_by, limit=CANDIDATES)
            found: list[Any] = contact_list(connection, wanted).items if other else []
            return Shown(
                card=card,
                people=managers(connection, Filters(status="active")),
                candidates=[one for one in found if one.id != card.contact.id],
            )

        shown = await self._means.store.read(read) if "\x00" not in contact_id else None
        if shown is None:
            raise Refused(404, "not_found", "There is no contact with this id.")
        return shown

    def _soon(self) -> str:
        local = self._means.clock.now().astimezone(self._means.zone) + timedelta(hours=1)
        return local.replace(minute=0, second=0, microsecond=0, tzinfo=None).isoformat(timespec="minutes")
