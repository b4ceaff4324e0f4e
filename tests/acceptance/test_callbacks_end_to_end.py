"""Missed calls on a real Asterisk through the real gateway process: who waits, and everything that ends the waiting."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.acceptance.office import Items, Office
from tests.peers.asterisk.plays import DIRECT, MOBILE
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.ports import LOOPBACK

pytestmark = pytest.mark.peer("asterisk")

ZONE = ZoneInfo("Europe/Moscow")
ANNA_S_MOBILE = "79035550101"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def tomorrow() -> datetime:
    """Midnight of the next local day."""
    return datetime.combine(datetime.now(ZONE).date() + timedelta(days=1), datetime.min.time(), ZONE)


def configuration(anna: str) -> str:
    """It is night now: work begins tomorrow at nine. Anna has a phone and a mobile."""
    worked = f"{WEEK[tomorrow().weekday()]} = "
    return (
        '[pbx.originate]\ncontext = "from-internal"\nprefixes = ["+79161110"]\n'
        f'[hours]\n{worked}["09:00-18:00"]\n'
        f'[[manager]]\nid = "anna"\nname = "Anna"\nextensions = ["{anna}"]\nmobile = "+{ANNA_S_MOBILE}"\n'
    )


class Board:
    """The callbacks as the API shows them."""

    def __init__(self, office: Office) -> None:
        self._base = f"http://{LOOPBACK}:{office.installation.private}/api/v1"
        self._headers = {"Authorization": f"Bearer {office.installation.new_token('board')}"}

    async def all(self) -> dict[str, Items]:
        """Number -> the person's callbacks, the oldest first."""
        found: dict[str, Items] = {}
        for one in reversed((await self._ask("GET", "/callbacks"))["items"]):
            found.setdefault(one["number"], []).append(one)
        return found

    async def when(self, true: Callable[[dict[str, Items]], bool], what: str) -> dict[str, Items]:
        """All as soon as ``true`` of them."""
        deadline = time.monotonic() + 30
        while not true(found := await self.all()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within 30 s; {json.dumps(found, indent=1)}")
            await asyncio.sleep(0.1)
        return found

    async def one(self, callback_id: str) -> dict[str, Any]:
        """With its history."""
        return await self._ask("GET", f"/callbacks/{callback_id}")

    async def call(self, callback_id: str) -> dict[str, Any]:
        """Click to call."""
        return await self._ask("POST", f"/callbacks/{callback_id}/call", {"manager": "anna"})

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.request(method, self._base + path, json=body) as answer,
        ):
            said: dict[str, Any] = await answer.json(content_type=None)
            assert answer.status < 300, said
            return said


def number(stage: Stage) -> str:
    return f"+{stage.customer}"


async def test_whoever_is_missed_waits_until_reached_by_any_way(asterisk_pair: AsteriskPair, tmp_path: Path) -> None:
    async with Office(asterisk_pair, tmp_path, pbx_keys=configuration("251")) as office:
        await office.open()
        board = Board(office)
        waits, again, back, mobile, vain, click = stages = [office.stage(team) for team in range(20, 26)]
        for stage in stages:
            await stage.behave(p1="ring")
            await stage.call_in(DIRECT, number=stage.customer, patience=1.5)
        await office.quiet()
        missed = await board.when(lambda found: len(found) == len(stages), "six wait")
        for stage in stages:
            (one,) = missed[number(stage)]
            assert (one["state"], one["reason"], one["tries"]) == ("open", "after_hours", 1)
            assert one["line"] == f"+{stage.did(DIRECT)}"
            assert datetime.fromisoformat(one["due_at"]) == tomorrow() + timedelta(hours=9, minutes=30)
        assert missed[number(click)][0]["owner"]["name"] == "Anna", "her phone rang"

        await again.behave(p1="answer:0:60")
        await again.call_in(DIRECT, number=again.customer, talk=1.5)
        await back.behave(p1="answer:0:60", customer="answer:1:60")
        await back.call_from(1, back.customer, talk=1.5)
        await mobile.behave(customer="press:1:60")
        await mobile.call_in(MOBILE, number=ANNA_S_MOBILE, talk=2)
        await vain.behave(customer="busy")
        await vain.call_from(1, vain.customer, patience=3)
        await click.behave(p1="answer:0:60", customer="answer:1:60")
        assert (await board.call(missed[number(click)][0]["id"]))["state"] == "calling_manager"
        expected = {
            number(waits): "open", number(again): "reached_by_client", number(back): "reached_by_us",
            number(mobile): "reached_by_us", number(vain): "attempted", number(click): "reached_by_us",
        }  # fmt: skip

        def as_expected(found: dict[str, Items]) -> bool:
            return {key: rows[-1]["state"] for key, rows in found.items()} == expected

        reached = await board.when(as_expected, "everybody in the right state")
        await office.judge.action("Hangup", Channel="/^.*$/")
        await office.quiet()
        await again.behave(p1="ring")
        await again.call_in(DIRECT, number=again.customer, patience=1.5)
        anew = await board.when(lambda found: len(found[number(again)]) == 2, "a fresh miss opens anew")
        assert [one["state"] for one in anew[number(again)]] == ["reached_by_client", "open"]
        await vain.behave(customer="answer:0:60")
        words = ("callbacks", "call", anew[number(vain)][0]["id"], "--by", "anna", "--json")
        asked = await asyncio.to_thread(office.installation.run, *words)
        assert (asked.returncode, json.loads(asked.stdout)["state"]) == (0, "calling_customer"), asked.stderr
        await board.when(lambda found: found[number(vain)][0]["state"] == "reached_by_us", "called by a command")
        calls = {call["id"]: call for call in await office.calls()}
        for stage in (again, back, mobile, click):
            one = reached[number(stage)][0]
            assert one["in_time"] is True
            assert calls[one["closed_by"]]["answered"]
        by_mobile = calls[reached[number(mobile)][0]["closed_by"]]
        assert (by_mobile["caller"], by_mobile["answered_by"]) == (f"+{ANNA_S_MOBILE}", number(mobile))
        assert by_mobile["contact"]["phones"] == [number(mobile)]
        history = [step["kind"] for step in (await board.one(reached[number(click)][0]["id"]))["history"]]
        assert history == ["opened", "claimed", "called", "closed"]
        phones = [lead["contact"] and lead["contact"]["phones"] for lead in await office.leads()]
        assert sorted(phones) == sorted([number(stage)] for stage in stages), "the colleague's mobile is no lead"
