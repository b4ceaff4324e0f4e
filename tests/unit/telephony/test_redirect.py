"""Callers from outside who are sent to their managers: asked about once, moved once, never from a phone that rings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.errors import LeadgateError
from gateway.telephony.lines import LineRules
from gateway.telephony.redirect import Arrival, Redirects, arrival_of
from tests.unit.telephony.fakes import START, turns

TRUNK = "PJSIP/trunk-00000001"
LINES = LineRules(robots=("PJSIP/fax",))


def born(**changes: str) -> dict[str, str]:
    """A caller's channel."""
    usual = {
        "Event": "Newchannel", "Channel": TRUNK, "ChannelState": "4", "CallerIDNum": "79261234567",
        "Context": "from-trunk", "Exten": "74950000101", "Uniqueid": "1795308174.1", "Linkedid": "1795308174.1",
    }  # fmt: skip
    return usual | changes


def of_phone(event: str, state: str = "5", call: str = "1795308174.1") -> dict[str, str]:
    """Something that a called phone does."""
    return {
        "Event": event, "Channel": "PJSIP/101-00000002", "ChannelState": state, "Uniqueid": "1795308174.2",
        "Linkedid": call,
    }  # fmt: skip


HANGUP = {"Event": "Hangup", "Channel": TRUNK, "Uniqueid": "1795308174.1", "Linkedid": "1795308174.1"}


class Switchboard:
    """Answers when it is told to, and keeps what was moved."""

    def __init__(self, extension: str | None = "101", *, error: Exception | None = None) -> None:
        self.asked: list[Arrival] = []
        self.moved: list[tuple[str, str]] = []
        self.answer = asyncio.Event()
        self.redirects = Redirects(lines=LINES, ask=self._ask, move=self._move, now=lambda: START)
        self._extension, self._error = extension, error

    async def _ask(self, arrival: Arrival) -> str | None:
        self.asked.append(arrival)
        await self.answer.wait()
        return self._extension

    async def _move(self, arrival: Arrival, extension: str) -> None:
        if self._error is not None:
            raise self._error
        self.moved.append((arrival.channel, extension))

    async def feed(self, *events: Mapping[str, str], late: float = 0) -> None:
        for event in events:
            self.redirects.feed(event, START - timedelta(seconds=late))
        await turns()

    async def answers(self) -> None:
        self.answer.set()
        await turns()


async def test_a_caller_is_sent_to_the_extension_that_the_routing_names() -> None:
    board = Switchboard()
    await board.feed(born())
    assert board.asked == [
        Arrival(channel=TRUNK, call="1795308174.1", caller="79261234567", dialled="74950000101")
    ]  # fmt: skip
    assert board.moved == []
    await board.answers()
    assert board.moved == [(TRUNK, "101")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Channel": "PJSIP/101-00000001", "Context": "from-internal"}, "a phone of ours calls"),
        ({"ChannelState": "0"}, "the PBX calls out over the trunk"),
        ({"Linkedid": "1795308170.9"}, "a leg of a call that is there already"),
        ({"Channel": "PJSIP/fax-00000001"}, "a robot"),
        ({"Channel": "Local/101@from-trunk-00000001;1"}, "half of a Local channel"),
        ({"Channel": "PJSIP/unknown-00000001", "Context": "own-words"}, "nothing tells where it leads"),
        ({"Uniqueid": "", "Linkedid": ""}, "no id"),
        ({"Channel": ""}, "no name"),
    ],
)
async def test_nobody_else_is_asked_about(changes: dict[str, str], why: str) -> None:
    board = Switchboard()
    await board.feed(born(**changes))
    assert board.asked == [], why


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"CallerIDNum": "anonymous"}, {"caller": None}),
        ({"CallerIDNum": ""}, {"caller": None}),
        ({"Exten": "s"}, {"dialled": None}),
        ({"Exten": ""}, {"dialled": None}),
    ],
)
def test_what_a_line_does_not_say_is_not_known(changes: dict[str, str], expected: dict[str, Any]) -> None:
    arrival = arrival_of(born(**changes), LINES)
    assert arrival is not None
    assert {name: getattr(arrival, name) for name in expected} == expected


@pytest.mark.parametrize(
    "event",
    [of_phone("Newstate"), of_phone("Newstate", "6"), of_phone("BridgeEnter"), HANGUP],
    ids=["rings", "is lifted", "talks", "hung up"],
)
async def test_an_answer_that_comes_too_late_moves_nobody(event: dict[str, str]) -> None:
    board = Switchboard()
    await board.feed(born(), event)
    await board.answers()
    assert board.moved == []


@pytest.mark.parametrize(
    "event",
    [
        of_phone("Newstate", call="1795308199.7"),
        of_phone("Newstate", "0"),
        {
            "Event": "Newstate",
            "Channel": TRUNK,
            "ChannelState": "6",
            **{k: HANGUP[k] for k in ("Uniqueid", "Linkedid")},
        },
    ],
    ids=["another call's phone rings", "a phone is about to ring", "a greeting opens the caller's own line"],
)
async def test_what_is_nobody_of_this_call_keeps_nobody_from_being_moved(event: dict[str, str]) -> None:
    board = Switchboard()
    await board.feed(born(), event)
    await board.answers()
    assert board.moved == [(TRUNK, "101")]


async def test_a_caller_is_asked_about_and_moved_once() -> None:
    board = Switchboard()
    await board.feed(born(), born())
    await board.answers()
    await board.feed(born(), of_phone("Newstate"))
    assert (len(board.asked), len(board.moved)) == (1, 1)


async def test_without_a_manager_nothing_happens() -> None:
    board = Switchboard(extension=None)
    await board.feed(born())
    await board.answers()
    assert board.moved == []


async def test_a_call_that_is_read_late_is_left_alone() -> None:
    board = Switchboard()
    await board.feed(born(), late=1.5)
    assert board.asked == []


async def test_a_lost_connection_ends_the_questions() -> None:
    board = Switchboard()
    await board.feed(born())
    board.redirects.forget()
    await board.answers()
    assert board.moved == []
    await board.feed(born(Uniqueid="1795308180.5", Linkedid="1795308180.5"))
    assert len(board.moved) == 1, "the next caller after it is served"


@pytest.mark.parametrize(
    ("error", "action"),
    [(LeadgateError("no such channel"), "not_redirected"), (RuntimeError("a bug"), "redirect_failed")],
)
async def test_a_pbx_that_refuses_is_told_of_and_harms_nothing(
    error: Exception, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    board = Switchboard(error=error)
    with caplog.at_level(logging.WARNING):
        await board.feed(born())
        await board.answers()
    assert [getattr(record, "action", None) for record in caplog.records] == [action]
