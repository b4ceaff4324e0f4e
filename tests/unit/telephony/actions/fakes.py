"""A PBX that takes actions, and a book of calls, both in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from gateway.core.errors import StoreUnavailable
from gateway.core.outcalls import AskedCall, CallState, Originated, Refusal
from gateway.telephony.ami.action import encode_action
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import AmiClosed, AmiError
from gateway.telephony.ami.framing import Message

Headers = Mapping[str, str | Sequence[str]]


class FakePbx:
    """Remembers what it was sent, encoded by the real choke point."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str | Sequence[str]]]] = []
        self.connected = True
        self.error: AmiError | None = None
        """Raised instead of an answer."""
        self.outcomes: list[asyncio.Future[Message]] = []
        """What will become of the calls, in their order; the test sets them."""

    @property
    def line(self) -> AmiConnection:
        if not self.connected:
            raise AmiClosed("the PBX office is not connected")
        return cast("AmiConnection", self)

    async def action(self, name: str, headers: Headers) -> Message:
        encode_action(name, headers)
        self.sent.append((name, dict(headers)))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return {"Response": "Success"}

    async def originate(self, headers: Headers) -> asyncio.Future[Message]:
        await self.action("Originate", headers)
        self.outcomes.append(asyncio.get_running_loop().create_future())
        return self.outcomes[-1]


class FakeLedger:
    """Every manager has the extension 101."""

    def __init__(self, pbx: FakePbx) -> None:
        self.asked: list[AskedCall] = []
        self.sent_before: list[int] = []
        """How much the PBX had been sent when each call was written down."""
        self.settled: list[tuple[str, CallState, Refusal | None]] = []
        self.abandoned: list[datetime] = []
        self.refusal: Refusal | None = None
        """Its own reason to refuse."""
        self.down = False
        self._pbx = pbx

    async def admit(self, asked: AskedCall) -> Originated:
        if self.down:
            raise StoreUnavailable("the disk is full")
        self.sent_before.append(len(self._pbx.sent))
        self.asked.append(asked)
        await asyncio.sleep(0)
        return asked.decided(asked.request.extension or "101", asked.refusal or self.refusal)

    async def settle(self, call_id: str, state: CallState, refusal: Refusal | None, at: datetime) -> None:
        if self.down:
            raise StoreUnavailable("the disk is full")
        self.settled.append((call_id, state, refusal))

    async def abandon(self, at: datetime) -> None:
        self.abandoned.append(at)


def header(sent: tuple[str, dict[str, Any]], name: str) -> Any:
    """One header of something that was sent."""
    return sent[1].get(name)
