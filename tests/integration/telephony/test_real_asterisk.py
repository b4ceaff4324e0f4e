"""Real calls through a real Asterisk: our connector must say what happened, and pyst2 must see the same calls.

All scenarios are played once, at the same time; each test looks at one side of what was seen.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.core.types import Phase
from tests.integration.telephony.watchers import (
    LIFE,
    Observed,
    RecordingSink,
    connected,
    life_of,
    linkedids_of,
    observe,
    our_connector,
    reported,
)
from tests.peers.asterisk.ami import Ami
from tests.peers.asterisk.scenarios import DIRECT, SCENARIOS, Scenario
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.patience import PATIENCE

pytestmark = [
    pytest.mark.peer("asterisk"),
    # pyst2 calls threading's old names; it is only the second witness here
    pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk"),
]

WAV_HEADER = 44
"""Bytes of a RIFF header without a sound behind it."""


@pytest.fixture(scope="module")
def observed(asterisk_pair: AsteriskPair) -> Observed:
    """What everybody saw while all scenarios were played."""
    return asyncio.run(observe(asterisk_pair, SCENARIOS))


def _records_of(observed: Observed, scenario: Scenario) -> list[dict[str, Any]]:
    """The calls of one scenario: every number that we dial or are dialled on ends with a phone of its team."""
    team = str(scenario.team)
    return [
        record
        for record in observed.records.values()
        if any((record[side] or "")[-3:-1] == team for side in ("caller", "dialled", "answered_by"))
    ]


def _by_name(name: str) -> Scenario:
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_call_is_reported_once_and_as_it_was(observed: Observed, scenario: Scenario) -> None:
    records = _records_of(observed, scenario)
    truths = scenario.truths(Stage(None, None, scenario.team))  # type: ignore[arg-type]  # numbers need no connection
    assert len(records) == len(truths), json.dumps(records, indent=1, ensure_ascii=False)
    for truth, record in zip(truths, sorted(records, key=_inbound_first), strict=True):
        assert {field: record[field] for field in truth} == truth


def _inbound_first(record: dict[str, Any]) -> bool:
    return bool(record["direction"] != "inbound")


def test_no_call_is_reported_that_nobody_made(observed: Observed) -> None:
    known = [id(record) for scenario in SCENARIOS for record in _records_of(observed, scenario)]
    assert sorted(known) == sorted(id(record) for record in observed.records.values())


def test_every_report_is_of_a_later_phase_or_says_something_new(observed: Observed) -> None:
    seen: dict[str, Phase] = {}
    for item in observed.items:
        assert item.draft is not None
        assert item.draft.phase.rank >= seen.get(item.key, Phase.RECEIVED).rank, item.dedup_key
        seen[item.key] = item.draft.phase
    repeated = [key for key, times in Counter(item.dedup_key for item in observed.items).items() if times > 1]
    assert repeated == []


def test_answered_call_is_reported_while_it_rings_and_while_they_talk(observed: Observed) -> None:
    (record,) = _records_of(observed, _by_name("answered"))
    phases = [
        item.draft.phase
        for item in observed.items
        if item.draft and item.draft.details["linkedid"] == record["linkedid"]
    ]
    assert phases == [Phase.RINGING, Phase.ANSWERED, Phase.ENDED]


def test_times_of_a_call_are_those_of_the_phones(observed: Observed) -> None:
    (record,) = _records_of(observed, _by_name("answered"))
    assert record["wait_seconds"] == pytest.approx(1, abs=0.7), "the phone rang one second"
    assert record["talk_seconds"] == pytest.approx(1.5, abs=0.7), "they talked one and a half"


def test_recording_is_the_file_that_the_pbx_wrote(observed: Observed, asterisk_pair: AsteriskPair) -> None:
    (record,) = _records_of(observed, _by_name("recorded"))
    file = asterisk_pair.folder / "pbx/spool/monitor" / Path(record["recording"]).name
    assert file.stat().st_size > WAV_HEADER
    assert all(
        other["recording"] is None for other in observed.records.values() if other["dialled"] != record["dialled"]
    )


def test_no_events_were_lost_and_the_connection_held(observed: Observed) -> None:
    assert observed.states == {"connected"}
    assert [key for key, record in observed.records.items() if record["gap"]] == []


def test_pyst2_and_our_client_saw_every_channel_that_the_judge_saw(observed: Observed) -> None:
    judge = life_of(observed.judge)
    births = {uniqueid for event, uniqueid in judge if event == "Newchannel"}
    assert len(births) > 2 * len(SCENARIOS), "the scenarios were played"
    assert judge == {(event, uniqueid) for event in LIFE for uniqueid in births}, "every channel hung up"
    assert life_of(observed.pyst2) == judge
    assert observed.ours == judge


def test_every_linkedid_that_pyst2_saw_is_in_exactly_one_of_our_calls(observed: Observed) -> None:
    seen = {event["Linkedid"] for event in observed.pyst2 if event.get("Event") in LIFE}
    owners = Counter(linkedid for record in observed.records.values() for linkedid in linkedids_of(record))
    assert {linkedid: owners[linkedid] for linkedid in seen} == dict.fromkeys(seen, 1)
    assert set(owners) <= seen


async def test_call_that_was_under_way_when_we_connected_is_taken_up(asterisk_pair: AsteriskPair) -> None:
    judge = await Ami.connect(asterisk_pair.ports.pbx_ami)
    world = await Ami.connect(asterisk_pair.ports.world_ami, events=False)
    stage = Stage(judge, world, 48)
    await stage.behave(p1="answer:0:60")
    await stage.call_in(DIRECT, talk=3)
    await stage.talking(1)
    sink, _, connector = our_connector(asterisk_pair)
    await connector.start()
    await connected(connector)
    await judge.wait_for(lambda: not judge.open_channels(), "the end of the call")
    await reported(sink, judge.events)
    await connector.stop()
    await world.close()
    await judge.close()
    (record,) = sink.ended().values()
    assert record["gap"]
    assert (record["caller"], record["dialled"]) == (f"+{stage.caller}", f"+{stage.did(DIRECT)}")
    assert (record["outcome"], record["answered_by"]) == ("answered", stage.phone(1))


async def test_stopping_in_the_middle_of_a_call_reports_no_end(asterisk_pair: AsteriskPair) -> None:
    judge = await Ami.connect(asterisk_pair.ports.pbx_ami)
    world = await Ami.connect(asterisk_pair.ports.world_ami, events=False)
    sink, _, connector = our_connector(asterisk_pair)
    await connector.start()
    await connected(connector)
    stage = Stage(judge, world, 49)
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=20)
    async with asyncio.timeout(PATIENCE):
        while Phase.ANSWERED not in _phases(sink):
            await asyncio.sleep(0.05)
    await connector.stop()
    phases = _phases(sink)
    await judge.action("Hangup", Channel=await stage.channel_of(1))
    await judge.wait_for(lambda: not judge.open_channels(), "the end of the call")
    await world.close()
    await judge.close()
    assert phases == [Phase.RINGING, Phase.ANSWERED]


def _phases(sink: RecordingSink) -> list[Phase]:
    return [item.draft.phase for item in sink.items if item.draft]
