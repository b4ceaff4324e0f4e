"""The book of calls that managers asked for: who may have how many, what became of each, and which call it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from gateway.audit.log import GATEWAY, Deed, manager_actor, record
from gateway.core.outcalls import AskedCall, CallRequest, CallState, Originated, Refusal
from gateway.core.placement import Event, Placement
from gateway.core.sentences import Sentence
from gateway.core.types import Channel
from gateway.live import changes
from gateway.live.changes import ChangeKind
from gateway.storage.store import Store
from gateway.storage.tables import Contact, Manager, Outcall, table_of

OUTCALL = table_of(Outcall)
HOUR = timedelta(hours=1)
WAITS_AT_MOST = timedelta(minutes=3)
"""Longer than any phone rings: a row that is still open then was left so by a fault, and must not block its manager."""
NO_CALLS = ("auditor",)
"""Roles that look and do nothing."""


class StoredOutcalls:
    """Implements ``core.outcalls.CallLedger``."""

    def __init__(self, store: Store, *, keep: timedelta | None, on_change: Callable[[], None] = lambda: None) -> None:
        """``keep``: how long personal data is kept; None: until somebody erases it. ``on_change``: wakes the pages."""
        self._store = store
        self._keep = keep
        self._on_change = on_change

    async def admit(self, asked: AskedCall) -> Originated:
        """Row and audit in one transaction: a call that is not written down is not made. Raises StoreUnavailable."""
        return await self._store.write(lambda connection: self._admit(connection, asked))

    async def settle(self, call_id: str, state: CallState, refusal: Refusal | None, at: datetime) -> None:
        """What became of the first leg. Raises StoreUnavailable."""
        await self._store.write(lambda connection: _settle(connection, call_id, state, refusal, at))
        self._on_change()

    async def abandon(self, at: datetime) -> None:
        """Those that an earlier run left open. Raises StoreUnavailable."""
        reason = "Leadgate was restarted before the PBX told what became of this call."
        await self._store.write(
            lambda connection: connection.execute(
                update(OUTCALL)
                .where(OUTCALL.c.state == CallState.CALLING_MANAGER.value)
                .values(state=CallState.UNKNOWN.value, code="restarted", reason=reason, updated_at=at)
            )
        )

    def _admit(self, connection: Connection, asked: AskedCall) -> Originated:
        manager = _manager(connection, asked.request.manager_id)
        extension, own = _extension(manager, asked.request)
        contact_id, stranger = _contact(connection, asked.request.contact_id)
        refusal = asked.refusal or own or stranger or _limits(connection, asked)
        call = asked.decided(extension, refusal)
        values: dict[str, Any] = {
            "id": call.id,
            "manager_id": asked.request.manager_id if manager is not None else None,
            "pbx": call.pbx,
            "extension": call.extension,
            "number": call.number.replace("\x00", "")[:100],
            "contact_id": contact_id,
            "callback_id": asked.request.callback_id,
            "state": call.state.value,
            "code": call.code,
            "reason": str(call.reason) if call.reason else None,
            "asked_at": asked.at,
            "updated_at": asked.at,
            "keep_until": asked.at + self._keep if self._keep else None,
        }
        connection.execute(insert(OUTCALL), values)
        record(connection, _deed(asked.request, values), asked.at)
        changes.record(connection, ChangeKind.OUTCALL_UPDATED, call.id, asked.at)
        return call


class OutcallFollower:
    """Follows the processing: ties the call that the PBX tells of to the wish that it came from."""

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """By the id that went to the PBX as a channel variable and came back in the facts of the call."""
        wish = placement.draft.details.get("facts", {}).get("request") if placement.channel is Channel.CALL else None
        if isinstance(wish, str):
            tied = connection.execute(
                update(OUTCALL)
                .where(OUTCALL.c.id == wish, OUTCALL.c.interaction_id.is_(None))
                .values(interaction_id=placement.interaction_id, updated_at=placement.at)
            )
            if tied.rowcount:
                changes.record(connection, ChangeKind.OUTCALL_UPDATED, wish, placement.at)
        return ()


def _manager(connection: Connection, manager_id: str) -> Mapping[str, Any] | None:
    """A user who may work now."""
    query = select(Manager.role, Manager.extensions).where(Manager.id == manager_id, Manager.disabled_at.is_(None))
    row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row is not None else None


def _extension(manager: Mapping[str, Any] | None, request: CallRequest) -> tuple[str | None, Refusal | None]:
    """The phone that will ring, one of the manager's own, or why none does."""
    if manager is None:
        return request.extension, Refusal(
            code="unknown_manager", reason=Sentence("There is no such user, or it is disabled.")
        )
    if manager["role"] in NO_CALLS:
        return request.extension, Refusal(
            code="role", reason=Sentence("The role auditor only looks: it can't make calls.")
        )
    own: list[str] = manager["extensions"]
    if not own:
        reason = Sentence(
            "You have no extension: the administrator adds it to your [[manager]] table or with leadgate user."
        )
        return request.extension, Refusal(code="no_extension", reason=reason)
    if request.extension is not None and request.extension not in own:
        reason = Sentence("This extension is not yours; yours: %(known)s.", {"known": ", ".join(own)})
        return request.extension, Refusal(code="not_your_extension", reason=reason)
    return request.extension or own[0], None


def _contact(connection: Connection, contact_id: str | None) -> tuple[str | None, Refusal | None]:
    """The contact if there is one."""
    if contact_id is None:
        return None, None
    known = "\x00" not in contact_id and connection.execute(select(Contact.id).where(Contact.id == contact_id)).first()
    return (
        (contact_id, None)
        if known
        else (None, Refusal(code="unknown_contact", reason=Sentence("There is no such contact.")))
    )


def _limits(connection: Connection, asked: AskedCall) -> Refusal | None:
    """One call at a time, and so many an hour; counted in the table, so that a restart forgets nothing."""
    mine = OUTCALL.c.manager_id == asked.request.manager_id
    ringing = select(OUTCALL.c.id).where(
        mine, OUTCALL.c.state == CallState.CALLING_MANAGER.value, OUTCALL.c.asked_at > asked.at - WAITS_AT_MOST
    )
    if connection.execute(ringing.limit(1)).first() is not None:
        return Refusal(code="already_calling", reason=Sentence("Your phone is being called already: pick it up."))
    made = select(func.count()).where(
        mine, OUTCALL.c.state != CallState.REFUSED.value, OUTCALL.c.asked_at > asked.at - HOUR
    )
    if connection.execute(made).scalar_one() >= asked.per_hour:
        reason = Sentence(
            "You asked for %(num)s calls within an hour, which is the limit ([pbx.originate] per_hour).",
            {"num": asked.per_hour},
        )
        return Refusal(code="too_many_calls", reason=reason)
    return None


def _settle(connection: Connection, call_id: str, state: CallState, refusal: Refusal | None, at: datetime) -> None:
    code, reason = (refusal.code, str(refusal.reason)) if refusal else (None, None)
    connection.execute(
        update(OUTCALL)
        .where(OUTCALL.c.id == call_id)
        .values(state=state.value, code=code, reason=reason, updated_at=at)
    )
    changes.record(connection, ChangeKind.OUTCALL_UPDATED, call_id, at)
    if state is CallState.FAILED:
        detail = {"code": code}
        deed = Deed(actor=GATEWAY, action="call.failed", object_kind="outcall", object_id=call_id, detail=detail)
        record(connection, deed, at)


def _deed(request: CallRequest, values: Mapping[str, Any]) -> Deed:
    refused = values["state"] == CallState.REFUSED.value
    kept = ("pbx", "extension", "number", "contact_id", "callback_id", "code")
    return Deed(
        actor=request.actor or manager_actor(request.manager_id),
        action="call.refused" if refused else "call.originated",
        object_kind="outcall",
        object_id=values["id"],
        detail={"manager": request.manager_id} | {name: values[name] for name in kept if values[name] is not None},
    )
