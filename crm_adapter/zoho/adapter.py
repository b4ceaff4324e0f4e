"""The adapter ``zoho``: contacts, leads, calls and notes by API v8.

Contacts and leads are upserted by our id in a unique field. Calls can't be upserted, but a call whose unique field is
taken is refused with the id of the one that has it. Notes have no fields of ours: they are looked up by their titles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crm_adapter.base import Capabilities, Conflict, Gone, Idempotency, Rejected, Unavailable
from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.oauth import RotatingTokens
from crm_adapter.people import User
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said
from crm_adapter.texts import has_handle
from crm_adapter.zoho import bodies
from crm_adapter.zoho.bodies import EMAILS, PHONES, quoted
from crm_adapter.zoho.errors import Refusal, meaning
from crm_adapter.zoho.setup import MODULES, examine

PAGE = 200
"""Records of a page, the most that Zoho gives."""
LONGEST_EXTENSION = 6
CONTACT_FIELDS = ",".join(("Last_Name", "Owner", "Description", *PHONES, *EMAILS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How fields are called in this account."""

    marker: str
    """The unique field of contacts, leads and calls that holds our id."""
    link: str
    """The field of a lead that leads to its contact."""
    company: str
    """The company of new leads; empty: the person's name."""


class Zoho:
    """Implements RecordCrm, LogsCalls, LogsMail, LogsForms, ListsUsers, FindsOwner, ReadsOwners, Examines, Previews."""

    capabilities = Capabilities(
        contacts=True,
        leads=True,
        calls=True,
        recordings="link",
        mail=True,
        users=True,
        owners=True,
        idempotency=Idempotency.NATIVE,
        parallel=4,
    )

    def __init__(self, http: JsonClient, sign_in: RotatingTokens, names: Names, fields: FieldMapping) -> None:
        self._http = http
        self._fields = fields
        self._sign_in = sign_in
        self._names = names

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """By our field; notes by their titles, at the record they belong to."""
        if kind in MODULES:
            query = f"select id from {MODULES[kind]} where {self._names.marker} = {quoted(marker)} limit 1"  # noqa: S608
            found = await self._query(query)
            return Remote(id=str(found[0]["id"])) if found else None
        for module, record in (("Leads", where.lead), ("Contacts", where.contact)):
            if record is not None and (note := await self._find_note(module, record, marker)):
                return note
        return None

    async def _find_note(self, module: str, record: str, marker: str) -> Remote | None:
        page = 1
        while True:
            query = {"fields": "id,Note_Title", "per_page": PAGE, "page": page}
            path = f"{module}/{quote(record, safe='')}/Notes"
            try:
                document = await self._http.get(path, query)
            except Gone:
                return None
            for note in _rows(document):
                if bodies.note_mark(marker) in str(note.get("Note_Title")):
                    return Remote(id=str(note["id"]))
            if not ((document or {}).get("info") or {}).get("more_records"):
                return None
            page += 1

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest with one of the numbers or mails; Zoho's own search finds similar ones too."""
        found = await self._contact_of(person)
        return Remote(id=str(found["id"])) if found else None

    async def _contact_of(self, person: Person) -> Mapping[str, Any] | None:
        queries = [("phone", phone) for phone in person.phones] + [("email", one) for one in bodies.mails(person)]
        for name, value in queries:
            document = await self._http.get("Contacts/search", {name: value, "fields": CONTACT_FIELDS})
            fitting = [one for one in _rows(document) if has_handle(person, _filled(one, PHONES), _filled(one, EMAILS))]
            if fitting:
                return min(fitting, key=lambda one: int(one["id"]))
        return None

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or what the known one lacks."""
        if known is None:
            return await self._upsert("Contacts", bodies.contact_body(person, where, marker=self._names.marker))
        now = await self._record("Contacts", known, CONTACT_FIELDS)
        change = bodies.missing(person, now)
        try:
            await self._change("Contacts", known, change)
        except Conflict:  # a mail or number of another contact stays there: whether they are one, people decide
            await self._change("Contacts", known, {k: v for k, v in change.items() if k not in (*PHONES, *EMAILS)})
        return Remote(id=known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead. One that was converted is no lead any more: it is gone, as one that was deleted."""
        if known is None:
            try:
                return await self._upsert("Leads", self._lead_body(lead, where))
            except Refusal:
                await self._still_there(where)
                raise
        now = await self._record("Leads", known, "Description")
        await self._change("Leads", known, bodies.lead_change(lead, where, now))
        return Remote(id=known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The record of the upsert."""
        return self._lead_body(lead, where)

    def _lead_body(self, lead: Lead, where: Where) -> dict[str, Any]:
        names = self._names
        return bodies.lead_body(lead, where, marker=names.marker, link=names.link, company=names.company)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A call of the lead, else of the contact."""
        body = bodies.call_body(call, where, marker=self._names.marker)
        try:
            return await self._write("POST", "Calls", {"data": [body]})
        except Conflict as error:
            if self._names.marker not in str(error):
                raise
            return Remote(id=error.remote_ids[0])  # our unique field is taken: an earlier try made it
        except Refusal:
            await self._still_there(where)
            raise

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A note: e-mails of Zoho's own can only be sent."""
        return await self._add_note(letter, where)

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A note."""
        return await self._add_note(form, where)

    async def _add_note(self, message: Message, where: Where) -> Remote:
        module, record = ("Leads", where.lead) if where.lead else ("Contacts", where.contact)
        if record is None:
            raise Rejected(Said("there is neither a lead nor a contact in Zoho that this could be shown with"))
        path = f"{module}/{quote(record, safe='')}/Notes"
        try:
            return await self._write("POST", path, {"data": [bodies.note_body(message)]})
        except Refusal:
            await self._still_there(where)
            raise

    async def _still_there(self, where: Where) -> None:
        """Raise Gone where people deleted one of them: what Zoho says to a record that leads there differs."""
        for module, record in (("Contacts", where.contact), ("Leads", where.lead)):
            if record is not None:
                await self._record(module, record, "id")

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Users; one whose phone is a few digits has it as the extension."""
        found: list[User] = []
        page = 1
        while True:
            document = await self._http.get("users", {"type": "AllUsers", "per_page": PAGE, "page": page})
            found += [_user(one) for one in (document or {}).get("users") or ()]
            if not ((document or {}).get("info") or {}).get("more_records"):
                return found
            page += 1

    async def find_owner(self, person: Person) -> User | None:
        """The owner of the contact."""
        found = await self._contact_of(person)
        owner = (found or {}).get("Owner") or {}
        return User(id=str(owner["id"])) if owner.get("id") else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: a moment, and the rows of it that were read."""
        since, _, offset = (place or bodies.moment(now)).partition("|")
        start = int(offset or 0)
        order = f"order by Modified_Time asc, id asc limit {start}, {PAGE}"
        query = f"select id, Owner, Modified_Time from Contacts where Modified_Time >= '{since}' {order}"  # noqa: S608
        rows = await self._query(query)
        found = [Owned(remote_id=str(one["id"]), user=_id_of(one.get("Owner"))) for one in rows]
        if not rows:
            return OwnedPage(found=found, next_place=place or since)
        last = str(rows[-1]["Modified_Time"])
        same = sum(str(one["Modified_Time"]) == last for one in rows) + (start if last == since else 0)
        return OwnedPage(found=found, next_place=f"{last}|{same}", more=len(rows) >= PAGE)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """The fields that an administrator has to make, and mapped fields, of each module."""
        return await examine(self._http, self._fields, marker=self._names.marker, link=self._names.link)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._sign_in.close()

    # -- requests ----------------------------------------------------------------------------------------------------

    async def _query(self, query: str) -> list[dict[str, Any]]:
        return _rows(await self._http.post("coql", {"select_query": query}))

    async def _record(self, module: str, record: str, fields: str) -> dict[str, Any]:
        """Some fields of a record. Raises Gone where people deleted it, or converted the lead: Zoho answers 204."""
        try:
            found = _rows(await self._http.get(f"{module}/{quote(record, safe='')}", {"fields": fields}))
        except Refusal as error:
            if error.error_code != "INVALID_DATA":
                raise
            found = []
        if not found:
            said = Said("%(number)s of %(module)s is not in Zoho any more", number=record, module=module)
            raise Gone(said)
        return found[0]

    async def _change(self, module: str, record: str, body: Mapping[str, Any]) -> None:
        if body:
            await self._write("PUT", f"{module}/{quote(record, safe='')}", {"data": [body]})

    async def _upsert(self, module: str, body: Mapping[str, Any]) -> Remote:
        """Make the record, or change it where an earlier try made it."""
        document = {"data": [body], "duplicate_check_fields": [self._names.marker]}
        return await self._write("POST", f"{module}/upsert", document)

    async def _write(self, method: str, path: str, document: Mapping[str, Any]) -> Remote:
        """The record that was written. Raises what Zoho says about it."""
        found = _rows(await self._http.send(method, path, document))
        if not found:
            raise Unavailable(Said("Zoho answered %(name)s without a result", name=path.partition("/")[0]))
        result = found[0]
        if result.get("status") == "error" or result.get("code") != "SUCCESS":
            raise meaning(result)
        return Remote(id=str(result["details"]["id"]))


def _rows(document: Any) -> list[dict[str, Any]]:
    """``data`` of an answer; 204, nothing found, has no document at all."""
    found = document.get("data") if isinstance(document, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _filled(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [str(row[name]) for name in names if row.get(name)]


def _id_of(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, dict) else value
    return str(found) if found else None


def _user(one: Mapping[str, Any]) -> User:
    phone = "".join(sign for sign in str(one.get("phone") or "") if sign.isdigit())
    return User(
        id=str(one["id"]),
        name=str(one.get("full_name") or ""),
        email=one.get("email") or None,
        extensions=(phone,) if 0 < len(phone) <= LONGEST_EXTENSION else (),
        active=one.get("status") in (None, "active"),
    )
