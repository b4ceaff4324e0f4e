"""The adapter ``tryton``: parties and opportunities of Tryton 8, calls and letters as notes.

Tryton has no key against doubles: an opportunity carries our marker in its reference, a note in its last line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from crm_adapter.base import Capabilities, Gone, Idempotency, Misconfigured, Rejected
from crm_adapter.ids import number
from crm_adapter.people import User
from crm_adapter.recordcrm import Examined, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person, digest
from crm_adapter.said import Said
from crm_adapter.texts import (
    cut,
    has_handle,
    marker_line,
    new_emails,
    new_phones,
    note_of_call,
    note_of_message,
    phone_spellings,
    with_news,
)
from crm_adapter.tryton.server import TrytonServer, as_date

PARTY, MECHANISM, OPPORTUNITY, NOTE = "party.party", "party.contact_mechanism", "sale.opportunity", "ir.note"
EMPLOYEE = "company.employee"
PHONES = frozenset({"phone", "mobile", "fax", "other"})
"""Types of contact mechanisms that hold a number; ``other`` where Tryton does not believe that it is one."""
MOST_NAME, MOST_TEXT = 250, 20_000
"""Characters. Tryton itself has no limits; its client gets slow above these."""
LONGEST_EXTENSION = 6
CLOSED = frozenset({"converted", "won", "lost", "cancelled"})
"""States in which Tryton lets nobody change an opportunity."""

Made = TypeVar("Made")


class TrytonCrm:
    """Implements RecordCrm, LogsCalls, LogsMail, LogsForms, ListsUsers, Examines, Previews."""

    capabilities = Capabilities(
        contacts=True,
        leads=True,
        calls=True,
        recordings="link",
        mail=True,
        users=True,
        idempotency=Idempotency.MARKER,
        parallel=4,
    )

    def __init__(self, server: TrytonServer, *, mapped: Mapping[str, Sequence[str]]) -> None:
        """``mapped``: fields of the configuration, by model."""
        self._server = server
        self._mapped = mapped

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """Opportunities by their reference, notes by their last line; parties are found by their numbers."""
        if kind is Kind.LEAD:
            found = await self._server.read(OPPORTUNITY, [["reference", "=", marker]], ["id"], most=1)
            return self._remote(OPPORTUNITY, found[0]["id"]) if found else None
        resource = _resource(where)
        if kind is Kind.CONTACT or resource is None:
            return None
        domain = [["resource", "=", resource], ["message", "like", f"%{marker_line(marker)}%"]]
        found = await self._server.read(NOTE, domain, ["id"], most=1)
        return Remote(id=str(found[0]["id"])) if found else None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest party that really has one of the numbers or mails."""
        wanted: list[Any] = ["OR", ["value_compact", "in", phone_spellings(person.phones)]]
        wanted += [["value", "ilike", _literal(email)] for email in person.emails]
        fitting = [
            int(one["party"])
            for one in await self._server.read(
                MECHANISM, [["party.active", "=", True], wanted], ["party", "type", "value"]
            )
            if has_handle(person, *_handles([one]))
        ]
        return self._remote(PARTY, min(fitting)) if fitting else None

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:  # noqa: ARG002 - parties have no owner
        """A new party, or its missing numbers and mails."""
        if known is None:
            values = {"name": cut(" ".join(person.title.split()), MOST_NAME), **person.extra}
            made = await self._with_handles(
                values, person.phones, person.emails, lambda all_of_it: self._server.create(PARTY, all_of_it)
            )
            return self._remote(PARTY, made)
        known = await self._left_of(known)
        there = await self._server.read(MECHANISM, [["party", "=", number(known, "record")]], ["type", "value"])
        phones, emails = _handles(there)
        missing = new_phones(person, phones), new_emails(person, emails)
        if any(missing) or person.extra:
            party = number(known, "party")
            await self._with_handles(person.extra, *missing, lambda change: self._server.write(PARTY, party, change))
        return self._remote(PARTY, known)

    async def _left_of(self, party: str) -> str:
        """The party, or the one that people replaced it by, whose numbers Tryton puts away. Raises Gone."""
        asked = [party]
        while True:
            domain = [["id", "=", number(asked[-1], "party")], ["active", "in", [True, False]]]
            found = await self._server.read(PARTY, domain, ["active", "replaced_by"], most=1)
            if found and found[0].get("active"):
                return asked[-1]
            after = str(found[0].get("replaced_by") or "") if found else ""
            if not after or after in asked:
                raise _gone(PARTY, party)
            asked.append(after)

    async def _with_handles(
        self,
        values: Mapping[str, Any],
        phones: Sequence[str],
        emails: Sequence[str],
        send: Callable[[Mapping[str, Any]], Awaitable[Made]],
    ) -> Made:
        """Send the values with these numbers and mails. Tryton refuses a number that no country has (an inner one, a
        typing error): then the numbers go as ``other``, because a strange number is better than a lost customer."""
        try:
            return await send({**values, **_mechanisms("phone", phones, emails)})
        except Rejected:
            if not phones:
                raise
            return await send({**values, **_mechanisms("other", phones, emails)})

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """An opportunity in the state ``lead``; later texts are added below its comment."""
        if known is None:
            if where.contact:  # a party that people deactivated would be taken
                await self._check_there(PARTY, where.contact)
            return self._remote(OPPORTUNITY, await self._server.create(OPPORTUNITY, await self._values(lead, where)))
        record = number(known, "record")
        found = await self._server.read(OPPORTUNITY, [["id", "=", record]], ["comment", "state"], most=1)
        if not found:
            raise _gone(OPPORTUNITY, known)
        old, text = str(found[0].get("comment") or ""), cut(lead.description, MOST_TEXT)
        if found[0].get("state") in CLOSED:
            await self._news_of_closed(lead, known, old, text)
            return self._remote(OPPORTUNITY, known)
        change: dict[str, Any] = dict(lead.extra)
        comment = with_news(old, text)
        if comment != old:
            change["comment"] = comment
        if where.owner:
            change["employee"] = number(where.owner, "employee")
        if change:
            await self._server.write(OPPORTUNITY, record, change)
        return self._remote(OPPORTUNITY, known)

    async def _news_of_closed(self, lead: Lead, known: str, old: str, text: str) -> None:
        """A note with the text, unless the comment or a note has it."""
        where = Where(lead=known)
        marker = f"{lead.id}.{digest(text)}"
        if with_news(old, text) != old and await self.find(Kind.FORM, marker, where) is None:
            await self._note(f"{text}\n{marker_line(marker)}", where, {})

    async def _check_there(self, model: str, record: str) -> None:
        """Raise Gone for a record that people deleted, deactivated, or replaced by another one."""
        if not await self._server.read(model, [["id", "=", number(record, "record")]], ["id"], most=1):
            raise _gone(model, record)

    async def _values(self, lead: Lead, where: Where) -> dict[str, Any]:
        return {"company": await self._company(), **opportunity(lead, where)}

    async def _company(self) -> int:
        company = (await self._server.context()).get("company")
        if not company:
            raise Misconfigured(Said("the gateway's user in Tryton has no company: choose one in its preferences"))
        return int(company)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The values of the new opportunity."""
        return opportunity(lead, where)

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """A note; the link of the recording stands in it."""
        return await self._note(note_of_call(call, MOST_TEXT), where, call.extra)

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A note."""
        return await self._note(note_of_message(letter, MOST_TEXT), where, letter.extra)

    log_form = log_email

    async def _note(self, text: str, where: Where, extra: Mapping[str, Any]) -> Remote:
        resource = _resource(where)
        if resource is None:
            raise Rejected(Said("there is neither an opportunity nor a party in Tryton that this could be shown with"))
        model, _, record = resource.partition(",")
        if model == PARTY:
            await self._check_there(PARTY, record)
        try:
            made = await self._server.create(NOTE, {"resource": resource, "message": text, **extra})
        except Rejected:  # of a record that is gone Tryton says that the resource is missing, in the user's language
            await self._check_there(model, record)
            raise
        return Remote(id=str(made))

    # -- people and set-up -------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """Employees: opportunities belong to them, not to users. A few digits as SIP or other is the extension."""
        domain = [["company", "=", await self._company()]]
        employees = await self._server.read(EMPLOYEE, domain, ["rec_name", "active", "party"])
        parties = [one["party"] for one in employees]
        means = await self._server.read(MECHANISM, [["party", "in", parties]], ["party", "type", "value"])
        return [_user(one, [way for way in means if way["party"] == one["party"]]) for one in employees]

    async def examine(self) -> Sequence[Examined]:
        """The company, whether what we write to is there and may be read, and the mapped fields."""
        company = Said("is number %(number)s.", number=await self._company())
        seen = [Examined(subject=Said("company"), said=company)]
        for model in (PARTY, OPPORTUNITY, NOTE):
            domain = [["resource", "=", f"{PARTY},0"]] if model == NOTE else []
            try:
                await self._server.read(model, domain, ["id"], most=1)
            except Rejected as error:
                seen.append(_unread(model, error))
                continue
            seen.append(Examined(subject=model, said=Said("can be read.")))
            there = await self._server.fields(model) if self._mapped.get(model) else {}
            seen += [_no_field(model, name) for name in self._mapped.get(model, ()) if name not in there]
        return seen

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    def _remote(self, model: str, record: Any) -> Remote:
        return Remote(id=str(record), url=self._server.address_of(model, record))


def _gone(model: str, record: str) -> Gone:
    return Gone(Said("%(model)s %(record)s is not in Tryton any more", model=model, record=record))


def _unread(model: str, error: Rejected) -> Examined:
    return Examined(
        subject=model,
        said=Said("can't be read: %(words)s.", words=error.args[0]),
        ok=False,
        remedy=Said("Activate the modules party and sale_opportunity, and give the user's group access."),
    )


def _no_field(model: str, name: str) -> Examined:
    return Examined(
        subject=Said("field %(name)s", name=name),
        said=Said("is no field of %(model)s.", model=model),
        ok=False,
        remedy=Said("Look at the names in Administration, Models, and mend fields."),
    )


def opportunity(lead: Lead, where: Where) -> dict[str, Any]:
    """The values of a new opportunity, but for its company."""
    values: dict[str, Any] = {
        "reference": lead.id,
        "description": cut(" ".join(lead.title.split()), MOST_NAME),
        "comment": cut(_comment(lead), MOST_TEXT),
    }
    if lead.created_at is not None:
        values["start_date"] = as_date(date(lead.created_at.year, lead.created_at.month, lead.created_at.day))
    if where.contact:
        values["party"] = number(where.contact, "party")
    if where.owner:
        values["employee"] = number(where.owner, "employee")
    return values | dict(lead.extra)


def _comment(lead: Lead) -> str:
    marks = [f"utm_{name}: {value}" for name, value in lead.origin.utm.items() if value]
    page = [lead.origin.page] if lead.origin.page else []
    return "\n".join([lead.description, *page, *marks]).strip()


def _resource(where: Where) -> str | None:
    """The record a note is shown with, as Tryton's references are written."""
    if where.lead:
        return f"{OPPORTUNITY},{where.lead}"
    return f"{PARTY},{where.contact}" if where.contact else None


def _mechanisms(kind: str, phones: Sequence[str], emails: Sequence[str]) -> dict[str, Any]:
    found = [
        *({"type": kind, "value": phone} for phone in phones),
        *({"type": "email", "value": email} for email in emails),
    ]
    return {"contact_mechanisms": [["create", found]]} if found else {}


def _handles(mechanisms: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Numbers and mails among contact mechanisms."""
    return (
        [str(one["value"]) for one in mechanisms if one["type"] in PHONES],
        [str(one["value"]) for one in mechanisms if one["type"] == "email"],
    )


def _literal(text: str) -> str:
    """Without the meaning that signs have in LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _user(employee: Mapping[str, Any], mechanisms: Sequence[Mapping[str, Any]]) -> User:
    short = (str(one["value"]).partition("@")[0] for one in mechanisms if one["type"] in ("sip", "other"))
    return User(
        id=str(employee["id"]),
        name=str(employee.get("rec_name") or ""),
        email=next((str(one["value"]) for one in mechanisms if one["type"] == "email"), None),
        extensions=tuple(one for one in short if one.isdigit() and len(one) <= LONGEST_EXTENSION),
        active=bool(employee.get("active", True)),
    )
