"""The adapter ``amocrm``: API v4 of amoCRM and Kommo.

amoCRM has no key against doubles, so each lead carries our marker in a field of its own (made at the first need), notes
carry it in their last line and calls in ``uniq``; nothing is posted again before it was searched for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_adapter.amocrm import bodies
from crm_adapter.amocrm.bodies import MARKER_CODE
from crm_adapter.base import Capabilities, Idempotency, Rejected, Unavailable
from crm_adapter.ids import number
from crm_adapter.jsonclient import JsonClient, SignIn
from crm_adapter.oauth import RotatingTokens
from crm_adapter.people import User
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.texts import has_handle, marker_line

PAGE = 250
"""Entries of a page, the most that amoCRM gives."""
LONGEST_EXTENSION = 6
API = "api/v4"


class AmoCrm:
    """Implements RecordCrm, LogsCalls, LogsMail, LogsForms, ListsUsers, FindsOwner, ReadsOwners, Examines, Previews."""

    def __init__(self, http: JsonClient, sign_in: SignIn, *, intake: str, pipeline: int | None) -> None:
        self._http = http
        self._sign_in = sign_in
        self._intake = intake
        self._pipeline = pipeline
        self._has_marker = False
        self._making = asyncio.Lock()
        self.capabilities = Capabilities(
            contacts=True,
            leads=True,
            calls=True,
            recordings="link",
            mail=True,
            users=True,
            owners=True,
            idempotency=Idempotency.MARKER,
            parallel=4,
        )

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """Leads by their field, calls by ``uniq`` and notes by their last line; contacts are found by their phones."""
        match kind:
            case Kind.LEAD:
                return await self._find_lead(marker)
            case Kind.CALL:
                return await self._find_note(where, lambda one: one.get("params", {}).get("uniq") == marker)
            case Kind.MAIL | Kind.FORM:
                line = marker_line(marker)
                return await self._find_note(where, lambda one: line in str(one.get("params", {}).get("text")))
            case _:
                return None

    async def _find_lead(self, marker: str) -> Remote | None:
        for lead in await self._list("leads", {"query": marker}):
            for one in lead.get("custom_fields_values") or ():
                if one.get("field_code") == MARKER_CODE and any(v.get("value") == marker for v in one["values"]):
                    return self._remote("leads", lead["id"])
        return None

    async def _find_note(self, where: Where, is_it: Any) -> Remote | None:
        for entity, record in (("leads", where.lead), ("contacts", where.contact)):
            if record is None:
                continue
            async for note in self._pages(f"{entity}/{record}/notes", "notes", {"order[id]": "desc"}):
                if is_it(note):
                    return Remote(id=str(note["id"]))
        return None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest contact that really has one of the numbers or mails: the search itself finds similar ones too."""
        phones = dict.fromkeys(form for phone in person.phones for form in bodies.searched(phone))
        for query in (*phones, *sorted({one.lower() for one in person.emails})):
            fitting = [
                contact["id"]
                for contact in await self._list("contacts", {"query": query})
                if has_handle(person, bodies.values_of(contact, "PHONE"), bodies.values_of(contact, "EMAIL"))
            ]
            if fitting:
                return self._remote("contacts", min(fitting))
        return None

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or its missing numbers and mails."""
        if known is None:
            made = await self._http.post(f"{API}/contacts", [bodies.contact_body(person, where)])
            return self._remote("contacts", _embedded(made, "contacts")[0]["id"])
        found = await self._http.get(f"{API}/contacts/{known}")
        fields = [*bodies.merged_handles(person, found or {}), *bodies.mapped(person.extra)]
        if fields:
            await self._http.patch(f"{API}/contacts/{known}", {"custom_fields_values": fields})
        return self._remote("contacts", known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead with its text as a note. Name and stage are the people's; later texts become notes."""
        if known is None:
            await self._ensure_marker_field()
            known = await self._create_lead(lead, where)
        else:
            change = _without_empty({"custom_fields_values": bodies.mapped(lead.extra)})
            if where.owner:
                change["responsible_user_id"] = number(where.owner, "user")
            if change:
                await self._http.patch(f"{API}/leads/{known}", change)
        await self._note_once(known, lead.description)
        return self._remote("leads", known)

    async def _create_lead(self, lead: Lead, where: Where) -> str:
        if self._intake == "unsorted":
            body = bodies.unsorted_body(lead, where, pipeline=self._pipeline)
            made = await self._http.post(f"{API}/leads/unsorted/forms", [body])
            return str(_embedded(_embedded(made, "unsorted")[0], "leads")[0]["id"])
        body = bodies.lead_body(lead, where, pipeline=self._pipeline)
        made = await self._http.post(f"{API}/leads/complex", [body])
        if not isinstance(made, list) or not made:
            raise Unavailable("amoCRM answered leads/complex without a lead")
        return str(made[0]["id"])

    async def _note_once(self, lead_id: str, text: str) -> None:
        """The lead's text as a note, unless a note has it already."""
        if not text:
            return
        note = bodies.note(text)
        wanted = note["params"]["text"]
        async for one in self._pages(f"leads/{lead_id}/notes", "notes", {"filter[note_type]": "common"}):
            if one.get("params", {}).get("text") == wanted:
                return
        await self._http.post(f"{API}/leads/{lead_id}/notes", [note])

    async def _ensure_marker_field(self) -> None:
        """The field that holds our marker. Its code is unique, so that asking for it twice makes one."""
        async with self._making:
            if self._has_marker:
                return
            fields = [one async for one in self._pages("leads/custom_fields", "custom_fields", {})]
            if not any(one.get("code") == MARKER_CODE for one in fields):
                body = {"name": "Leadgate", "code": MARKER_CODE, "type": "text", "is_api_only": True}
                await self._http.post(f"{API}/leads/custom_fields", [body])
            self._has_marker = True

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The entry of leads/complex or leads/unsorted/forms."""
        make = bodies.unsorted_body if self._intake == "unsorted" else bodies.lead_body
        return make(lead, where, pipeline=self._pipeline)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A call of the contact with this phone; one of a withheld number is a note of the lead."""
        if call.number is None:
            text = bodies.withheld_call(call)
            return await self._add_note(where, bodies.note(text))
        made = await self._http.post(f"{API}/calls", [bodies.call_body(call, where)])
        calls = _embedded(made, "calls")
        if calls:
            return Remote(id=str(calls[0]["id"]))
        if not (made or {}).get("errors"):
            raise Unavailable("amoCRM answered calls without a call")
        made = await self._http.post(f"{API}/leads/unsorted/sip", [bodies.unsorted_sip_body(call)])
        return Remote(id=str(_embedded(made, "unsorted")[0]["uid"]))

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A note: letters themselves can only be made by amoCRM's own mail."""
        return await self._add_note(where, bodies.message_note(letter))

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A note."""
        return await self._add_note(where, bodies.message_note(form))

    async def _add_note(self, where: Where, note: Mapping[str, Any]) -> Remote:
        place = f"leads/{where.lead}" if where.lead else f"contacts/{where.contact}" if where.contact else None
        if place is None:
            raise Rejected("there is neither a lead nor a contact in amoCRM that this could be shown with")
        made = await self._http.post(f"{API}/{place}/notes", [note])
        return Remote(id=str(_embedded(made, "notes")[0]["id"]))

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Users; one whose phone is a few digits has it as the extension."""
        found = []
        async for one in self._pages("users", "users", {"with": "phone_number"}):
            phone = "".join(sign for sign in str(one.get("phone_number") or "") if sign.isdigit())
            found.append(
                User(
                    id=str(one["id"]),
                    name=str(one.get("name") or ""),
                    email=one.get("email") or None,
                    extensions=(phone,) if 0 < len(phone) <= LONGEST_EXTENSION else (),
                    active=bool((one.get("rights") or {}).get("is_active", True)),
                )
            )
        return found

    async def find_owner(self, person: Person) -> User | None:
        """The one responsible for the contact."""
        contact = await self.find_contact(person)
        if contact is None:
            return None
        found = await self._http.get(f"{API}/contacts/{contact.id}")
        owner = (found or {}).get("responsible_user_id")
        return User(id=str(owner)) if owner else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: Unix seconds and a page, ``1763800000|2``."""
        since, _, page = (place or str(int(now.timestamp()))).partition("|")
        query = {"filter[updated_at][from]": since, "order[updated_at]": "asc", "limit": PAGE, "page": page or 1}
        contacts = _embedded(await self._http.get(f"{API}/contacts", query), "contacts")
        found = [Owned(remote_id=str(one["id"]), user=_id_or_none(one.get("responsible_user_id"))) for one in contacts]
        more = len(contacts) >= PAGE
        last = str(contacts[-1].get("updated_at") or since) if contacts else since
        return OwnedPage(found=found, next_place=f"{since}|{int(page or 1) + 1}" if more else last, more=more)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """The account, and whether the field for our marker is there."""
        account = await self._http.get(f"{API}/account") or {}
        name = " ".join(str(account.get("name") or "an account without a name").split())
        fields = [one async for one in self._pages("leads/custom_fields", "custom_fields", {})]
        there = any(one.get("code") == MARKER_CODE for one in fields)
        said = "is there." if there else "will be made with the first lead; that needs an administrator's token."
        return [
            Examined(subject="account", said=f"{name} lets us in."),
            Examined(subject=f"field {MARKER_CODE} of leads", said=said),
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        if isinstance(self._sign_in, RotatingTokens):
            await self._sign_in.close()

    # -- lists -------------------------------------------------------------------------------------------------------

    async def _list(self, name: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The first page: enough for a search."""
        return _embedded(await self._http.get(f"{API}/{name}", {**query, "limit": PAGE}), name)

    async def _pages(self, path: str, name: str, query: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        page = 1
        while True:
            found = _embedded(await self._http.get(f"{API}/{path}", {**query, "limit": PAGE, "page": page}), name)
            for one in found:
                yield one
            if len(found) < PAGE:
                return
            page += 1

    def _remote(self, entity: str, remote_id: Any) -> Remote:
        return Remote(id=str(remote_id), url=f"{self._http.base_url}/{entity}/detail/{remote_id}")


def _embedded(document: Any, name: str) -> list[dict[str, Any]]:
    """The entries of a HAL document; 204, an empty list, has no document at all."""
    if not isinstance(document, dict):
        return []
    found = (document.get("_embedded") or {}).get(name)
    return found if isinstance(found, list) else []


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value}


def _id_or_none(value: Any) -> str | None:
    return str(value) if value else None
