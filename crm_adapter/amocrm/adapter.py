"""The adapter ``amocrm``: API v4 of amoCRM and Kommo.

amoCRM has no key against doubles, so each lead carries our marker in a field of its own (made at the first need), notes
carry it in their last line and calls in ``uniq``; nothing is posted again before it was searched for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from crm_adapter.amocrm import bodies, setup
from crm_adapter.amocrm.bodies import MARKER_CODE
from crm_adapter.amocrm.errors import is_about_owner, judge, knows_nobody
from crm_adapter.base import Capabilities, Gone, Idempotency, Rejected, Unavailable
from crm_adapter.ids import number
from crm_adapter.jsonclient import JsonClient, SignIn
from crm_adapter.oauth import RotatingTokens
from crm_adapter.people import User
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said
from crm_adapter.texts import has_handle, marker_line

PAGE = 250
"""Entries of a page, the most that amoCRM gives."""
LONGEST_EXTENSION = 6
API = "api/v4"


class AmoCrm:
    """Implements RecordCrm, LogsCalls, LogsMail, LogsForms, ListsUsers, FindsOwner, ReadsOwners, Examines, Previews."""

    def __init__(
        self, http: JsonClient, sign_in: SignIn, *, intake: str, pipeline: int | None, shared: RecordOptions
    ) -> None:
        self._http = http
        self._sign_in = sign_in
        self._intake = intake
        self._pipeline = pipeline
        self._shared = shared
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
                found = await self._find_note(where, lambda one: one.get("params", {}).get("uniq") == marker)
                return found or await self._find_sip(marker)
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
        async for lead_id in self._waiting(lambda one: one.get("source_uid") == marker):
            return self._remote("leads", lead_id)
        return None

    async def _find_sip(self, marker: str) -> Remote | None:
        query = {"filter[category][]": "sip", "order[created_at]": "desc"}
        for one in await self._list("leads/unsorted", query, name="unsorted"):
            if one.get("source_uid") == marker:
                return Remote(id=str(one["uid"]))
        return None

    async def _waiting(self, is_it: Callable[[Mapping[str, Any]], bool]) -> AsyncIterator[str]:
        """Ids of leads that wait in the unsorted inbox, where they may not be among the leads yet; the newest first."""
        if self._intake != "unsorted":
            return
        query = {"filter[category][]": "forms", "order[created_at]": "desc"}
        for one in await self._list("leads/unsorted", query, name="unsorted"):
            for lead_id in _lead_ids(one) if is_it(one) else ():
                yield lead_id

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
            made = await self._post("contacts", lambda given: bodies.contact_body(person, given), where)
            return self._remote("contacts", _embedded(made, "contacts")[0]["id"])
        found = await self._get("contacts", known)
        fields = [*bodies.merged_handles(person, found), *bodies.mapped(person.extra)]
        if fields:
            await self._http.patch(f"{API}/contacts/{known}", {"custom_fields_values": fields})
        return self._remote("contacts", known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead with its text as a note. Name and stage are the people's; later texts become notes."""
        if known is None:
            await self._ensure_marker_field()
            if where.contact:  # a lead of a contact that is not there would show nobody to call
                await self._get("contacts", where.contact)
            known = await self._create_lead(lead, where)
        else:
            await self._get("leads", known)
            change = _without_empty({"custom_fields_values": bodies.mapped(lead.extra)})
            if where.owner:
                change["responsible_user_id"] = number(where.owner, "user")
            if change:
                await self._http.patch(f"{API}/leads/{known}", change)
        await self._note_once(known, lead.description)
        return self._remote("leads", known)

    async def _create_lead(self, lead: Lead, where: Where) -> str:
        if self._intake == "unsorted":
            make = bodies.unsorted_body
            made = await self._post(
                "leads/unsorted/forms", lambda given: make(lead, given, pipeline=self._pipeline), where
            )
            return str(_embedded(_embedded(made, "unsorted")[0], "leads")[0]["id"])
        make = bodies.lead_body
        made = await self._post("leads/complex", lambda given: make(lead, given, pipeline=self._pipeline), where)
        if not isinstance(made, list) or not made:
            raise Unavailable(Said("amoCRM answered %(path)s without a record", path="leads/complex"))
        return str(made[0]["id"])

    async def _post(self, path: str, make: Callable[[Where], dict[str, Any]], where: Where) -> Any:
        """Make a record. One whose owner is no user any more is made without: it goes to whom amoCRM takes."""
        try:
            return await self._http.post(f"{API}/{path}", [make(where)])
        except Rejected as error:
            if where.owner is None or not is_about_owner(error):
                raise
        return await self._http.post(f"{API}/{path}", [make(replace(where, owner=None))])

    async def _get(self, entity: str, record: str) -> Mapping[str, Any]:
        """A contact or lead. Raises Gone: 204 where it is not there, ``is_deleted`` while it lies in the bin."""
        found = await self._http.get(f"{API}/{entity}/{number(record, entity)}")
        if isinstance(found, dict) and not found.get("is_deleted"):
            return found
        if found is None and entity == "leads":
            async for lead_id in self._waiting(lambda one: record in _lead_ids(one)):
                return {"id": lead_id}
        raise Gone(Said("amoCRM has no record %(id)s any more: it was deleted, or made part of another one", id=record))

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
        call_id = await self._post_call(call, where)
        if call_id is not None:
            return Remote(id=call_id)
        if where.contact:  # nobody has the number: not even the contact that had it
            await self._get("contacts", where.contact)
        made = await self._http.post(f"{API}/leads/unsorted/sip", [bodies.unsorted_sip_body(call)])
        return Remote(id=str(_embedded(made, "unsorted")[0]["uid"]))

    async def _post_call(self, call: Call, where: Where) -> str | None:
        """The call's id; None where neither a contact nor a company has its number."""
        answer = await self._http.exchange("POST", f"{API}/calls", [bodies.call_body(call, where)])
        if knows_nobody(answer):
            return None
        judge(answer)
        calls = _embedded(answer.json(), "calls")
        if not calls:
            raise Unavailable(Said("amoCRM answered %(path)s without a record", path="calls"))
        return str(calls[0]["id"])

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A note: letters themselves can only be made by amoCRM's own mail."""
        return await self._add_note(where, bodies.message_note(letter))

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A note."""
        return await self._add_note(where, bodies.message_note(form))

    async def _add_note(self, where: Where, note: Mapping[str, Any]) -> Remote:
        entity, record = ("leads", where.lead) if where.lead else ("contacts", where.contact)
        if record is None:
            raise Rejected(Said("there is neither a lead nor a contact in amoCRM that this could be shown with"))
        await self._get(entity, record)
        made = await self._http.post(f"{API}/{entity}/{record}/notes", [note])
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
        times = [str(one.get("updated_at") or since) for one in contacts] or [since]
        last = times[-1]
        if more and times[0] == last:  # one second fills the page: only then there is no other way on than to count
            last = f"{last}|{int(page or 1) + 1 if last == since else 2}"
        return OwnedPage(found=found, next_place=last, more=more)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """The account, the users, the field for our marker, the mapped fields."""
        by_hand = bool(self._shared.users)
        return await setup.examine(self._http, API, self._pages, self._shared.fields, users_by_hand=by_hand)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        if isinstance(self._sign_in, RotatingTokens):
            await self._sign_in.close()

    # -- lists -------------------------------------------------------------------------------------------------------

    async def _list(self, path: str, query: Mapping[str, Any], *, name: str = "") -> list[dict[str, Any]]:
        """The first page: enough for a search."""
        return _embedded(await self._http.get(f"{API}/{path}", {**query, "limit": PAGE}), name or path)

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


def _lead_ids(entry: Mapping[str, Any]) -> list[str]:
    return [str(lead["id"]) for lead in _embedded(entry, "leads")]


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value}


def _id_or_none(value: Any) -> str | None:
    return str(value) if value else None
