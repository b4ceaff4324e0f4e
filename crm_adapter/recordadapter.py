"""Turns events into operations on records: find, make, update, log. Once each, whatever gets lost on the way.

What keeps a thing from being made twice: its link, written when the CRM has answered; and where an answer was lost
(a try above the first, or a link in doubt), a search for the marker before it is made.

People delete and merge records in their CRM. A contact that is gone is looked for anew (a merge leaves one with the
same number), else made again, since its owner still calls. A lead that is gone stays so: what comes later goes to the
contact.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crm_adapter.base import Capabilities, Context, Done, Event, Gone, Misconfigured
from crm_adapter.directory import Directory
from crm_adapter.links import Link
from crm_adapter.mapping import FieldMapping
from crm_adapter.options import BadOption, Options
from crm_adapter.recordcrm import (
    AssignsOwners,
    AttachesRecordings,
    Examined,
    Examines,
    LogsCalls,
    LogsForms,
    LogsMail,
    RecordCrm,
    Remote,
    ShowsCalls,
    Where,
)
from crm_adapter.records import (
    Call,
    Extra,
    Kind,
    Lead,
    Message,
    Person,
    call_of,
    digest,
    lead_of,
    message_of,
    person_of,
)
from crm_adapter.said import Said

Create = Callable[[], Awaitable[Remote]]
Log = Callable[[Where], Awaitable[Remote]]
Notes = Mapping[str, str]
OWNER = "owner"
SENT = "sent"
EXTRA = "extra"
RECORDING = "recording"
FOUND = "found"
CARD = "card"
GONE = "gone"
"""Keys of a link's notes: the owner that was set, digests of what was sent last and of its mapped fields, the file,
that the record was there before us, the card of a call that is not over, and that people deleted the lead."""
CARD_SECONDS = 60.0
"""A card that comes later than that disturbs: the phone has stopped ringing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """The keys that all adapters for records share."""

    owners: str = "crm"
    """Whose word counts. ``crm``: we set the owner of a new record, then the CRM's people decide, and we read it back.
    ``leadgate``: ours is set with every change of a lead."""
    users: Mapping[str, str] = field(default_factory=dict)
    """Our login -> the CRM's user id, where mail and extension don't match."""
    default_user: str | None = None
    """The CRM's user for what belongs to nobody."""
    fields: FieldMapping = field(default_factory=lambda: FieldMapping({}))


def read_record_options(reader: Options) -> RecordOptions:
    """Read ``owners``, ``users``, ``default_user`` and ``fields``. Raises BadOption."""
    users = reader.table("users")
    for login, user_id in users.items():
        if isinstance(user_id, bool) or not isinstance(user_id, str | int):
            raise BadOption(f"users.{login}", "must be the CRM's id of a user, in quotes")
    return RecordOptions(
        owners=reader.choice("owners", "crm", ("crm", "leadgate")),
        users={login: str(user_id) for login, user_id in users.items()},
        default_user=reader.text_or_none("default_user"),
        fields=FieldMapping(reader.table("fields")),
    )


class RecordAdapter:
    """Implements ``base.CrmAdapter`` over a RecordCrm. Keeps no state but a cache of users."""

    def __init__(self, crm: RecordCrm, context: Context, options: RecordOptions) -> None:
        self.crm = crm
        self.options = options
        self.directory = Directory(crm, context, by_hand=options.users, default=options.default_user)
        self._context = context
        self._links = context.links
        self._handlers: dict[str, Callable[[Event], Awaitable[Link | None]]] = {
            "contact.upserted": self._on_contact,
            "lead.created": self._on_lead,
            "lead.updated": self._on_lead,
            "call.ringing": self._on_ringing,
            "call.answered": self._on_ringing,
            "call.finished": self._on_call,
            "call.recording_ready": self._on_call,
            "email.received": self._on_letter,
            "form.received": self._on_form,
        }

    @property
    def capabilities(self) -> Capabilities:
        """What the CRM can take."""
        return self.crm.capabilities

    async def push(self, event: Event) -> Done:
        """Bring the CRM to where the event says. What the CRM has no place for is done at once."""
        handler = self._handlers.get(event.type)
        link = await handler(event) if handler else None
        return Done(remote_id=link.remote_id, url=link.url) if link else Done()

    async def check(self) -> str:
        """A sentence on rights and users. Raises CrmError with the way out."""
        if isinstance(self.crm, Examines):
            bad = [one for one in await self.crm.examine() if not one.ok]
            if bad:
                raise Misconfigured(_all_of(bad))
        matches = await self.directory.matches(fresh=True)
        return Said("it lets us in; of our managers it knows: %(count)s", count=len(matches.user_of))

    async def close(self) -> None:
        """Release connections."""
        await self.crm.close()

    # -- events ------------------------------------------------------------------------------------------------------

    async def _on_contact(self, event: Event) -> Link | None:
        person = person_of(event.data)
        return await self._contact(person, event) if person else None

    async def _on_lead(self, event: Event) -> Link | None:
        lead = lead_of(event.data, self._extra(Kind.LEAD, event), language=self._context.language)
        known = await self._links.get(Kind.LEAD, lead.id)
        if known is not None and known.notes.get(GONE):
            return known
        contact = await self._contact(lead.person, event, lead.manager_id) if lead.person else None
        try:
            return await self._lead(lead, contact, event)
        except Gone:
            contact = await self._contact(lead.person, event, lead.manager_id, again=True) if lead.person else None
        try:
            return await self._lead(lead, contact, event)
        except Gone:
            if known is None or known.remote_id is None:
                raise
            return await self._give_up_lead(lead.id)

    async def _on_ringing(self, event: Event) -> Link | None:
        """A card for those whose phones ring. It makes no record yet: that is for the end of the call."""
        late = (self._context.now() - event.timestamp).total_seconds() > CARD_SECONDS
        if late or not self.capabilities.cards or not isinstance(self.crm, ShowsCalls):
            return None
        call = call_of(event.data, event.timestamp, language=self._context.language)
        link = await self._links.get(Kind.CALL, call.id) or Link()
        rang = await self._users_at(call.rang)
        users = await self._users_at([call.extension]) if call.answered else rang
        if link.remote_id or not call.number or not users:
            return None
        others = [one for one in rang if one not in users]
        call = replace(call, card=link.notes.get(CARD))
        try:
            card = await self.crm.show_card(call, await self._where(call, event), users, others)
        except Gone:
            where = replace(await self._where(call, event, again=True), lead=None)
            card = await self.crm.show_card(call, where, users, others)
        if link.notes.get(CARD) != card:
            await self._links.put(Kind.CALL, call.id, replace(link, notes={**link.notes, CARD: card}))
        return None

    async def _users_at(self, extensions: Sequence[str | None]) -> list[str]:
        found = [await self.directory.user_at(one) for one in extensions]
        return list(dict.fromkeys(one for one in found if one))

    async def _on_call(self, event: Event) -> Link | None:
        if not isinstance(self.crm, LogsCalls):
            return None
        call = call_of(event.data, event.timestamp, self._extra(Kind.CALL, event), language=self._context.language)
        if call.has_recording and call.recording_url is None:
            call = replace(call, recording_url=await self._context.recording_url(call.id))
        speaker = await self.directory.user_at(call.extension)
        known = await self._links.get(Kind.CALL, call.id)
        call = replace(call, card=known.notes.get(CARD) if known else None)
        log_call = self.crm.log_call
        link = await self._log(
            Kind.CALL, call, event, lambda where: log_call(call, replace(where, owner=speaker or where.owner))
        )
        return await self._recording(call, link)

    async def _on_letter(self, event: Event) -> Link | None:
        if not isinstance(self.crm, LogsMail):
            return None
        letter = self._message(Kind.MAIL, event)
        log_email = self.crm.log_email
        return await self._log(Kind.MAIL, letter, event, lambda where: log_email(letter, where))

    async def _on_form(self, event: Event) -> Link | None:
        if not isinstance(self.crm, LogsForms):
            return None
        form = self._message(Kind.FORM, event)
        log_form = self.crm.log_form
        return await self._log(Kind.FORM, form, event, lambda where: log_form(form, where))

    async def _log(self, kind: Kind, one: Call | Message, event: Event, log: Log) -> Link:
        """Something of the history, at the contact and the lead; at what is left of them where people deleted some."""
        where = await self._where(one, event)
        try:
            return await self._make(kind, one.id, event, where, lambda: log(where))
        except Gone:
            where = renewed = await self._where(one, event, again=True)
        try:
            return await self._make(kind, one.id, event, where, lambda: log(renewed))
        except Gone:
            if one.lead_id is None or where.lead is None:
                raise
            await self._give_up_lead(one.lead_id)
        last = replace(where, lead=None)
        return await self._make(kind, one.id, event, last, lambda: log(last))

    def _message(self, kind: Kind, event: Event) -> Message:
        return message_of(kind, event.data, event.timestamp, self._extra(kind, event), language=self._context.language)

    # -- records -----------------------------------------------------------------------------------------------------

    async def _contact(
        self, person: Person, event: Event, manager_id: str | None = None, *, again: bool = False
    ) -> Link:
        """``again``: ask the CRM whether it still has the contact."""
        if event.type.startswith("lead."):  # only a lead says where the person came from
            person = replace(person, extra=self._extra(Kind.CONTACT, event))
        link = await self._known_contact(person)
        notes = {SENT: digest(person.name, person.phones, person.emails)}
        if person.extra:
            notes[EXTRA] = digest(person.extra)
        if link is None or link.remote_id is None:
            link = await self._new_contact(person, event, manager_id, notes)
        if notes.items() <= link.notes.items() and not again:
            return link
        try:
            return await self._update_contact(person, link, notes)
        except Gone:
            link = await self._another_contact(person, gone=link.remote_id)
        if link is None:
            return await self._new_contact(person, event, manager_id, notes)
        return await self._update_contact(person, link, notes)

    async def _new_contact(self, person: Person, event: Event, manager_id: str | None, notes: Notes) -> Link:
        where = Where(owner=await self.directory.user_of(manager_id))
        upsert = self.crm.upsert_contact
        link = await self._make(Kind.CONTACT, person.id, event, where, lambda: upsert(person, None, where), notes)
        return await self._own(Kind.CONTACT, person.id, link, where)

    async def _update_contact(self, person: Person, link: Link, notes: Notes) -> Link:
        remote = await self.crm.upsert_contact(person, link.remote_id, Where())
        link = Link(remote_id=remote.id, url=remote.url or link.url, notes={**link.notes, **notes})
        await self._links.put(Kind.CONTACT, person.id, link)
        return link

    async def _known_contact(self, person: Person) -> Link | None:
        """The link of the person, of a contact that became part of it, or somebody at the CRM with the same handles."""
        link = await self._links.get(Kind.CONTACT, person.id)
        if link is not None and link.remote_id:
            return link
        for merged in person.merged:
            other = await self._links.get(Kind.CONTACT, merged)
            if other is not None and other.remote_id:
                return replace(other, notes={})
        return await self._found_contact(person) or link

    async def _found_contact(self, person: Person) -> Link | None:
        found = await self.crm.find_contact(person) if person.phones or person.emails else None
        return Link(remote_id=found.id, url=found.url, notes={FOUND: "yes"}) if found else None

    async def _another_contact(self, person: Person, *, gone: str | None) -> Link | None:
        """Somebody else at the CRM with the same handles. None: nobody, and the link is forgotten."""
        found = await self._found_contact(person)
        if found is not None and found.remote_id != gone:
            return found
        await self._links.put(Kind.CONTACT, person.id, Link())
        return None

    async def _lead(self, lead: Lead, contact: Link | None, event: Event) -> Link:
        link = await self._links.get(Kind.LEAD, lead.id)
        user = await self.directory.user_of(lead.manager_id)
        where = Where(contact=contact.remote_id if contact else None, owner=user)
        sent = digest(lead.title, lead.description, lead.status, lead.stage, where.contact, user, lead.extra)
        save = self.crm.create_or_update_lead
        if link is None or link.remote_id is None:
            link = await self._make(Kind.LEAD, lead.id, event, where, lambda: save(lead, None, where), {SENT: sent})
            link = await self._own(Kind.LEAD, lead.id, link, where)
        if link.notes.get(SENT) == sent:
            return link
        if self.options.owners == "crm" and link.notes.get(OWNER):
            where = replace(where, owner=None)
        remote = await save(lead, link.remote_id, where)
        link = Link(remote_id=remote.id, url=remote.url or link.url, notes={**link.notes, SENT: sent})
        await self._links.put(Kind.LEAD, lead.id, link)
        return await self._own(Kind.LEAD, lead.id, link, where)

    async def _own(self, kind: Kind, local_id: str, link: Link, where: Where) -> Link:
        """Give the record to its owner, where that is an operation of its own, and remember whom it was given to."""
        if where.owner is None or link.notes.get(OWNER) == where.owner or link.remote_id is None:
            return link
        if isinstance(self.crm, AssignsOwners):
            await self.crm.assign_owner(kind, link.remote_id, where.owner)
        link = replace(link, notes={**link.notes, OWNER: where.owner})
        await self._links.put(kind, local_id, link)
        return link

    async def _give_up_lead(self, lead_id: str) -> Link:
        """People deleted it at the CRM: it stays so."""
        link = await self._links.get(Kind.LEAD, lead_id) or Link()
        link = replace(link, notes={**link.notes, GONE: "yes"})
        await self._links.put(Kind.LEAD, lead_id, link)
        return link

    async def _where(self, one: Call | Message, event: Event, *, again: bool = False) -> Where:
        """``again``: ask the CRM whether it still has the contact."""
        contact = await self._contact(one.person, event, one.manager_id, again=again) if one.person else None
        lead = await self._links.get(Kind.LEAD, one.lead_id) if one.lead_id else None
        return Where(
            contact=contact.remote_id if contact else None,
            lead=lead.remote_id if lead and not lead.notes.get(GONE) else None,
            owner=await self.directory.user_of(one.manager_id),
        )

    async def _recording(self, call: Call, link: Link) -> Link:
        if not isinstance(self.crm, AttachesRecordings) or not call.has_recording or link.notes.get(RECORDING):
            return link
        file = await self._context.recording(call.id)
        if file is None or link.remote_id is None:
            return link
        with contextlib.suppress(Gone):  # people deleted the call: they don't want its recording either
            await self.crm.attach_recording(call, link.remote_id, file)
        link = replace(link, notes={**link.notes, RECORDING: file.name})
        await self._links.put(Kind.CALL, call.id, link)
        return link

    async def _make(
        self, kind: Kind, local_id: str, event: Event, where: Where, create: Create, notes: Notes | None = None
    ) -> Link:
        """The thing's link; where there is none, make the thing, unless an earlier try proves to have made it.

        What is found so may be half made (a lead without its note): it has no ``notes``, so it is brought up to date.
        For the same reason whatever goes wrong leaves a doubt: of two requests the first may have been done.
        """
        link = await self._links.get(kind, local_id)
        if link is not None and link.remote_id:
            return link
        found = None
        if event.attempt > 1 or (link is not None and link.in_doubt):
            found = await self.crm.find(kind, local_id, where)
        try:
            remote = found or await create()
        except BaseException:
            with contextlib.suppress(Exception):  # without a database the try itself stays open, and says the same
                await self._links.put(kind, local_id, replace(link or Link(), in_doubt=True))
            raise
        made = Link(remote_id=remote.id, url=remote.url, notes=(notes or {}) if found is None else {})
        await self._links.put(kind, local_id, made)
        return made

    def _extra(self, kind: Kind, event: Event) -> Extra:
        data: Mapping[str, Any] = event.data
        return self.options.fields.render(kind.value, data)


def _all_of(bad: Sequence[Examined]) -> Said:
    """What is wrong, one after the other."""
    first, *others = (_whole(one) for one in bad)
    for one in others:
        first = Said("%(first)s; %(second)s", first=first, second=one)
    return first


def _whole(one: Examined) -> Said:
    if not one.remedy:
        return Said("%(subject)s: %(said)s", subject=one.subject, said=one.said)
    return Said("%(subject)s: %(said)s %(remedy)s", subject=one.subject, said=one.said, remedy=one.remedy)
