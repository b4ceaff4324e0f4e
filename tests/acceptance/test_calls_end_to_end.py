"""Real calls on a real Asterisk through the real gateway process to its API, and everything that can break between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.office import Office, all_ended
from tests.peers.asterisk.plays import DIRECT, GROUP, ROBOTS, VOICEMAIL, answered, missed
from tests.peers.asterisk.scenarios import SCENARIOS
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.faultproxy import FaultProxy

pytestmark = pytest.mark.peer("asterisk")


@pytest.fixture(scope="module")
def pair() -> Iterator[AsteriskPair]:
    """A PBX of this file's own: it is killed here."""
    started = AsteriskPair.start()
    yield started
    started.stop()


def _of(stage: Stage, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls of one team."""
    team = str(stage.team)
    return [
        item
        for item in items
        if any((item[side] or "")[-3:-1] == team for side in ("caller", "dialled", "answered_by"))
    ]


def _matches(truth: dict[str, Any], call: dict[str, Any]) -> None:
    assert {field: call[field] for field in truth} == truth


def _caller_of(lead: dict[str, Any]) -> str | None:
    phones: list[str] = lead["contact"]["phones"] if lead["contact"] else []
    return phones[0] if phones else None


async def test_every_scenario_is_told_by_the_api_as_it_was_and_customers_become_leads(
    pair: AsteriskPair, tmp_path: Path
) -> None:
    """All at the same time, in one gateway."""
    async with Office(pair, tmp_path, pbx_keys=f"robots = {list(ROBOTS)}\n") as office:
        await office.open()
        truths = {scenario.team: scenario.truths(office.stage(scenario.team)) for scenario in SCENARIOS}
        async with asyncio.TaskGroup() as plays:
            for scenario in SCENARIOS:
                plays.create_task(scenario.drive(office.stage(scenario.team)), name=scenario.name)
        await office.quiet()
        expected = sum(map(len, truths.values()))
        calls = await office.calls_when(all_ended(expected), "all calls told", seconds=60)
        parts = await office.parts()
        leads = {lead["id"]: lead for lead in await office.leads()}
    calls = [call for call in calls if call["id"] not in parts]
    assert len(calls) == expected, "no call that nobody made"
    for scenario in SCENARIOS:
        told = sorted(_of(office.stage(scenario.team), calls), key=_inbound_first)
        assert len(told) == len(truths[scenario.team]), scenario.name
        for truth, call in zip(truths[scenario.team], told, strict=True):
            _matches(truth, call)
            assert not call["gap"], scenario.name
            _has_its_lead(call, leads)
    assert {call["lead"] for call in calls if call["lead"]} == leads.keys(), "no lead that nobody asked for"


def _inbound_first(call: dict[str, Any]) -> bool:
    return bool(call["direction"] != "inbound")


def _has_its_lead(call: dict[str, Any], leads: dict[str, dict[str, Any]]) -> None:
    """A call of a customer belongs to a lead, any other to none."""
    if call["direction"] != "inbound":
        assert call["lead"] is None, "the company called: that opens no lead unless configured"
        return
    lead = leads[call["lead"]]
    assert call["id"] in lead["interactions"]
    public = call["caller"] if (call["caller"] or "").startswith("+") else None
    assert _caller_of(lead) == public
    assert (call["contact"] or {}).get("phones", []) == ([public] if public else [])


async def test_gateway_killed_in_mid_call_tells_each_call_once_and_rightly(pair: AsteriskPair, tmp_path: Path) -> None:
    async with Office(pair, tmp_path) as office:
        await office.open()
        going, ending, ringing = office.stage(20), office.stage(21), office.stage(22)
        for stage in (going, ending):
            await stage.behave(p1="answer:1:60")
        await ringing.behave(p1="ring", p2="answer:4:60")
        await going.call_in(DIRECT, talk=24)  # until after the new start, which takes 10 s where the machine is busy
        await ending.call_in(DIRECT, talk=2.5)
        await ringing.call_in(GROUP, talk=19)
        await office.calls_when(lambda calls: sorted(c["answered"] for c in calls) == [False, True, True], "two talk")
        office.kill_gateway()
        await office.judge.wait_for(lambda: not _channels(office, ending), "the end of one call while nobody watches")
        await ringing.talking(2)
        await office.open()
        await office.quiet()
        calls = await office.calls_when(all_ended(3), "all calls over")
        leads = await office.leads()
    assert len(calls) == 3
    for stage, behaviour, by in ((going, DIRECT, 1), (ending, DIRECT, 1), (ringing, GROUP, 2)):
        (call,) = _of(stage, calls)
        _matches(answered(stage, behaviour, by, gap=True), call)
    (whole,), (cut,) = _of(going, calls), _of(ending, calls)
    assert whole["wait_seconds"] == pytest.approx(1, abs=0.8), "known from before the kill"
    assert whole["talk_seconds"] == pytest.approx(24, abs=1.5), "from both halves"
    assert cut["talk_seconds"] is None, "nobody saw how long they talked"
    assert len(leads) == 3


async def test_connection_to_the_pbx_that_dies_in_mid_call_costs_no_call(pair: AsteriskPair, tmp_path: Path) -> None:
    async with FaultProxy(pair.ports.pbx_ami) as proxy, Office(pair, tmp_path, ami_port=proxy.port) as office:
        await office.open()
        going, ending, unseen = office.stage(23), office.stage(24), office.stage(25)
        for stage in (going, ending, unseen):
            await stage.behave(p1="answer:1:60")
        await going.call_in(DIRECT, talk=11)
        await ending.call_in(DIRECT, talk=2)
        await office.calls_when(lambda calls: [c["answered"] for c in calls] == [True, True], "both talk")
        proxy.refuse = True
        proxy.heal()  # aborts what is open
        await unseen.call_in(DIRECT, talk=6)
        await unseen.talking(1)
        await office.judge.wait_for(lambda: not _channels(office, ending), "the end of one call behind the cut")
        proxy.refuse = False
        await office.quiet()
        calls = await office.calls_when(all_ended(3), "all calls over")
        leads = await office.leads()
    assert proxy.connections > 1
    for stage in (going, ending, unseen):
        (call,) = _of(stage, calls)
        _matches(answered(stage, DIRECT, gap=True), call)
    assert sorted(str(_caller_of(lead)) for lead in leads) == sorted(f"+{s.caller}" for s in (going, ending, unseen))


async def test_pbx_that_dies_with_five_calls_leaves_five_leads_marked_as_cut(
    pair: AsteriskPair, tmp_path: Path
) -> None:
    async with Office(pair, tmp_path) as office:
        await office.open()
        stages = [office.stage(team) for team in range(20, 25)]
        for stage in stages[:3]:
            await stage.behave(p1="answer:1:60")
        for stage in stages[3:]:
            await stage.behave(p1="ring")
        for stage in stages:
            await stage.call_in(DIRECT if stage in stages[:3] else VOICEMAIL, talk=20)
        await office.calls_when(
            lambda calls: Counter(c["answered"] for c in calls) == {True: 3, False: 2}, "five calls"
        )
        pair.kill_pbx()
        pair.start_pbx()  # not in a thread: the kernel ends a server with the thread that started it (PDEATHSIG)
        await office.judge.close()
        await office.watch()
        calls = await office.calls_when(all_ended(5), "none is open for ever")
        leads = await office.leads()
        assert office.gateway is not None
        assert "pbx_restarted" in office.gateway.log_tail(), "told by CoreStatus of the new one"
    assert (len(calls), len(leads)) == (5, 5)
    for stage in stages[:3]:
        _matches(answered(stage, DIRECT, gap=True), *_of(stage, calls))
    for stage in stages[3:]:
        _matches(missed(stage, VOICEMAIL, "no_answer", gap=True), *_of(stage, calls))
    assert sorted(str(_caller_of(lead)) for lead in leads) == sorted(f"+{stage.caller}" for stage in stages)


async def test_twenty_calls_made_while_the_gateway_was_down_are_there_once_it_is_up(
    pair: AsteriskPair, tmp_path: Path
) -> None:
    pair.cel.write_bytes(b"")  # the calls of the tests before are not this gateway's
    async with Office(pair, tmp_path, pbx_keys=f'cel = "{pair.cel}"\n') as office:
        await office.open()
        await office.log_read("cel")
        stages = [office.stage(team) for team in range(30, 50)]
        for stage in stages:
            await stage.behave(p1="answer:1:60" if stage.team % 2 else "ring")
        under_way = office.stage(50)
        await under_way.behave(p1="answer:1:60")
        await under_way.call_in(DIRECT, talk=4)
        await office.calls_when(lambda calls: [call["answered"] for call in calls] == [True], "one call under way")
        office.kill_gateway()
        for stage in stages:
            await stage.call_in(DIRECT, talk=1.5)
        await office.quiet()
        await office.open()
        await office.calls_when(all_ended(21), "the calls of the log", seconds=60)
        office.kill_gateway()
        await office.open()
        await office.log_read("cel")  # what was read stays read
        calls = await office.calls_when(all_ended(21), "the same calls")
        leads = await office.leads()
    assert len(calls) == len(leads) == 21
    for stage in stages:
        (call,) = _of(stage, calls)
        _matches(answered(stage, DIRECT) if stage.team % 2 else missed(stage, DIRECT, "no_answer"), call)
        assert [_caller_of(lead) for lead in leads].count(call["caller"]) == 1
    (call,) = _of(under_way, calls)
    _matches(answered(under_way, DIRECT), call)
    assert call["talk_seconds"] == pytest.approx(4, abs=1), "the log knows when they stopped to talk"


def _channels(office: Office, stage: Stage) -> list[str]:
    """The open channels of a team's phones."""
    return [name for name in office.judge.open_channels() if name.startswith(f"PJSIP/{stage.team}")]
