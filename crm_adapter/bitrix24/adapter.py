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
from crm_adapter.bitrix24 import bodies, setup
from crm_adapter.bitrix24.bodies import CONTACT, DEAL, LEAD, ORIGINATOR, WORDS
from crm_adapter.bitrix24.errors import is_about_user
from crm_adapter.bitrix24.fields import FieldNames
from crm_adapter.bitrix24.portal import PAGE, Portal, number
from crm_adapter.bitrix24.setup import SIMPLE_MODE
from crm_adapter.people import User
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.recordcrm import Examined, Owned, OwnedPage, Remote, Where
from crm_adapter.records import Call, Kind, Lead, Message, Person
from crm_adapter.said import Said

ACTIVITY_CALL, PLAIN_TEXT, INCOMING, OUTGOING = 2, 1, 1, 2
MOST_VALUES = 20
"""Of one search for doubles."""
CALL_OUT, CALL_IN = 1, 2
"""TYPE of telephony.externalCall.register."""
NOWHERE = Said("there is neither a lead nor a contact in Bitrix24 that this could be shown with")


class Bitrix24:
    """Implements RecordCrm and every optional protocol but AssignsOwners (owners are fields)."""

    def __init__(self, portal: Portal, *, target: str, line: str | None, shared: RecordOptions) -> None:
        self._portal = portal
        self._names = FieldNames(portal)
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
            case Kind.CALL:
                return await self._find_call(marker)
            case _:
                return await self._find_comment(marker, where)

    async def _find_call(self, marker: str) -> Remote | None:
        if self._portal.is_app:
            found = await self._portal.call("voximplant.statistic.get", {"FILTER": {"EXTERNAL_CALL_ID": marker}})
            if found:
                return Remote(id=str(found[0]["CALL_ID"]))
        wanted = {"ORIGINATOR_ID": ORIGINATOR, "ORIGIN_ID": marker}
        found = await self._portal.call("crm.activity.list", {"filter": wanted, "select": ["ID"]})
        return Remote(id=str(found[0]["ID"])) if found else None

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
        item = await self._get(CONTACT, known)
        missing = bodies.missing_handles(person, item.get("fm") or [])
        await self._change(CONTACT, known, {**({"fm": missing} if missing else {}), **person.extra})
        return Remote(id=known)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """A lead, or a deal in the mode without leads. What people wrote into the comments stays; ours is added."""
        type_id = await self._lead_type()
        fields = bodies.lead_fields(lead, where)
        if known is None:
            if where.contact:  # a lead of a contact that is not there would show nobody to call
                await self._get(CONTACT, where.contact)
            return await self._add(type_id, fields)
        item = await self._get(type_id, known)
        comments = str(item.get("comments") or "")
        change = {name: fields[name] for name in (*lead.extra, "assignedById") if name in fields}
        if fields["comments"] and fields["comments"] not in comments:
            joined = f"{comments}\n\n{fields['comments']}" if comments else fields["comments"]
            change["comments"] = texts.cut(joined, 3 * bodies.MOST_TEXT)
        await self._change(type_id, known, change)
        return Remote(id=known)

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of crm.item.add."""
        return {"entityTypeId": self._target or LEAD, "fields": bodies.lead_fields(lead, where)}

    async def _get(self, type_id: int, remote_id: str) -> Mapping[str, Any]:
        """The record. Raises Gone."""
        found = await self._portal.call("crm.item.get", {"entityTypeId": type_id, "id": number(remote_id)})
        item: Mapping[str, Any] = found["item"]
        return item

    async def _add(self, type_id: int, fields: Mapping[str, Any]) -> Remote:
        fields = await self._names.taken(type_id, fields)
        made = await self._portal.call("crm.item.add", {"entityTypeId": type_id, "fields": fields})
        return Remote(id=str(made["item"]["id"]))

    async def _change(self, type_id: int, remote_id: str, fields: Mapping[str, Any]) -> None:
        if fields:
            fields = await self._names.taken(type_id, fields)
            body = {"entityTypeId": type_id, "id": number(remote_id), "fields": fields}
            await self._portal.call("crm.item.update", body)

    async def _lead_type(self) -> int:
        if self._target is None:
            mode = await self._portal.call("crm.settings.mode.get")
            self._target = DEAL if mode == SIMPLE_MODE else LEAD
        return self._target

    # -- history -----------------------------------------------------------------------------------------------------

    async def log_call(self, call: Call, where: Where) -> Remote:
        """As telephony where we are an application, else as an activity. One of somebody who works there no more is
        written down for the user whom the application acts for."""
        user = await self._user_for(where)
        if not self._is_telephony(call):
            return await self._log_activity(call, where, user)
        try:
            return await self._log_telephony(call, where, user)
        except Rejected as error:
            if not is_about_user(error):
                raise
        return await self._log_telephony(call, where, await self._own_user())

    async def _log_telephony(self, call: Call, where: Where, user: int) -> Remote:
        if call.card:
            return await self._end_card(call.card, call, where, user)
        call_id = await self._register(call, where, user)
        await self._finish(call_id, call, user)
        return Remote(id=call_id)

    def _is_telephony(self, call: Call) -> bool:
        """Webhooks may not, and what is no number of the world is refused ("Unsupported phone number format")."""
        return self._portal.is_app and (call.number or "").startswith("+")

    async def show_card(self, call: Call, where: Where, users: Sequence[str], others: Sequence[str]) -> str:
        """One call for all who hear it ring: registering it for each makes the responsible user flap."""
        numbers = [number(one) for one in users]
        card = call.card or await self._register(call, where, numbers[0], show=True)
        showing = numbers if call.card else numbers[1:]
        if showing:
            await self._portal.call("telephony.externalCall.show", {"CALL_ID": card, "USER_ID": showing})
        if call.card and others:
            hidden = [number(one) for one in others]
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
        if anchor is not None and anchor[0] == DEAL:  # a deal's calls are found through its contact
            anchor = (CONTACT, number(where.contact)) if where.contact else None
        if anchor is not None:
            await self._get(anchor[0], str(anchor[1]))  # Bitrix24 may take a record that is not there any more
            body |= {"CRM_ENTITY_TYPE": WORDS[anchor[0]], "CRM_ENTITY_ID": anchor[1]}
        return str((await self._portal.call("telephony.externalCall.register", body))["CALL_ID"])

    async def _end_card(self, card: str, call: Call, where: Where, user: int) -> Remote:
        """End a call whose card was shown. It began before there was a lead, so it is bound to the lead now."""
        try:
            ended = await self._finish(card, call, user)
        except Rejected as error:
            if is_about_user(error):
                raise
            # Bitrix24 forgot it
            card = await self._register(call, where, user)
            ended = await self._finish(card, call, user)
        if where.lead and (activity := ended.get("CRM_ACTIVITY_ID")):
            bound = {"activityId": int(activity), "entityTypeId": await self._lead_type()}
            with contextlib.suppress(Rejected):  # it is seen with the contact all the same
                await self._portal.call("crm.activity.binding.add", {**bound, "entityId": number(where.lead)})
        return Remote(id=card)

    async def _finish(self, call_id: str, call: Call, user: int) -> Mapping[str, Any]:
        finish = {
            "CALL_ID": call_id,
            "USER_ID": user,
            "DURATION": call.talk_seconds,
            "STATUS_CODE": bodies.call_code(call),
            "ADD_TO_CHAT": 0,
        }
        if why := texts.why_missed(call):
            finish["FAILED_REASON"] = why
        found = await self._portal.call("telephony.externalCall.finish", finish)
        return found if isinstance(found, Mapping) else {}

    async def _log_activity(self, call: Call, where: Where, user: int) -> Remote:
        anchor = await self._anchor(where)
        if anchor is None:
            raise Rejected(NOWHERE)
        type_id, record = anchor
        await self._get(type_id, str(record))  # Bitrix24 may take one that is not there any more, and show it nowhere
        communication: dict[str, Any] = {"TYPE": "PHONE", "VALUE": call.number or "", "ENTITY_TYPE_ID": type_id}
        communication["ENTITY_ID"] = record
        if where.contact:
            communication |= {"ENTITY_TYPE_ID": CONTACT, "ENTITY_ID": number(where.contact)}
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
        try:
            return Remote(id=str(await self._portal.call("crm.activity.add", {"fields": fields})))
        except Rejected:
            if where.contact:  # is it the contact that is gone?
                await self._get(CONTACT, where.contact)
            raise

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """The file itself, in base64. Telephony takes wav and mp3 only; any other is a file of the call's activity."""
        if not file.content:  # refused, and there is nothing to be heard
            return
        content = base64.b64encode(file.content).decode()
        name = bodies.recording_name(file.name)
        if not self._is_telephony(call):
            await self._attach_file(remote_call, name, content)
        elif name.endswith(bodies.PLAYED):
            body = {"CALL_ID": remote_call, "FILENAME": name, "FILE_CONTENT": content}
            await self._portal.call("telephony.externalCall.attachRecord", body)
        else:
            found = await self._portal.call("voximplant.statistic.get", {"FILTER": {"CALL_ID": remote_call}})
            if found and found[0].get("CRM_ACTIVITY_ID"):
                await self._attach_file(str(found[0]["CRM_ACTIVITY_ID"]), name, content)

    async def _attach_file(self, activity: str, name: str, content: str) -> None:
        fields = {"FILES": [{"fileData": [name, content]}]}
        await self._portal.call("crm.activity.update", {"id": number(activity), "fields": fields})

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """A comment of the timeline: an e-mail activity could be sent to the customer."""
        anchor = await self._anchor(where)
        if anchor is None:
            raise Rejected(NOWHERE)
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
            return await self._lead_type(), number(where.lead)
        return (CONTACT, number(where.contact)) if where.contact else None

    async def _user_for(self, where: Where) -> int:
        """A call must have a user: the one who spoke, the default one, or the one who made the webhook."""
        return number(where.owner) if where.owner else await self._own_user()

    async def _own_user(self) -> int:
        """The one who made the webhook or installed the application."""
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
        item = await self._get(CONTACT, contact.id)
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
        first, last = (str(items[0]["updatedTime"]), str(items[-1]["updatedTime"])) if items else (since, since)
        if more and first == last:  # one moment fills the page: only then there is no other way on than to count
            last = f"{last}|{offset + PAGE if last == since else PAGE}"
        return OwnedPage(found=found, next_place=last, more=more)

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def examine(self) -> Sequence[Examined]:
        """Rights, the mode, telephony, fields."""
        return await setup.examine(self._portal, self._names, self._shared.fields, self._target)

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
