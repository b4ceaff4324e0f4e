"""The adapter ``odoo``: partners, leads and their chatter in Odoo 14 to 19.

Partners and leads are written by Odoo's own import under an external id that we choose, so Odoo itself keeps them from
doubling. Calls, letters and forms are messages of the chatter, found again by their Message-ID; nothing is ever sent.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crm_adapter.base import Capabilities, Gone, Idempotency, Misconfigured, RecordingFile, Rejected
from crm_adapter.ids import number
from crm_adapter.odoo.bodies import (
    HANDLES,
    MOST_NAME,
    MOST_TEXT,
    added,
    external_id,
    handles_of,
    id_of,
    lead_values,
    line,
    literal,
    message_id,
    plain,
    typed,
    user_of,
    words,
)
from crm_adapter.odoo.rpc import Odoo
from crm_adapter.people import User
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person, digest
from crm_adapter.said import Said
from crm_adapter.texts import (
    as_html,
    call_facts,
    call_subject,
    cut,
    has_handle,
    marker_line,
    message_head,
    phone_forms,
)

PARTNER, LEAD, MESSAGE, ATTACHMENT = "res.partner", "crm.lead", "mail.message", "ir.attachment"
PAGE = 200
LEAST_SEARCHED = 3
"""Characters of a number: Odoo refuses to search for less."""
MOST_LIVES = 5
"""How often one person is made: who archives a partner so often does not want it."""
ARCHIVED_TOO = ["active", "in", [True, False]]
"""Leads that were lost are archived: they are there, and their history goes on."""


class OdooCrm:
    """Implements RecordCrm and every optional protocol but AssignsOwners (owners are fields) and ShowsCalls."""

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

    def __init__(self, odoo: Odoo, *, target: str, mapped: Mapping[str, Sequence[str]]) -> None:
        """``target``: ``lead`` or ``opportunity``. ``mapped``: fields of the configuration, by model."""
        self._odoo = odoo
        self._target = target
        self._mapped = mapped
        self._types: dict[str, dict[str, str]] = {}
        self._note: int | None = None
        self._utm: dict[tuple[str, str], int] = {}
        self._learning = asyncio.Lock()

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:  # noqa: ARG002 - ids say it all
        """Messages by their Message-ID; partners and leads can't be made twice."""
        if kind in (Kind.CONTACT, Kind.LEAD):
            return None
        found = await self._odoo.read(MESSAGE, [["message_id", "=", message_id(marker)]], ["id"], most=1)
        return Remote(id=str(found[0]["id"])) if found else None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest partner that really has one of the numbers or mails."""
        found = await self._partners(person)
        return self._remote(PARTNER, found[0]["id"]) if found else None

    async def _partners(self, person: Person) -> list[dict[str, Any]]:
        types = await self._fields(PARTNER)
        clauses: list[Any] = []
        if "phone_mobile_search" in types:  # it finds 8 (926) 111-22-33 for 89261112233
            forms = [form for form in phone_forms(person.phones) if len(form) >= LEAST_SEARCHED]
            clauses += [["phone_mobile_search", "=", form] for form in forms]
        else:
            clauses += [typed(phone, name) for phone in person.phones for name in ("phone", "mobile") if name in types]
        clauses += [["email", "ilike", email] for email in person.emails]
        if not clauses:  # an empty condition fits all partners
            return []
        handles = [name for name in HANDLES if name in types]
        domain = [*["|"] * (len(clauses) - 1), *clauses]
        found = await self._odoo.read(PARTNER, domain, [*handles, "user_id"])
        return [one for one in found if has_handle(person, *handles_of(one))]

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new partner, or its missing numbers and mails."""
        if known is not None:
            await self._complete(person, number(known, "partner"))
            return self._remote(PARTNER, known)
        for life in range(1, MOST_LIVES + 1):
            name = external_id("contact", person.id, life)
            there = await self._odoo.refer(name)
            if there is None:
                return self._remote(PARTNER, await self._make_partner(name, person, where))
            if there:
                await self._complete(person, there)
                return self._remote(PARTNER, there)
        raise Rejected(Said("people have archived this person's partner again and again"))

    async def _make_partner(self, name: str, person: Person, where: Where) -> int:
        types = await self._fields(PARTNER)
        values: dict[str, Any] = {"name": line(person.title) or "-", **added(person, {}, types)}
        if where.owner:
            values["user_id/.id"] = number(where.owner, "user")
        made = await self._odoo.load(PARTNER, name, values)
        if person.extra:
            await self._odoo.write(PARTNER, made, person.extra)
        return made

    async def _complete(self, person: Person, known: int) -> None:
        types = await self._fields(PARTNER)
        handles = [name for name in HANDLES if name in types]
        found = await self._odoo.read(PARTNER, [["id", "=", known]], [*handles, "comment"], most=1)
        if not found:
            raise _gone(PARTNER, known)
        change = {**added(person, found[0], types), **person.extra}
        if change:
            await self._odoo.write(PARTNER, known, change)

    async def _check_partner(self, known: str | None) -> None:
        """Raise Gone for one that people archived or deleted: Odoo itself takes leads and notes of archived ones."""
        if known is None:
            return
        partner = number(known, "partner")
        if not await self._odoo.read(PARTNER, [["id", "=", partner]], ["id"], most=1):
            raise _gone(PARTNER, partner)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead or opportunity; later texts become notes. Name and stage are the people's."""
        if known is None:
            await self._check_partner(where.contact)
            record = await self._odoo.load(LEAD, external_id("lead", lead.id), await self._lead_values(lead, where))
            if lead.extra:
                await self._odoo.write(LEAD, record, lead.extra)
            return self._remote(LEAD, record)
        record = number(known, "lead")
        found = await self._odoo.read(LEAD, [["id", "=", record], ARCHIVED_TOO], ["description"], most=1)
        if not found:
            raise _gone(LEAD, record)
        change: dict[str, Any] = dict(lead.extra)
        if where.owner:
            change["user_id"] = number(where.owner, "user")
        if change:
            await self._odoo.write(LEAD, record, change)
        await self._note_once(record, lead, str(found[0].get("description") or ""))
        return self._remote(LEAD, record)

    async def _lead_values(self, lead: Lead, where: Where) -> dict[str, Any]:
        types = await self._fields(LEAD)
        values = lead_values(lead, where, target=self._target, rich=types.get("description") == "html")
        for name in ("source", "medium", "campaign"):
            if value := lead.origin.utm.get(name):
                values[f"{name}_id/.id"] = await self._utm_id(f"utm.{name}", cut(value, MOST_NAME))
        return values

    async def _note_once(self, record: int, lead: Lead, described: str) -> None:
        """The lead's text as a note, unless the description or an earlier note has it."""
        text = cut(lead.description, MOST_TEXT)
        if not text or words(text) in words(plain(described)):
            return
        marker = f"{lead.id}.{digest(text)}"
        if await self.find(Kind.FORM, marker, Where()) is None:
            await self._message(marker, text, Where(lead=str(record)), datetime.now(UTC))

    async def _utm_id(self, model: str, name: str) -> int:
        """The campaign of this name, made at the first need; its external id is its name's digest."""
        async with self._learning:
            if (model, name) not in self._utm:
                found = await self._odoo.read(model, [["name", "=ilike", literal(name)]], ["id"], most=1)
                made = (
                    found[0]["id"]
                    if found
                    else await self._odoo.load(
                        model, external_id(model.replace(".", "_"), digest(name)), {"name": name}
                    )
                )
                self._utm[model, name] = int(made)
            return self._utm[model, name]

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The values of the new lead, but for its campaign."""
        return {**lead_values(lead, where, target=self._target, rich=True), **lead.extra}

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A note with the link of the recording."""
        text = f"{call_subject(call)}\n{call_facts(call)}"
        return await self._message(call.id, text, where, call.started_at, link=call.recording_url, extra=call.extra)

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """An attachment of the note, kept by Odoo as a file of the same lead or partner."""
        note = number(remote_call, "message")
        found = await self._odoo.read(MESSAGE, [["id", "=", note]], ["model", "res_id"], most=1)
        if not found:
            raise _gone(MESSAGE, note)
        mark = marker_line(call.id)
        known = await self._odoo.read(ATTACHMENT, [["description", "=", mark]], ["name"], most=1)
        values = {
            "name": cut(file.name, MOST_NAME),
            "description": mark,
            "mimetype": file.content_type,
            "datas": base64.b64encode(file.content).decode(),
            "res_model": found[0]["model"],
            "res_id": found[0]["res_id"],
        }
        attachment = int(known[0]["id"]) if known else await self._odoo.create(ATTACHMENT, values)
        await self._odoo.write(MESSAGE, note, {"attachment_ids": [[4, attachment, 0]]})

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A letter of the chatter, from the customer; it is kept, not sent."""
        values: dict[str, Any] = {"message_type": "email", "subject": cut(letter.subject or "", MOST_NAME)}
        if letter.inbound and letter.person is not None:
            values["email_from"] = next(iter(letter.person.emails), None) or letter.person.title
            if where.contact:
                values["author_id"] = number(where.contact, "partner")
        text = f"{message_head(letter)}\n{cut(letter.summary, MOST_TEXT)}"
        return await self._message(letter.id, text, where, letter.at, extra={**values, **letter.extra})

    async def log_form(self, form: Message, where: Where) -> Remote:
        """A note."""
        text = f"{message_head(form)}\n{cut(form.summary, MOST_TEXT)}"
        return await self._message(form.id, text, where, form.at, extra=form.extra)

    async def _message(
        self,
        marker: str,
        text: str,
        where: Where,
        at: datetime,
        *,
        link: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Remote:
        place = (LEAD, where.lead) if where.lead else (PARTNER, where.contact)
        if place[1] is None:
            raise Rejected(Said("there is neither a lead nor a partner in Odoo that this could be shown with"))
        record = number(place[1], "record")
        if place[0] == PARTNER:
            await self._check_partner(where.contact)
        values: dict[str, Any] = {
            "model": place[0],
            "res_id": record,
            "body": as_html(text),
            "message_type": "comment",
            "subtype_id": await self._note_subtype(),
            "message_id": message_id(marker),
            "date": f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            **(extra or {}),
        }
        if link:
            file = {"name": link.rpartition("/")[2] or link, "type": "url", "url": link}
            values["attachment_ids"] = [[0, 0, {**file, "res_model": place[0], "res_id": record}]]
        try:
            return Remote(id=str(await self._odoo.create(MESSAGE, values)))
        except Gone:
            raise
        except (Misconfigured, Rejected):  # Odoo before 16 has other words for a record that is gone
            await self._check_there(place[0], record)
            if author := values.get("author_id"):
                await self._check_there(PARTNER, author)
            raise

    async def _check_there(self, model: str, record: int) -> None:
        if not await self._odoo.read(model, [["id", "=", record], ARCHIVED_TOO], ["id"], most=1):
            raise _gone(model, record)

    async def _note_subtype(self) -> int:
        """The subtype "Note": for our own people only."""
        if self._note is None:
            named = {"module": "mail", "xml_id": "mt_note"}
            found = await self._odoo.caller.call("ir.model.data", "check_object_reference", named)
            self._note = int(found[1])
        return self._note

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Inner users; one whose phone is a few digits has it as the extension."""
        domain = [["share", "=", False], ["active", "in", [True, False]]]
        return [
            user_of(one)
            for one in await self._odoo.read("res.users", domain, ["name", "login", "email", "phone", "active"])
        ]

    async def find_owner(self, person: Person) -> User | None:
        """The salesperson of the partner."""
        found = await self._partners(person)
        owner = id_of(found[0].get("user_id")) if found else None
        return User(id=owner) if owner else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Partners by the time of their last change. ``place``: a moment and an offset, ``2026-11-22 12:00:00|200``."""
        since, _, offset = (place or f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}").partition("|")
        named = {
            "domain": [["write_date", ">=", since]],
            "fields": ["user_id", "write_date"],
            "offset": int(offset or 0),
            "limit": PAGE,
            "order": "write_date, id",
        }
        rows = await self._odoo.caller.call(PARTNER, "search_read", named) or []
        found = [Owned(remote_id=str(one["id"]), user=id_of(one.get("user_id"))) for one in rows]
        more = len(rows) >= PAGE
        last = str(rows[-1]["write_date"]).partition(".")[0] if rows else since
        return OwnedPage(found=found, next_place=f"{since}|{int(offset or 0) + PAGE}" if more else last, more=more)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Rights, and the mapped fields."""
        seen = []
        for model in (PARTNER, LEAD):
            may = await self._odoo.caller.may_create(model)
            remedy = "" if may else Said("Give the user Sales / User: All Documents, and Contact Creation.")
            said = Said("can be made.") if may else Said("can't be made by the gateway's user.")
            seen.append(Examined(subject=Said("right on %(model)s", model=model), said=said, ok=may, remedy=remedy))
            types = await self._fields(model)
            seen += [_no_field(model, name) for name in self._mapped.get(model, ()) if name not in types]
        return seen

    async def close(self) -> None:
        """Close the connections."""
        await self._odoo.caller.close()

    async def _fields(self, model: str) -> dict[str, str]:
        async with self._learning:
            if model not in self._types:
                self._types[model] = await self._odoo.fields(model)
            return self._types[model]

    def _remote(self, model: str, record: Any) -> Remote:
        address = f"{self._odoo.caller.base_url}/web#id={record}&model={model}&view_type=form"
        return Remote(id=str(record), url=address)


def _gone(model: str, record: int) -> Gone:
    said = Said("%(model)s %(record)s is not in Odoo any more, or is archived", model=model, record=record)
    return Gone(said)


def _no_field(model: str, name: str) -> Examined:
    return Examined(
        subject=Said("field %(name)s", name=name),
        said=Said("is no field of %(model)s.", model=model),
        ok=False,
        remedy=Said("Look at the names in Settings, Technical, Fields (developer mode), and mend fields."),
    )
