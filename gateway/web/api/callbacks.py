"""``POST /api/v1/callbacks/{id}/...``: what people and programs do with callbacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from sqlalchemy import Connection

from gateway.callbacks.desk import Desk
from gateway.callbacks.life import Outcome, Reason
from gateway.callbacks.people import manager_by
from gateway.core.by import By
from gateway.core.errors import NotFound, NotPossible
from gateway.core.outcalls import CallMaker, CallRefused, CallRequest
from gateway.storage.store import Store
from gateway.views.callbacks import CallbackDetails, callback_details
from gateway.views.shapes import OutcallView
from gateway.web.api.calls import refused, view_of
from gateway.web.api.writes import WriteCall, WriteOperation
from gateway.web.queries.callbacks import may_see

PATH = "/api/v1/callbacks/{id}"
MANY_PATH = "/api/v1/callbacks/many"
MOST = 500
"""Callbacks that one request may change: as many as the board shows."""


class ClaimCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take it on."""

    manager: str | None = None
    """Id or login: a program must say for whom, a person claims for itself."""


class AssignCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give it to somebody."""

    manager: str | None
    """Id or login; null: nobody."""


class SnoozeCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Put it off. Without both: the first of the configured presets."""

    until: datetime | None = None
    """ISO 8601 with zone."""
    preset: str | None = None
    """In working time: ``15m``, ``1h``; ``09:00``: that time of the next working day."""


class AttemptCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """We tried in vain."""

    outcome: Outcome = Outcome.NO_ANSWER
    note: str | None = None


class NoteCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write something down."""

    text: str


class CloseCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End it."""

    reason: Reason = Reason.OTHER
    """``reached`` (by a way that the gateway does not see), ``not_needed``, ``wrong_number``, ``spam``, ``duplicate``,
    ``other``."""
    note: str | None = None


class CallCallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Call the person: the manager's own phone rings first."""

    manager: str | None = None
    """Id or login, for programs; without it who claimed or owns it."""
    extension: str | None = None
    """Which of the manager's phones; without it the first."""
    number: str | None = None
    """Another number of the person; without it the one that the callback shows."""
    pbx: str | None = None


class NoBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class ManyCallbacks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for several."""

    ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST)]
    deed: Literal["claim", "release", "assign", "snooze", "close"]
    manager: str | None = None
    """Of claim and assign."""
    preset: str | None = None
    """Of snooze."""
    reason: Reason = Reason.OTHER
    """Of close."""
    note: str | None = None
    """Of close."""


class RefusedCallback(msgspec.Struct, frozen=True, kw_only=True):
    """One that stays as it was."""

    id: str
    code: str
    detail: str


class ManyDone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of several."""

    done: list[str]
    refused: list[RefusedCallback]


Deed = Callable[[Connection, str, WriteCall, By], object]


def callback_writes(desk: Desk, presets: tuple[str, ...], maker: CallMaker, store: Store) -> tuple[WriteOperation, ...]:
    """``presets``: for snoozing, the usual one first. ``maker``: what makes calls."""

    def snooze(connection: Connection, callback_id: str, call: WriteCall, who: By) -> None:
        desk.snooze(connection, callback_id, who, _until(call.body, presets))

    deeds: tuple[tuple[str, str, type[msgspec.Struct], Deed], ...] = (
        ("claim", "Take it on. 409 where somebody else did already.", ClaimCallback,
         lambda c, i, call, who: desk.claim(c, i, who, call.body.manager)),
        ("release", "Give a claim back.", NoBody, lambda c, i, _, who: desk.release(c, i, who)),
        ("assign", "Give it to a manager, or to nobody.", AssignCallback,
         lambda c, i, call, who: desk.assign(c, i, who, call.body.manager)),
        ("snooze", "Put it off, in working time.", SnoozeCallback, snooze),
        ("attempt", "We tried in vain, by a way that the gateway does not see.", AttemptCallback,
         lambda c, i, call, who: desk.attempt(c, i, who, call.body.outcome, call.body.note)),
        ("note", "Write something down.", NoteCallback,
         lambda c, i, call, who: desk.note(c, i, who, call.body.text)),
        ("close", "End it.", CloseCallback,
         lambda c, i, call, who: desk.close(c, i, who, call.body.reason, call.body.note)),
        ("reopen", "It is not over after all.", NoBody, lambda c, i, _, who: desk.reopen(c, i, who)),
        ("undo", "Take back the last thing that a person did, or a closing by itself.", NoBody,
         lambda c, i, _, who: desk.undo(c, i, who)),
    )  # fmt: skip
    made = [_write(desk, name, summary, body, deed) for name, summary, body, deed in deeds]
    return (*made, _many_write(desk, presets), _call_write(desk, maker, store))


def _write(desk: Desk, name: str, summary: str, body: type[msgspec.Struct], deed: Deed) -> WriteOperation:
    def unit(connection: Connection, call: WriteCall) -> CallbackDetails:
        callback_id = call.ids["id"]
        _check_sight(connection, callback_id, call)
        if call.version is not None:
            desk.expect(connection, callback_id, call.version)
        deed(connection, callback_id, call, call.who)
        return _details(connection, callback_id, call.who.at)

    return WriteOperation(
        method="POST",
        path=f"{PATH}/{name}",
        name=f"{name}Callback",
        summary=summary,
        body=body,
        answer=CallbackDetails,
        unit=unit,
        conditional=True,
        body_optional=body not in (AssignCallback, NoteCallback),
    )


def _many_write(desk: Desk, presets: tuple[str, ...]) -> WriteOperation:
    def unit(connection: Connection, call: WriteCall) -> ManyDone:
        body: ManyCallbacks = call.body

        def one(callback_id: str) -> None:
            _check_sight(connection, callback_id, call)
            do_one(desk, connection, callback_id, body, call.who, presets)

        refused = desk.each(connection, body.ids, one)
        return ManyDone(
            done=[key for key in dict.fromkeys(body.ids) if key not in refused],
            refused=[RefusedCallback(id=key, code=error.code, detail=str(error)) for key, error in refused.items()],
        )

    return WriteOperation(
        method="POST",
        path=MANY_PATH,
        name="changeCallbacks",
        summary="The same for several callbacks. Those that refuse stay as they are and are told; the others are done.",
        body=ManyCallbacks,
        answer=ManyDone,
        unit=unit,
    )


def do_one(
    desk: Desk, connection: Connection, callback_id: str, body: ManyCallbacks, who: By, presets: tuple[str, ...]
) -> None:
    """One of many. Pages use it too."""
    if body.deed == "claim":
        desk.claim(connection, callback_id, who, body.manager)
    elif body.deed == "release":
        desk.release(connection, callback_id, who)
    elif body.deed == "assign":
        desk.assign(connection, callback_id, who, body.manager)
    elif body.deed == "snooze":
        desk.snooze(connection, callback_id, who, _until(SnoozeCallback(preset=body.preset), presets))
    else:
        desk.close(connection, callback_id, who, body.reason, body.note)


def _call_write(desk: Desk, maker: CallMaker, store: Store) -> WriteOperation:
    async def call(asked: WriteCall) -> OutcallView:
        return await call_back(desk, maker, store, asked)

    return WriteOperation(
        method="POST",
        path=f"{PATH}/call",
        name="callCallback",
        summary="Call the person (click to call): the manager's own phone rings first. Claims it where nobody has. "
        "What becomes of the call: `GET /api/v1/outcalls/{id}`; once the person answers the callback closes by itself.",
        body=CallCallback,
        answer=OutcallView,
        status=202,
        act=call,
        body_optional=True,
    )


async def call_back(desk: Desk, maker: CallMaker, store: Store, asked: WriteCall) -> OutcallView:
    """Ask the PBX for the call; what was asked for stands in the history. Pages use it too."""
    callback_id = asked.ids["id"]
    request = await store.read(lambda c: _call_request(c, callback_id, asked))
    try:
        made = await maker.originate(request)
    except CallRefused as error:
        raise refused(error) from None
    who = asked.who
    taken = made.extension or ""

    def note(connection: Connection) -> None:
        desk.called(connection, callback_id, who, request.number, taken, manager_id=request.manager_id)

    await store.write(note)
    return view_of(made, contact=request.contact_id)


def _call_request(connection: Connection, callback_id: str, asked: WriteCall) -> CallRequest:
    """Whom to call, for whom. Raises NotFound and NotPossible."""
    body: CallCallback = asked.body
    _check_sight(connection, callback_id, asked)
    view = _details(connection, callback_id, asked.who.at)
    holder = view.claimed_by or view.owner
    manager_id = asked.who.manager_id
    if body.manager is not None:
        manager_id = manager_by(connection, body.manager)
    elif manager_id is None and holder is not None:
        manager_id = holder.id
    if manager_id is None:
        raise NotPossible("Say for which manager the call is: nobody owns this callback.")
    number = body.number or view.number
    if number is None:
        raise NotPossible("There is no number to call: the caller withheld it, or left none.")
    return CallRequest(
        manager_id=manager_id,
        extension=body.extension,
        number=number,
        pbx=body.pbx,
        contact_id=view.contact.id if view.contact is not None else None,
        callback_id=callback_id,
        actor=asked.who.actor,
    )


def _until(body: SnoozeCallback, presets: tuple[str, ...]) -> datetime | str:
    if body.until is not None and body.preset is not None:
        raise NotPossible("Send until or preset, not both.")
    if body.until is None:
        chosen = body.preset or next(iter(presets), None)
        if chosen is None:
            raise NotPossible("Say until when: no preset is configured.")
        return chosen
    if body.until.tzinfo is None:
        raise NotPossible("until has no time zone. Write it like 2026-11-22T09:00:00+03:00.")
    return body.until.astimezone(UTC)


def _check_sight(connection: Connection, callback_id: str, call: WriteCall) -> None:
    if not may_see(connection, callback_id, call.who.seen_by):
        raise NotFound("There is no callback with this id.")


def _details(connection: Connection, callback_id: str, now: datetime) -> CallbackDetails:
    found = callback_details(connection, callback_id, now)
    if found is None:
        raise NotFound("There is no callback with this id.")
    return found
