"""The adapter ``bitrix24``.

An application (OAuth) registers calls as telephony does: card, statistics, recording. An incoming webhook may not (it
is told WRONG_AUTH_TYPE), so there a call becomes an activity of the lead. Everything else is the same for both.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm_adapter import texts
from crm_adapter.base import Capabilities, Idempotency, RecordingFile, Rejected
from crm_adapter.bitrix24 import bodies
from crm_adapter.bitrix24.bodies import CONTACT, DEAL, LEAD, ORIGINATOR, WORDS
from crm_adapter.bitrix24.portal import PAGE, Portal, number
from crm_adapter.people import User
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person

SIMPLE_MODE = 2
"""crm.settings.mode.get: without leads; a lead that is made there turns into a deal at once."""
ACTIVITY_CALL, PLAIN_TEXT, INCOMING, OUTGOING = 2, 1, 1, 2
MOST_VALUES = 20
"""Of one search for doubles."""
CALL_OUT, CALL_IN = 1, 2
"""TYPE of telephony.externalCall.register."""


class Bitrix24:
    """Implements RecordCrm and every optional protocol but AssignsOwners (owners are fields)."""

    def __init__(self, portal: Portal, *, target: str, line: str | None, shared: RecordOptions) -> None:
        self._portal = portal
        self._target = {"lead": LEAD, "deal": DEAL}.get(target)
        self._line = line
        self._shared = shared
        self._user: int | None = None
        self.capabilities = Capabilities(
            contacts=True,
            leads=True,
            calls=True,
            recordings="upload",
            cards=portal.is_app,
            mail=True,
            users=True,
            owners=True,
            idempotency=Idempotency.MARKER,
            parallel=4,
        )

    # -- finding -----------------------------------------------------------------------------------------------------

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """By ORIGIN_ID; calls of an application in the statistics; letters and forms among the comments."""
        match kind:
            case Kind.CONTACT:
                return await self._find_item(CONTACT, marker)
            case Kind.LEAD:
                return await self._find_item(await self._lead_type(), marker)
            case Kind.CALL if self._portal.is_app:
                found = await self._portal.call("voximplant.statistic.get", {"FILTER": {"EXTERNAL_CALL_ID": marker}})
                return Remote(id=str(found[0]["CALL_ID"])) if found else None
            case Kind.CALL:
                wanted = {"ORIGINATOR_ID": ORIGINATOR, "ORIGIN_ID": marker}
                found = await self._portal.call("crm.activity.list", {"filter": wanted, "select": ["ID"]})
                return Remote(id=str(found[0]["ID"])) if found else None
            case _:
                return await self._find_comment(marker, where)

    async def _find_item(self, type_id: int, marker: str) -> Remote | None:
        body = {
            "entityTypeId": type_id,
            "select": ["id"],
            "filter": {"originatorId": ORIGINATOR, "originId": marker},
            "order": {"id": "ASC"},
        }
        found = (await self._portal.call("crm.item.list", body))["items"]
        return Remote(id=str(found[0]["id"])) if found else None

    async def _find_comment(self, marker: str, where: Where) -> Remote | None:
        anchor = await self._anchor(where)
        if anchor is None:
            return None
        type_id, record = anchor
        body = {
            "filter": {"ENTITY_TYPE": WORDS[type_id].lower(), "ENTITY_ID": record},
            "select": ["ID", "COMMENT"],
            "order": {"ID": "DESC"},
        }
        for one in await self._portal.call("crm.timeline.comment.list", body):
            if texts.marker_line(marker) in str(one.get("COMMENT")):
                return Remote(id=str(one["ID"]))
        return None

    async def find_contact(self, person: Person) -> Remote | None:
        """The oldest contact with one of the numbers or mails."""
        for kind, values in (("PHONE", texts.phone_forms(person.phones)), ("EMAIL", list(person.emails))):
            if not values:
                continue
            body = {"type": kind, "values": values[:MOST_VALUES], "entity_type": "CONTACT"}
            found = await self._portal.call("crm.duplicate.findbycomm", body)
            ids = found.get("CONTACT") if isinstance(found, Mapping) else None  # PHP: an empty object is a list
            if ids:
                return Remote(id=str(min(int(one) for one in ids)))
        return None

    # -- contacts and leads ------------------------------------------------------------------------------------------

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """A new contact, or its missing numbers and mails."""
        if known is None:
            return await self._add(CONTACT, bodies.contact_fields(person, where))
        body = {"entityTypeId": CONTACT, "id": number(known, "contact")}
        item = (await self._portal.call("crm.item.get", body))["item"]
        missing = bodies.missing_handles(person, item.get("fm") or [])
        fields = {**({"fm": missing} if missing else {}), **person.extra}
        if fields:
            await self._portal.call("crm.item.update", {**body, "fields": fields})
        return Remote(id=known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead, or a deal in the mode without leads. What people wrote into the comments stays; ours is added."""
        type_id = await self._lead_type()
        fields = bodies.lead_fields(lead, where)
        if known is None:
            return await self._add(type_id, fields)
        body = {"entityTypeId": type_id, "id": number(known, "lead")}
        item = (await self._portal.call("crm.item.get", body))["item"]
        comments = str(item.get("comments") or "")
        change = {name: fields[name] for name in (*lead.extra, "assignedById") if name in fields}
        if fields["comments"] and fields["comments"] not in comments:
            joined = f"{comments}\n\n{fields['comments']}" if comments else fields["comments"]
            change["comments"] = texts.cut(joined, 3 * bodies.MOST_TEXT)
        if change:
            await self._portal.call("crm.item.update", {**body, "fields": change})
        return Remote(id=known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of crm.item.add."""
        return {"entityTypeId": self._target or LEAD, "fields": bodies.lead_fields(lead, where)}

    async def _add(self, type_id: int, fields: Mapping[str, Any]) -> Remote:
        made = await self._portal.call("crm.item.add", {"entityTypeId": type_id, "fields": fields})
        return Remote(id=str(made["item"]["id"]))

    async def _lead_type(self) -> int:
        if self._target is None:
            mode = await self._portal.call("crm.settings.mode.get")
            self._target = DEAL if mode == SIMPLE_MODE else LEAD
        return self._target

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """As telephony where we are an application, else as an activity."""
        user = await self._user_for(where)
        if not self._portal.is_app or not call.number:
            return await self._log_activity(call, where, user)
        if call.card:
            return await self._end_card(call.card, call, where, user)
        call_id = await self._register(call, where, user)
        await self._finish(call_id, call, user)
        return Remote(id=call_id)

    async def show_card(self, call: Call, where: Where, users: Sequence[str], others: Sequence[str]) -> str:
        """One call for all who hear it ring: registering it for each makes the responsible user flap."""
        numbers = [number(one, "user") for one in users]
        card = call.card or await self._register(call, where, numbers[0], show=True)
        showing = numbers if call.card else numbers[1:]
        if showing:
            await self._portal.call("telephony.externalCall.show", {"CALL_ID": card, "USER_ID": showing})
        if call.card and others:
            hidden = [number(one, "user") for one in others]
            await self._portal.call("telephony.externalCall.hide", {"CALL_ID": card, "USER_ID": hidden})
        return card

    async def _register(self, call: Call, where: Where, user: int, *, show: bool = False) -> str:
        """The CALL_ID. Within half an hour EXTERNAL_CALL_ID leads to the same one again."""
        body: dict[str, Any] = {
            "USER_ID": user,
            "PHONE_NUMBER": call.number,
            "TYPE": CALL_IN if call.inbound else CALL_OUT,
            "CALL_START_DATE": call.started_at.isoformat(timespec="seconds"),
            "CRM_CREATE": 0,
            "SHOW": int(show),
            "ADD_TO_CHAT": 0,
            "EXTERNAL_CALL_ID": call.id,
        }
        if line := self._line or call.line:
            body["LINE_NUMBER"] = line
        anchor = await self._anchor(where)
        if anchor is not None and anchor[0] != DEAL:  # a deal's calls are found through its contact
            body |= {"CRM_ENTITY_TYPE": WORDS[anchor[0]], "CRM_ENTITY_ID": anchor[1]}
        elif where.contact:
            body |= {"CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": number(where.contact, "contact")}
        return str((await self._portal.call("telephony.externalCall.register", body))["CALL_ID"])

    async def _end_card(self, card: str, call: Call, where: Where, user: int) -> Remote:
        """End a call whose card was shown. It began before there was a lead, so it is bound to the lead now."""
        try:
            ended = await self._finish(card, call, user)
        except Rejected:  # Bitrix24 forgot it
            card = await self._register(call, where, user)
            ended = await self._finish(card, call, user)
        if where.lead and (activity := ended.get("CRM_ACTIVITY_ID")):
            bound = {"activityId": int(activity), "entityTypeId": await self._lead_type()}
            with contextlib.suppress(Rejected):  # it is seen with the contact all the same
                await self._portal.call("crm.activity.binding.add", {**bound, "entityId": number(where.lead, "lead")})
        return Remote(id=card)

    async def _finish(self, call_id: str, call: Call, user: int) -> Mapping[str, Any]:
        finish = {
            "CALL_ID": call_id,
            "USER_ID": user,
            "DURATION": call.talk_seconds,
            "STATUS_CODE": bodies.call_code(call),
            "ADD_TO_CHAT": 0,
        }
        if not call.answered and call.missed_reason:
            finish["FAILED_REASON"] = call.missed_reason
        found = await self._portal.call("telephony.externalCall.finish", finish)
        return found if isinstance(found, Mapping) else {}

    async def _log_activity(self, call: Call, where: Where, user: int) -> Remote:
        anchor = await self._anchor(where)
        if anchor is None:
            raise Rejected("there is neither a lead nor a contact in Bitrix24 that this call could be shown with")
        type_id, record = anchor
        communication: dict[str, Any] = {"TYPE": "PHONE", "VALUE": call.number or "", "ENTITY_TYPE_ID": type_id}
        communication["ENTITY_ID"] = record
        if where.contact:
            communication |= {"ENTITY_TYPE_ID": CONTACT, "ENTITY_ID": number(where.contact, "contact")}
        seconds = call.wait_seconds + call.talk_seconds
        fields = {
            "OWNER_TYPE_ID": type_id,
            "OWNER_ID": record,
            "TYPE_ID": ACTIVITY_CALL,
            "SUBJECT": texts.cut(texts.call_subject(call), bodies.MOST_SUBJECT),
            "DESCRIPTION": texts.call_facts(call),
            "DESCRIPTION_TYPE": PLAIN_TEXT,
            "DIRECTION": INCOMING if call.inbound else OUTGOING,
            "COMMUNICATIONS": [communication],
            "START_TIME": call.started_at.isoformat(timespec="seconds"),
            "END_TIME": (call.ended_at or call.started_at + timedelta(seconds=seconds)).isoformat(timespec="seconds"),
            "COMPLETED": "Y" if call.answered or not call.inbound else "N",
            "RESPONSIBLE_ID": user,
            "ORIGINATOR_ID": ORIGINATOR,
            "ORIGIN_ID": call.id,
            **call.extra,
        }
        return Remote(id=str(await self._portal.call("crm.activity.add", {"fields": fields})))

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """The file itself, in base64."""
        content = base64.b64encode(file.content).decode()
        if self._portal.is_app and call.number:
            body = {"CALL_ID": remote_call, "FILENAME": file.name, "FILE_CONTENT": content}
            await self._portal.call("telephony.externalCall.attachRecord", body)
            return
        fields = {"FILES": [{"fileData": [file.name, content]}]}
        await self._portal.call("crm.activity.update", {"id": number(remote_call, "activity"), "fields": fields})

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A comment of the timeline: an e-mail activity could be sent to the customer."""
        anchor = await self._anchor(where)
        if anchor is None:
            raise Rejected("there is neither a lead nor a contact in Bitrix24 that this could be shown with")
        fields = {
            "ENTITY_TYPE": WORDS[anchor[0]].lower(),
            "ENTITY_ID": anchor[1],
            "COMMENT": bodies.comment(letter),
        }
        return Remote(id=str(await self._portal.call("crm.timeline.comment.add", {"fields": fields})))

    async def log_form(self, form: Message, where: Where) -> Remote:
        """The same as a letter."""
        return await self.log_email(form, where)

    async def _anchor(self, where: Where) -> tuple[int, int] | None:
        if where.lead:
            return await self._lead_type(), number(where.lead, "lead")
        return (CONTACT, number(where.contact, "contact")) if where.contact else None

    async def _user_for(self, where: Where) -> int:
        """A call must have a user: the one who spoke, the default one, or the one who made the webhook."""
        if where.owner:
            return number(where.owner, "user")
        if self._user is None:
            self._user = int((await self._portal.call("profile"))["ID"])
        return self._user

    # -- people ------------------------------------------------------------------------------------------------------

    async def list_users(self) -> Sequence[User]:
        """user.get, page by page."""
        found: list[User] = []
        async for page in self._portal.pages("user.get", {"sort": "ID", "order": "ASC"}):
            found += [_user(one) for one in page if one.get("USER_TYPE", "employee") == "employee"]
        return found

    async def find_owner(self, person: Person) -> User | None:
        """The one responsible for the contact."""
        contact = await self.find_contact(person)
        if contact is None:
            return None
        body = {"entityTypeId": CONTACT, "id": number(contact.id, "contact")}
        item = (await self._portal.call("crm.item.get", body))["item"]
        return User(id=str(item["assignedById"])) if item.get("assignedById") else None

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Contacts by the time of their last change. ``place``: a time and an offset, ``2026-11-22T12:00:00Z|50``."""
        since, _, start = (place or now.isoformat(timespec="seconds")).partition("|")
        offset = int(start or 0)
        body = {
            "entityTypeId": CONTACT,
            "select": ["id", "assignedById", "updatedTime"],
            "filter": {">=updatedTime": since},
            "order": {"updatedTime": "ASC", "id": "ASC"},
            "start": offset,
        }
        items = (await self._portal.call("crm.item.list", body))["items"]
        found = [Owned(remote_id=str(one["id"]), user=_id_or_none(one.get("assignedById"))) for one in items]
        more = len(items) >= PAGE
        last = str(items[-1]["updatedTime"]) if items else since
        next_place = f"{since}|{offset + PAGE}" if more else last
        return OwnedPage(found=found, next_place=next_place, more=more)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Rights, the mode, telephony, mapped fields."""
        scopes = {str(one) for one in await self._portal.call("scope")}
        found = [self._right(scopes, "crm"), self._user_right(scopes)]
        mode = await self._portal.call("crm.settings.mode.get")
        said = (
            "leads are made as deals, since this CRM works without leads" if mode == SIMPLE_MODE else "leads are made"
        )
        found.append(Examined(subject="mode", said=f"{said}."))
        if self._portal.is_app:
            found.append(self._right(scopes, "telephony"))
        else:
            said = "calls become activities; the telephony card and statistics need a local application (docs)."
            found.append(Examined(subject="telephony", said=said))
        for kind, type_id in (("contact", CONTACT), ("lead", await self._lead_type())):
            found += await self._examine_fields(kind, type_id)
        return found

    async def _examine_fields(self, kind: str, type_id: int) -> list[Examined]:
        """Bitrix24 silently ignores a field that it does not know, so they are compared here."""
        wanted = self._shared.fields.names(kind)
        if not wanted:
            return []
        known = (await self._portal.call("crm.item.fields", {"entityTypeId": type_id}))["fields"]
        names = {*known, *(str(one.get("upperName")) for one in known.values())}
        remedy = f"Look at the names with crm.item.fields, entityTypeId {type_id}: ufCrm_... as they stand there."
        return [
            Examined(subject=f"field {name}", said=f"is a field of a {kind}.")
            if name in names
            else Examined(subject=f"field {name}", said=f"is no field of a {kind}.", ok=False, remedy=remedy)
            for name in wanted
        ]

    def _right(self, scopes: set[str], scope: str) -> Examined:
        if scope in scopes:
            return Examined(subject=f"right {scope}", said="is given.")
        remedy = f"Tick {scope} in the rights of the webhook or application."
        return Examined(subject=f"right {scope}", said="is missing.", ok=False, remedy=remedy)

    def _user_right(self, scopes: set[str]) -> Examined:
        if scopes & {"user", "user_basic", "user_brief"}:
            return self._right(scopes | {"user"}, "user")
        return self._right(scopes, "user")

    async def close(self) -> None:
        """Close the connections."""
        await self._portal.close()


def _user(one: Mapping[str, Any]) -> User:
    inner = str(one.get("UF_PHONE_INNER") or "").strip()
    return User(
        id=str(one["ID"]),
        name=" ".join(str(one.get(key) or "") for key in ("NAME", "LAST_NAME")).strip(),
        email=one.get("EMAIL") or None,
        extensions=(inner,) if inner else (),  # an empty one must not stand for everybody without a number
        active=one.get("ACTIVE") in (True, "true", "Y", 1),
    )


def _id_or_none(value: Any) -> str | None:
    return str(value) if value else None
