"""The adapter ``suitecrm``: contacts, leads, calls and notes by the V8 API of SuiteCRM 7 and 8.

SuiteCRM lets the client choose the id of a new record and refuses one that is taken, so each record has our id as its
own: whatever gets lost on the way, there is one.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from crm_adapter.base import Capabilities, Gone, Idempotency, RecordingFile, Rejected, Unavailable
from crm_adapter.people import User
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said
from crm_adapter.suitecrm import bodies
from crm_adapter.suitecrm.api import PAGE, Row, SuiteApi
from crm_adapter.suitecrm.errors import DatabaseFailure, Forbidden, NoOperator
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
        self._likes = True

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
        """Numbers by their digits, whatever stands between them; short ones, and all in an old SuiteCRM, as a whole."""
        for phone in person.phones:
            if found := await self._contact_with(person, phone):
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

    async def _contact_with(self, person: Person, phone: str) -> Row | None:
        if self._likes and (pattern := bodies.typed(phone)):
            try:
                return await self._contact_where(person, *self._phones, value=pattern, how="like")
            except NoOperator:
                self._likes = False
        for form in phone_spellings([phone]):
            if found := await self._contact_where(person, *self._phones, value=form):
                return found
        return None

    async def _contact_where(self, person: Person, *fields: str, value: str, how: str = "eq") -> Row | None:
        wanted = dict.fromkeys(fields, (how, value))
        async for one in self._api.pages("Contacts", wanted, any_of=len(fields) > 1, sort="date_entered"):
            if has_handle(person, bodies.phones_of(one), bodies.emails_of(one)):
                return one
        return None

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or its missing numbers and mails."""
        if known is not None:
            await self._complete(person, known)
            return self._remote("Contacts", known)
        for life in range(1, MOST_LIVES + 1):  # the id of a deleted record is taken for good
            record = bodies.own_id(person.id, f"contact {life}" if life > 1 else "")
            if await self._api.create("Contacts", record, bodies.contact_fields(person, where)):
                return self._remote("Contacts", record)
            with contextlib.suppress(Gone):
                await self._complete(person, record)
                return self._remote("Contacts", record)
        raise Rejected(Said("people have deleted this person's contact again and again"))

    async def _complete(self, person: Person, known: str) -> None:
        change = {**bodies.missing_handles(person, await self._api.get("Contacts", known)), **person.extra}
        if change:
            await self._api.change("Contacts", known, change)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead, or what is new of it."""
        if known is None:
            if where.contact:
                await self._api.check_there("Contacts", where.contact)
            record = bodies.own_id(lead.id)
            await self._api.create("Leads", record, bodies.lead_fields(lead, where))
            return self._remote("Leads", record)
        change = bodies.lead_change(lead, where, await self._api.get("Leads", known))
        if change:
            await self._api.change("Leads", known, change)
        return self._remote("Leads", known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The attributes of the new lead."""
        return bodies.lead_fields(lead, where)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A call of the lead, related to the contact."""
        return await self._log("Calls", call.id, bodies.call_fields(call, where), where)

    async def _log(self, module: str, marker: str, fields: Mapping[str, object], where: Where) -> Remote:
        for parent, record in (("Leads", where.lead), ("Contacts", where.contact)):
            if record:
                await self._api.check_there(parent, record)
        record = bodies.own_id(marker)
        await self._api.create(module, record, fields)
        return self._remote(module, record)

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """A note of the call with the file; its id follows from the call's, so there is one."""
        await self._api.check_there("Calls", remote_call)
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
        return await self._log("Notes", letter.id, bodies.note_fields(letter, where), where)

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
        """Each module that we use is read once, and its fields compared with the mapped ones."""
        found = []
        for module in ("Contacts", "Leads", "Calls", "Notes", "Users"):
            try:
                rows = await self._api.list(module, {}, size=1)
            except Forbidden as error:
                found.append(_closed(module, error))
                continue
            found.append(Examined(subject=Said("module %(module)s", module=module), said=Said("can be read.")))
            found += await self._mapped(module, rows)
        return found

    async def _mapped(self, module: str, rows: Sequence[Row]) -> list[Examined]:
        """The fields that are filled by the configuration. Where SuiteCRM lists none, a record shows what there is."""
        names = self._shared.fields.names(module.lower()[:-1])
        there = await self._api.fields(module) if names else None
        if there is None and rows:
            there = rows[0].attributes
        return [_field(module, name, there) for name in names if there is not None]

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _remote(self, module: str, record: str) -> Remote:
        return Remote(id=record, url=f"{self._url}/index.php?module={module}&action=DetailView&record={record}")


def _field(module: str, name: str, there: Collection[str]) -> Examined:
    subject = Said("field %(name)s", name=name)
    if name in there:
        return Examined(subject=subject, said=Said("is a field of %(model)s.", model=module))
    remedy = Said(
        "Look at the names in Admin, Studio, %(module)s, Fields; those that you made end in _c.", module=module
    )
    return Examined(subject=subject, said=Said("is no field of %(model)s.", model=module), ok=False, remedy=remedy)


def _closed(module: str, error: Forbidden) -> Examined:
    return Examined(
        subject=Said("module %(module)s", module=module),
        said=Said("can't be read: %(words)s.", words=error.args[0]),
        ok=False,
        remedy=Said("Look at the role of the client's user, as docs/crm/suitecrm.md says."),
    )


def _last_change(rows: Sequence[Row]) -> str | None:
    """Of the last row, in UTC: answers have the zone of the server with them."""
    if not rows:
        return None
    try:
        at = datetime.fromisoformat(str(rows[-1].attributes.get("date_modified")))
    except ValueError:
        raise Unavailable(Said("SuiteCRM answered with a date that is none")) from None
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
