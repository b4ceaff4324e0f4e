"""What the result of one push means for its outbox row. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm_adapter.base import CrmError, Done, Misconfigured, Throttled
from crm_adapter.said import Said

BACK_OFF = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Pause after the first, second, ... failed try: the example schedule of Standard Webhooks, 75.6 h in all."""
MOST_TRIES = len(BACK_OFF) + 1
JITTER = 0.2
"""Up to a fifth is added, so that what failed together does not come back together."""
LEAST_PATIENCE = timedelta(seconds=1)
"""A Retry-After of 0 must not become a loop."""
MAX_DETAIL = 500

STOPPED = Said("Leadgate stopped before the CRM answered: it is sent again, as the same message")

Random = Callable[[], float]
"""A number from 0 to below 1."""


class Interrupted(Exception):
    """We stopped before the CRM answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An outbox row that is ours to push, its attempt already stored."""

    id: int
    message_id: str
    payload: dict[str, Any]
    number: int
    """Which try of this row it is, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to write down about one try."""

    claimed: Claimed
    result: str | None
    """For the attempt: ``done``, an error's code, ``adapter_error`` or ``interrupted``; None: there was no attempt."""
    detail: str | None
    """A Said where it can be translated."""
    state: str
    """``done``, ``waiting`` or ``dead``: for the row."""
    at: datetime
    due_at: datetime
    attempts: int
    """Tries that count for the back-off."""
    done: Done | None = None
    hold: str | None = None
    """Why the whole CRM goes on hold, or None."""


def judge(claimed: Claimed, outcome: Done | Exception, *, at: datetime, random: Random) -> Verdict:
    """The verdict on a push that ended at ``at`` with ``outcome``."""
    if isinstance(outcome, Done):
        return Verdict(
            claimed=claimed,
            result="done",
            detail=None,
            state="done",
            at=at,
            due_at=at,
            attempts=claimed.number,
            done=outcome,
        )
    detail = _words(outcome)
    if isinstance(outcome, Misconfigured):
        return Verdict(
            claimed=claimed,
            result=outcome.code,
            detail=detail,
            state="waiting",
            at=at,
            due_at=at,
            attempts=claimed.number - 1,  # not this row's fault: the try does not count
            hold=detail,
        )
    if isinstance(outcome, Interrupted):
        return Verdict(
            claimed=claimed,
            result="interrupted",
            detail=detail,
            state="waiting",
            at=at,
            due_at=at,
            attempts=claimed.number,  # it counts, since it may have arrived: the next try must know
        )
    retryable = outcome.retryable if isinstance(outcome, CrmError) else True
    again = retryable and claimed.number < MOST_TRIES
    if retryable and not again:
        detail = Said("given up after %(count)s tries: %(words)s", count=claimed.number, words=detail)
    return Verdict(
        claimed=claimed,
        result=outcome.code if isinstance(outcome, CrmError) else "adapter_error",
        detail=detail,
        state="waiting" if again else "dead",
        at=at,
        due_at=at + pause_after(claimed.number, outcome, random) if again else at,
        attempts=claimed.number,
    )


def not_sent(claimed: Claimed, at: datetime) -> Verdict:
    """For a row that was claimed and put back before its push began."""
    return Verdict(
        claimed=claimed, result=None, detail=None, state="waiting", at=at, due_at=at, attempts=claimed.number - 1
    )


def pause_after(number: int, error: Exception, random: Random) -> timedelta:
    """How long a row waits after its failed try ``number``; what the CRM asks for goes before the table."""
    stretch = 1 + JITTER * random()
    if isinstance(error, Throttled) and error.retry_after is not None:
        return max(timedelta(seconds=error.retry_after), LEAST_PATIENCE) * stretch
    return BACK_OFF[min(number, len(BACK_OFF)) - 1] * stretch


def _words(error: Exception) -> str:
    """The error for people. A bug's text may hold anything, so only its kind is kept; the log has the rest."""
    if not isinstance(error, CrmError | Interrupted):
        return Said("the adapter failed with %(kind)s; the log has the details", kind=type(error).__name__)
    words = error.args[0] if error.args and isinstance(error.args[0], Said) else str(error)
    storable = _storable(words)
    return words if words == storable and len(words) <= MAX_DETAIL else storable[:MAX_DETAIL]


def _storable(text: str) -> str:
    """Without what no database takes: a CRM may quote half of a 🙂 (a lone surrogate), or NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")
