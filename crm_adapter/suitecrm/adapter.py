"""The adapter ``suitecrm``: contacts, leads, calls and notes by the V8 API of SuiteCRM 7 and 8.

SuiteCRM lets the client choose the id of a new record and refuses one that is taken, so each record has our id as its
own: whatever gets lost on the way, there is one.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from crm_adapter.base import Capabilities, Idempotency, RecordingFile, Rejected, Unavailable
from crm_adapter.people import User
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.suitecrm import bodies
from crm_adapter.suitecrm.api import PAGE, Row, SuiteApi
from crm_adapter.suitecrm.errors import DatabaseFailure, Gone
from crm_adapter.texts import cut, has_handle, phone_spellings

MODULES: Mapping[Kind, str] = {
    Kind.CONTACT: "Contacts",
    Kind.LEAD: "Leads",
    Kind.CALL: "Calls",
    Kind.MAIL: "Notes",
    Kind.FORM: "Notes",
}
LONGEST_EXTENSION = 6
MOST_LIVES = 5
"""How often one person is made: who deletes a contact so often does not want it."""


class SuiteCrm:
    """Implements RecordCrm and every optional protocol but AssignsOwners (owners are fields)."""

    capabilities = Capabilities(
        contacts=True,
        leads=True,
        calls=True,
        recordings="upload",
        mail=True,
        users=True,
        owners=True,
        idempotency=Idempotency.NATIVE,
        parallel=4,
    )

    def __init__(self, api: SuiteApi, shared: RecordOptions, *, url: str, phones: Sequence[str]) -> None:
        self._api = api
        self._shared = shared
        self._url = url
        self._phones = tuple(phones)
        self._searched_mails = False

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:  # noqa: ARG002 - one id for all
        """By the id, which is ours."""
        module, record = MODULES[kind], bodies.own_id(marker)
        try:
            await self._api.get(module, record)
        except Gone:
            return None
        return self._remote(module, record)

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest contact that really has one of the numbers or mails."""
        found = await self._contact_of(person)
        return self._remote("Contacts", found.id) if found else None

    async def _contact_of(self, person: Person) -> Row | None:
        """SuiteCRM compares whole texts; so the usual ways to write a number are asked for, one after the other."""
        for form in phone_spellings(person.phones):
            if found := await self._contact_where(person, *self._phones, value=form):
                return found
        for email in person.emails:
            try:
                found = await self._contact_where(person, "email1", value=email)
            except (DatabaseFailure, Rejected):
                if self._searched_mails:
                    raise
                return None  # before 7.12.3 contacts can't be searched by mail at all
            self._searched_mails = True
            if found:
                return found
        return None

    async def _contact_where(self, person: Person, *fields: str, value: str) -> Row | None:
        wanted = dict.fromkeys(fields, ("eq", value))
        rows = await self._api.list("Contacts", wanted, any_of=len(fields) > 1, sort="date_entered")
        return next((one for one in rows if has_handle(person, bodies.phones_of(one), bodies.emails_of(one))), None)

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or its missing numbers and mails; one that people deleted is made anew."""
        if known is None:
            made = await self._api.create("Contacts", bodies.own_id(person.id), bodies.contact_fields(person, where))
            return self._remote("Contacts", made)
        try:
            change = {**bodies.missing_handles(person, await self._api.get("Contacts", known)), **person.extra}
            if change:
                await self._api.change("Contacts", known, change)
        except Gone:
            return await self._make_anew(person, known, where)
        return self._remote("Contacts", known)

    async def _make_anew(self, person: Person, known: str, where: Where) -> Remote:
        """The id of a deleted record is taken for good, so the next contact has one that follows from it."""
        for use in ("", *(f"contact {number}" for number in range(2, MOST_LIVES + 1))):
            record = bodies.own_id(person.id, use)
            if record == known:
                continue
            await self._api.create("Contacts", record, bodies.contact_fields(person, where))
            try:
                await self._api.get("Contacts", record)
            except Gone:
                continue
            return self._remote("Contacts", record)
        return Remote(id=known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead. One that people deleted is left alone."""
        if known is None:
            made = await self._api.create("Leads", bodies.own_id(lead.id), bodies.lead_fields(lead, where))
            return self._remote("Leads", made)
        try:
            change = bodies.lead_change(lead, where, await self._api.get("Leads", known))
            if change:
                await self._api.change("Leads", known, change)
        except Gone:
            return Remote(id=known)
        return self._remote("Leads", known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The attributes of the new lead."""
        return bodies.lead_fields(lead, where)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A call of the lead, related to the contact."""
        made = await self._api.create("Calls", bodies.own_id(call.id), bodies.call_fields(call, where))
        return self._remote("Calls", made)

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """A note of the call with the file; its id follows from the call's, so there is one."""
        fields = {
            "name": cut(file.name, bodies.MOST_SUBJECT),
            "parent_type": "Calls",
            "parent_id": remote_call,
            "filename": cut(file.name, bodies.MOST_SUBJECT),
            "filecontents": base64.b64encode(file.content).decode(),
        }
        await self._api.create("Notes", bodies.own_id(call.id, "recording"), fields)

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A note: an e-mail of SuiteCRM needs a mailbox of its own."""
        made = await self._api.create("Notes", bodies.own_id(letter.id), bodies.note_fields(letter, where))
        return self._remote("Notes", made)

    log_form = log_email

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Users; one whose work phone is a few digits has it as the extension."""
        return [_user(one) async for one in self._api.pages("Users", {}, sort="date_entered")]

    async def find_owner(self, person: Person) -> User | None:
        """The assigned user of the contact."""
        found = await self._contact_of(person)
        owner = found.text("assigned_user_id") if found else ""
        return User(id=owner) if owner else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: a time and a page, ``2026-11-22 12:00:00|2``."""
        since, _, page = (place or bodies.moment(now)).partition("|")
        number = int(page or 1)
        rows = await self._api.list("Contacts", {"date_modified": ("gte", since)}, sort="date_modified", page=number)
        found = [Owned(remote_id=one.id, user=one.text("assigned_user_id") or None) for one in rows]
        if len(rows) >= PAGE:
            return OwnedPage(found=found, next_place=f"{since}|{number + 1}", more=True)
        return OwnedPage(found=found, next_place=_last_change(rows) or since)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Each module that we use is read once; mapped fields are refused by SuiteCRM itself where they are unknown."""
        found = []
        for module in ("Contacts", "Leads", "Calls", "Notes", "Users"):
            rows = await self._api.list(module, {}, size=1)
            found.append(Examined(subject=f"module {module}", said="can be read."))
            for field in self._shared.fields.names(module.lower()[:-1]):
                found += _mapped(rows, module, field)
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _remote(self, module: str, record: str) -> Remote:
        return Remote(id=record, url=f"{self._url}/index.php?module={module}&action=DetailView&record={record}")


def _mapped(rows: Sequence[Row], module: str, field: str) -> list[Examined]:
    """Whether a record has the field; where there is no record yet nothing can be said."""
    if not rows:
        return []
    if field in rows[0].attributes:
        return [Examined(subject=f"field {field}", said=f"is a field of {module}.")]
    remedy = f"Look at the names in Admin, Studio, {module}, Fields; those that you made end in _c."
    return [Examined(subject=f"field {field}", said=f"is no field of {module}.", ok=False, remedy=remedy)]


def _last_change(rows: Sequence[Row]) -> str | None:
    """Of the last row, in UTC: answers have the zone of the server with them."""
    if not rows:
        return None
    try:
        at = datetime.fromisoformat(str(rows[-1].attributes.get("date_modified")))
    except ValueError:
        raise Unavailable("SuiteCRM answered with a date that is none") from None
    return bodies.moment(at)


def _user(one: Row) -> User:
    phone = "".join(sign for sign in one.text("phone_work") if sign.isdigit())
    return User(
        id=one.id,
        name=" ".join(part for part in (one.text("first_name"), one.text("last_name")) if part),
        email=one.text("email1") or None,
        extensions=(phone,) if 0 < len(phone) <= LONGEST_EXTENSION else (),
        active=one.text("status") in ("Active", ""),
    )
