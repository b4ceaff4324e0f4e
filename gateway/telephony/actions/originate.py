"""Click to call: the PBX calls the manager's own phone, and when he picks up, the customer.

What is sent is always the same: an asynchronous Originate to one extension, into one configured context. Never
``Application`` or ``Data``, with which an account may run programs on the PBX.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.clock import Clock, NewId
from gateway.core.errors import LeadgateError
from gateway.core.outcalls import (
    CALL_VARIABLE,
    AskedCall,
    CallLedger,
    CallRefused,
    CallRequest,
    CallState,
    Originated,
    Refusal,
)
from gateway.core.sentences import Sentence
from gateway.telephony.actions.numbers import dialled, judge
from gateway.telephony.actions.settings import EXTENSION_FIELD, OriginateSettings
from gateway.telephony.actions.switch import Pbx, code_for, words_for
from gateway.telephony.ami.errors import ActionRefused, AmiError
from gateway.telephony.ami.framing import Message
from gateway.telephony.ami.timing import Sleep, within
from gateway.telephony.safe import UnsafeValue

log = logging.getLogger(__name__)

ANSWER_MARGIN = 15.0
"""Seconds after the manager's phone stopped ringing in which the PBX must have told how it went."""

_EXTENSION = re.compile(r"[A-Za-z0-9_.*#+-]{1,40}")
_SUCCESS = "success"
_REASONS: Mapping[str, tuple[CallState, Sentence]] = {
    "1": (CallState.MANAGER_NO_ANSWER, Sentence("Your phone hung up or did not answer; the customer was not called.")),
    "3": (CallState.MANAGER_NO_ANSWER, Sentence("You did not pick up; the customer was not called.")),
    "5": (CallState.MANAGER_BUSY, Sentence("Your phone was busy or declined; the customer was not called.")),
    "8": (CallState.FAILED, Sentence("Your phone could not be reached: is it on and registered?")),
    "0": (
        CallState.FAILED,
        Sentence("Your phone declined, is off, or the PBX knows no such extension; the customer was not called."),
    ),
}
"""``Reason`` of OriginateResponse, the control frame that the leg ended with (include/asterisk/frame.h). A phone that
declines gives 0 with chan_pjsip, as one that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingPbx:
    """A PBX as far as calls are made on it."""

    pbx: Pbx
    settings: OriginateSettings | None
    """None where its ``[pbx.originate]`` is not there: then it makes no calls."""


class Originator:
    """A Service, and a ``core.outcalls.CallMaker``."""

    def __init__(
        self,
        pbxs: Mapping[str, CallingPbx],
        ledger: CallLedger,
        *,
        region: str,
        clock: Clock,
        new_id: NewId,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """``region``: the country whose numbers are written without a country code, and that may be called."""
        self._pbxs = pbxs
        self._ledger = ledger
        self._region = region
        self._clock = clock
        self._new_id = new_id
        self._sleep = sleep
        self._watches: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """What an earlier run did not see the end of is marked so."""
        await self._ledger.abandon(self._clock.now())

    async def stop(self) -> None:
        """Calls go on; nobody watches them any more."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    @property
    def available(self) -> tuple[str, ...]:
        """Names of the PBXs that are set up to make calls."""
        return tuple(name for name, pbx in self._pbxs.items() if pbx.settings is not None)

    async def originate(self, request: CallRequest) -> Originated:
        """Ask the PBX to call the manager, then the number. Raises CallRefused and StoreUnavailable.

        It is written down, with the audit log, before anything is sent; so is a refusal.
        """
        name, refusal = self._choose(request)
        chosen = self._pbxs[name] if name is not None else None
        settings = chosen.settings if chosen is not None else None
        number = request.number
        if refusal is None and settings is not None:
            number, refusal = judge(request.number, settings, self._region)
        asked = AskedCall(
            id=self._new_id(),
            request=request,
            pbx=name,
            number=number,
            per_hour=settings.per_hour if settings is not None else 0,
            refusal=refusal,
            at=self._clock.now(),
        )
        call = await self._ledger.admit(asked)
        if call.state is CallState.REFUSED or chosen is None or settings is None:
            raise CallRefused(call.reason or "", code=call.code or "refused", originated_id=call.id)
        outcome = await self._send(call, chosen.pbx, settings)
        patience = settings.ring_seconds + ANSWER_MARGIN
        watch = asyncio.create_task(self._watch(call, outcome, patience), name=f"originated:{call.id}")
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        return call

    def _choose(self, request: CallRequest) -> tuple[str | None, Refusal | None]:
        """The PBX to call on, and why there is none."""
        if request.pbx is not None and request.pbx not in self._pbxs:
            known = ", ".join(self.available) or "none"
            values = {"name": request.pbx[:64], "known": known}
            reason = Sentence("There is no PBX %(name)r; calls can be made on: %(known)s.", values)
            return None, Refusal(code="unknown_pbx", reason=reason)
        name = request.pbx if request.pbx is not None else next(iter(self.available), None)
        if name is None or self._pbxs[name].settings is None:
            return name, Refusal(
                code="not_configured",
                reason=Sentence(
                    "Click to call is not set up: the administrator adds [pbx.originate] with the context that may "
                    "call outside to the configuration."
                ),
            )
        return name, None

    async def _send(self, call: Originated, pbx: Pbx, settings: OriginateSettings) -> asyncio.Future[Message]:
        """Send it. Whatever hinders is written down, then raised as CallRefused."""
        try:
            return await pbx.line.originate(headers_of(call, settings, self._region))
        except ActionRefused as error:
            words = words_for(error, str(call.pbx), "Originate", "originate")
            refusal = Refusal(code=code_for(error), reason=Sentence("%(why)s.", {"why": words}))
        except UnsafeValue as error:
            refusal = Refusal(code=error.code, reason=Sentence("%(why)s.", {"why": error}))
        except AmiError as error:
            refusal = Refusal(
                code="pbx_unreachable",
                reason=Sentence("The PBX %(name)s can't be asked now: %(why)s.", {"name": call.pbx, "why": error}),
            )
        await self._ledger.settle(call.id, CallState.FAILED, refusal, self._clock.now())
        log.warning(
            "A call that a manager asked for could not be made",
            extra={"action": "originate_failed", "call": call.id, "pbx": call.pbx, "code": refusal.code},
        )
        raise CallRefused(refusal.reason, code=refusal.code, originated_id=call.id)

    async def _watch(self, call: Originated, outcome: asyncio.Future[Message], patience: float) -> None:
        """Wait for what becomes of the manager's leg, and write it down."""
        try:
            state, refusal = result_of(await within(patience, outcome, self._sleep))
        except (TimeoutError, AmiError) as error:
            said = error if str(error) else Sentence("nothing came within %(num)s s", {"num": f"{patience:g}"})
            reason = Sentence("The PBX did not tell what became of this call: %(why)s.", {"why": said})
            state, refusal = CallState.UNKNOWN, Refusal(code="no_answer_from_pbx", reason=reason)
        try:
            await self._ledger.settle(call.id, state, refusal, self._clock.now())
        except LeadgateError as error:
            log.warning(
                "What became of a call that a manager asked for could not be stored",
                extra={"action": "originate_unsettled", "call": call.id, "state": state.value, "reason": str(error)},
            )


def headers_of(call: Originated, settings: OriginateSettings, region: str) -> dict[str, str | list[str]]:
    """The headers of the Originate. Raises UnsafeValue for an extension that is none.

    The manager's phone shows the customer by the *connected line*. The header ``CallerID``, which others use for that,
    also becomes the caller of the second leg: the provider would be told that the customer calls himself.
    """
    extension = call.extension or ""
    if not _EXTENSION.fullmatch(extension):
        raise UnsafeValue("This extension is no name of a phone: letters, digits and . _ - * # + only")
    return {
        "Channel": settings.channel.replace(EXTENSION_FIELD, extension),
        "Context": settings.context,
        "Exten": dialled(call.number, settings, region),
        "Priority": "1",
        "Timeout": str(settings.ring_seconds * 1000),
        "Variable": [f"{CALL_VARIABLE}={call.id}", f"CONNECTEDLINE(num,i)={call.number}"],
    }


def result_of(response: Mapping[str, str]) -> tuple[CallState, Refusal | None]:
    """OriginateResponse -> how far the call came, and why not farther."""
    if response.get("Response", "").lower() == _SUCCESS:
        return CallState.CALLING_CUSTOMER, None
    reason = response.get("Reason", "")
    values = {"reason": reason[:20] or "none"}
    unknown = (CallState.FAILED, Sentence("The PBX could not make this call (it says: reason %(reason)s).", values))
    state, sentence = _REASONS.get(reason, unknown)
    return state, Refusal(code=state.value, reason=sentence)
