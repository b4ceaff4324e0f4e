"""Ways in and out: menus, queues left in each manner, mobiles, forwarding, callers of all kinds, lines outside."""

from __future__ import annotations

from tests.peers.asterisk.plays import (
    DIRECT,
    EMPTY_QUEUE,
    FOLLOWED,
    FREE_ANNOUNCEMENT,
    GROUP,
    MENU,
    MOBILE,
    NO_PHONE,
    QUEUE,
    QUEUE_WITH_KEY,
    ROBOT,
    UNSERVED,
    Repertoire,
    answered,
    click,
    internal,
    missed,
    not_reached,
    reached,
)
from tests.peers.asterisk.stage import Stage

SIP_NAME = "ivan_petrov"
"""A caller whose provider sends a name of SIP where others send a number."""

WAYS = Repertoire()


@WAYS.play(45, lambda s: answered(s, MENU))
async def menu_then_answered(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(MENU, talk=5, keys="w1")


@WAYS.play(50, lambda s: missed(s, MENU, "no_answer", rang=[s.phone(1)]))
async def menu_then_nobody_answers(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_in(MENU, keys="w1")


@WAYS.play(46, lambda s: missed(s, QUEUE, "queue_timeout", queue=f"queue{s.phone(1)}"))
async def queue_gives_up(stage: Stage) -> None:
    await stage.behave(p1="ring", p2="ring")
    await stage.call_in(QUEUE)


@WAYS.play(47, lambda s: answered(s, QUEUE_WITH_KEY, by=2, queue=f"keys{s.phone(1)}", rang=[s.phone(3), s.phone(2)]))
async def queue_left_by_a_key(stage: Stage) -> None:
    await stage.behave(p2="answer:1:60", p3="ring")
    await stage.call_in(QUEUE_WITH_KEY, talk=6, keys="wwww1")


@WAYS.play(51, lambda s: missed(s, EMPTY_QUEUE, "unavailable", queue=None, rang=[]))
async def queue_that_nobody_has_logged_in_to(stage: Stage) -> None:
    await stage.call_in(EMPTY_QUEUE)


@WAYS.play(52, lambda s: answered(s, MOBILE, answered_by=f"+{s.customer}", rang=[f"+{s.customer}"]))
async def mobile_accepts(stage: Stage) -> None:
    await stage.behave(customer="press:1:60")
    await stage.call_in(MOBILE, talk=3)


@WAYS.play(53, lambda s: missed(s, MOBILE, "no_answer", rang=[f"+{s.customer}"]))
async def mobile_refuses(stage: Stage) -> None:
    await stage.behave(customer="press:2:60")
    await stage.call_in(MOBILE)


@WAYS.play(54, lambda s: missed(s, MOBILE, "no_answer", rang=[f"+{s.customer}"]))
async def mailbox_of_the_mobile_presses_nothing(stage: Stage) -> None:
    await stage.behave(customer="press:-:60")
    await stage.call_in(MOBILE)


@WAYS.play(55, lambda s: answered(s, DIRECT, by=3))
async def phone_forwards_to_another(stage: Stage) -> None:
    await stage.behave(p1=f"forward:{stage.phone(3)}", p3="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5)


@WAYS.play(56, lambda s: answered(s, DIRECT, caller=SIP_NAME))
async def caller_without_digits(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, number=SIP_NAME)


@WAYS.play(57, lambda s: answered(s, DIRECT))
async def caller_in_international_form(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, number=f"+{stage.caller}")


@WAYS.play(58, lambda s: answered(s, DIRECT))
async def caller_in_national_form(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=1.5, number=f"8{stage.caller[1:]}")


@WAYS.play(59, lambda s: missed(s, UNSERVED, "unavailable", rang=[]))
async def number_that_nobody_serves(stage: Stage) -> None:
    await stage.call_in(UNSERVED)


@WAYS.play(60, lambda s: missed(s, NO_PHONE, "unavailable", rang=[]))
async def phone_that_does_not_exist(stage: Stage) -> None:
    await stage.call_in(NO_PHONE)


@WAYS.play(61, lambda s: missed(s, DIRECT, "unavailable"))
async def phone_that_is_off(stage: Stage) -> None:
    await stage.behave(p1="off")
    await stage.call_in(DIRECT)


@WAYS.play(62, lambda s: missed(s, GROUP, "busy", rang=[]))
async def all_are_busy(stage: Stage) -> None:
    await stage.behave(p1="busy", p2="busy")
    await stage.call_in(GROUP)


@WAYS.play(63, lambda s: missed(s, FREE_ANNOUNCEMENT, "announcement", rang=[]))
async def announcement_before_the_line_is_answered(stage: Stage) -> None:
    await stage.call_in(FREE_ANNOUNCEMENT)


@WAYS.play(64, lambda s: [answered(s, DIRECT), answered(s, DIRECT)])
async def two_calls_of_one_person_at_once(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60")
    await stage.call_in(DIRECT, talk=3)
    await stage.call_in(DIRECT, talk=2)


@WAYS.play(65, lambda s: not_reached(s, "no_answer"))
async def outbound_hears_only_an_announcement_of_the_network(stage: Stage) -> None:
    await stage.behave(customer="early:2")
    await stage.call_from(1, stage.customer)


@WAYS.play(66, reached)
async def outbound_with_a_prefix(stage: Stage) -> None:
    await stage.behave(customer="answer:1:60")
    await stage.call_from(1, f"9{stage.customer}", talk=1.5)


@WAYS.play(67, lambda s: internal(s, answered=False, outcome="no_answer", answered_by=None))
async def internal_not_answered(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await stage.call_from(2, stage.phone(1), patience=3)


@WAYS.play(68, lambda s: not_reached(s, "busy"))
async def click_to_call_finds_the_customer_busy(stage: Stage) -> None:
    await stage.behave(p1="answer:1:60", customer="busy")
    await click(stage)


@WAYS.play(69, lambda s: not_reached(s, "no_answer"))
async def click_to_call_that_the_manager_lets_ring(stage: Stage) -> None:
    await stage.behave(p1="ring")
    await click(stage, seconds=3)


@WAYS.play(78, lambda s: answered(s, FOLLOWED, answered_by=f"+{s.customer}", rang=[f"+{s.customer}"]))
async def manager_is_followed_to_the_mobile(stage: Stage) -> None:
    await stage.behave(customer="press:wwwwww1:60")  # FollowMe says first who calls
    await stage.call_in(FOLLOWED, talk=14)


@WAYS.play(48, lambda s: missed(s, FOLLOWED, "no_answer", rang=[f"+{s.customer}"]))
async def mailbox_of_the_followed_mobile_presses_nothing(stage: Stage) -> None:
    await stage.behave(customer="press:-:60")
    await stage.call_in(FOLLOWED, talk=8)


@WAYS.play(79, lambda s: missed(s, ROBOT, "ivr_abandoned", rang=[]))
async def voice_robot_that_answers_is_nobody(stage: Stage) -> None:
    await stage.behave(p9="answer:1:3")
    await stage.call_in(ROBOT)
