"""The adapter ``espocrm``: contacts, leads, calls and archived letters by EspoCRM's REST API.

EspoCRM has no key against doubles, so contacts, leads and calls carry our id in a field of their own, and letters and
posts in their last line; nothing is made again before it was searched for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_adapter.base import Capabilities, Gone, Idempotency, RecordingFile, Rejected
from crm_adapter.espocrm import bodies
from crm_adapter.espocrm.api import PAGE, EspoApi, Filter, safe
from crm_adapter.espocrm.bodies import Place
from crm_adapter.espocrm.errors import Duplicate, Forbidden
from crm_adapter.espocrm.setup import examine
from crm_adapter.numbers import COMPARED_DIGITS, dialled, digits_of, ending
from crm_adapter.people import User
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said
from crm_adapter.texts import has_handle, marker_line

ENTITIES: Mapping[Kind, str] = {Kind.CONTACT: "Contact", Kind.LEAD: "Lead", Kind.CALL: "Call"}
LONGEST_EXTENSION = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the administrator called our fields."""

    marker: str
    """A text field of Contact, Lead and Call."""
    link: str
    """A relationship from leads to a contact."""


class EspoCrm:
    """Implements RecordCrm and every optional protocol but AssignsOwners (owners are fields)."""

    capabilities = Capabilities(
        contacts=True,
        leads=True,
        calls=True,
        recordings="upload",
        mail=True,
        users=True,
        owners=True,
        idempotency=Idempotency.MARKER,
        parallel=4,
    )

    def __init__(self, api: EspoApi, names: Names, shared: RecordOptions, *, url: str) -> None:
        self._api = api
        self._names = names
        self._shared = shared
        self._url = url
        self._me: str | None = None

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """By our field; letters and forms by their last line, among those of the lead and the contact."""
        if entity := ENTITIES.get(kind):
            found = await self._oldest(entity, [("equals", self._names.marker, marker)])
            return self._remote(entity, found[0]["id"]) if found else None
        for place in bodies.parents(where):
            if kind is Kind.MAIL and (letter := await self._find_letter(marker, place)):
                return letter
            if post := await self._find_post(marker, place):
                return post
        return None

    async def _find_letter(self, marker: str, place: Place) -> Remote | None:
        at: list[Filter] = [("equals", name, value) for name, value in place.items()]
        found = await self._oldest("Email", [*at, ("contains", "body", marker_line(marker))])
        return self._remote("Email", found[0]["id"]) if found else None

    async def _find_post(self, marker: str, place: Place) -> Remote | None:
        try:
            async for one in self._api.pages(f"{place['parentType']}/{safe(place['parentId'])}/stream"):
                if one.get("type") == "Post" and marker_line(marker) in str(one.get("post")):
                    return Remote(id=str(one["id"]))
        except Gone:
            return None
        return None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest contact with one of the numbers, however they were typed, or of the mails."""
        found = await self._contact_of(person)
        return self._remote("Contact", found["id"]) if found else None

    async def _contact_of(self, person: Person) -> dict[str, Any] | None:
        phones = [one for phone in person.phones for one in _phone_filters(phone)]
        filters = [*phones, *(_mail_filter(one) for one in person.emails)]
        for one in filters:
            if found := await self._oldest("Contact", [one], select="id,assignedUserId"):
                return found[0]
        return None

    async def _oldest(self, entity: str, filters: Sequence[Filter], *, select: str = "id") -> list[dict[str, Any]]:
        return await self._api.list(entity, filters, select=select, orderBy="createdAt", order="asc", maxSize=1)

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or its missing numbers and mails."""
        if known is not None:
            return await self._complete(person, known)
        body = bodies.contact_body(person, where, marker=self._names.marker)
        try:
            made = await self._api.post("Contact", body)
        except Duplicate as doubt:
            if (same := await self._same_person(person, doubt.remote_ids)) is not None:
                return await self._complete(person, same)
            made = await self._api.post("Contact", body, skip_duplicates=True)
        return self._remote("Contact", made["id"])

    async def _complete(self, person: Person, known: str) -> Remote:
        path = f"Contact/{safe(known)}"
        contact = await self._api.record("Contact", known)
        lists = bodies.missing_handles(person, contact)
        try:
            if change := {**lists, **person.extra}:
                await self._api.put(path, change)
        except Gone:
            raise
        except Rejected:
            if not lists:
                raise
            # an old number that is not valid today: the list is checked as a whole, and would keep the new one out
            await self._api.put(path, {"description": bodies.with_handles(contact, person), **person.extra})
        return self._remote("Contact", known)

    async def _same_person(self, person: Person, remote_ids: Sequence[str]) -> str | None:
        """Of what EspoCRM thinks to be doubles, the one with our number or mail: names alone are no proof."""
        for one in remote_ids:
            contact = await self._api.record("Contact", one)
            phones = [str(entry.get("phoneNumber")) for entry in contact.get("phoneNumberData") or ()]
            emails = [str(entry.get("emailAddress")) for entry in contact.get("emailAddressData") or ()]
            if has_handle(person, phones, emails):
                return one
        return None

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead, or what is new of it. A person may well have several: nothing is to be taken for a double here."""
        if known is None:
            made = await self._api.post("Lead", self.preview(lead, where), skip_duplicates=True)
            return self._remote("Lead", made["id"])
        change = bodies.lead_change(lead, where, await self._api.record("Lead", known))
        if change:
            await self._api.put(f"Lead/{safe(known)}", change)
        return self._remote("Lead", known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of the new lead."""
        return bodies.lead_body(lead, where, marker=self._names.marker, link=self._names.link)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A call of the lead and the contact. It must have a user: who spoke, else our own."""
        body = bodies.call_body(call, where, marker=self._names.marker)
        if not where.owner:
            body["assignedUserId"] = await self._own_id()
        made = await self._post("Call", body, bodies.call_place(where))
        return self._remote("Call", made["id"])

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """A file in the stream of the call's lead or contact, unless it is there: calls themselves hold no files."""
        logged = await self._api.record("Call", remote_call)
        place = {name: str(logged[name]) for name in ("parentType", "parentId") if logged.get(name)}
        if "parentId" not in place:
            return
        marker = f"{call.id}.recording"
        if await self._find_post(marker, place) is not None:
            return
        content = base64.b64encode(file.content).decode()
        upload = {
            "name": file.name,
            "type": file.content_type,
            "role": "Attachment",
            "parentType": "Note",
            "field": "attachments",
            "file": f"data:{file.content_type};base64,{content}",
        }
        uploaded = await self._api.post("Attachment", upload)
        text = f"{logged.get('name') or ''}\n{marker_line(marker)}"
        await self._post("Note", {"type": "Post", "post": text, "attachmentsIds": [uploaded["id"]]}, place)

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """An archived letter, which EspoCRM never sends; a post where an address is not known."""
        body = bodies.email_body(letter, where)
        if body is None:
            return await self.log_form(letter, where)
        place = self._place(where)
        await self._check_there(place)  # before 9.0 EspoCRM takes letters of a record that was deleted
        made = await self._post("Email", body, place)
        return self._remote("Email", made["id"])

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A post in the stream."""
        made = await self._post("Note", bodies.post_body(form), self._place(where))
        return Remote(id=str(made["id"]))

    def _place(self, where: Where) -> Place:
        places = bodies.parents(where)
        if not places:
            raise Rejected(Said("there is neither a lead nor a contact in EspoCRM that this could be shown with"))
        return places[0]

    async def _post(self, entity: str, body: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """EspoCRM may forbid to write to a record that was deleted in the words of a missing right."""
        try:
            return await self._api.post(entity, {**body, **place})
        except Forbidden:
            await self._check_there(place)
            raise

    async def _check_there(self, place: Place) -> None:
        """Raise Gone where people deleted the record."""
        if "parentId" in place:
            await self._api.record(place["parentType"], place["parentId"], select="id,deleted")

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """People, not API users; one whose phone is a few digits has it as the extension."""
        wanted = [("in", "type", ["regular", "admin"])]
        select = "id,name,emailAddress,phoneNumber,isActive"
        return [_user(one) async for one in self._api.pages("User", wanted, select=select)]

    async def find_owner(self, person: Person) -> User | None:
        """The assigned user of the contact."""
        found = await self._contact_of(person)
        owner = found.get("assignedUserId") if found else None
        return User(id=str(owner)) if owner else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: a time and an offset, ``2026-11-22 12:00:00|100``."""
        since, _, start = (place or bodies.moment(now)).partition("|")
        offset = int(start or 0)
        rows = await self._api.list(
            "Contact", [("greaterThanOrEquals", "modifiedAt", since)], select="id,assignedUserId,modifiedAt",
            orderBy="modifiedAt", order="asc", maxSize=PAGE, offset=offset,
        )  # fmt: skip
        found = [Owned(remote_id=str(one["id"]), user=one.get("assignedUserId") or None) for one in rows]
        if len(rows) >= PAGE:
            return OwnedPage(found=found, next_place=f"{since}|{offset + PAGE}", more=True)
        return OwnedPage(found=found, next_place=str(rows[-1].get("modifiedAt") or since) if rows else since)

    async def _own_id(self) -> str:
        if self._me is None:
            self._me = str((await self._api.get("App/user"))["user"]["id"])
        return self._me

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Rights of the API user, our fields, mapped fields."""
        return await examine(self._api, self._shared.fields, marker=self._names.marker, link=self._names.link)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _remote(self, entity: str, record: Any) -> Remote:
        return Remote(id=str(record), url=f"{self._url}/#{entity}/view/{record}")


def _phone_filters(phone: str) -> list[Filter]:
    """By digits, from the end: EspoCRM keeps them beside what people typed. A short number must be the whole, in one of
    the ways to dial it."""
    compared = ending(phone)
    if len(compared) >= COMPARED_DIGITS:
        return [("endsWith", "phoneNumberNumeric", compared)]
    whole = dict.fromkeys(digits_of(form) for form in dialled(phone))
    return [("equals", "phoneNumberNumeric", form) for form in whole]


def _mail_filter(email: str) -> Filter:
    return ("equals", "emailAddress", email.lower())


def _user(one: Mapping[str, Any]) -> User:
    phone = "".join(sign for sign in str(one.get("phoneNumber") or "") if sign.isdigit())
    return User(
        id=str(one["id"]),
        name=str(one.get("name") or ""),
        email=one.get("emailAddress") or None,
        extensions=(phone,) if 0 < len(phone) <= LONGEST_EXTENSION else (),
        active=bool(one.get("isActive", True)),
    )
