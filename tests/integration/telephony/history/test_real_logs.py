"""Real calls through a real Asterisk while no gateway listens; then its log is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.clock import SystemClock
from gateway.telephony.history.backfill import Backfill
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.history.logfile import LogFile
from gateway.telephony.lines import LineRules
from tests.peers.asterisk.ami import Ami
from tests.peers.asterisk.plays import DIRECT, QUEUE, Scenario
from tests.peers.asterisk.scenarios import SCENARIOS
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.sink import RecordingSink
from tests.unit.telephony.history.test_backfill import Places

pytestmark = pytest.mark.peer("asterisk")

REGION = "RU"
PLAYED = (
    "answered", "caller_gives_up", "busy", "second_of_a_group_answers", "queue_answered", "queue_abandoned",
    "queue_member_behind_a_local_channel_answers", "after_hours_announcement", "menu_abandoned", "voicemail",
    "blind_transfer", "attended_transfer", "outbound_answered", "outbound_busy", "internal", "click_to_call", "pickup",
    "anonymous_caller", "recorded", "caller_with_a_cyrillic_name",
)  # fmt: skip
"""Twenty calls of every kind."""


WRITTEN_WITHIN = 40
"""Seconds that the PBX may take to write the end of the last call: it is asked again until all are told."""


def backfill_of(pair: AsteriskPair, sink: RecordingSink, live: LiveCalls | None = None) -> Backfill:
    log = LogFile(pair.cel, "cel", UTC)
    return Backfill("office", [log], sink, Places(), SystemClock(), lines=LineRules(), region=REGION, live=live)


async def read(part: Backfill) -> None:
    for _ in range(2):
        await part.read(part._states[0])


def told(sink: RecordingSink, since: datetime) -> list[dict[str, Any]]:
    return [
        dict(item.draft.details) for item in sink.items if item.draft is not None and item.draft.occurred_at >= since
    ]


@pytest.fixture(scope="module")
def missed_by_the_gateway(asterisk_pair: AsteriskPair) -> list[dict[str, Any]]:
    """The records of calls that were made while nobody listened."""
    return asyncio.run(_play(asterisk_pair))


async def _play(pair: AsteriskPair) -> list[dict[str, Any]]:
    judge = await Ami.connect(pair.ports.pbx_ami)
    world = await Ami.connect(pair.ports.world_ami, events=False)
    began = datetime.now(UTC)
    async with asyncio.TaskGroup() as plays:
        for scenario in played():
            plays.create_task(scenario.drive(Stage(judge, world, scenario.team)), name=scenario.name)
    await judge.wait_for(lambda: bool(judge.events) and not judge.open_channels(), "the end of all calls")
    await world.close()
    await judge.close()
    sink = RecordingSink()
    part = backfill_of(pair, sink)
    for _ in range(WRITTEN_WITHIN):
        await asyncio.sleep(1)
        await read(part)
        if len(told(sink, began)) >= len(PLAYED):
            break
    return told(sink, began)


def played() -> list[Scenario]:
    return [scenario for scenario in SCENARIOS if scenario.name in PLAYED]


@pytest.mark.parametrize("scenario", played(), ids=lambda scenario: scenario.name)
def test_call_made_while_the_gateway_was_down_is_told_once_and_as_it_was(
    missed_by_the_gateway: list[dict[str, Any]], scenario: Scenario
) -> None:
    team = str(scenario.team)
    found = [
        record
        for record in missed_by_the_gateway
        if any((record[side] or "")[-3:-1] == team for side in ("caller", "dialled", "answered_by"))
    ]
    assert len(found) == 1
    (truth,) = scenario.truths(Stage(None, None, scenario.team))  # type: ignore[arg-type]  # numbers need no connection
    assert {name: found[0][name] for name in truth if name != "recording"} == {
        name: value for name, value in truth.items() if name != "recording"
    }


def test_as_many_calls_are_told_as_were_made(missed_by_the_gateway: list[dict[str, Any]]) -> None:
    assert len(missed_by_the_gateway) == len(PLAYED) == 20
    assert {record["from"] for record in missed_by_the_gateway} == {"cel"}


@pytest.fixture
def own_pair() -> Iterator[AsteriskPair]:
    """A PBX that may be killed."""
    pair = AsteriskPair.start()
    yield pair
    pair.stop()


async def test_pbx_killed_with_five_calls_up_gives_five_calls_marked_as_cut(own_pair: AsteriskPair) -> None:
    pair = own_pair
    judge = await Ami.connect(pair.ports.pbx_ami)
    world = await Ami.connect(pair.ports.world_ami, events=False)
    stages = [Stage(judge, world, team) for team in (20, 21, 22, 26, 27)]
    for number, stage in enumerate(stages):
        await stage.behave(p1="answer:0:60" if number < 2 else "ring", p2="ring")
        await stage.call_in(QUEUE if stage.team in (26, 27) else DIRECT, talk=30)
    for number, stage in enumerate(stages):
        await (stage.talking(1) if number < 2 else stage.ringing(1))
    pair.kill_pbx()
    await world.close()
    await judge.close()
    sink, live = RecordingSink(), LiveCalls()
    part = backfill_of(pair, sink, live)
    await read(part)
    assert sink.items == [], "while the PBX is not reached nobody knows that they are over"
    await asyncio.to_thread(pair.start_pbx)
    live.connected(list)  # it is up again, and has no call
    await read(part)
    records = told(sink, datetime.fromtimestamp(0, UTC))
    assert sorted(record["outcome"] for record in records) == ["answered", "answered", "missed", "missed", "missed"]
    assert all(record["facts"]["cut"] and record["gap"] for record in records)
    assert not pair.cdr.exists(), "a crash leaves no call detail records: that is why CEL comes first"
