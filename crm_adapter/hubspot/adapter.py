"""The adapter ``hubspot``: contacts and deals by CRM API v3, calls, emails and notes on their timelines.

Contacts and deals carry our marker in a property with unique values, so HubSpot itself refuses a double; records of the
timeline carry it in their last line and are looked for among those of their deal or contact, never by the search, which
learns of a new record some seconds late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from crm_adapter.base import Capabilities, Gone, Idempotency, Rejected, Unavailable
from crm_adapter.bucket import Bucket
from crm_adapter.hubspot import bodies
from crm_adapter.hubspot.bodies import HANDLES, MARKER
from crm_adapter.hubspot.errors import AlreadyThere, judge
from crm_adapter.hubspot.setup import Setup
from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.people import User
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said
from crm_adapter.texts import cut, has_handle, marker_line, with_news

OBJECTS = "crm/v3/objects"
PAGE = 100
MOST_FOUND = 10_000
"""Records that one search gives at most, page by page."""
TIMELINE = {
    Kind.CALL: ("calls", "hs_call_body"),
    Kind.MAIL: ("emails", "hs_email_text"),
    Kind.FORM: ("notes", "hs_note_body"),
}
"""Where each kind is kept, and the property that has its text."""
RECORD_TYPES = {"contacts": "0-1", "deals": "0-3"}
"""As HubSpot's addresses name them."""


class HubSpot:
    """Implements RecordCrm, LogsCalls, LogsMail, LogsForms, ListsUsers, FindsOwner, ReadsOwners, Examines, Previews."""

    capabilities = Capabilities(
        contacts=True,
        leads=True,
        calls=True,
        recordings="link",
        mail=True,
        users=True,
        owners=True,
        idempotency=Idempotency.MARKER,
        parallel=8,
    )

    def __init__(
        self,
        http: JsonClient,
        fields: FieldMapping,
        *,
        pipeline: str,
        stage: str,
        portal: str | None,
        token: str,
        searches: Bucket,
    ) -> None:
        self._http = http
        self._searches = searches
        self._setup = Setup(http, fields, pipeline=pipeline, stage=stage, token=token)
        self._pipeline = pipeline
        self._stage = stage
        self._portal = portal
        self.page, self.most_found = PAGE, MOST_FOUND
        self._marked: set[str] = set()
        self._marking = asyncio.Lock()

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """Contacts and deals by their unique property, the rest by its last line."""
        if kind in TIMELINE:
            return await self._find_on_timeline(kind, marker, where)
        objects = "contacts" if kind is Kind.CONTACT else "deals"
        await self._ensure_marker(objects)
        found = await self._get_or_none(f"{OBJECTS}/{objects}/{quote(marker, safe='')}?idProperty={MARKER}")
        return self._remote(objects, found["id"]) if found else None

    async def _find_on_timeline(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        name, text = TIMELINE[kind]
        place = ("deals", where.lead) if where.lead else ("contacts", where.contact)
        if place[1] is None:
            return None
        after: str | None = None
        while True:
            query = {"limit": PAGE, **({"after": after} if after else {})}
            try:
                page = await self._http.get(f"crm/v4/objects/{place[0]}/{place[1]}/associations/{name}", query)
            except Gone:
                return None
            ids = [{"id": str(one["toObjectId"])} for one in page.get("results") or ()]
            if ids:
                body = {"properties": [text], "inputs": ids}
                read = await self._http.post(f"{OBJECTS}/{name}/batch/read", body)
                for record, words in bodies.texts(read.get("results") or (), text):
                    if marker_line(marker) in words:
                        return Remote(id=record)
            after = (page.get("paging") or {}).get("next", {}).get("after")
            if after is None:
                return None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest contact that really has one of the numbers or mails."""
        found = await self._contacts_of(person)
        return self._remote("contacts", found[0]["id"]) if found else None

    async def _contacts_of(self, person: Person) -> list[dict[str, Any]]:
        found = await self._search(bodies.search(person))
        return [one for one in found.get("results") or () if has_handle(person, *bodies.handles(one["properties"]))]

    async def _search(self, body: Mapping[str, Any]) -> Any:
        await self._searches.take()
        return await self._http.post(f"{OBJECTS}/contacts/search", body)

    # -- contacts and deals ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or its missing numbers and mails. The id of one that was merged leads to what it became."""
        if known is None:
            await self._ensure_marker("contacts")
            properties = bodies.contact(person, where)
            try:
                return await self._add_contact(properties)
            except AlreadyThere as error:  # made by somebody else, seconds ago: the search does not know it yet
                if error.id is None:
                    raise
                found = await self._contact(error.id)
            if found is None:  # people deleted it, and it holds the marker in the recycling bin
                return await self._add_contact({name: one for name, one in properties.items() if name != MARKER})
        elif (found := await self._contact(known)) is None:
            raise Gone(Said("the contact %(number)s is not in HubSpot any more", number=known))
        now = str(found["id"])
        change = {**bodies.added(person, found["properties"]), **person.extra}
        if change:
            await self._change_contact(now, change)
        return self._remote("contacts", now)

    async def _add_contact(self, properties: Mapping[str, Any]) -> Remote:
        made = await self._http.post(f"{OBJECTS}/contacts", {"properties": properties})
        return self._remote("contacts", made["id"])

    async def _contact(self, record: str) -> Any:
        return await self._get_or_none(f"{OBJECTS}/contacts/{record}?properties={','.join(HANDLES)}")

    async def _change_contact(self, record: str, change: Mapping[str, Any]) -> None:
        """A mail that is another contact's stays there: whether the two are one person, people decide."""
        try:
            await self._http.patch(f"{OBJECTS}/contacts/{record}", {"properties": change})
        except AlreadyThere:
            rest = {name: value for name, value in change.items() if name not in bodies.MAILS}
            if rest:
                await self._http.patch(f"{OBJECTS}/contacts/{record}", {"properties": rest})

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A deal; later texts are added below its description. Name and stage are the people's."""
        if known is None:
            await self._ensure_marker("deals")
            made = await self._http.post(f"{OBJECTS}/deals", self.preview(lead, where))
            return self._remote("deals", made["id"])
        found = await self._get_or_none(f"{OBJECTS}/deals/{known}?properties=description")
        if found is None:
            raise Gone(Said("the deal %(number)s is not in HubSpot any more", number=known))
        known = str(found["id"])
        change: dict[str, Any] = dict(lead.extra)
        old = str(found["properties"].get("description") or "")
        text = with_news(old, cut(lead.description, bodies.MOST_TEXT))
        if text != old:
            change["description"] = text
        if where.owner:
            change["hubspot_owner_id"] = where.owner
        if change:
            await self._http.patch(f"{OBJECTS}/deals/{known}", {"properties": change})
        return self._remote("deals", known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of the new deal."""
        return bodies.deal(lead, where, pipeline=self._pipeline, stage=self._stage)

    async def _ensure_marker(self, objects: str) -> None:
        """The property for our marker; made at the first need."""
        async with self._marking:
            if objects in self._marked:
                return
            if await self._get_or_none(f"crm/v3/properties/{objects}/{MARKER}") is None:
                await self._make_marker(objects)
            self._marked.add(objects)

    async def _make_marker(self, objects: str) -> None:
        group = {"name": "leadgate", "label": "Leadgate"}
        about = {"name": MARKER, "label": "Leadgate ID", "groupName": "leadgate", "type": "string", "fieldType": "text"}
        for path, body in (("/groups", group), ("", {**about, "hasUniqueValue": True, "formField": False})):
            try:
                await self._http.post(f"crm/v3/properties/{objects}{path}", body)
            except AlreadyThere:
                continue  # an answer was lost, or another gateway was quicker

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A call with the link of its recording."""
        return await self._on_timeline("calls", bodies.call(call, where))

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """An email that was received or sent elsewhere."""
        return await self._on_timeline("emails", bodies.email(letter, where))

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A note."""
        return await self._on_timeline("notes", bodies.note(form, where))

    async def _on_timeline(self, name: str, body: Mapping[str, Any]) -> Remote:
        if not body["associations"]:
            raise Rejected(Said("there is neither a deal nor a contact in HubSpot that this could be shown with"))
        made = await self._http.post(f"{OBJECTS}/{name}", body)
        if not isinstance(made, Mapping) or "id" not in made:
            raise Unavailable(Said("HubSpot answered the creation of %(name)s without an id", name=name))
        return Remote(id=str(made["id"]))

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Owners. HubSpot knows no extensions."""
        found: list[User] = []
        after: str | None = None
        while True:
            page = await self._http.get("crm/v3/owners", {"limit": PAGE, **({"after": after} if after else {})})
            found += [_user(one) for one in page.get("results") or ()]
            after = (page.get("paging") or {}).get("next", {}).get("after")
            if after is None:
                return found

    async def find_owner(self, person: Person) -> User | None:
        """The owner of the contact."""
        found = await self._contacts_of(person)
        owner = found[0]["properties"].get("hubspot_owner_id") if found else None
        return User(id=str(owner)) if owner else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: Unix milliseconds and the search's own page mark."""
        since, _, after = (place or str(int(now.astimezone(UTC).timestamp() * 1000))).partition("|")
        body = {
            "filterGroups": [{"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": since}]}],
            "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
            "properties": ["hubspot_owner_id", "lastmodifieddate"],
            "limit": self.page,
            **({"after": after} if after else {}),
        }
        page = await self._search(body)
        rows = page.get("results") or []
        found = [
            Owned(remote_id=str(one["id"]), user=one["properties"].get("hubspot_owner_id") or None) for one in rows
        ]
        mark = (page.get("paging") or {}).get("next", {}).get("after")
        if mark and int(mark) < self.most_found:
            return OwnedPage(found=found, next_place=f"{since}|{mark}", more=True)
        last = bodies.milliseconds(rows[-1]["properties"], since) if rows else since
        return OwnedPage(found=found, next_place=last, more=bool(mark) and last != since)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Rights, the stage of new deals, the properties for our marker, and mapped properties."""
        return await self._setup.examine()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _get_or_none(self, path: str) -> Any:
        """The answer; None for 404."""
        answer = await self._http.exchange("GET", path)
        if answer.status == 404:
            return None
        judge(answer)
        return answer.json()

    def _remote(self, objects: str, record: Any) -> Remote:
        if self._portal is None:
            return Remote(id=str(record))
        address = f"https://app.hubspot.com/contacts/{self._portal}/record/{RECORD_TYPES[objects]}/{record}"
        return Remote(id=str(record), url=address)


def _user(one: Mapping[str, Any]) -> User:
    name = " ".join(str(one[key]) for key in ("firstName", "lastName") if one.get(key))
    return User(id=str(one["id"]), name=name, email=one.get("email") or None, active=not one.get("archived"))
