"""Redirect, Hangup and Originate on a real Asterisk, and what an account without the right is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from gateway.core.clock import SystemClock
from gateway.core.outcalls import CallRefused, CallRequest, CallState
from gateway.telephony.actions import ActionFailed, CallingPbx, Originator, Switch
from gateway.telephony.actions.settings import OriginateSettings
from gateway.telephony.ami.errors import AmiClosed
from gateway.telephony.connector import PbxConnector
from tests.integration.telephony.watchers import connected, our_connector
from tests.peers.asterisk.ami import Ami
from tests.peers.asterisk.plays import DIRECT, TRANSFERABLE
from tests.peers.asterisk.server import AMI_USER, AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.unit.telephony.actions.fakes import FakeLedger, FakePbx
from tests.unit.telephony.fakes import until

pytestmark = pytest.mark.peer("asterisk")


@asynccontextmanager
async def listening(pair: AsteriskPair, user: str = AMI_USER) -> AsyncIterator[PbxConnector]:
    """A connector that is logged in."""
    _, _, connector = our_connector(pair, user=user)
    await connector.start()
    try:
        await connected(connector)
        yield connector
    finally:
        await connector.stop()


@pytest.fixture
async def judge(asterisk_pair: AsteriskPair) -> AsyncIterator[Ami]:
    client = await Ami.connect(asterisk_pair.ports.pbx_ami)
    yield client
    await client.action("Hangup", Channel="/^.*$/")
    await client.wait_for(lambda: not client.open_channels(), "the end of all calls")
    await client.close()


@pytest.fixture
async def world(asterisk_pair: AsteriskPair) -> AsyncIterator[Ami]:
    client = await Ami.connect(asterisk_pair.ports.world_ami, events=False)
    yield client
    await client.action("Hangup", Channel="/^.*$/")
    await client.close()


async def test_a_caller_is_sent_to_another_phone_and_then_hung_up(
    asterisk_pair: AsteriskPair, judge: Ami, world: Ami
) -> None:
    stage = Stage(judge, world, 40)
    await stage.behave(p1="answer:1:60", p3="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=30)
    await stage.talking(1)
    channel = await stage.caller_channel()
    async with listening(asterisk_pair) as connector:
        switch = Switch({"office": connector})
        await switch.redirect("office", channel, "from-internal", stage.phone(3), 1)
        await stage.talking(3)
        await switch.hangup("office", channel)
        await judge.wait_for(lambda: channel not in judge.open_channels(), "the end of the caller's channel")
        with pytest.raises(ActionFailed, match="refused Hangup: No such channel"):
            await switch.hangup("office", channel)
        with pytest.raises(ActionFailed, match="refused Redirect"):
            await switch.redirect("office", channel, "from-internal", stage.phone(3), 1)


async def test_a_reload_of_the_pbx_ends_no_call_and_is_no_restart(
    asterisk_pair: AsteriskPair, judge: Ami, world: Ami, caplog: pytest.LogCaptureFixture
) -> None:
    """Trap 19: CoreReloadTime changes, CoreStartupTime does not."""
    stage = Stage(judge, world, 42)
    await stage.behave(p1="answer:1:60")
    sink, _, connector = our_connector(asterisk_pair)
    await connector.start()
    await connected(connector)
    await stage.call_in(DIRECT, talk=20)
    await stage.talking(1)
    await until(lambda: bool(sink.items))
    before = await judge.action("CoreStatus")
    await asyncio.sleep(1.1)  # its times are whole seconds
    await judge.action("Reload")
    after = await judge.action("CoreStatus")
    assert after["CoreReloadTime"] != before["CoreReloadTime"]
    assert after["CoreStartupTime"] == before["CoreStartupTime"]
    cut = connector.line
    cut.abort(AmiClosed("cut by the test"))
    await until(lambda: connector.line is not cut and connector.health()[0].ok)
    await asyncio.sleep(0.5)  # the snapshot of the new session, in which a restart would be noticed
    assert sink.ended() == {}
    assert stage.pbx.open_channels(), "they go on talking"
    await connector.stop()
    assert "pbx_restarted" not in {getattr(record, "action", "") for record in caplog.records}


async def test_an_account_with_the_rights_of_the_guide_may_call_but_not_move_calls(
    asterisk_pair: AsteriskPair, judge: Ami, world: Ami
) -> None:
    stage = Stage(judge, world, 41)
    await stage.behave(p1="ring")
    async with listening(asterisk_pair, "least") as connector:
        with pytest.raises(ActionFailed, match="add call to write") as failure:
            await Switch({"office": connector}).redirect("office", "PJSIP/201-00000001", "from-internal", "201", 1)
        assert failure.value.code == "no_right"
        call, ledger = await originated(connector, stage.phone(1), ring_seconds=5)
        assert call is None
        await until(lambda: bool(ledger.settled))
    assert ledger.settled[0][1] is CallState.MANAGER_NO_ANSWER


async def test_an_account_without_the_right_to_call_is_told_which_line_to_add(asterisk_pair: AsteriskPair) -> None:
    async with listening(asterisk_pair, "watcher") as connector:
        refusal, ledger = await originated(connector, "201", ring_seconds=5)
    assert refusal is not None
    assert refusal.code == "no_right"
    assert "add originate to write of the account in manager.conf" in str(refusal)
    assert [state for _, state, _ in ledger.settled] == [CallState.FAILED]


async def test_a_phone_that_the_pbx_does_not_know_is_told(asterisk_pair: AsteriskPair) -> None:
    async with listening(asterisk_pair) as connector:
        call, ledger = await originated(connector, "999", ring_seconds=5)
        assert call is None
        await until(lambda: bool(ledger.settled))
    ((_, state, why),) = ledger.settled
    assert state is CallState.FAILED
    assert why is not None
    assert "the PBX knows no such extension" in str(why.reason)


async def originated(
    connector: PbxConnector, extension: str, *, ring_seconds: int
) -> tuple[CallRefused | None, FakeLedger]:
    """Ask for a call; the refusal, if it is one, and the book."""
    ids, ledger = count(1), FakeLedger(FakePbx())
    settings = OriginateSettings(context="from-internal", ring_seconds=ring_seconds)
    calls = Originator(
        {"office": CallingPbx(pbx=connector, settings=settings)}, ledger,
        region="RU", clock=SystemClock(), new_id=lambda: f"id-{next(ids)}",
    )  # fmt: skip
    try:
        await calls.originate(CallRequest(manager_id="m", number="+79161110201", extension=extension))
    except CallRefused as refusal:
        return refusal, ledger
    return None, ledger
