"""From the facts of a call to its record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gateway.core.phone import is_extension, is_withheld, to_e164
from gateway.core.types import Direction, Json
from gateway.telephony.record import CallRecord, Transfer
from gateway.telephony.tracker.labels import Facts, Labels, Leg, label
from gateway.telephony.tracker.model import UP, Call, Channel
from gateway.telephony.tracker.names import ROBOTS, public_number, spoken_name
from gateway.telephony.tracker.people import as_caller, rung, who

_SAME_NUMBER = 6
"""Last digits by which the number on the trunk is that which was dialled, with or without prefixes."""


def record_of(call: Call, region: str, *, ended: bool, now: float, merged_into: str | None = None) -> CallRecord | None:
    """The record of a call; None when no person ever had part in it (Local channels only)."""
    root = call.root
    if root is None:
        return None
    direction = direction_of(call, root, region)
    facts = facts_of(call, root, direction, region)
    labels = label(facts)
    extra: dict[str, Json] = {"linkedids": list(call.linkedids), "first": _first(root)}
    if call.request is not None:
        extra["request"] = call.request
    if merged_into is not None:
        extra["merged_into"] = merged_into
    caller, dialled = _parties(call, root, direction, region)
    return _build(call, root, labels, ended=ended, now=now, direction=direction, caller=caller, dialled=dialled,
                  rang=tuple(rung(call, region)), facts={**facts.as_json(), **extra})  # fmt: skip


def _build(
    call: Call, root: Channel, labels: Labels, *, ended: bool, now: float, direction: Direction,
    caller: str | None, dialled: str | None, rang: tuple[str, ...], facts: Mapping[str, Json],
) -> CallRecord:  # fmt: skip
    ended_at = call.ended_at if ended else None
    return CallRecord(
        linkedid=call.linkedid,
        direction=direction,
        caller=caller,
        dialled=dialled,
        caller_name=spoken_name(root.caller_name),
        answered=call.answered,
        answered_by=call.answered_by,
        outcome=labels.outcome,
        missed_reason=labels.missed_reason,
        rang=rang,
        transfers=tuple(Transfer(kind=one.kind, by=one.by, to=one.to, answered=one.answered) for one in call.transfers),
        queue=call.queue,
        started_at=_moment(call.started_at),
        answered_at=None if call.answered_at is None else _moment(call.answered_at),
        ended_at=None if ended_at is None else _moment(ended_at),
        wait_seconds=_wait(call, ended_at),
        talk_seconds=_talk(call, ended=ended, now=now),
        recording=call.recording,
        voicemail=call.voicemail,
        ended=ended,
        gap=call.gap,
        facts=facts,
    )


def direction_of(call: Call, root: Channel, region: str) -> Direction:
    """Inbound from a trunk; outbound to one, or to a public number; internal between phones."""
    legs = [channel for channel in call.channels if channel.trunk and channel is not root]
    target = call.target if call.originated else root.exten
    if call.originated:
        if root.trunk or target is None or not is_extension(target, region):
            return Direction.OUTBOUND
    elif root.trunk and not root.dialled:
        return Direction.INBOUND
    if target is not None and to_e164(target, region):
        return Direction.OUTBOUND
    forwarded = target is not None and is_extension(target, region) and not any(_same(leg, target) for leg in legs)
    return Direction.INTERNAL if forwarded or not legs else Direction.OUTBOUND


def facts_of(call: Call, root: Channel, direction: Direction, region: str) -> Facts:
    """What the labels of a call are derived from."""
    phones = [channel for channel in call.channels if channel.person and channel.dialled]
    return Facts(
        direction=direction.value,
        answered=call.answered,
        originated=call.originated,
        up=root.state == UP,
        cause=root.cause,
        caller_hung_up=call.caller_hung_up,
        voicemail=call.voicemail,
        stages=tuple(call.stages),
        queue_result=call.queue_result,
        legs=tuple(_leg(channel, region) for channel in phones),
        robot=any(channel.dialled and channel.state == UP and is_robot(channel) for channel in call.channels),
    )


def is_robot(channel: Channel) -> bool:
    """A phone by its technology, and nobody behind it by the configuration."""
    return not channel.person and not channel.half and channel.technology not in (*ROBOTS, "Local")


def _first(root: Channel) -> dict[str, Json]:
    """What the direction hangs on: the channel that the call began with, and what it was taken for."""
    return {"technology": root.technology, "endpoint": root.endpoint, "context": root.context, "trunk": root.trunk}


def _leg(channel: Channel, region: str) -> Leg:
    return Leg(
        who=who(channel, region), trunk=bool(channel.trunk), rang=channel.rang,
        status=channel.dial_status, cause=channel.cause, tech_cause=channel.tech_cause, stage=channel.stage,
    )  # fmt: skip


def _parties(call: Call, root: Channel, direction: Direction, region: str) -> tuple[str | None, str | None]:
    """Caller and dialled number."""
    if call.originated and root.trunk:  # the PBX called a public number first
        others = [channel for channel in call.channels if channel.person and channel.dialled and channel is not root]
        customer = who(root, region)
        if others and others[0].trunk:
            return customer, who(others[0], region)
        return (who(others[0], region) if others else None), customer
    if direction is Direction.INBOUND:
        return as_caller(root, region), public_number(root.exten, region) or public_number(call.did, region)
    if direction is Direction.OUTBOUND:
        return as_caller(root, region), _dialled_outside(call, root, region)
    return as_caller(root, region), public_number(call.target if call.originated else root.exten, region)


def _dialled_outside(call: Call, root: Channel, region: str) -> str | None:
    """The customer's number: as sent to the trunk (the dialplan has taken off the prefixes), else as dialled."""
    wanted = call.target if call.originated else root.exten
    wanted = None if is_withheld(wanted) else wanted
    for leg in call.channels:
        if leg.trunk and leg is not root and leg.dial_number:
            sent = to_e164(leg.dial_number, region)
            if sent and (wanted is None or _same(leg, wanted)):
                return sent
    if wanted is None and call.originated and to_e164(root.effective_number, region):
        wanted = root.effective_number  # click to call shows the customer's number on the manager's phone
    return public_number(wanted, region)


def _same(leg: Channel, wanted: str) -> bool:
    number = leg.dial_number or leg.effective_number
    return number[-_SAME_NUMBER:] == wanted[-_SAME_NUMBER:]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _wait(call: Call, ended_at: float | None) -> float | None:
    until = call.answered_at if call.answered else ended_at
    return None if until is None else round(max(0.0, until - call.started_at), 3)


def _talk(call: Call, *, ended: bool, now: float) -> float | None:
    if not ended or call.answered_at is None:
        return None
    running = 0.0 if call.talking_since is None else max(0.0, now - call.talking_since)
    return round(call.talked + running, 3)
