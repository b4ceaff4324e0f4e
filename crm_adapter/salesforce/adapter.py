"""The adapter ``salesforce``: contacts, leads and tasks by the REST API.

Each record has our id in a field that is an external id and unique, and is made by an upsert to it: Salesforce itself
sees to it that there is one, whatever gets lost on the way.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from crm_adapter.base import Capabilities, Gone, Idempotency, Misconfigured, RecordingFile, Rejected, Unavailable
from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.oauth import RotatingTokens
from crm_adapter.people import User
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said
from crm_adapter.salesforce import bodies
from crm_adapter.salesforce.bodies import HANDLES, OBJECTS, quoted
from crm_adapter.salesforce.errors import CONVERTED, GONE, Foreign, Refusal, judge
from crm_adapter.salesforce.setup import examine
from crm_adapter.salesforce.signin import ClientCredentials
from crm_adapter.texts import cut, has_handle

PAGE = 200
"""Records of a page of changed owners."""
CANDIDATES = 50
"""Contacts looked at for a number: the pattern that finds them fits a few others too."""

SAVE_ANYWAY, AUTO_ASSIGN = "Sforce-Duplicate-Rule-Header", "Sforce-Auto-Assign"
"""Headers of the REST API; without them a warning refuses the record, and assignment rules run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How things are called in this organisation."""

    marker: str
    """The external id field, of Contact, Lead and Task."""
    link: str
    """The field of a lead that leads to its contact."""
    account: str | None
    """The account of new contacts."""
    company: str
    """The company of new leads; empty: the person's name."""


class Salesforce:
    """Implements RecordCrm, LogsCalls, AttachesRecordings, LogsMail, LogsForms, ListsUsers, FindsOwner, ReadsOwners,
    Examines, Previews."""

    capabilities = Capabilities(
        contacts=True,
        leads=True,
        calls=True,
        recordings="upload",
        mail=True,
        users=True,
        owners=True,
        idempotency=Idempotency.NATIVE,
        parallel=8,
    )

    def __init__(
        self,
        http: JsonClient,
        uploads: JsonClient,
        sign_in: ClientCredentials | RotatingTokens,
        names: Names,
        fields: FieldMapping,
        *,
        url: str,
    ) -> None:
        self._http = http
        self._uploads = uploads
        self._fields = fields
        self._zone: tzinfo | None = None
        self._sign_in = sign_in
        self._names = names
        self._url = url

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:  # noqa: ARG002 - one id for all
        """By the external id. What is there is brought up to date gently, instead of written over."""
        query = f"SELECT Id FROM {OBJECTS[kind]} WHERE {self._names.marker} = {quoted(marker)} LIMIT 1"  # noqa: S608 - quoted
        found = await self._query(query)
        return self._remote(OBJECTS[kind], found[0]["Id"]) if found else None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest with one of the numbers, however it was typed, or one of the mails."""
        found = await self._contact_of(person)
        return self._remote("Contact", found["Id"]) if found else None

    async def _contact_of(self, person: Person) -> Mapping[str, Any] | None:
        patterns = [quoted(one) for phone in person.phones for one in bodies.likes(phone)]
        wanted = [f"{name} LIKE {one}" for one in patterns for name in HANDLES]
        if mails := bodies.mails(person):
            wanted.append(f"Email IN ({', '.join(quoted(one) for one in mails)})")
        if not wanted:
            return None
        fields = ", ".join(("Id", "OwnerId", "Email", *HANDLES))
        conditions = " OR ".join(wanted)
        query = f"SELECT {fields} FROM Contact WHERE {conditions} ORDER BY CreatedDate, Id LIMIT {CANDIDATES}"  # noqa: S608
        for contact in await self._query(query):
            phones = [str(contact[name]) for name in HANDLES if contact.get(name)]
            if has_handle(person, phones, [str(contact["Email"])] if contact.get("Email") else []):
                return contact
        return None

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or what the known one lacks."""
        if known is None:
            body = bodies.contact_body(person, where, account=self._names.account)
            return await self._upsert("Contact", person.id, body)
        now = await self._record("Contact", known, ",".join(("Description", "Email", *HANDLES)))
        await self._change("Contact", known, bodies.missing(person, now))
        return self._remote("Contact", known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead. One that was converted is the people's now."""
        if known is None:
            try:
                return await self._upsert("Lead", lead.id, self._lead_body(lead, where))
            except (Refusal, Foreign):
                await self._still_there(where)
                raise
        now = await self._record("Lead", known, "Description,IsConverted")
        if not now.get("IsConverted"):
            try:
                await self._change("Lead", known, bodies.lead_change(lead, where, now))
            except Refusal as error:
                if error.error_code != CONVERTED:  # between the two requests
                    raise
        return self._remote("Lead", known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of the upsert."""
        return self._lead_body(lead, where)

    def _lead_body(self, lead: Lead, where: Where) -> dict[str, Any]:
        return bodies.lead_body(lead, where, company=self._names.company, link=self._names.link)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A completed task of the lead while it is one, else of the contact."""
        return await self._task(call.id, bodies.call_body(call, where, await self._time_zone()), where)

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A completed task."""
        return await self._task(letter.id, bodies.message_body(letter, where, await self._time_zone()), where)

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A completed task."""
        return await self._task(form.id, bodies.message_body(form, where, await self._time_zone()), where)

    async def _task(self, marker: str, body: dict[str, Any], where: Where) -> Remote:
        """WhoId takes a lead or a contact; a lead that was converted takes no more tasks."""
        who = where.lead or where.contact
        try:
            return await self._upsert("Task", marker, {**body, **({"WhoId": who} if who else {})})
        except (Refusal, Foreign) as error:
            await self._still_there(where)
            code = error.error_code if isinstance(error, Refusal) else ""
            if where.lead is None or code not in {CONVERTED, "FIELD_INTEGRITY_EXCEPTION"}:
                raise
        return await self._upsert("Task", marker, {**body, **({"WhoId": where.contact} if where.contact else {})})

    async def _still_there(self, where: Where) -> None:
        """Raise Gone where people deleted one of them: what Salesforce says to a record that leads there differs."""
        for name, record in (("Contact", where.contact), ("Lead", where.lead)):
            if record is not None:
                await self._record(name, record, "Id")

    async def _time_zone(self) -> tzinfo:
        """The organisation's: a task has a day, and no time. UTC where it is not told, or not known to this machine."""
        if self._zone is None:
            try:
                found = await self._query("SELECT TimeZoneSidKey FROM Organization LIMIT 1")
                self._zone = ZoneInfo(str(found[0]["TimeZoneSidKey"]))
            except (Rejected, Misconfigured, LookupError, ValueError, OSError):
                self._zone = UTC
        return self._zone

    async def attach_recording(self, _call: Call, remote_call: str, file: RecordingFile) -> None:
        """A file of the task, unless one is there."""
        query = f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = {quoted(remote_call)} LIMIT 1"  # noqa: S608
        if await self._query(query):
            return
        body = {
            "Title": cut(file.name, 255),
            "PathOnClient": cut(file.name, 500),
            "VersionData": base64.b64encode(file.content).decode(),
            "FirstPublishLocationId": remote_call,
        }
        try:
            await self._uploads.post("sobjects/ContentVersion", body)
        except (Refusal, Foreign):
            await self._record("Task", remote_call, "Id")
            raise

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """People, not integrations, with their extensions."""
        query = "SELECT Id, Name, Email, Extension, IsActive FROM User WHERE UserType = 'Standard'"
        return [
            User(
                id=str(one["Id"]),
                name=str(one.get("Name") or ""),
                email=one.get("Email") or None,
                extensions=(str(one["Extension"]).strip(),) if one.get("Extension") else (),
                active=bool(one.get("IsActive", True)),
            )
            for one in await self._query(query)
        ]

    async def find_owner(self, person: Person) -> User | None:
        """The owner of the contact."""
        found = await self._contact_of(person)
        return User(id=str(found["OwnerId"])) if found and found.get("OwnerId") else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: a moment and the last id of it."""
        since, _, last = (place or bodies.moment(now)).partition("|")
        newer = f"SystemModstamp > {since}"
        if last:
            newer = f"({newer} OR (SystemModstamp = {since} AND Id > {quoted(last)}))"
        order = f"ORDER BY SystemModstamp, Id LIMIT {PAGE}"
        query = f"SELECT Id, OwnerId, SystemModstamp FROM Contact WHERE {newer} {order}"  # noqa: S608 - ours
        rows = await self._query(query)
        found = [Owned(remote_id=str(one["Id"]), user=one.get("OwnerId") or None) for one in rows]
        next_place = place or since
        if rows:
            next_place = f"{bodies.literal(str(rows[-1]['SystemModstamp']))}|{rows[-1]['Id']}"
        return OwnedPage(found=found, next_place=next_place, more=len(rows) >= PAGE)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Rights, the fields that an administrator has to make, and mapped fields."""
        return await examine(self._http, self._fields, marker=self._names.marker, link=self._names.link)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._uploads.close()
        await self._sign_in.close()

    # -- requests ----------------------------------------------------------------------------------------------------

    async def _query(self, query: str) -> list[dict[str, Any]]:
        """All pages of a SOQL query."""
        found: list[dict[str, Any]] = []
        page = await self._http.get("query", {"q": query})
        while True:
            found += page["records"]
            if page.get("done", True):
                return found
            page = await self._http.get(f"{self._url}{page['nextRecordsUrl']}")

    async def _record(self, name: str, record: str, fields: str) -> dict[str, Any]:
        """Some fields of a record. Raises Gone."""
        path = f"sobjects/{name}/{quote(record, safe='')}"
        try:
            found: dict[str, Any] = await self._http.get(path, {"fields": fields})
        except Refusal as error:
            if error.error_code in GONE:
                raise _gone(name, record) from None
            raise
        return found

    async def _change(self, name: str, record: str, body: Mapping[str, Any]) -> None:
        """Raises Gone."""
        if not body:
            return
        try:
            await self._patch(f"sobjects/{name}/{quote(record, safe='')}", body)
        except Refusal as error:
            if error.error_code in GONE and error.field is None:
                raise _gone(name, record) from None
            raise

    async def _upsert(self, name: str, marker: str, body: Mapping[str, Any]) -> Remote:
        """Make the record with this external id, or change it where an earlier try made it."""
        path = f"sobjects/{name}/{self._names.marker}/{quote(marker, safe='')}"
        made = await self._patch(path, body, assign=name == "Lead" and "OwnerId" not in body)
        if not isinstance(made, dict) or not made.get("id"):
            raise Unavailable(Said("Salesforce answered the creation of %(name)s without an id", name=name))
        return self._remote(name, made["id"])

    async def _patch(self, path: str, body: Mapping[str, Any], *, assign: bool = False) -> Any:
        """``assign``: let the assignment rules of the organisation choose the owner; else they would take a lead from
        its owner with every change. A duplicate rule that only warns is no obstacle: nobody here could press Save."""
        headers = {SAVE_ANYWAY: "allowSave=true", AUTO_ASSIGN: "TRUE" if assign else "FALSE"}
        answer = await self._http.exchange("PATCH", path, body, headers)
        judge(answer)
        return answer.json() if answer.body.strip() else None

    def _remote(self, name: str, record: Any) -> Remote:
        return Remote(id=str(record), url=f"{self._url}/lightning/r/{name}/{record}/view")


def _gone(name: str, record: str) -> Gone:
    return Gone(Said("%(name)s %(number)s is not in Salesforce any more", name=name, number=record))
