"""The 24 known traps of telling calls from AMI events: each has a test that names it, here or in its family's file.

A test names its traps in the first words of its docstring: ``Trap 7: ...`` or ``Traps 2 and 3: ...``. Those that need
a PBX on a socket, a log or the FastAGI server are in ``tests/integration``.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.telephony.eventtable import events
from tests.unit.telephony.scenes import ANSWER_101, END_101, IN, RING_101
from tests.unit.telephony.tracking import ROOT, the_call

TRAPS = {
    1: "QueueCallerAbandon does not mean that the caller gave up",
    2: "AgentConnect may name a Local channel, AgentComplete come late; the caller is Up before any agent",
    3: "a Local channel is two channels, and may leave in mid-call",
    4: "after a blonde transfer the caller shares a bridge with a phone that rings",
    5: "linkedids change in mid-call",
    6: "ids are not ordered as text",
    7: "the losers of a forked dial end as answered elsewhere",
    8: "who picks a call up was never dialled",
    9: "a caller's cancel shows under several causes",
    10: "DialStatus alone does not tell a refusal from no answer",
    11: "DialBegin without a channel, DialEnd without DialBegin",
    12: "a transfer that succeeded has only reached the dialplan; rare kinds of targets",
    13: "events after the hangup, a CDR before it",
    14: "a CDR says ANSWERED for an announcement, and comes several times a call",
    15: "holding bridges are no conversations",
    16: "announcers and recorders sit in bridges and are nobody",
    17: "a masquerade renames a leg",
    18: "the snapshot after a reconnect is taken while events go on",
    19: "a restart of the PBX ends all calls, a reload none",
    20: "a connection that died looks like a quiet one",
    21: "FastAGI: silence for the caller while the server thinks",
    22: "FastAGI: anybody may connect",
    23: "the direction without a dialplan of ours",
    24: "the same caller twice at once",
}

_NAMED = re.compile(r"Traps? (\d+(?:(?:, | and )\d+)*)")


@cache
def named() -> dict[int, list[str]]:
    """Trap -> the tests that name it, ``file::test``."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if "telephony" in file.parts or "routing" in file.parts:
            for test, doc in _tests(file):
                for numbers in _NAMED.findall(doc):
                    for number in re.findall(r"\d+", numbers):
                        found[int(number)].append(f"{file.relative_to(ROOT)}::{test}")
    return dict(found)


def _tests(file: Path) -> Iterator[tuple[str, str]]:
    """Name and docstring of each test in a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("number", TRAPS, ids=[f"trap_{number:02}" for number in TRAPS])
def test_each_trap_has_a_test_that_names_it(number: int) -> None:
    assert named().get(number), f"no test names trap {number}: {TRAPS[number]}"


def test_no_test_names_a_trap_that_is_none() -> None:
    assert set(named()) <= set(TRAPS)


QUEUE = """
0.1  Newexten         trunk      Extension=74950000100 Application=Queue AppData=sales
0.1  Newstate         trunk      Up
0.2  QueueCallerJoin  trunk      Queue=sales Position=1 Count=1
0.3  Newchannel       101        Down     Context=from-internal CallerIDNum=101 Of=trunk
0.3  DialBegin        trunk>101           DialString=101
0.4  Newstate         101        Ringing
0.4  AgentCalled      trunk>101           Queue=sales Interface=Local/101@from-queue MemberName=Anna
"""


def test_trap_02_what_agent_events_say_decides_nothing() -> None:
    """Trap 2: AgentConnect names a Local channel, AgentRingNoAnswer has no ring time, AgentComplete a wrong reason."""
    lies = """
    1.5  AgentRingNoAnswer  trunk>101      Queue=sales Interface=Local/999@x MemberName=Nobody RingTime=0
    1.6  AgentConnect       trunk>Local/999@x;1  Queue=sales Interface=Local/999@x MemberName=Nobody HoldTime=99
    """
    late = """
    9.5  AgentComplete      trunk>101      Queue=sales Reason=caller TalkTime=99 HoldTime=99
    """
    plain = the_call(IN + QUEUE + ANSWER_101 + END_101)
    told = the_call(IN + QUEUE + lies + ANSWER_101 + END_101 + late)
    assert told == plain
    assert (told.answered_by, told.rang, told.queue) == ("101", ("101",), "sales")


def test_trap_02_a_caller_who_is_up_in_a_queue_has_not_been_answered() -> None:
    """Trap 2: the PBX answers the channel so that he hears music."""
    gone = """
    5.0  HangupRequest      trunk
    5.0  QueueCallerAbandon trunk          Queue=sales
    5.0  Hangup             101            Cause=26
    5.0  Hangup             trunk          Cause=16
    """
    call = the_call(IN + QUEUE + gone)
    assert (call.answered, call.missed_reason, call.wait_seconds) == (False, "queue_abandoned", 5.0)


def test_trap_02_a_key_pressed_in_a_queue_is_no_second_entry() -> None:
    """Trap 2: Asterisk 20 on repeats the queue's step with the key as extension before the caller leaves by it."""
    key = """
    4.0  Newexten         trunk      Extension=1 Application=Queue AppData=sales
    4.0  QueueCallerLeave trunk      Queue=sales Position=1 Count=0
    4.1  Hangup           101        Cause=26
    4.1  Newexten         trunk      Extension=1 Application=Dial AppData=PJSIP/102
    4.2  Newchannel       102        Down     Context=from-internal CallerIDNum=102 Of=trunk
    4.2  DialBegin        trunk>102           DialString=102
    4.3  Newstate         102        Ringing
    9.0  HangupRequest    trunk
    9.0  DialEnd          trunk>102           DialStatus=CANCEL
    9.0  Hangup           102        Cause=16
    9.0  Hangup           trunk      Cause=16
    """
    call = the_call(IN + QUEUE + key)
    assert (call.queue, call.rang, call.missed_reason) == ("sales", ("101", "102"), "caller_hung_up")


@pytest.mark.parametrize("news", ["Reload", "Shutdown", "FullyBooted", "ModuleLoadReport"])
def test_trap_19_news_of_the_pbx_itself_ends_no_call(news: str) -> None:
    """Trap 19: a reload leaves calls alone; that a restart ended them is told by CoreStatus after the reconnect."""
    told = f"3.0  {news}  -  Module=All Status=0\n"
    assert the_call(IN + RING_101 + ANSWER_101 + told + END_101) == the_call(IN + RING_101 + ANSWER_101 + END_101)
    assert [event["Event"] for event in events(told)] == [news]
