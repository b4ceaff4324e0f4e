"""The card of one lead: who it is, what was said and done, and every form to go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from gateway.outgoing.compose import reply_subject
from gateway.telephony.recordings import is_url
from gateway.views.shapes import DeliveryView, InteractionView, LeadView, ManagerView
from gateway.web.access import viewer_of
from gateway.web.api.reads import FILE_HEADERS
from gateway.web.guard import read_form
from gateway.web.pages import timeline
from gateway.web.pages.asks import Asks
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leaddocuments import LeadDocumentPages
from gateway.web.pages.leadforms import FORMS, TOLD, Fields, Form, Where, body_of, new_contact
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.leadwords import changed_by, typed_again
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.filters import Filters
from gateway.web.queries.leadcard import LastChange, LeadCard, last_change, lead_card, merge_candidates
from gateway.web.queries.leads import lead as one_lead
from gateway.web.queries.people import managers

ENTRIES = 60
"""Of one page of the timeline."""
MAX_WORDS = 200
NOT_YOURS = frozenset({"forbidden", "role"})
"""Refusals that are no matter of what was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A form that was refused: the card is shown again with what was typed."""

    form: str
    fields: Fields
    sentence: str
    """In the reader's language."""
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a card is made from."""

    card: LeadCard
    people: list[ManagerView]


class LeadCardPages:
    """``/leads/{id}`` and what is below it."""

    def __init__(self, means: PageMeans, parts: LeadParts, recordings: Mapping[str, str]) -> None:
        self._means = means
        self._parts = parts
        self._deeds = Deeds(means)
        self._asks = Asks(means)
        self._documents = LeadDocumentPages(means, self._deeds, self._asks)
        self._recordings = {name: "elsewhere" if is_url(place) else "here" for name, place in recordings.items()}

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/leads/{id}", self.card),
            web.get("/leads/{id}/merge", self.merge),
            web.get("/leads/{id}/letters/{interaction}", self.letter),
            *self._documents.routes(),
            web.post("/leads/{id}/new-contact", self.new_contact),
            web.post("/leads/{id}/{form}", self.do),
        ]

    async def card(self, request: web.Request) -> web.Response:
        """One lead with everything that belongs to it."""
        return await self._page(request)

    async def do(self, request: web.Request) -> web.Response:
        """One form; then back to where it stood, or the card with what was typed and why it can't be done."""
        fields, name = await read_form(request), request.match_info["form"]
        form = FORMS.get(name)
        if form is None:
            raise Refused(404, "not_found", "There is nothing that can be done under this address.")
        lead = await self._lead(request)
        where = Where(lead_id=lead.id, contact_id=lead.contact.id if lead.contact else None, zone=self._means.zone)
        try:
            done = await self._done(request, form, fields, where)
        except Refused as refused:
            return await self._refused(request, name, fields, lead, refused)
        if name == "open":
            raise web.HTTPSeeOther(f"/leads/{done.id}?done=open")
        raise back({**fields, "next": fields.get("next") or f"/leads/{lead.id}"}, done=name)

    async def new_contact(self, request: web.Request) -> web.Response:
        """Whose lead it is, where nobody knew: a contact is made, and the lead is its own."""
        fields, lead = await read_form(request), await self._lead(request)
        try:
            made = await self._deeds.do(request, "addContact", body=new_contact(fields))
            where = Where(lead_id=lead.id, contact_id=made.id, zone=self._means.zone)
            await self._done(request, FORMS["person"], {"other": made.id}, where)
        except Refused as refused:
            return await self._refused(request, "new-contact", fields, lead, refused)
        raise web.HTTPSeeOther(f"/leads/{lead.id}?done=new-contact")

    async def merge(self, request: web.Request) -> web.Response:
        """Who else may be the same person; of a lead of nobody, whose it may be."""
        lead = await self._lead(request)
        words = (request.query.get("q") or "").strip()[:MAX_WORDS].replace("\x00", "")
        contact_id = lead.contact.id if lead.contact else None
        scope = self._scope(request)
        found = await self._means.store.read(lambda c: merge_candidates(c, contact_id, words, scope))
        offers = self._deeds.offers(request)
        return self._means.renderer.page(request, "lead_merge.html", lead=lead, q=words, found=found, offers=offers)

    async def letter(self, request: web.Request) -> web.Response:
        """A letter as it came, for a frame of the card: its harmless HTML, else its text."""
        interaction_id = request.match_info["interaction"]
        if viewer_of(request).masked or not self._asks.can("getLetterHtml"):  # nobody can mask a stranger's HTML
            return await self._letter_text(request, interaction_id)
        try:
            file = await self._asks.ask(request, "getLetterHtml", ids={"id": interaction_id})
        except Refused as refused:
            if refused.status != 404:
                raise
            return await self._letter_text(request, interaction_id)
        return web.Response(body=file.content, content_type="text/html", charset="utf-8", headers=FILE_HEADERS)

    async def _letter_text(self, request: web.Request, interaction_id: str) -> web.Response:
        card = await self._read(request)
        found = next((item for item in card.card.interactions if item.id == interaction_id), None)
        if found is None:
            raise Refused(404, "not_found", "There is no letter with this id.")
        whole = found.details.get("text")
        text = whole if isinstance(whole, str) else found.text
        return web.Response(text=text, content_type="text/plain", charset="utf-8", headers=FILE_HEADERS)

    async def _done(self, request: web.Request, form: Form, fields: Fields, where: Where) -> Any:
        target = {"lead": where.lead_id, "contact": where.contact_id}.get(form.of, fields.get(form.of))
        if not target:
            raise Refused(422, "bad_form", "The form does not say what it is about: load the page anew.")
        try:
            body = body_of(form, fields, where)
            version = int(fields["version"]) if form.versioned and fields.get("version", "").isdecimal() else None
        except ValueError:
            raise Refused(
                400, "bad_form", "The form can't be read: a field of it has a value that is not there."
            ) from None
        return await self._deeds.do(request, form.operation, ids={"id": target}, body=body, version=version)

    async def _refused(
        self, request: web.Request, name: str, fields: Fields, lead: LeadView, refused: Refused
    ) -> web.Response:
        """Raises what is no matter of the form."""
        if refused.status in {401, 404} or refused.code in NOT_YOURS:
            raise refused
        sentence = refused.sentence.said(self._means.renderer.words(request).texts)
        if refused.status == 409 and fields.get("version", str(lead.version)) != str(lead.version):
            change = await self._means.store.read(lambda c: last_change(c, lead.id))
            sentence = self._changed_by(request, change)
        trouble = Trouble(form=name, fields=fields, sentence=sentence, status=refused.status)
        return await self._page(request, trouble)

    def _changed_by(self, request: web.Request, change: LastChange | None) -> str:
        words = self._means.renderer.words(request)
        return changed_by(change, self._means.clock.now(), words.texts.gettext, self._parts.stages)

    async def _page(self, request: web.Request, trouble: Trouble | None = None) -> web.Response:
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        shown = await self._read(request)
        words, query = self._means.renderer.words(request), request.query
        group = query.get("show") if query.get("show") in timeline.GROUPS else None
        entries = timeline.entries_of(shown.card, group)
        start = _start(query.get("start", "0"))
        told = TOLD.get(query.get("done", "")) if trouble is None else None
        card, offers = shown.card, self._deeds.offers(request)
        answered = _answered(card, query.get("answer") or (trouble.fields.get("interaction") if trouble else None))
        recipient = _recipient(card, answered)
        return self._means.renderer.page(
            request,
            "lead.html",
            status=trouble.status if trouble else 200,
            told=words.texts.gettext(told) if told else None,
            card=card,
            lead=card.lead,
            contact=card.contact,
            days=timeline.by_day(entries[start : start + ENTRIES], self._means.zone, fold=group is None),
            older=_address(card.lead.id, group, start + ENTRIES) if len(entries) > start + ENTRIES else None,
            groups=[(name, _address(card.lead.id, name)) for name in (None, *timeline.GROUPS)],
            group=group,
            quoted=timeline.quoted,
            waits=next((one for one in card.callbacks if one.closed_at is None), None),
            stages=self._parts.stages(words.texts.gettext),
            settings=self._parts.leads,
            managers=shown.people,
            offers=offers,
            senders=self._parts.senders,
            can_answer=bool("answerLead" in offers and self._parts.senders and recipient),
            recipient=recipient,
            answering="answer" in query or (trouble is not None and trouble.form.startswith("answer")),
            crms=_crms(card.deliveries),
            answered=answered,
            reply_subject=reply_subject,
            key=self._means.new_id(),
            recordings=self._recordings,
            me=f"manager:{viewer_of(request).manager_id}",
            trouble=trouble,
            typed=typed_again(trouble.form, trouble.fields) if trouble else typed_again("", {}),
            position=position,
            live=start == 0,
        )

    async def _read(self, request: web.Request) -> Shown:
        lead_id, scope = request.match_info["id"], self._scope(request)

        def read(connection: Connection) -> Shown | None:
            card = lead_card(connection, lead_id, scope)
            return Shown(card=card, people=managers(connection, Filters(status="active"))) if card else None

        found = await self._means.store.read(read) if "\x00" not in lead_id else None
        if found is None:
            raise Refused(404, "not_found", "There is no lead with this id.")
        return found

    async def _lead(self, request: web.Request) -> LeadView:
        lead_id, scope = request.match_info["id"], self._scope(request)
        found = await self._means.store.read(lambda c: one_lead(c, lead_id, scope)) if "\x00" not in lead_id else None
        if found is None:
            raise Refused(404, "not_found", "There is no lead with this id.")
        return found

    def _scope(self, request: web.Request) -> Filters:
        return Filters(seen_by=viewer_of(request).seen_by, now=self._means.clock.now())


def _crms(deliveries: list[DeliveryView]) -> list[tuple[DeliveryView, DeliveryView | None]]:
    """For each CRM the newest delivery, and the newest that says what the lead is called there."""
    newest = {one.crm: one for one in reversed(deliveries)}
    remote = {one.crm: one for one in reversed(deliveries) if one.remote_id}
    return [(one, remote.get(crm)) for crm, one in newest.items()]


def _recipient(card: LeadCard, answered: InteractionView | None) -> str | None:
    """Where an answer goes: to where the customer wrote from, else to an address that is known of the person."""
    handles = answered.handles if answered is not None else []
    known = [handle.value for handle in handles if handle.kind == "email"]
    return next(iter([*known, *(card.contact.emails if card.contact else ())]), None)


def _answered(card: LeadCard, wanted: str | None) -> InteractionView | None:
    """The letter or form that is answered: the one asked for, else the newest that came in."""
    came = [item for item in card.interactions if item.direction == "inbound" and item.channel in {"mail", "form"}]
    reached = [item for item in came if _recipient(card, item) is not None]
    return next((item for item in reached if item.id == wanted), reached[0] if reached else None)


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _address(lead_id: str, group: str | None, start: int = 0) -> str:
    asked = [f"show={group}"] if group else []
    asked += [f"start={start}"] if start else []
    return f"/leads/{lead_id}?{'&'.join(asked)}" if asked else f"/leads/{lead_id}"
