"""A call record as an ``Inbound``: what the telephony connector hands to the rest of the house. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway.core.phone import is_withheld, phone_handle
from gateway.core.types import Channel, Direction, Draft, Inbound, Json, Kind, Phase, Source
from gateway.telephony.record import CallRecord

GAP = "Events of this call were lost while the connection to the PBX was down; parts of the record may be missing."
NO_DIRECTION = "The PBX's events don't tell whether this call came in or went out; it is kept as an incoming one."

_encoder = msgspec.json.Encoder(enc_hook=str)


def inbound_of(record: CallRecord, *, pbx: str, region: str, received_at: datetime) -> Inbound:
    """The report of one phase of one call.

    All phases share the ``key``. The ``dedup_key`` names the phase, and of an ended call also the record's content: a
    record that is corrected later is a new report, the same one sent twice (after a reconnect) is not.
    """
    told, facts = record.as_json(), dict(record.facts)
    raw = _as_bytes({"record": told, "facts": facts})
    phase = phase_of(record)
    key = f"call:{pbx}:{record.linkedid}"
    content = f":{hashlib.sha256(raw).hexdigest()[:16]}" if phase is Phase.ENDED else ""
    return Inbound(
        connector="ami",
        source=pbx,
        channel=Channel.CALL,
        dedup_key=f"{key}:{phase.value}{content}",
        key=key,
        raw=raw,
        received_at=received_at,
        draft=_draft(record, {**told, "facts": facts}, pbx=pbx, region=region),
    )


def _as_bytes(facts: Json) -> bytes:
    """JSON in UTF-8. Text that is not Unicode, which nothing from a socket is, has its odd characters replaced."""
    try:
        return _encoder.encode(facts)
    except UnicodeEncodeError:
        return json.dumps(facts, ensure_ascii=False, default=str).encode("utf-8", "replace")


def phase_of(record: CallRecord) -> Phase:
    """How far the call has come."""
    if record.ended:
        return Phase.ENDED
    return Phase.ANSWERED if record.answered else Phase.RINGING


def _draft(record: CallRecord, details: Mapping[str, Json], *, pbx: str, region: str) -> Draft:
    """The call in the words that all channels share. An internal call has no outside person, so no handles.

    A call whose direction is unknown counts as incoming: one lead too many is better than a customer lost.
    """
    direction = record.direction or Direction.INBOUND
    outside, ours = record.caller, record.dialled
    if direction is Direction.OUTBOUND:
        outside, ours = ours, outside
    handle = None if direction is Direction.INTERNAL else phone_handle(outside, region)
    return Draft(
        direction=direction,
        phase=phase_of(record),
        kind=Kind.PART if record.facts.get("merged_into") else Kind.MESSAGE,
        occurred_at=record.started_at,
        ended_at=record.ended_at,
        handles=(handle,) if handle else (),
        name=record.caller_name if direction is Direction.INBOUND and not is_withheld(record.caller_name) else None,
        line=ours,
        source=Source(name=pbx),
        problems=tuple(
            sentence for sentence, true in ((GAP, record.gap), (NO_DIRECTION, record.direction is None)) if true
        ),
        details=details,
    )
