"""The record of one phone call, as stored, shown and printed by ``leadgate inspect ami``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.core.types import Direction, Json

TransferKind = Literal["blind", "attended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One transfer within a call."""

    kind: TransferKind
    """``attended`` when the transferer first called the target himself, even if he left before it answered."""
    by: str | None
    """Extension or number of who transferred."""
    to: str | None
    """Extension or number it was sent to."""
    answered: bool
    """True when the transferred person then talked with somebody new."""

    def as_json(self) -> dict[str, Json]:
        """The transfer as a JSON object."""
        return {"kind": self.kind, "by": self.by, "to": self.to, "answered": self.answered}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """All that the PBX's events say about one call. Numbers are E.164 with ``+``, extensions are bare."""

    linkedid: str
    """The PBX's own id of the whole call: that of its first channel."""
    direction: Direction | None
    caller: str | None
    """None when the number was withheld."""
    dialled: str | None
    caller_name: str | None
    """As sent; None when empty."""
    answered: bool
    """True only if the caller and another person were connected to each other."""
    answered_by: str | None
    """Extension or number of the first person who answered."""
    outcome: str
    """``answered``, ``missed`` (inbound), ``no_answer``, ``busy`` or ``failed`` (outbound and internal)."""
    missed_reason: str | None
    """Why an inbound call was missed, see ``gateway.telephony.tracker.labels``; None when answered or not inbound."""
    rang: tuple[str, ...]
    """Every extension or number that rang, in order, each once."""
    transfers: tuple[Transfer, ...]
    queue: str | None
    """The queue that the caller waited in."""
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: float | None
    """From the start until a person answered, or until the end when nobody did; None while that is open."""
    talk_seconds: float | None
    """How long the outside person talked with somebody; None when nobody answered, or while it is open."""
    recording: str | None
    """The file that MixMonitor writes, as the PBX names it."""
    voicemail: bool
    """True when the caller reached a mailbox."""
    ended: bool
    gap: bool
    """Events were lost during this call (the gateway came or was reconnected in the middle of it)."""
    facts: Mapping[str, Json]
    """What ``outcome`` and ``missed_reason`` were derived from, so that they can be derived again
    (``gateway.telephony.tracker.labels.Facts``). Also ``linkedids``: all ids that this call went by; ``first``: the
    channel that it began with, which tells the direction (technology, endpoint, context, trunk).
    """

    @property
    def merged_into(self) -> str | None:
        """The linkedid of the call that this one turned out to be a part of (a consultation before a transfer)."""
        return self.facts.get("merged_into")

    def as_json(self) -> dict[str, Json]:
        """The public record: JSON types only, times in ISO 8601 with zone."""
        return {
            "linkedid": self.linkedid,
            "direction": self.direction.value if self.direction else None,
            "caller": self.caller,
            "dialled": self.dialled,
            "caller_name": self.caller_name,
            "answered": self.answered,
            "answered_by": self.answered_by,
            "outcome": self.outcome,
            "missed_reason": self.missed_reason,
            "rang": list(self.rang),
            "transfers": [transfer.as_json() for transfer in self.transfers],
            "queue": self.queue,
            "started_at": _iso(self.started_at),
            "answered_at": _iso(self.answered_at),
            "ended_at": _iso(self.ended_at),
            "wait_seconds": self.wait_seconds,
            "talk_seconds": self.talk_seconds,
            "recording": self.recording,
            "voicemail": self.voicemail,
            "ended": self.ended,
            "gap": self.gap,
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
