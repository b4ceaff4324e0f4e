"""Real calls, each with the truth about it: what a person who stood beside both phones would say.

``SCENARIOS`` run side by side: each has a team of phones of its own. The truth names fields of the public call record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.peers.asterisk.stage import Stage

Truth = dict[str, Any]
Drive = Callable[[Stage], Coroutine[Any, Any, None]]

DIRECT, TRANSFERABLE, GROUP, QUEUE, AFTER_HOURS, MENU, VOICEMAIL, RECORDED = range(1, 9)
"""The behaviours of our public numbers, see conf/pbx/extensions.conf."""

CYRILLIC_NAME = "Иван Щукин-Ёлкин"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call (or what belongs together) and what must be said about it."""

    name: str
    team: int
    drive: Drive
    truth: Callable[[Stage], Truth]


SCENARIOS: list[Scenario] = []


def _inbound(stage: Stage, behaviour: int, **more: object) -> Truth:
    return {"direction": "inbound", "caller": f"+{stage.caller}", "dialled": f"+{stage.did(behaviour)}", **more}


def _answered(stage: Stage, behaviour: int, by: int = 1, **more: object) -> Truth:
    spoke = {"answered": True, "outcome": "answered", "missed_reason": None, "answered_by": stage.phone(by)}
    return _inbound(stage, behaviour, **(spoke | more))


def _missed(stage: Stage, behaviour: int, reason: str, **more: object) -> Truth:
    silent = {
        "answered": False,
        "outcome": "missed",
        "missed_reason": reason,
        "answered_by": None,
        "talk_seconds": None,
    }
    return _inbound(stage, behaviour, **(silent | more))


def _scenario(team: int, truth: Callable[[Stage], Truth]) -> Callable[[Drive], Drive]:
    def register(drive: Drive) -> Drive:
        SCENARIOS.append(Scenario(drive.__name__, team, drive, truth))
        return drive

    return register


@_scenario(20, lambda s: _answered(s, DIRECT, rang=[s.phone(1)], transfers=[], queue=None, voicemail=False))
async def answered(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5)


@_scenario(21, lambda s: _missed(s, DIRECT, "no_answer", rang=[s.phone(1)]))
async def nobody_answers(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(DIRECT)


@_scenario(22, lambda s: _missed(s, DIRECT, "caller_hung_up", rang=[s.phone(1)]))
async def caller_gives_up(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(DIRECT, patience=2)


@_scenario(23, lambda s: _missed(s, DIRECT, "busy"))
async def busy(stage: Stage) -> None:
    await stage.behave(p1="busy")
    await stage.call_in(DIRECT)


@_scenario(24, lambda s: _missed(s, DIRECT, "rejected", rang=[s.phone(1)]))
async def rejected(stage: Stage) -> None:
    await stage.behave(p1="reject")
    await stage.call_in(DIRECT)


@_scenario(25, lambda s: _answered(s, GROUP, by=2))
async def second_of_a_group_answers(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="answer:2:60")
    await stage.call_in(GROUP, talk=1.5)


@_scenario(26, lambda s: _answered(s, QUEUE, by=1, queue=f"queue{s.phone(1)}"))
async def queue_answered(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p2="ring")
    await stage.call_in(QUEUE, talk=4)


@_scenario(27, lambda s: _missed(s, QUEUE, "queue_abandoned", queue=f"queue{s.phone(1)}"))
async def queue_abandoned(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="ring")
    await stage.call_in(QUEUE, talk=3)


@_scenario(28, lambda s: _answered(s, QUEUE, by=2, queue=f"queue{s.phone(1)}"))
async def queue_member_behind_a_local_channel_answers(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="answer:1:60")
    await stage.call_in(QUEUE, talk=4)


@_scenario(29, lambda s: _missed(s, AFTER_HOURS, "announcement", rang=[]))
async def after_hours_announcement(stage: Stage) -> None:
    await stage.call_in(AFTER_HOURS)


@_scenario(30, lambda s: _missed(s, MENU, "ivr_abandoned", rang=[]))
async def menu_abandoned(stage: Stage) -> None:
    await stage.call_in(MENU, talk=1.5)


@_scenario(31, lambda s: _missed(s, VOICEMAIL, "voicemail", voicemail=True, rang=[s.phone(1)]))
async def voicemail(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(VOICEMAIL, talk=3)


@_scenario(32, lambda s: _answered(s, TRANSFERABLE, transfers=[_transfer(s, "blind")]))
async def blind_transfer(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:2")
    await stage.call_in(TRANSFERABLE)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("BlindTransfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))


@_scenario(33, lambda s: _answered(s, TRANSFERABLE, transfers=[_transfer(s, "attended")]))
async def attended_transfer(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=10)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))
    await stage.talking(3)
    await asyncio.sleep(1)  # the managers say a word
    await stage.pbx.action("Hangup", Channel=channel)  # the first leaves: caller and second manager stay


@_scenario(44, lambda s: _answered(s, TRANSFERABLE, transfers=[_transfer(s, "attended")]))
async def attended_transfer_without_a_word(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=6)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))
    await stage.talking(3)
    await stage.pbx.action("Hangup", Channel=channel)


def _transfer(stage: Stage, kind: str) -> Truth:
    return {"kind": kind, "by": stage.phone(1), "to": stage.phone(3), "answered": True}


def _outbound(stage: Stage, **more: object) -> Truth:
    return {"direction": "outbound", "caller": stage.phone(1), "dialled": f"+{stage.customer}", **more}


def _reached(stage: Stage) -> Truth:
    return _outbound(stage, answered=True, outcome="answered", answered_by=f"+{stage.customer}", missed_reason=None)


@_scenario(34, _reached)
async def outbound_answered(stage: Stage) -> None:
    await stage.behave(customer="answer:1:60")
    await stage.call_from(1, stage.customer, talk=1.5)


@_scenario(35, lambda s: _outbound(s, answered=False, outcome="no_answer", answered_by=None))
async def outbound_not_answered(stage: Stage) -> None:
    await stage.behave(customer="ring")
    await stage.call_from(1, stage.customer, patience=3)


@_scenario(36, lambda s: _outbound(s, answered=False, outcome="busy", answered_by=None))
async def outbound_busy(stage: Stage) -> None:
    await stage.behave(customer="busy")
    await stage.call_from(1, stage.customer)


@_scenario(
    37,
    lambda s: {
        "direction": "internal", "caller": s.phone(2), "dialled": s.phone(1), "answered": True, "outcome": "answered",
        "answered_by": s.phone(1),
    },
)  # fmt: skip
async def internal(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_from(2, stage.phone(1), talk=1.5)


@_scenario(38, _reached)
async def click_to_call(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", customer="answer:1:2")
    await _click(stage)


@_scenario(39, lambda s: {"direction": "outbound", "answered": False, "answered_by": None})
async def click_to_call_refused_by_the_manager(stage: Stage) -> None:
    await stage.behave(p1="reject")
    await _click(stage)


async def _click(stage: Stage) -> None:
    await stage.pbx.action(
        "Originate", Channel=f"PJSIP/{stage.phone(1)}", Context="from-internal", Exten=stage.customer, Priority="1",
        CallerID=f"<{stage.customer}>", Timeout="20000", Async="true",
    )  # fmt: skip


@_scenario(40, lambda s: _answered(s, DIRECT, by=2))
async def pickup(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(DIRECT)
    await stage.ringing(1)
    await stage.call_from(2, "*8", talk=2)


@_scenario(41, lambda s: _answered(s, RECORDED))
async def recorded(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(RECORDED, talk=1.5)


@_scenario(42, lambda s: _answered(s, DIRECT, caller=None))
async def anonymous_caller(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, withheld=True)


@_scenario(43, lambda s: _answered(s, DIRECT, caller_name=CYRILLIC_NAME))
async def caller_with_a_cyrillic_name(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, name=CYRILLIC_NAME)
