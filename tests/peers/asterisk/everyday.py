"""Calls of every day: direct, groups, queues, menus, voicemail, transfers, outbound, click to call."""

from __future__ import annotations

import asyncio

from tests.peers.asterisk import plays as told
from tests.peers.asterisk.plays import (
    AFTER_HOURS,
    DIRECT,
    GROUP,
    MENU,
    QUEUE,
    RECORDED,
    TRANSFERABLE,
    VOICEMAIL,
    Repertoire,
)
from tests.peers.asterisk.stage import Stage

CYRILLIC_NAME = "Иван Щукин-Ёлкин"

EVERYDAY = Repertoire()


@EVERYDAY.play(20, lambda s: told.answered(s, DIRECT, rang=[s.phone(1)], transfers=[], queue=None, voicemail=False))
async def answered(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5)


@EVERYDAY.play(21, lambda s: told.missed(s, DIRECT, "no_answer", rang=[s.phone(1)]))
async def nobody_answers(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(DIRECT)


@EVERYDAY.play(22, lambda s: told.missed(s, DIRECT, "caller_hung_up", rang=[s.phone(1)]))
async def caller_gives_up(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(DIRECT, patience=2)


@EVERYDAY.play(23, lambda s: told.missed(s, DIRECT, "busy"))
async def busy(stage: Stage) -> None:
    await stage.behave(p1="busy")
    await stage.call_in(DIRECT)


@EVERYDAY.play(24, lambda s: told.missed(s, DIRECT, "rejected", rang=[s.phone(1)]))
async def rejected(stage: Stage) -> None:
    await stage.behave(p1="reject")
    await stage.call_in(DIRECT)


@EVERYDAY.play(25, lambda s: told.answered(s, GROUP, by=2))
async def second_of_a_group_answers(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="answer:2:60")
    await stage.call_in(GROUP, talk=1.5)


@EVERYDAY.play(26, lambda s: told.answered(s, QUEUE, by=1, queue=f"queue{s.phone(1)}"))
async def queue_answered(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p2="ring")
    await stage.call_in(QUEUE, talk=4)


@EVERYDAY.play(27, lambda s: told.missed(s, QUEUE, "queue_abandoned", queue=f"queue{s.phone(1)}"))
async def queue_abandoned(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="ring")
    await stage.call_in(QUEUE, talk=3)


@EVERYDAY.play(28, lambda s: told.answered(s, QUEUE, by=2, queue=f"queue{s.phone(1)}"))
async def queue_member_behind_a_local_channel_answers(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="answer:1:60")
    await stage.call_in(QUEUE, talk=4)


@EVERYDAY.play(29, lambda s: told.missed(s, AFTER_HOURS, "announcement", rang=[]))
async def after_hours_announcement(stage: Stage) -> None:
    await stage.call_in(AFTER_HOURS)


@EVERYDAY.play(30, lambda s: told.missed(s, MENU, "ivr_abandoned", rang=[]))
async def menu_abandoned(stage: Stage) -> None:
    await stage.call_in(MENU, talk=1.5)


@EVERYDAY.play(31, lambda s: told.missed(s, VOICEMAIL, "voicemail", voicemail=True, rang=[s.phone(1)]))
async def voicemail(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(VOICEMAIL, talk=3)


@EVERYDAY.play(32, lambda s: told.answered(s, TRANSFERABLE, transfers=[told.transfer(s, "blind")]))
async def blind_transfer(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:2")
    await stage.call_in(TRANSFERABLE)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("BlindTransfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))


@EVERYDAY.play(33, lambda s: told.answered(s, TRANSFERABLE, transfers=[told.transfer(s, "attended")]))
async def attended_transfer(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=10)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))
    await stage.talking(3)
    await asyncio.sleep(1)  # the managers say a word
    await stage.pbx.action("Hangup", Channel=channel)  # the first leaves: caller and second manager stay


@EVERYDAY.play(44, lambda s: told.answered(s, TRANSFERABLE, transfers=[told.transfer(s, "attended")]))
async def attended_transfer_without_a_word(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=6)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))
    await stage.talking(3)
    await stage.pbx.action("Hangup", Channel=channel)


@EVERYDAY.play(34, told.reached)
async def outbound_answered(stage: Stage) -> None:
    await stage.behave(customer="answer:1:60")
    await stage.call_from(1, stage.customer, talk=1.5)


@EVERYDAY.play(35, lambda s: told.outbound(s, answered=False, outcome="no_answer", answered_by=None))
async def outbound_not_answered(stage: Stage) -> None:
    await stage.behave(customer="ring")
    await stage.call_from(1, stage.customer, patience=3)


@EVERYDAY.play(36, lambda s: told.outbound(s, answered=False, outcome="busy", answered_by=None))
async def outbound_busy(stage: Stage) -> None:
    await stage.behave(customer="busy")
    await stage.call_from(1, stage.customer)


@EVERYDAY.play(
    37,
    lambda s: told.internal(s, answered=True, outcome="answered", answered_by=s.phone(1)),
)
async def internal(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_from(2, stage.phone(1), talk=1.5)


@EVERYDAY.play(38, told.reached)
async def click_to_call(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", customer="answer:1:2")
    await told.click(stage)


@EVERYDAY.play(39, lambda s: {"direction": "outbound", "answered": False, "answered_by": None})
async def click_to_call_refused_by_the_manager(stage: Stage) -> None:
    await stage.behave(p1="reject")
    await told.click(stage)


@EVERYDAY.play(40, lambda s: told.answered(s, DIRECT, by=2))
async def pickup(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(DIRECT)
    await stage.ringing(1)
    await stage.call_from(2, "*8", talk=2)


@EVERYDAY.play(41, lambda s: told.answered(s, RECORDED))
async def recorded(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(RECORDED, talk=1.5)


@EVERYDAY.play(42, lambda s: told.answered(s, DIRECT, caller=None))
async def anonymous_caller(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, withheld=True)


@EVERYDAY.play(43, lambda s: told.answered(s, DIRECT, caller_name=CYRILLIC_NAME))
async def caller_with_a_cyrillic_name(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, name=CYRILLIC_NAME)
