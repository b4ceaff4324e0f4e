"""Click to call through the real gateway on a real Asterisk: what rings, what is shown, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.office import Office, all_ended
from tests.peers.asterisk.ami import Ami
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.ports import LOOPBACK

pytestmark = pytest.mark.peer("asterisk")

TEAMS = range(20, 24)
Outcall = dict[str, Any]


class Clicks:
    """A program with a token that asks for calls and looks what becomes of them."""

    def __init__(self, office: Office, token: str) -> None:
        self._base = f"http://{LOOPBACK}:{office.installation.private}/api/v1"
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})

    async def close(self) -> None:
        """End."""
        await self._session.close()

    async def ask(self, manager: str, number: str) -> tuple[int, Outcall]:
        """Status and body of POST /api/v1/calls."""
        body = {"manager": manager, "number": number}
        async with self._session.post(f"{self._base}/calls", json=body) as answer:
            return answer.status, await answer.json()

    async def made(self, stage: Stage) -> Outcall:
        """The team's manager calls the team's customer."""
        status, call = await self.ask(f"m{stage.team}", stage.customer)
        assert status == 202, call
        return call

    async def when(self, call: Outcall, true: Callable[[Outcall], bool]) -> Outcall:
        """The call as soon as ``true`` of it."""
        async with asyncio.timeout(20):
            while True:
                async with self._session.get(f"{self._base}/outcalls/{call['id']}") as answer:
                    now: Outcall = await answer.json()
                if true(now):
                    return now
                await asyncio.sleep(0.1)


@pytest.fixture
async def office(asterisk_pair: AsteriskPair, tmp_path: Path) -> AsyncIterator[Office]:
    keys = 'originate = {context = "from-internal", ring_seconds = 5}\n'
    async with Office(asterisk_pair, tmp_path, pbx_keys=keys) as opened:
        for team in TEAMS:
            done = opened.installation.run("user", "add", f"m{team}", "--extension", f"{team}1")
            assert done.returncode == 0, done.stderr
        await opened.open()
        yield opened


async def test_click_to_call_is_made_shown_tied_and_told(office: Office, asterisk_pair: AsteriskPair) -> None:
    clicks = Clicks(office, office.installation.new_token("clicks"))
    world = await Ami.connect(asterisk_pair.ports.world_ami)
    talks, silent, declines, busy = (office.stage(team) for team in TEAMS)
    await talks.behave(p1="answer:1:60", customer="answer:1:2")
    await silent.behave(p1="ring")
    await declines.behave(p1="reject")
    await busy.behave(p1="answer:1:60", customer="busy")
    try:
        asked = [await clicks.made(stage) for stage in (talks, silent, declines, busy)]
        status, second = await clicks.ask("m21", silent.customer)
        assert (status, second["code"]) == (409, "already_calling"), "a second click while the phone rings"
        status, emergency = await clicks.ask("m20", "112")
        assert (status, emergency["code"]) == (403, "emergency_number")
        told = [await clicks.when(call, lambda now: now["state"] != "calling_manager") for call in asked]
        assert [call["state"] for call in told] == [
            "calling_customer", "manager_no_answer", "failed", "calling_customer",
        ]  # fmt: skip
        assert "did not pick up" in told[1]["reason"]
        assert "declined" in told[2]["reason"]
        await office.quiet()
        calls = {call["id"]: call for call in await office.calls_when(all_ended(4), "four calls told")}
        tied = [await clicks.when(call, lambda now: now["call"] is not None) for call in asked]
    finally:
        await clicks.close()
        await world.close()
    outcomes = [calls[call["call"]] for call in tied]
    assert [call["outcome"] for call in outcomes] == ["answered", "no_answer", "no_answer", "busy"]
    assert {call["direction"] for call in outcomes} == {"outbound"}
    assert [call["dialled"] for call in outcomes] == [f"+{stage.customer}" for stage in (talks, silent, declines, busy)]
    assert await office.leads() == [], "the company called"
    assert shown_to(world, talks.phone(1)) == f"+{talks.customer}", "the manager's phone shows the customer"
    assert shown_to(world, talks.customer) == talks.phone(1), "the customer sees who calls, not his own number"


def shown_to(world: Ami, callee: str) -> str:
    """The caller that the first INVITE to this phone or customer named."""
    return next(
        event["CallerIDNum"]
        for event in world.events
        if event.get("Event") == "Newchannel" and event.get("Exten") == callee
    )
