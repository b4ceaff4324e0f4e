"""Redirect and Hangup: what is sent, and every way in which it can fail as a sentence."""

from __future__ import annotations

import pytest

from gateway.telephony.actions import ActionFailed, Switch
from gateway.telephony.ami.errors import ActionRefused, AmiError, AmiTimeout
from tests.unit.telephony.actions.fakes import FakePbx

CHANNEL = "PJSIP/mango-00000017"


@pytest.fixture
def pbx() -> FakePbx:
    return FakePbx()


@pytest.fixture
def switch(pbx: FakePbx) -> Switch:
    return Switch({"office": pbx})


async def test_redirect_sends_one_channel_to_one_place(switch: Switch, pbx: FakePbx) -> None:
    await switch.redirect("office", CHANNEL, "from-internal", "101", 1)
    assert pbx.sent == [("Redirect", {"Channel": CHANNEL, "Context": "from-internal", "Exten": "101", "Priority": "1"})]


async def test_hangup_ends_one_channel(switch: Switch, pbx: FakePbx) -> None:
    await switch.hangup("office", "Local/101@from-internal-00000003;1")
    assert pbx.sent == [("Hangup", {"Channel": "Local/101@from-internal-00000003;1", "Cause": "16"})]


@pytest.mark.parametrize(
    "channel", ["", "/^.*$/", "/PJSIP.*/", "PJSIP", "PJSIP/a b", "PJSIP/a\r\nAction: x", "PJSIP/a,b"]
)
async def test_what_is_no_channel_is_not_sent(switch: Switch, pbx: FakePbx, channel: str) -> None:
    for asked in (switch.hangup("office", channel), switch.redirect("office", channel, "a", "1")):
        with pytest.raises(ActionFailed, match="no name of a channel"):
            await asked
    assert pbx.sent == []


@pytest.mark.parametrize(
    ("context", "exten", "priority"),
    [("", "101", 1), ("a b", "101", 1), ("a", "101,1", 1), ("a", "${X}", 1), ("a", "1&2", 1), ("a", "101", 0)],
)
async def test_what_is_no_place_of_a_dialplan_is_not_sent(
    switch: Switch, pbx: FakePbx, context: str, exten: str, priority: int
) -> None:
    with pytest.raises(ActionFailed, match="dialplan") as failure:
        await switch.redirect("office", CHANNEL, context, exten, priority)
    assert failure.value.code == "bad_place"
    assert pbx.sent == []


async def test_a_cause_that_is_none_is_not_sent(switch: Switch, pbx: FakePbx) -> None:
    with pytest.raises(ActionFailed, match="0 to 127"):
        await switch.hangup("office", CHANNEL, 400)
    assert pbx.sent == []


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ActionRefused("Permission denied"), "no_right", r"add call to write .* manager.conf"),
        (ActionRefused("No such channel"), "pbx_refused", "No such channel"),
        (AmiTimeout("192.0.2.1:5038 did not answer Redirect within 10 s"), "pbx_unreachable", "did not answer"),
    ],
)
async def test_a_failure_is_told_with_the_way_out(
    switch: Switch, pbx: FakePbx, error: AmiError, code: str, words: str
) -> None:
    pbx.error = error
    with pytest.raises(ActionFailed, match=words) as failure:
        await switch.redirect("office", CHANNEL, "from-internal", "101")
    assert failure.value.code == code


async def test_a_pbx_that_is_not_connected_or_not_known_is_said(switch: Switch, pbx: FakePbx) -> None:
    pbx.connected = False
    with pytest.raises(ActionFailed, match="could not be sent to office"):
        await switch.hangup("office", CHANNEL)
    with pytest.raises(ActionFailed, match="no PBX 'depot'"):
        await switch.hangup("depot", CHANNEL)
