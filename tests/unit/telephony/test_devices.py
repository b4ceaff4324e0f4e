"""How telephones are, by what the PBX says of them."""

from __future__ import annotations

import pytest

from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import ActionRefused
from gateway.telephony.devices import LIST_ACTION, AllDevices, DeviceStates


def change(device: str, state: str) -> dict[str, str]:
    return {"Event": "DeviceStateChange", "Privilege": "call,all", "Device": device, "State": state}


@pytest.mark.parametrize(
    ("device", "state", "expected"),
    [
        ("PJSIP/101", "NOT_INUSE", "free"),
        ("PJSIP/101", "INUSE", "busy"),
        ("SIP/101", "RINGING", "busy"),
        ("SIP/101", "RINGINUSE", "busy"),
        ("PJSIP/101", "BUSY", "busy"),
        ("PJSIP/101", "ONHOLD", "busy"),
        ("PJSIP/101", "UNAVAILABLE", "off"),
        ("IAX2/101", "INVALID", "off"),
        ("PJSIP/101", "UNKNOWN", None),
        ("PJSIP/101", "SOMETHING_NEW", None),
        ("Custom:DND101", "INUSE", None),
        ("Queue:sales", "INUSE", None),
        ("Local/101@x", "INUSE", None),
        ("PJSIP/", "INUSE", None),
        ("", "INUSE", None),
    ],
)
def test_states_of_asterisk(device: str, state: str, expected: str | None) -> None:
    states = DeviceStates()
    states.feed(change(device, state))
    assert states.state_of("101") == expected


def test_the_last_word_counts_and_unknown_forgets() -> None:
    states = DeviceStates()
    for state in ("NOT_INUSE", "INUSE"):
        states.feed(change("PJSIP/101", state))
    assert states.state_of("101") == "busy"
    states.feed(change("PJSIP/101", "UNKNOWN"))
    assert states.state_of("101") is None


def test_other_events_and_half_ones_are_nothing() -> None:
    states = DeviceStates()
    for event in ({}, {"Event": "Newchannel", "Device": "PJSIP/101", "State": "INUSE"}, {"Event": "DeviceStateChange"}):
        states.feed(event)
    assert states.state_of("101") is None


def test_a_lost_connection_means_that_nobody_knows() -> None:
    states = DeviceStates()
    states.feed(change("PJSIP/101", "UNAVAILABLE"))
    states.forget()
    assert states.state_of("101") is None


def test_of_two_pbxs_the_one_who_knows_says_it() -> None:
    first, second = DeviceStates(), DeviceStates()
    second.feed(change("PJSIP/101", "NOT_INUSE"))
    both = AllDevices([first, second])
    assert both.state_of("101") == "free"
    first.feed(change("PJSIP/101", "INUSE"))
    assert both.state_of("101") == "busy"
    assert both.state_of("999") is None


class Pbx(AmiConnection):
    """Answers one list action."""

    def __init__(self, answer: list[dict[str, str]] | ActionRefused) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def listing(self, name: str, headers: object = None, *, seconds: float = 1) -> list[dict[str, str]]:
        self.asked.append(name)
        if isinstance(self.answer, ActionRefused):
            raise self.answer
        return self.answer


async def test_all_are_asked_at_the_begin_of_a_session() -> None:
    states, pbx = DeviceStates(), Pbx([change("PJSIP/101", "UNAVAILABLE"), {"Event": "DeviceStateListComplete"}])
    await states.ask(pbx)
    assert (pbx.asked, states.state_of("101")) == ([LIST_ACTION], "off")


async def test_an_account_that_may_not_ask_hears_of_changes_only() -> None:
    states = DeviceStates()
    await states.ask(Pbx(ActionRefused("Permission denied")))
    assert states.state_of("101") is None
