"""The adapter ``pipedrive``: persons (API v2), leads and notes (v1), activities of the type call (v2).

Pipedrive has no key against doubles and its search learns of new records late. So a lead carries our marker in
``origin_id`` and is looked for among the leads of its person; notes and activities carry it in their last line and are
looked for among those of their lead or person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from crm_adapter.base import Capabilities, Gone, Idempotency, Misconfigured, Rejected
from crm_adapter.ids import number
from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.numbers import ending
from crm_adapter.people import User
from crm_adapter.pipedrive.setup import examine
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person, digest
from crm_adapter.said import Said
from crm_adapter.texts import (
    call_subject,
    cut,
    has_handle,
    html_note,
    marker_line,
    new_emails,
    new_phones,
    note_of_call,
    note_of_message,
)
from crm_adapter.words import say

V1, V2 = "api/v1", "api/v2"
PAGE = 100
MOST_NAME, MOST_TEXT, MOST_HTML = 250, 20_000, 95_000
"""Characters. A name takes 255; a note takes 100,000 bytes with its markup."""
LONGEST_EXTENSION = 6
PLACES = ("lead_id", "person_id")


class Pipedrive:
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
        parallel=4,
    )

    def __init__(self, http: JsonClient, fields: FieldMapping, *, language: str) -> None:
        self._http = http
        self._fields = fields
        self._language = language

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """Leads by ``origin_id``, activities and notes by their last line; persons are found by their numbers."""
        if kind is Kind.CONTACT:
            return None
        if kind is Kind.LEAD:
            return await self._find_lead(marker, where.contact or await self._find_nobody())
        path, text = (f"{V2}/activities", "note") if kind is Kind.CALL else (f"{V1}/notes", "content")
        for name, record in zip(PLACES, (where.lead, where.contact), strict=True):
            if record is not None and (found := await self._find_marked(path, text, {name: record}, marker)):
                return found
        return None

    async def _find_marked(self, path: str, text: str, place: Mapping[str, str], marker: str) -> Remote | None:
        try:
            async for one in self._pages(path, place):
                if marker_line(marker) in str(one.get(text)):
                    return Remote(id=str(one["id"]))
        except Gone:
            return None
        return None

    async def _find_lead(self, marker: str, person: str | None) -> Remote | None:
        if person is None:
            return None
        async for lead in self._pages(f"{V1}/leads", {"person_id": person, "sort": "add_time DESC"}):
            if lead.get("origin_id") == marker:
                return self._remote("leads/inbox", lead["id"])
        return None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest person that really has one of the numbers or mails: the search itself finds similar ones too."""
        found = await self._persons_of(person)
        return self._remote("person", min(one["id"] for one in found)) if found else None

    async def _persons_of(self, person: Person) -> list[dict[str, Any]]:
        fitting: list[dict[str, Any]] = []
        terms = [("phone", ending(one)) for one in person.phones] + [("email", one) for one in person.emails]
        for field, term in terms:
            query = {"term": term, "fields": field, "limit": PAGE}
            found = _data(await self._http.get(f"{V2}/persons/search", query)) or {}
            items = [one["item"] for one in found.get("items") or ()]
            fitting += [one for one in items if has_handle(person, one.get("phones") or (), one.get("emails") or ())]
        return fitting

    # -- persons and leads -------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new person, or its missing numbers and mails."""
        if known is None:
            made = _data(await self._http.post(f"{V2}/persons", _person(person, where)))
            return self._remote("person", made["id"])
        found = await self._person(known)
        change: dict[str, Any] = {"custom_fields": dict(person.extra)} if person.extra else {}
        for name, missing in (("phones", new_phones), ("emails", new_emails)):
            there = [one for one in found.get(name) or () if one.get("value")]
            added = missing(person, [str(one["value"]) for one in there])
            if added:  # the list is replaced as a whole
                kept = [{key: one[key] for key in ("value", "primary", "label") if key in one} for one in there]
                change[name] = [*kept, *_handles(added, first=not there)]
        if change:
            await self._http.patch(f"{V2}/persons/{known}", change)
        return self._remote("person", known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead with its text as a note; later texts become notes. The title is the people's."""
        if known is None:
            known = await self._new_lead(lead, where)
        else:
            await self._change_lead(lead, known, where)
        if lead.description:
            await self._note_once(lead, Where(lead=known, contact=where.contact))
        return self._remote("leads/inbox", known)

    async def _new_lead(self, lead: Lead, where: Where) -> str:
        if where.contact is None:  # Pipedrive has no lead without a person
            where = Where(contact=await self._nobody(), owner=where.owner)
        else:
            await self._person(where.contact)
        return str(_data(await self._http.post(f"{V1}/leads", self.preview(lead, where)))["id"])

    async def _change_lead(self, lead: Lead, known: str, where: Where) -> None:
        """Raises Gone for a lead that people deleted, or made a deal of: they decide about that. One that they archived
        can't be changed."""
        change: dict[str, Any] = dict(lead.extra)
        if where.owner:
            change["owner_id"] = number(where.owner, "user")
        if not change:
            return
        try:
            await self._http.patch(f"{V1}/leads/{known}", change)
        except (Rejected, Misconfigured):
            if not await self._is_archived(known):
                raise

    async def _person(self, record: str) -> Mapping[str, Any]:
        """What Pipedrive has of a person. Raises Gone for one that was deleted: for 30 days it is shown with a mark."""
        found = _data(await self._http.get(f"{V2}/persons/{number(record, 'person')}"))
        if not isinstance(found, Mapping) or found.get("is_deleted"):
            raise Gone(Said("the person %(number)s is not in Pipedrive any more", number=record))
        return found

    async def _is_archived(self, lead: str) -> bool:
        """Raises Gone for a lead that is not there."""
        found = _data(await self._http.get(f"{V1}/leads/{lead}"))
        return isinstance(found, Mapping) and bool(found.get("is_archived"))

    async def _nobody(self) -> str:
        """The person that leads of withheld numbers belong to, made at the first need."""
        if known := await self._find_nobody():
            return known
        made = await self._http.post(f"{V2}/persons", {"name": say(self._language, "withheld number")})
        return str(_data(made)["id"])

    async def _find_nobody(self) -> str | None:
        query = {"term": say(self._language, "withheld number"), "fields": "name", "exact_match": "true"}
        found = _data(await self._http.get(f"{V2}/persons/search", query)) or {}
        return next((str(one["item"]["id"]) for one in found.get("items") or ()), None)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of the new lead."""
        body: dict[str, Any] = {"title": cut(" ".join(lead.title.split()), MOST_NAME), "origin_id": lead.id}
        if where.contact:
            body["person_id"] = number(where.contact, "person")
        if where.owner:
            body["owner_id"] = number(where.owner, "user")
        return body | dict(lead.extra)

    async def _note_once(self, lead: Lead, where: Where) -> None:
        marks = [f"utm_{name}: {value}" for name, value in lead.origin.utm.items() if value]
        page = [lead.origin.page] if lead.origin.page else []
        text = cut("\n".join([lead.description, *page, *marks]), MOST_TEXT)
        marker = marker_line(f"{lead.id}.{digest(text)}")
        async for note in self._pages(f"{V1}/notes", {"lead_id": where.lead}):
            if marker in str(note.get("content")):
                return
        content = html_note(lambda most: f"{cut(text, most)}\n{marker}", MOST_TEXT, MOST_HTML)
        await self._placed(where, lambda place: self._http.post(f"{V1}/notes", {"content": content, **place}))

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A done activity of the type call; the link of the recording stands in its note."""
        at = call.started_at.astimezone(UTC)
        minutes, seconds = divmod(call.talk_seconds, 60)
        body: dict[str, Any] = {
            "subject": cut(call_subject(call), MOST_NAME),
            "type": "call",
            "done": True,
            "due_date": f"{at:%Y-%m-%d}",
            "due_time": f"{at:%H:%M:%S}",
            "duration": f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}",
            "note": html_note(partial(note_of_call, call), MOST_TEXT, MOST_HTML),
            **call.extra,
        }
        if where.owner:
            body["owner_id"] = number(where.owner, "user")

        async def send(place: Mapping[str, Any]) -> Any:
            places = dict(place)
            if person := places.pop("person_id", None):  # an activity has participants
                places["participants"] = [{"person_id": person, "primary": True}]
            return await self._http.post(f"{V2}/activities", {**body, **places})

        return Remote(id=str(_data(await self._placed(where, send))["id"]))

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A note: letters themselves can only be made by Pipedrive's own mail."""
        body = {"content": html_note(partial(note_of_message, letter), MOST_TEXT, MOST_HTML), **letter.extra}
        made = await self._placed(where, lambda place: self._http.post(f"{V1}/notes", {**body, **place}))
        return Remote(id=str(_data(made)["id"]))

    log_form = log_email

    async def _placed(self, where: Where, send: Callable[[Mapping[str, Any]], Awaitable[Any]]) -> Any:
        """What ``send`` answers for the lead and the person; for the person alone where the lead was archived. Raises
        Gone where one of them was deleted. A person is asked for before: for 30 days a deleted one may still take what
        nobody will see there."""
        person = {"person_id": number(where.contact, "person")} if where.contact else {}
        if not person and not where.lead:
            raise Rejected(Said("there is neither a lead nor a person in Pipedrive that this could be shown with"))
        if where.contact:
            await self._person(where.contact)
        try:
            return await send({**({"lead_id": where.lead} if where.lead else {}), **person})
        except Rejected:
            if not where.lead or not await self._is_archived(where.lead) or not person:
                raise
        return await send(person)

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Users; one whose phone is a few digits has it as the extension."""
        return [_user(one) for one in _data(await self._http.get(f"{V1}/users")) or ()]

    async def find_owner(self, person: Person) -> User | None:
        """The owner of the person."""
        found = await self._persons_of(person)
        owner = (min(found, key=lambda one: int(one["id"])).get("owner") or {}).get("id") if found else None
        return User(id=str(owner)) if owner else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Persons by the time of their last change. ``place``: a moment and Pipedrive's mark of the next page."""
        since, _, cursor = (place or f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}").partition("|")
        query = {
            "updated_since": since,
            "sort_by": "update_time",
            "limit": PAGE,
            **({"cursor": cursor} if cursor else {}),
        }
        page = await self._http.get(f"{V2}/persons", query) or {}
        rows = _data(page) or []
        found = [
            Owned(remote_id=str(one["id"]), user=str(one["owner_id"]) if one.get("owner_id") else None) for one in rows
        ]
        if mark := (page.get("additional_data") or {}).get("next_cursor"):
            return OwnedPage(found=found, next_place=f"{since}|{mark}", more=True)
        return OwnedPage(found=found, next_place=str(rows[-1].get("update_time") or since) if rows else since)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Whose token it is, whether it may read, and mapped fields."""
        return await examine(self._http, self._pages, self._fields)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _pages(self, path: str, query: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Records of all pages; v1 counts them, v2 has a mark of the next."""
        place: dict[str, Any] = {}
        while True:
            page = await self._http.get(path, {**query, "limit": PAGE, **place}) or {}
            for one in _data(page) or ():
                yield one
            more = page.get("additional_data") or {}
            pagination = more.get("pagination") or {}
            if pagination.get("more_items_in_collection"):
                place = {"start": pagination["next_start"]}
            elif more.get("next_cursor"):
                place = {"cursor": more["next_cursor"]}
            else:
                return

    def _remote(self, kind: str, record: Any) -> Remote:
        return Remote(id=str(record), url=f"{self._http.base_url}/{kind}/{record}")


def _data(answer: Any) -> Any:
    """What Pipedrive wraps all its answers in."""
    return answer.get("data") if isinstance(answer, Mapping) else None


def _person(person: Person, where: Where) -> dict[str, Any]:
    body: dict[str, Any] = {"name": cut(person.title, MOST_NAME)}
    if person.phones:
        body["phones"] = _handles(person.phones, first=True)
    if person.emails:
        body["emails"] = _handles(person.emails, first=True)
    if where.owner:
        body["owner_id"] = number(where.owner, "user")
    if person.extra:
        body["custom_fields"] = dict(person.extra)
    return body


def _handles(values: Sequence[str], *, first: bool) -> list[dict[str, Any]]:
    """``first``: the first of them is the main one."""
    return [{"value": one, "primary": first and place == 0, "label": "work"} for place, one in enumerate(values)]


def _user(one: Mapping[str, Any]) -> User:
    phone = "".join(sign for sign in str(one.get("phone") or "") if sign.isdigit())
    return User(
        id=str(one["id"]),
        name=str(one.get("name") or ""),
        email=one.get("email") or None,
        extensions=(phone,) if 0 < len(phone) <= LONGEST_EXTENSION else (),
        active=bool(one.get("active_flag", True)),
    )
