"""Calls that Leadgate makes for a manager (click to call): what is asked, what became of it, who keeps the book.

Here, and not in the telephony room, because pages and call-backs ask for calls and the store keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence

CALL_VARIABLE = "LEADGATE_CALL"
"""The channel variable that carries ``Originated.id``: by it the tracker knows which call was asked for."""


class CallState(StrEnum):
    """How far a call that was asked for has come. What became of the conversation is told by the call itself."""

    REFUSED = "refused"
    """Not allowed; nothing was sent to the PBX."""
    CALLING_MANAGER = "calling_manager"
    """The PBX was asked, the manager's phone rings."""
    CALLING_CUSTOMER = "calling_customer"
    """The manager picked up, the customer is being called."""
    MANAGER_NO_ANSWER = "manager_no_answer"
    MANAGER_BUSY = "manager_busy"
    FAILED = "failed"
    """The PBX could not be asked, did not take it, or could not reach the manager's phone."""
    UNKNOWN = "unknown"
    """The connection or the gateway went away before the PBX told."""

    @property
    def is_open(self) -> bool:
        """Whether the PBX still owes an answer."""
        return self is CallState.CALLING_MANAGER


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A manager wants to speak with a number."""

    manager_id: str
    extension: str | None = None
    """One of the manager's own; None: the first of them."""
    number: str
    """As somebody wrote it."""
    pbx: str | None = None
    """Name of the PBX; None: the first that is set up for it."""
    contact_id: str | None = None
    callback_id: str | None = None
    actor: str | None = None
    """Who asked, in the words of the audit log; None: the manager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Originated:
    """A call that was asked for."""

    id: str
    manager_id: str
    pbx: str | None
    extension: str | None
    number: str
    """E.164; as it was written where it is no public number."""
    state: CallState
    code: str | None = None
    """A stable word for programs where it was refused or failed."""
    reason: str | Sentence | None = None
    """The same as a sentence with the way out."""


class CallRefused(LeadgateError):
    """The call was not made. ``code`` for programs, the text for people."""

    def __init__(self, sentence: str | Sentence, *, code: str, originated_id: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.originated_id = originated_id
        """Where the refusal is written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why not."""

    code: str
    reason: str | Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """A request after the rules of its PBX were applied, to be written down."""

    id: str
    request: CallRequest
    pbx: str | None
    number: str
    """E.164 where it is a public number."""
    per_hour: int
    """Calls that one manager may ask for within an hour."""
    refusal: Refusal | None
    at: datetime

    def decided(self, extension: str | None, refusal: Refusal | None) -> Originated:
        """What a ledger answers: it is being made, unless there is a refusal."""
        return Originated(
            id=self.id,
            manager_id=self.request.manager_id,
            pbx=self.pbx,
            extension=extension,
            number=self.number,
            state=CallState.REFUSED if refusal else CallState.CALLING_MANAGER,
            code=refusal.code if refusal else None,
            reason=refusal.reason if refusal else None,
        )


class CallLedger(Protocol):
    """Who keeps the book of calls that were asked for, together with the audit log."""

    async def admit(self, asked: AskedCall) -> Originated:
        """Write it down in one transaction, before anything is sent. Refused where ``asked.refusal`` says so, where the
        extension is not the manager's own, a call of his is being made, or he asked for too many. StoreUnavailable."""
        ...

    async def settle(self, call_id: str, state: CallState, refusal: Refusal | None, at: datetime) -> None:
        """What became of it. StoreUnavailable."""
        ...

    async def abandon(self, at: datetime) -> None:
        """At the start: those that an earlier run left open are of unknown outcome. StoreUnavailable."""
        ...


class CallMaker(Protocol):
    """What pages and call-backs need of ``gateway.telephony.actions.Originator``."""

    async def originate(self, request: CallRequest) -> Originated:
        """Ask the PBX to call the manager and then the number. Returns once it was taken.

        Raises CallRefused with a sentence, and StoreUnavailable: without the audit log no call is made.
        """
        ...
