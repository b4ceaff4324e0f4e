"""Calls that an earlier run of the gateway stored as open, against what the PBX has now.

Those that are gone end here, marked with a gap. Those that go on keep their one record: what the new run sees of them
is completed by what the earlier one saw, so a conversation that began before a restart does not become a missed call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from gateway.core.ports import OpenCall
from gateway.core.types import Direction, Json
from gateway.telephony.record import CallRecord, Transfer
from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker.labels import Facts, Labels, label

log = logging.getLogger(__name__)

UNKNOWN: Mapping[str, Json] = {
    "direction": None, "caller": None, "dialled": None, "caller_name": None, "answered": False, "answered_by": None,
    "outcome": "failed", "missed_reason": None, "rang": [], "transfers": [], "queue": None, "answered_at": None,
    "ended_at": None, "wait_seconds": None, "talk_seconds": None, "recording": None, "voicemail": False, "ended": False,
    "gap": True, "facts": {},
}  # fmt: skip
"""What a record of another version, or of no run of ours, may leave out."""


class Leftovers:
    """The open calls of earlier runs on one PBX, until each has ended."""

    def __init__(self, pbx: str) -> None:
        self._prefix = f"call:{pbx}:"
        self._calls: dict[str, CallRecord] = {}
        """By each id that a call went by."""
        self._heard: dict[str, OpenCall] = {}
        """By linkedid."""

    def __len__(self) -> int:
        return len(self._heard)

    def take(self, stored: Iterable[OpenCall]) -> None:
        """Remember what is stored as open. A record that can't be read is logged and left alone."""
        for call in stored:
            try:
                record = _read(call, call.key.removeprefix(self._prefix))
            except msgspec.ValidationError as error:
                log.warning(
                    "A call stored as open can't be read, so it can't be closed",
                    extra={"action": "leftover_unreadable", "key": call.key, "reason": str(error)},
                )
                continue
            self._heard[record.linkedid] = call
            for linkedid in _ids(record):
                self._calls.setdefault(linkedid, record)
            self._calls[record.linkedid] = record

    def settle(self, snapshot: Snapshot) -> list[CallRecord]:
        """End the calls that the PBX does not have any more. None where it does not show its channels."""
        if any("CoreShowChannels" in str(sentence) for sentence in snapshot.missing):
            return []
        alive = {event.get(name, "") for event in snapshot.channels for name in ("Linkedid", "Uniqueid")}
        gone = []
        for linkedid, call in list(self._heard.items()):
            record = self._calls[linkedid]
            if linkedid in alive:
                self._keep_only(record, {linkedid})  # its other ids, if they live, are calls of their own again
            elif not alive.intersection(_ids(record)):
                gone.append(_cut(record, call))
                self._forget(record)
        return gone

    def complete(self, record: CallRecord) -> CallRecord:
        """A new run's record with what the earlier one saw; as it is where there was none."""
        earlier = self._calls.get(record.linkedid)
        if earlier is None:
            return record
        if record.ended:
            self._forget(earlier)
        return completed(record, earlier)

    def _keep_only(self, record: CallRecord, ids: set[str]) -> None:
        for linkedid in _ids(record) - ids:
            if self._calls.get(linkedid) is record:
                del self._calls[linkedid]

    def _forget(self, record: CallRecord) -> None:
        self._keep_only(record, set())
        self._heard.pop(record.linkedid, None)


def completed(record: CallRecord, earlier: CallRecord) -> CallRecord:
    """One record of both halves of a call. Who called whom is told by the half that saw the beginning."""
    answered_at = earlier.answered_at if earlier.answered else record.answered_at
    whole = replace(
        record,
        linkedid=earlier.linkedid,
        direction=earlier.direction or record.direction,
        caller=earlier.caller or record.caller,
        dialled=earlier.dialled or record.dialled,
        caller_name=earlier.caller_name or record.caller_name,
        answered=earlier.answered or record.answered,
        answered_by=earlier.answered_by or record.answered_by,
        rang=tuple(dict.fromkeys([*earlier.rang, *record.rang])),
        transfers=_joined(earlier.transfers, record.transfers),
        queue=earlier.queue or record.queue,
        started_at=min(earlier.started_at, record.started_at),
        answered_at=answered_at,
        wait_seconds=earlier.wait_seconds if earlier.answered else record.wait_seconds,
        talk_seconds=_talk(record, earlier),
        recording=earlier.recording or record.recording,
        voicemail=earlier.voicemail or record.voicemail,
        gap=True,
        facts=_facts(record, earlier),
    )
    return _labelled(whole)


def _joined(earlier: tuple[Transfer, ...], later: tuple[Transfer, ...]) -> tuple[Transfer, ...]:
    """Transfers of both halves; one that was answered only in the second half counts as answered."""
    by_way = {(one.kind, one.by, one.to): one for one in earlier}
    for one in later:
        known = by_way.get((one.kind, one.by, one.to))
        by_way[one.kind, one.by, one.to] = one if known is None or one.answered else known
    return tuple(by_way.values())


def _talk(record: CallRecord, earlier: CallRecord) -> float | None:
    """The whole conversation, where it was seen to begin and to end; pauses in it can't be known."""
    if not record.ended or not record.answered or not earlier.answered:
        return record.talk_seconds
    if earlier.answered_at is None or record.ended_at is None:
        return None
    return round(max(0.0, (record.ended_at - earlier.answered_at).total_seconds()), 3)


def _facts(record: CallRecord, earlier: CallRecord) -> Mapping[str, Json]:
    """The facts of both halves: what one saw to be true is true, lists are joined."""
    before, after = earlier.facts, record.facts
    facts: dict[str, Any] = {**before, **after}
    for name in ("direction", "originated", "first"):
        if before.get(name) is not None:
            facts[name] = before[name]
    for name in ("answered", "up", "voicemail", "caller_hung_up"):
        facts[name] = bool(before.get(name)) or bool(after.get(name))
    facts["queue_result"] = after.get("queue_result") or before.get("queue_result") or ""
    facts["linkedids"] = list(dict.fromkeys([earlier.linkedid, *before.get("linkedids", ()), *_ids(record)]))
    facts["stages"] = _spliced(before.get("stages", []), after.get("stages", []))
    known = {leg.get("who") for leg in after.get("legs", ())}
    facts["legs"] = [leg for leg in before.get("legs", ()) if leg.get("who") not in known] + [*after.get("legs", ())]
    return facts


def _spliced(before: list[str], after: list[str]) -> list[str]:
    """Stages of both halves; the one that both saw stands once."""
    return [*before, *(after[1:] if before[-1:] == after[:1] else after)]


def _cut(record: CallRecord, call: OpenCall) -> CallRecord:
    """The end of a call that nobody saw. It ended after we last heard of it; how long they talked is unknown."""
    return _labelled(replace(record, ended=True, ended_at=call.heard_at, talk_seconds=None, gap=True))


def _labelled(record: CallRecord) -> CallRecord:
    """With the labels that the facts give; without facts, those that are safe: nobody is known to have spoken."""
    try:
        labels = label(Facts.from_json(record.facts))
    except (KeyError, TypeError, ValueError, AttributeError):
        inbound = record.direction in (Direction.INBOUND, None)
        labels = Labels("missed", "no_answer") if inbound else Labels("no_answer", None)
        if record.answered:
            labels = Labels("answered", None)
    return replace(record, outcome=labels.outcome, missed_reason=labels.missed_reason)


def _read(call: OpenCall, linkedid: str) -> CallRecord:
    told = {"linkedid": linkedid, "started_at": call.started_at, **UNKNOWN, **call.details}
    return msgspec.convert(told, CallRecord, strict=False)


def _ids(record: CallRecord) -> set[str]:
    """All ids that a call went by."""
    others = record.facts.get("linkedids")
    return {record.linkedid, *(one for one in others or () if isinstance(one, str))}
