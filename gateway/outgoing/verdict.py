"""What the result of one try means for its row. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.outgoing.submission import Later, Lost, Refused, SenderAtFault, SubmissionError, Taken

BACK_OFF = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 720, 720, 720, 720, 720)  # 75 h and 51 min in all
)
"""Pause after the first, second, ... failed try. Grey-listing servers want a quarter of an hour; mail servers give up
after some days (RFC 5321 section 4.5.4.1), and an answer that is three days late is none."""
MOST_TRIES = len(BACK_OFF) + 1
JITTER = 0.2
"""Up to a fifth is added, so that what failed together does not come back together."""
SENDER_PAUSE = timedelta(minutes=5)
"""For a sender whose settings do not work: providers lock accounts that sign in wrongly again and again."""
MAX_REASON = 1000

ONCE = frozenset({"answer", "acknowledgement", "document"})
"""Purposes of letters to customers: one that may have arrived is not sent again by itself. A notice to our own people
is, since a second one does less harm than none."""
DIED = "Leadgate stopped while it was being sent, so nobody knows whether it arrived"

Random = Callable[[], float]
"""A number from 0 to below 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to write down about one try."""

    id: str
    purpose: str
    result: str
    """For the attempt: ``sent`` or an error's code."""
    reason: str | None
    state: str
    """``sent``, ``waiting``, ``failed`` or ``unknown``."""
    at: datetime
    due_at: datetime
    attempts: int
    """Tries that count for the back-off."""
    sender_at_fault: bool = False


def judge(
    row_id: str, purpose: str, number: int, outcome: Taken | SubmissionError, *, at: datetime, random: Random
) -> Verdict:
    """The verdict on try ``number`` (from 1) that ended at ``at``."""
    state, due_at, attempts = "sent", at, number
    reason = _words(outcome)
    match outcome:
        case SenderAtFault():
            state, due_at, attempts = "waiting", at + SENDER_PAUSE, number - 1  # not this letter's fault
        case Refused():
            state = "failed"
        case Lost() if purpose in ONCE:
            state = "unknown"
        case SubmissionError() if number < MOST_TRIES:
            state, due_at = "waiting", at + pause_after(number, outcome, random)
        case SubmissionError():
            state, reason = "failed", f"given up after {number} tries: {reason}"[:MAX_REASON]
    return Verdict(
        id=row_id,
        purpose=purpose,
        result=outcome.code if isinstance(outcome, SubmissionError) else "sent",
        reason=reason,
        state=state,
        at=at,
        due_at=due_at,
        attempts=attempts,
        sender_at_fault=isinstance(outcome, SenderAtFault),
    )


def pause_after(number: int, error: SubmissionError, random: Random) -> timedelta:
    """How long a row waits after its failed try ``number``; what the other side asks for goes before the table."""
    pause = BACK_OFF[min(number, len(BACK_OFF)) - 1]
    if isinstance(error, Later) and error.retry_after is not None:
        pause = timedelta(seconds=max(error.retry_after, 1.0))
    return pause * (1 + JITTER * random())


def _words(outcome: Taken | SubmissionError) -> str | None:
    if isinstance(outcome, SubmissionError):
        return str(outcome)[:MAX_REASON]
    return f"not taken for {'; '.join(outcome.refused)}"[:MAX_REASON] if outcome.refused else None
