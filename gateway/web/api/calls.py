"""Click to call: ``POST /api/v1/calls`` asks a PBX for a call, ``GET /api/v1/outcalls/{id}`` says what became of it."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, or_, select

from gateway.core.outcalls import CallMaker, CallRefused, CallRequest, Originated
from gateway.storage.store import Store
from gateway.storage.tables import Manager, Outcall
from gateway.views.shapes import OutcallView
from gateway.web.api.writes import WriteCall, WriteOperation
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters, visible

CALLS_PATH = "/api/v1/calls"

_STATUS = {
    "bad_number": 422,
    "unknown_pbx": 422,
    "unknown_contact": 422,
    "unknown_manager": 422,
    "emergency_number": 403,
    "number_not_allowed": 403,
    "premium_number": 403,
    "not_your_extension": 403,
    "role": 403,
    "already_calling": 409,
    "no_extension": 409,
    "not_configured": 409,
    "too_many_calls": 429,
    "no_right": 502,
    "pbx_refused": 502,
    "pbx_unreachable": 503,
}
"""What a refusal is in HTTP; others are 422."""
_RETRY = {"too_many_calls": "60", "already_calling": "10", "pbx_unreachable": "10"}


class NewCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be called. The manager's own phone rings first."""

    number: str
    """A phone number in any spelling."""
    pbx: str | None = None
    """Name of the PBX; without it the first that is set up for calls."""
    extension: str | None = None
    """Which of the manager's own phones; without it the first."""
    contact: str | None = None
    """Id of the contact that the call is for."""
    manager: str | None = None
    """Id or login of the manager: a program must say for whom it asks, a person asks for itself."""


def call_writes(maker: CallMaker, store: Store) -> tuple[WriteOperation, ...]:
    """``maker``: what makes the calls. ``store``: where a program's word for a manager is looked up."""

    async def call(asked: WriteCall) -> OutcallView:
        body: NewCall = asked.body
        request = CallRequest(
            manager_id=await _manager_of(asked, store),
            extension=body.extension,
            number=body.number,
            pbx=body.pbx,
            contact_id=body.contact,
            actor=asked.who.actor,
        )
        try:
            return view_of(await maker.originate(request), contact=body.contact)
        except CallRefused as error:
            raise refused(error) from None

    return (
        WriteOperation(
            method="POST",
            path=CALLS_PATH,
            name="makeCall",
            summary="Call a number (click to call): the manager's own phone rings, then the number is called. What "
            "becomes of it: `GET /api/v1/outcalls/{id}`, or the event `outcall.updated`.",
            body=NewCall,
            answer=OutcallView,
            status=202,
            act=call,
        ),
    )


def refused(error: CallRefused) -> Refused:
    """A call that was not made, as an answer; pages use it too."""
    headers = {"Retry-After": _RETRY[error.code]} if error.code in _RETRY else {}
    return Refused(_STATUS.get(error.code, 422), error.code, error.sentence, headers)


def view_of(call: Originated, *, contact: str | None = None) -> OutcallView:
    """A call that was just asked for."""
    return OutcallView(
        id=call.id,
        manager=call.manager_id,
        pbx=call.pbx,
        extension=call.extension,
        number=call.number,
        contact=contact,
        callback=None,
        state=call.state.value,
        code=call.code,
        reason=str(call.reason) if call.reason else None,
        call=None,
    )


def outcall(connection: Connection, outcall_id: str, scope: Filters) -> OutcallView | None:
    """One call that was asked for, as it is now; None too where ``scope.seen_by`` did not ask for it."""
    query = select(Outcall).where(Outcall.id == outcall_id, *visible(Outcall.manager_id, scope.seen_by))
    row = connection.execute(query).one_or_none()
    return _stored_view(row) if row is not None else None


def _stored_view(row: Any) -> OutcallView:
    return OutcallView(
        id=row.id,
        manager=row.manager_id,
        pbx=row.pbx,
        extension=row.extension,
        number=row.number,
        contact=row.contact_id,
        callback=row.callback_id,
        state=row.state,
        code=row.code,
        reason=row.reason,
        call=row.interaction_id,
    )


async def _manager_of(asked: WriteCall, store: Store) -> str:
    """For whom the call is. Raises Refused."""
    own, named = asked.who.manager_id, asked.body.manager
    if own is None and not named:
        raise Refused(422, "manager_missing", "Say for whom the call is: manager = the id or login of a user.")
    if named is None:
        return str(own)
    query = select(Manager.id).where(or_(Manager.id == named, Manager.login == named))
    found = await store.read(lambda c: c.execute(query).scalar_one_or_none()) if "\x00" not in named else None
    if found is None:
        raise Refused(422, "unknown_manager", "There is no user with this id or login.")
    if own is not None and found != own:
        raise Refused(403, "not_you", "A call can only be asked for your own phone.")
    return str(found)
