"""A call that a command on the server asks for: on a connection to the PBX of its own, which ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.app.callbacks import console_desk
from gateway.audit.log import CONSOLE
from gateway.capture.outcalls import StoredOutcalls
from gateway.config.settings import Settings
from gateway.core.clock import Clock, SystemClock, new_id
from gateway.core.errors import LeadgateError
from gateway.core.outcalls import CallState
from gateway.storage.store import Store
from gateway.telephony.actions import CallingPbx, Originator
from gateway.telephony.ami.client import AmiAddress, connect, tls_context
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import AmiClosed, AmiError
from gateway.telephony.ami.framing import EventFilter
from gateway.telephony.settings import PbxSettings
from gateway.views.shapes import OutcallView
from gateway.web.api.callbacks import CallCallback, call_back
from gateway.web.api.calls import outcall
from gateway.web.api.writes import Who, WriteCall
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters

EVENT_CLASSES = "call"
"""What OriginateResponse belongs to."""
LOOK_SECONDS = 0.3
ANSWER_SECONDS = 90.0
"""Longer than any phone of ours rings."""


@dataclass(frozen=True, slots=True)
class OneLine:
    """A ``telephony.actions.switch.Pbx`` on one connection."""

    line: AmiConnection


async def call_once(
    store: Store,
    settings: Settings,
    callback_id: str,
    *,
    manager: str | None,
    extension: str | None,
    number: str | None,
    pbx: str | None,
) -> OutcallView:
    """Ask for the call and wait until the manager's phone was answered or not. Raises LeadgateError."""
    clock = SystemClock()
    chosen = _chosen(settings, pbx)
    body = CallCallback(manager=manager, extension=extension, number=number, pbx=chosen.name)
    who = Who(actor=CONSOLE, manager_id=None, role=None, at=clock.now(), new_id=new_id)
    async with _line_to(chosen, clock) as line:
        ledger = StoredOutcalls(store, keep=settings.retention.keep)
        maker = Originator(
            {chosen.name: CallingPbx(pbx=OneLine(line), settings=chosen.originate)},
            ledger,
            region=settings.gateway.region,
            clock=clock,
            new_id=new_id,
        )
        asked = WriteCall(who=who, ids={"id": callback_id}, body=body)
        try:
            made = await call_back(console_desk(settings), maker, store, asked)
        except Refused as refused:
            raise LeadgateError(refused.detail) from None
        try:
            return await _settled(store, made)
        finally:
            await maker.stop()


def _chosen(settings: Settings, name: str | None) -> PbxSettings:
    """The PBX to call on. Raises LeadgateError."""
    able = [pbx for pbx in settings.pbx if pbx.originate is not None and name in (None, pbx.name)]
    if not able:
        which = f"PBX {name!r} can't" if name is not None else "No PBX can"
        raise LeadgateError(f"{which} make calls: set up [pbx.originate] with the context that may call outside.")
    return able[0]


@asynccontextmanager
async def _line_to(pbx: PbxSettings, clock: Clock) -> AsyncIterator[AmiConnection]:
    """A connection that hears nothing but what becomes of its own calls. Raises LeadgateError."""
    tls = tls_context(pbx.ca_file) if pbx.tls else None
    address = AmiAddress(host=pbx.host, port=pbx.tcp_port, username=pbx.username, secret=pbx.secret, tls=tls)
    line = AmiConnection(address.peer, clock=clock, events=EventFilter(wanted=frozenset({"OriginateResponse"})))
    try:
        await connect(address, line, asyncio.sleep)
        await line.greeting()
        await line.login(address.username, address.secret, EVENT_CLASSES)
    except AmiError as error:
        line.abort(AmiClosed("there was no session"))
        raise LeadgateError(f"The PBX {pbx.name} can't be asked now: {error}.") from None
    try:
        yield line
    finally:
        line.abort(AmiClosed("the command is over"))


async def _settled(store: Store, made: OutcallView) -> OutcallView:
    """The call once the manager's phone was answered or not."""
    found: OutcallView | None = made
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while found is not None and CallState(found.state).is_open:
                await asyncio.sleep(LOOK_SECONDS)
                found = await store.read(lambda c: outcall(c, made.id, Filters()))
    except TimeoutError:
        return made
    return found or made
