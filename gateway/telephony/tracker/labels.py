"""Outcome and missed reason as a pure function of stored facts, so that labels can be derived again when a rule
changes.

``missed_reason``, the first that applies:

- ``voicemail``: the caller reached a mailbox.
- ``queue_abandoned``, ``queue_timeout``: he gave up waiting in a queue, or the queue gave up. ``unavailable``: it did
  not take him.
- ``caller_hung_up``: he gave up while phones rang.
- ``no_answer``: somebody's phone rang to no avail. ``rejected``: somebody declined and nobody else rang on. ``busy``:
  all who could be reached were busy. ``unavailable``: no phone could be reached.
- ``ivr_abandoned``: no person's phone was tried, and the caller left, or was lost, in a menu, a program or a robot.
- ``announcement``: no phone was tried, and he heard an announcement, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.types import Direction, Json

BUSY_CAUSE = 17
REJECTED_CAUSE = 21
ELSEWHERE_CAUSE = 26
"""Q.850 causes: user busy, call rejected; Asterisk's own "answered elsewhere" for the losers of a forked dial."""
UNREACHABLE_CAUSES = frozenset({1, 2, 3, 18, 20, 22, 27, 28, 31, 34, 38, 41, 42, 44, 58, 88, 102})
"""Q.850: no route, no user response, subscriber absent, out of order, congestion and the like."""
NO_ANSWER_CAUSE = 19
"""Also what chan_pjsip makes of SIP 480, which a phone that is off sends without ever ringing."""
CANCEL_CAUSES = frozenset({0, 127})
"""How a caller's own cancel shows: 0 in chan_sip, 127 in chan_pjsip of Asterisk 16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One phone that was called."""

    who: str | None
    trunk: bool
    rang: bool
    status: str
    """DialStatus, empty when the PBX gave none."""
    cause: int | None
    tech_cause: str = ""
    stage: int = 0
    """Legs of one attempt have the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the labels are derived from; kept with each call as JSON."""

    direction: str | None
    answered: bool
    originated: bool
    """Click to call: the PBX called the first person."""
    up: bool
    """The first channel was answered, by a person or by the PBX itself."""
    cause: int | None
    """Hangup cause of the first channel."""
    caller_hung_up: bool
    """The caller's far end hung up before the PBX did."""
    voicemail: bool
    stages: tuple[str, ...]
    """What the caller went through, see ``channels.STAGES``."""
    queue_result: str
    legs: tuple[Leg, ...]
    robot: bool = False
    """A robot that was called took the call."""

    def as_json(self) -> dict[str, Json]:
        """JSON types only; `from_json` reads it back."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        legs = [{name: getattr(leg, name) for name in leg.__dataclass_fields__} for leg in self.legs]
        return {**facts, "stages": list(self.stages), "legs": legs}

    @classmethod
    def from_json(cls, facts: Mapping[str, Json]) -> Facts:
        """The facts in a stored record; keys that this version does not know are left out."""
        known = {name: facts[name] for name in cls.__dataclass_fields__ if name in facts}
        legs = tuple(Leg(**leg) for leg in known["legs"])
        return cls(**{**known, "stages": tuple(known["stages"]), "legs": legs})


class Labels(NamedTuple):
    """What people filter by."""

    outcome: str
    missed_reason: str | None


def label(facts: Facts) -> Labels:
    """The labels of a call; of an open one, what it would be if it ended now."""
    if facts.answered:
        return Labels("answered", None)
    if facts.direction == Direction.INBOUND:
        return Labels("missed", _missed_reason(facts))
    return Labels(_unanswered(facts), None)


def leg_result(leg: Leg) -> str:
    """How one phone ended: ``no_answer``, ``busy``, ``rejected``, ``unavailable``, ``cancelled``.

    DialStatus alone does not tell: a declined call is NOANSWER with cause 21, a phone that is off may be NOANSWER
    with cause 19. After a CANCEL the cause is the caller's, not the phone's. A phone that answered without ever being
    connected (call confirmation refused) counts as not answered.
    """
    if leg.status == "CANCEL" or leg.cause == ELSEWHERE_CAUSE:
        return "cancelled"
    if leg.status == "ANSWER":
        return "no_answer"
    if leg.cause == REJECTED_CAUSE:
        return "rejected"
    if leg.status == "BUSY" or leg.cause == BUSY_CAUSE:
        return "busy"
    if leg.rang:
        return "no_answer"
    unreachable = leg.status in ("CHANUNAVAIL", "CONGESTION", "INVALIDARGS")
    if unreachable or leg.cause == NO_ANSWER_CAUSE or leg.cause in UNREACHABLE_CAUSES:
        return "unavailable"
    return "no_answer"


def _missed_reason(facts: Facts) -> str:
    if facts.voicemail:
        return "voicemail"
    if facts.robot and not facts.legs:
        return "ivr_abandoned"
    tried = [stage for stage in facts.stages if stage in ("dial", "queue")]
    if tried and tried[-1] == "queue":
        return _queue_reason(facts)
    if tried or facts.legs:
        return _dial_reason(facts)
    return _untried_reason(facts)


def _queue_reason(facts: Facts) -> str:
    if facts.queue_result == "timeout":
        return "queue_timeout"
    return "unavailable" if facts.queue_result == "empty" else "queue_abandoned"


def _dial_reason(facts: Facts) -> str:
    results = {leg_result(leg) for leg in facts.legs}
    if _gave_up_while_it_rang(facts):
        return "caller_hung_up"
    for reason in ("no_answer", "rejected", "busy"):
        if reason in results:
            return reason
    return "no_answer" if "cancelled" in results else "unavailable"


def _gave_up_while_it_rang(facts: Facts) -> bool:
    """The caller ended the last Dial: some of its phones have no result of their own."""
    if facts.stages and facts.stages[-1] != "dial":
        return False
    last = max((leg.stage for leg in facts.legs), default=0)
    unfinished = [leg for leg in facts.legs if leg.stage == last and leg.status in ("", "CANCEL")]
    unfinished = [leg for leg in unfinished if leg.cause != ELSEWHERE_CAUSE]
    if facts.legs and not unfinished:
        return False
    cancelled = any(leg.status == "CANCEL" for leg in unfinished)
    return facts.caller_hung_up or facts.cause in CANCEL_CAUSES or cancelled


def _untried_reason(facts: Facts) -> str:
    last = facts.stages[-1] if facts.stages else ""
    left = facts.caller_hung_up or facts.cause in CANCEL_CAUSES
    if "ivr" in facts.stages or (left and last == "program"):
        return "ivr_abandoned"
    if last == "busy":
        return "busy"
    if last == "announcement" or "announcement" in facts.stages:
        return "announcement"
    if facts.up:
        return "ivr_abandoned" if left else "announcement"
    return "caller_hung_up" if left else "unavailable"


def _unanswered(facts: Facts) -> str:
    """Outcome of an outbound or internal call that nobody answered."""
    if facts.originated and not facts.up:
        return "no_answer" if facts.legs and facts.legs[0].rang else "failed"
    legs = facts.legs[1:] if facts.originated else facts.legs
    if facts.originated and not legs and facts.legs and facts.legs[0].trunk:
        return "no_answer"  # the customer picked up, but did not confirm that he wants to be connected
    results = {"no_answer" if leg.rang and leg_result(leg) == "rejected" else leg_result(leg) for leg in legs}
    if "no_answer" in results or "cancelled" in results:
        return "no_answer"
    if "busy" in results:
        return "busy"
    return "no_answer" if not legs and (facts.voicemail or "queue" in facts.stages) else "failed"
