"""What people and programs decide of deliveries to CRMs: try again, hold, release, drop, send a range again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Protocol

import msgspec
from sqlalchemy import Connection

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound
from gateway.delivery import outbox
from gateway.views.shapes import DeliveryView
from gateway.web.access import Right
from gateway.web.api.writes import WriteCall, WriteOperation
from gateway.web.queries import deliveries
from gateway.web.queries.filters import Filters

BY_HAND = "by hand"
MOST_REASON = 200
LARGEST_ID = 2**63 - 1


class Change(Protocol):
    """What is done with rows of the outbox; how many it was done with."""

    def __call__(self, connection: Connection, ids: Collection[int], reason: str, at: datetime) -> int: ...


DEEDS: Mapping[str, Change] = {
    "retry": lambda connection, ids, reason, at: outbox.retry(connection, ids, at),  # noqa: ARG005 - one shape for all
    "hold": lambda connection, ids, reason, at: outbox.hold(connection, ids, reason, at),
    "release": lambda connection, ids, reason, at: outbox.release(connection, ids, at),  # noqa: ARG005
    "drop": lambda connection, ids, reason, at: outbox.drop(connection, ids, reason, at),
}
SUMMARIES = {
    "retry": "Try it again now. For what waits, was given up or dropped.",
    "hold": "Keep it back, and with it what comes after it for the same person. For what waits.",
    "release": "Let what is held go on.",
    "drop": "Never send it. For what waits, is held or was given up.",
}


class DeliveryReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, for those who look later."""

    reason: Annotated[str, msgspec.Meta(max_length=MOST_REASON)] = BY_HAND


class DeadToo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries of a CRM are tried again now."""

    dead: bool = False
    """Also those that were given up."""


class DeliveryRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deliveries of one CRM by the time that they were made."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    until: Annotated[datetime, msgspec.Meta(tz=True)]
    """Not any more."""
    states: tuple[Literal["done", "dead", "dropped"], ...] = ("done",)


class DeliveriesChanged(msgspec.Struct, frozen=True, kw_only=True):
    """What was done."""

    count: int
    """Deliveries; of a hold or release of a whole CRM: 1 where it changed anything."""


def delivery_writes(crms: Collection[str]) -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``. ``crms``: the configured names."""
    ones = (
        WriteOperation(
            method="POST",
            path=f"/api/v1/deliveries/{{id}}/{deed}",
            name=f"{deed}Delivery",
            summary=SUMMARIES[deed],
            body=DeliveryReason,
            body_optional=True,
            answer=DeliveryView,
            unit=partial(_change_one, deed),
            right=Right.LEAD,
        )
        for deed in DEEDS
    )
    known = frozenset(crms)
    return (
        *ones,
        _of_crm("hold", "Hold", "Push nothing to a CRM until it is released.", DeliveryReason, partial(_hold, known)),
        _of_crm("release", "Release", "Push to it again.", None, partial(_release, known)),
        _of_crm("retry", "Retry", "Try what waits for it again now.", DeadToo, partial(_retry, known)),
        WriteOperation(
            method="POST",
            path="/api/v1/crms/{crm}/replay",
            name="replayCrm",
            summary="Send a range again, in its order and with the same message ids.",
            body=DeliveryRange,
            answer=DeliveriesChanged,
            unit=partial(_replay, known),
            right=Right.LEAD,
        ),
    )


def written(connection: Connection, by: By, count: int, detail: Mapping[str, Any]) -> int:
    """Note in the log of deeds what was done with how many; ``count`` itself."""
    if count:
        told = {**detail, "count": count}
        record(connection, Deed(actor=by.actor, action="outbox.changed", object_kind="outbox", detail=told), by.at)
    return count


def _of_crm(verb: str, word: str, summary: str, body: type[msgspec.Struct] | None, unit: Any) -> WriteOperation:
    return WriteOperation(
        method="POST",
        path=f"/api/v1/crms/{{crm}}/{verb}",
        name=f"{word.lower()}Crm",
        summary=summary,
        body=body,
        body_optional=body is not None,
        answer=DeliveriesChanged,
        unit=unit,
        right=Right.LEAD,
    )


def _change_one(deed: str, connection: Connection, call: WriteCall) -> DeliveryView:
    text = call.ids["id"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(LARGEST_ID)) else 0
    before = deliveries.delivery(connection, number, Filters())
    if before is None:
        raise NotFound("There is no delivery with this id.")
    count = DEEDS[deed](connection, [number], call.body.reason, call.who.at)
    if not count:
        raise Conflict("This can't be done with it any more: look at its state.")
    written(connection, call.who, count, {"deed": deed, "id": number})
    after = deliveries.delivery(connection, number, Filters())
    assert after is not None
    return DeliveryView(**{name: getattr(after, name) for name in DeliveryView.__struct_fields__})


def _hold(known: Collection[str], connection: Connection, call: WriteCall) -> DeliveriesChanged:
    crm, reason = _crm(known, call), call.body.reason
    outbox.hold_crm(connection, crm, reason, call.who.at)
    return _changed(connection, call, 1, {"deed": "hold", "crm": crm, "reason": reason})


def _release(known: Collection[str], connection: Connection, call: WriteCall) -> DeliveriesChanged:
    crm = _crm(known, call)
    return _changed(connection, call, int(outbox.release_crm(connection, crm)), {"deed": "release", "crm": crm})


def _retry(known: Collection[str], connection: Connection, call: WriteCall) -> DeliveriesChanged:
    crm = _crm(known, call)
    count = outbox.retry_all(connection, call.who.at, crm=crm, dead=call.body.dead)
    return _changed(connection, call, count, {"deed": "retry", "crm": crm})


def _replay(known: Collection[str], connection: Connection, call: WriteCall) -> DeliveriesChanged:
    crm, body = _crm(known, call), call.body
    count = outbox.replay(
        connection, call.who.at, crm=crm, since=body.since, until=body.until, states=body.states
    )  # fmt: skip
    span = {"since": body.since.isoformat(), "until": body.until.isoformat()}
    return _changed(connection, call, count, {"deed": "replay", "crm": crm, **span})


def _changed(connection: Connection, call: WriteCall, count: int, detail: Mapping[str, Any]) -> DeliveriesChanged:
    return DeliveriesChanged(count=written(connection, call.who, count, detail))


def _crm(known: Collection[str], call: WriteCall) -> str:
    crm = call.ids["crm"]
    if crm not in known:
        raise NotFound("There is no CRM of this name in the configuration.")
    return crm
