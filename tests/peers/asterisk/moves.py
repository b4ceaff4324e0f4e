"""Calls that are moved while they go on: transferred, parked, redirected, put into a conference, listened in to."""

from __future__ import annotations

from tests.peers.asterisk.plays import (
    CONFERENCE,
    GREETING,
    TRANSFERABLE,
    Repertoire,
    answered,
    internal,
    missed,
    transfer,
)
from tests.peers.asterisk.stage import Stage

MOVES = Repertoire()


@MOVES.play(70, lambda s: answered(s, TRANSFERABLE, transfers=[transfer(s, "blind", arrived=False)]))
async def blind_transfer_to_a_phone_that_nobody_answers(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="ring")
    await stage.call_in(TRANSFERABLE)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("BlindTransfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))


@MOVES.play(71, lambda s: answered(s, TRANSFERABLE, transfers=[transfer(s, "attended")]))
async def transferer_leaves_while_the_other_phone_rings(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:3:60")
    await stage.call_in(TRANSFERABLE, talk=10)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))
    await stage.ringing(3)
    await stage.pbx.action("Hangup", Channel=channel)


@MOVES.play(72, lambda s: answered(s, TRANSFERABLE))
async def parked_and_fetched_by_another(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=8)
    await stage.talking(1)
    channel = await stage.caller_channel()
    await stage.pbx.action("Park", Channel=channel, Timeout="30000")
    await stage.call_from(2, await stage.parked_at(channel), talk=2)


@MOVES.play(73, lambda s: answered(s, TRANSFERABLE))
async def redirected_by_another_program(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=6)
    await stage.talking(1)
    channel = await stage.caller_channel()
    await stage.pbx.action("Redirect", Channel=channel, Context="from-internal", Exten=stage.phone(3), Priority="1")
    await stage.talking(3)


@MOVES.play(
    74, lambda s: [answered(s, CONFERENCE), internal(s, caller=s.phone(1), dialled=f"5{s.phone(1)}", answered=True)]
)
async def customer_meets_the_manager_in_a_conference_room(stage: Stage) -> None:
    await stage.call_in(CONFERENCE, talk=6)
    await stage.caller_channel()
    await stage.call_from(1, f"5{stage.phone(1)}", talk=4)


@MOVES.play(
    49,
    lambda s: [
        missed(s, GREETING, "announcement", rang=[]),
        internal(s, dialled=f"6{s.phone(1)}", answered=False),
    ],
)
async def listening_in_is_no_conversation(stage: Stage) -> None:
    await stage.call_in(GREETING)
    await stage.caller_channel()
    await stage.call_from(2, f"6{stage.phone(1)}", talk=3)


@MOVES.play(75, lambda s: answered(s, TRANSFERABLE, transfers=[], rang=[s.phone(1), s.phone(3)]))
async def transferer_returns_to_the_caller_after_a_refusal(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="reject")
    await stage.call_in(TRANSFERABLE, talk=8)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))


@MOVES.play(76, lambda s: answered(s, TRANSFERABLE, transfers=[transfer(s, "attended", arrived=False)]))
async def transferer_is_called_back_when_nobody_takes_the_caller(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", p3="ring")
    await stage.call_in(TRANSFERABLE, talk=20)
    await stage.talking(1)
    channel = await stage.channel_of(1)
    await stage.pbx.action("Atxfer", Channel=channel, Context="from-internal", Exten=stage.phone(3))
    await stage.ringing(3)
    await stage.pbx.action("Hangup", Channel=channel)


@MOVES.play(77, lambda s: answered(s, TRANSFERABLE, transfers=[]))
async def parked_caller_comes_back_to_who_parked_him(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(TRANSFERABLE, talk=14)
    await stage.talking(1)
    channel = await stage.caller_channel()
    await stage.pbx.action("Park", Channel=channel, TimeoutChannel=f"PJSIP/{stage.phone(1)}", Timeout="3000")
