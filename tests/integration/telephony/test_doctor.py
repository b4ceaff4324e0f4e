"""The examination of a PBX: what a good one and each bad one is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from gateway.core.clock import SystemClock
from gateway.core.findings import Finding, Level
from gateway.demo.mischief import Mischief
from gateway.demo.pbx import PbxServer
from gateway.telephony.actions.settings import OriginateSettings
from gateway.telephony.doctor import NOWHERE_CHANNEL, examine_pbx
from gateway.telephony.settings import PbxSettings
from tests.integration.telephony.watchers import connected, our_connector
from tests.peers.asterisk.server import AMI_SECRET, AMI_USER, AsteriskPair
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK

Examine = Callable[..., Awaitable[dict[str, Finding]]]


@pytest.fixture
def examine(pbx: PbxServer) -> Examine:
    """The findings by what was checked; time-outs are a tenth as long."""

    async def ask(**changes: Any) -> dict[str, Finding]:
        table: dict[str, Any] = {"name": "office", "host": LOOPBACK, "port": pbx.port, "username": "leadgate"}
        settings = PbxSettings(**table | {"secret": "hunter2"} | changes)
        findings = await examine_pbx(settings, clock=SystemClock(), sleep=lambda seconds: asyncio.sleep(seconds / 10))
        return by_check(findings)

    return ask


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    return {str(finding.subject).partition(": ")[2]: finding for finding in findings}


def worse(found: dict[str, Finding]) -> dict[str, Level]:
    """What is not in order."""
    return {check: finding.level for check, finding in found.items() if finding.level in (Level.WARN, Level.FAIL)}


async def test_a_pbx_in_order_has_nothing_to_change(examine: Examine, pbx: PbxServer) -> None:
    found = await examine()
    assert worse(found) == {}
    asked = {"login", "version", "clock", "CoreShowChannels", "CoreStatus", "QueueStatus", "Originate"}
    assert asked | {"events of calls", "events of the dialplan", "timestampevents"} <= set(found)
    assert "22.10.1" in str(found["version"].said)


async def test_the_only_call_made_leads_nowhere_and_runs_nothing(examine: Examine, pbx: PbxServer) -> None:
    await examine()
    (asked,) = [action for action in pbx.actions if action["Action"] == "Originate"]
    assert asked["Channel"] == NOWHERE_CHANNEL
    assert not {"Application", "Data"} & set(asked)
    assert not {"Redirect", "Hangup", "Setvar", "UpdateConfig"} & {action["Action"] for action in pbx.actions}


@pytest.mark.parametrize(
    ("context", "refuses", "level", "words"),
    [
        ("from-internal", (), Level.OK, "exists"),
        ("nowhere-else", (), Level.FAIL, "does not have"),
        ("from-internal", ("ShowDialPlan",), Level.NOTE, "can't be seen"),
    ],
)
async def test_the_context_that_calls_are_dialled_in_must_exist(
    examine: Examine, pbx: PbxServer, context: str, refuses: tuple[str, ...], level: Level, words: str
) -> None:
    pbx.mischief = Mischief(refuses=frozenset(refuses))
    found = await examine(originate=OriginateSettings(context=context))
    assert found["context of calls"].level is level
    assert words in str(found["context of calls"].said)


async def test_click_to_call_that_is_configured_and_not_allowed_is_told(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(refuses=frozenset({"Originate"}))
    found = await examine(originate=OriginateSettings(context="from-internal"))
    assert "[pbx.originate] asks for it" in str(found["Originate"].said)


REFUSED: list[tuple[set[str], dict[str, Level], str]] = [
    ({"CoreShowChannels"}, {"CoreShowChannels": Level.FAIL}, "section [leadgate]: write = reporting,originate"),
    ({"CoreStatus"}, {"CoreStatus": Level.FAIL}, "write = reporting,originate"),
    ({"QueueStatus"}, {"QueueStatus": Level.WARN}, "write = reporting,originate"),
    ({"CoreSettings"}, {"version": Level.WARN}, "write = reporting,originate"),
    ({"Originate"}, {"Originate": Level.WARN, "events of calls": Level.WARN}, "write = reporting,originate"),
]


@pytest.mark.parametrize(("refused", "levels", "line"), REFUSED, ids=lambda value: "+".join(map(str, value)))
async def test_each_missing_right_is_told_with_the_line_to_change(
    examine: Examine, pbx: PbxServer, refused: set[str], levels: dict[str, Level], line: str
) -> None:
    pbx.mischief = Mischief(refuses=frozenset(refused))
    found = await examine()
    assert worse(found) == levels
    assert all(line in str(found[check].remedy) for check in levels)


async def test_a_pbx_that_hides_its_dialplan_still_proves_the_right_to_originate(
    examine: Examine, pbx: PbxServer
) -> None:
    pbx.mischief = Mischief(refuses=frozenset({"ShowDialPlan"}))
    assert worse(await examine()) == {}


async def test_events_that_do_not_come_are_the_worst_that_can_be(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(hides=frozenset({"Newchannel", "Hangup", "VarSet", "OriginateResponse"}))
    found = await examine()
    assert worse(found) == {"events of calls": Level.FAIL, "events of the dialplan": Level.WARN}
    assert "read = call,agent,dialplan" in str(found["events of calls"].remedy)


async def test_events_without_the_dialplan_class_are_told(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(hides=frozenset({"VarSet"}))
    assert worse(await examine()) == {"events of the dialplan": Level.WARN}


async def test_events_without_a_time_are_told(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(undated=True)
    found = await examine()
    assert worse(found) == {"timestampevents": Level.WARN}
    assert "timestampevents = yes" in str(found["timestampevents"].remedy)


@pytest.mark.parametrize(("ahead", "level"), [(7200.0, Level.FAIL), (-7200.0, Level.FAIL), (30.0, Level.WARN)])
async def test_a_clock_that_is_off_is_told(examine: Examine, pbx: PbxServer, ahead: float, level: Level) -> None:
    pbx.mischief = Mischief(clock_ahead=ahead)
    assert worse(await examine()) == {"clock": level}


async def test_an_old_pbx_is_told_and_examined_further(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(version="13.1.0")
    found = await examine()
    assert worse(found) == {"version": Level.WARN}
    assert found["events of calls"].level is Level.OK


async def test_an_account_that_may_run_commands_is_warned_of(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(permits=frozenset({"Command"}))
    found = await examine()
    assert worse(found) == {"no right to Command": Level.WARN}
    assert "without command" in str(found["no right to Command"].remedy)


async def test_a_wrong_secret_is_told_without_showing_it(examine: Examine) -> None:
    found = await examine(secret="a-wrong-secret")
    assert worse(found) == {"login": Level.FAIL}
    assert "allowmultiplelogin" in str(found["login"].remedy)
    assert "a-wrong-secret" not in repr(found)


async def test_a_port_where_nobody_is_and_one_that_is_no_pbx_are_told(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(banner=b"220 mail.example.com ESMTP\r\n")
    assert worse(await examine()) == {"connection": Level.FAIL}
    found = await examine(port=1)
    assert worse(found) == {"connection": Level.FAIL}
    assert "enabled = yes" in str(found["connection"].remedy)


async def test_a_pbx_that_falls_silent_in_the_middle_is_told(examine: Examine, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(silent_after_login=True)
    found = await examine()
    assert worse(found) == {"connection": Level.FAIL}
    assert found["login"].level is Level.OK


async def test_a_ca_file_that_can_not_be_used_is_told(examine: Examine) -> None:
    assert worse(await examine(tls=True, ca_file="/nonexistent.pem")) == {"tls": Level.FAIL}


def real(pair: AsteriskPair, username: str) -> PbxSettings:
    return PbxSettings(name="office", host=LOOPBACK, port=pair.ports.pbx_ami, username=username, secret=AMI_SECRET)


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("least", {}),
        (AMI_USER, {"no right to Command": Level.WARN, "no right to ListCategories": Level.WARN}),
        (
            "deaf",
            {
                "version": Level.WARN, "CoreShowChannels": Level.FAIL, "CoreStatus": Level.FAIL,
                "Originate": Level.WARN, "events of calls": Level.WARN,
            },
        ),
        ("nobody", {"login": Level.FAIL}),
    ],
)  # fmt: skip
async def test_accounts_of_a_real_asterisk(
    asterisk_pair: AsteriskPair, username: str, expected: dict[str, Level]
) -> None:
    found = by_check(await examine_pbx(real(asterisk_pair, username), clock=SystemClock()))
    assert worse(found) == expected
    if username == "least":
        assert str(found["version"].said).startswith("Asterisk ")


@pytest.mark.parametrize(("username", "level"), [("least", Level.FAIL), (AMI_USER, Level.OK)])
async def test_the_right_to_redirect_is_asked_for_where_it_is_needed(
    asterisk_pair: AsteriskPair, username: str, level: Level
) -> None:
    pbx = real(asterisk_pair, username)
    assert "Redirect" not in by_check(await examine_pbx(pbx, clock=SystemClock()))
    wanted = msgspec.structs.replace(pbx, route="redirect", route_context="from-internal")
    found = by_check(await examine_pbx(wanted, clock=SystemClock()))
    assert found["Redirect"].level is level
    assert level is Level.OK or "write = reporting,originate,call" in str(found["Redirect"].remedy)


async def test_the_call_to_nowhere_is_no_call_for_a_gateway_that_listens(asterisk_pair: AsteriskPair) -> None:
    sink, tracker, connector = our_connector(asterisk_pair)
    await connector.start()
    await connected(connector)
    await examine_pbx(real(asterisk_pair, "least"), clock=SystemClock())
    async with asyncio.timeout(PATIENCE):
        while not any(event == "Hangup" for event, _ in tracker.life):
            await asyncio.sleep(0.05)
    await connector.stop()
    assert sink.items == []
