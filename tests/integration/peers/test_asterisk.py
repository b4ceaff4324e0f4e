"""The two Asterisks and the tests' own AMI client: what the telephony tests stand on."""

from __future__ import annotations

import pytest

from tests.peers.asterisk.ami import Ami, AmiError
from tests.peers.asterisk.scenarios import DIRECT, SCENARIOS
from tests.peers.asterisk.server import EXTENSIONS, AsteriskPair
from tests.peers.asterisk.stage import Stage


async def test_both_take_calls_when_they_are_started(asterisk_pair: AsteriskPair) -> None:
    judge = await Ami.connect(asterisk_pair.ports.pbx_ami)
    world = await Ami.connect(asterisk_pair.ports.world_ami, events=False)
    answer = await judge.action("CoreSettings")
    assert answer["AsteriskVersion"].startswith(f"{asterisk_pair.version}.")
    stage = Stage(judge, world, 47)
    await stage.behave(p1="busy")
    await stage.call_in(DIRECT)
    await judge.wait_for(
        lambda: any(event.get("DialStatus") == "BUSY" for event in judge.events), "the phone's busy signal"
    )
    await judge.wait_for(lambda: not judge.open_channels(), "the end of the call")
    await world.close()
    await judge.close()


async def test_the_judge_says_so_when_asterisk_refuses_or_nothing_comes(asterisk_pair: AsteriskPair) -> None:
    judge = await Ami.connect(asterisk_pair.ports.pbx_ami)
    with pytest.raises(AmiError, match="No such channel"):
        await judge.action("Hangup", Channel="PJSIP/nobody-1")
    with pytest.raises(AmiError, match="a miracle: not seen"):
        await judge.wait_for(lambda: False, "a miracle", seconds=0.1)
    await judge.close()


def test_scenarios_have_teams_of_their_own_that_the_pbx_knows() -> None:
    teams = [scenario.team for scenario in SCENARIOS]
    assert len(set(teams)) == len(teams)
    assert all(team * 10 in EXTENSIONS and team * 10 + 9 in EXTENSIONS for team in teams)
