"""Traps of queues, Local channels, parking and conference rooms: who really hears whom."""

from __future__ import annotations

import pytest

from tests.unit.telephony.eventtable import events
from tests.unit.telephony.scenes import ANSWER_101, END_101, IN, RING_101
from tests.unit.telephony.tracking import at, calls, the_call

QUEUE_LOCAL = (
    IN
    + """
0.0  Newstate        trunk      Up
0.1  Newexten        trunk                Extension=74950000100 Application=Queue AppData=sales_local
0.1  QueueCallerJoin trunk                Queue=sales_local
0.2  Newchannel      Local/101@from-internal;1  Down  Context=from-internal Exten=101 Of=trunk
0.2  Newchannel      Local/101@from-internal;2  Ring  Context=from-internal Exten=101 Of=trunk
0.2  DialBegin       trunk>Local/101@from-internal;1  DialString=Local/101@from-internal/n
0.3  Newchannel      101        Down      Context=from-internal CallerIDNum=101 Of=trunk
0.3  DialBegin       Local/101@from-internal;2>101  DialString=101
0.4  Newstate        101        Ringing
0.4  Newstate        Local/101@from-internal;1  Ringing
3.0  Newstate        101        Up
3.0  DialEnd         Local/101@from-internal;2>101  DialStatus=ANSWER
3.0  BridgeEnter     101                  Bridge=inner BridgeTechnology=simple_bridge
3.0  Newstate        Local/101@from-internal;2  Up
3.0  BridgeEnter     Local/101@from-internal;2  Bridge=inner BridgeTechnology=simple_bridge
3.1  Newstate        Local/101@from-internal;1  Up
"""
)


def test_queue_abandon_event_followed_by_a_further_step_was_a_time_out() -> None:
    """Trap 1: app_queue raises QueueCallerAbandon for time-outs too."""
    waiting = """
    0.0  Newstate            trunk  Up
    0.1  Newexten            trunk      Extension=74950000100 Application=Queue AppData=sales,,,,12
    0.1  QueueCallerJoin     trunk      Queue=sales Position=1
    """
    timed_out = the_call(
        IN
        + waiting
        + RING_101
        + """
    12.1 QueueCallerAbandon  trunk      Queue=sales
    12.2 Newexten            trunk      Extension=74950000100 Application=Hangup
    12.3 Hangup              101        Cause=0
    12.3 Hangup              trunk      Cause=16
    """
    )
    gave_up = the_call(
        IN
        + waiting
        + RING_101
        + """
    8.0  HangupRequest       trunk
    8.0  QueueCallerAbandon  trunk      Queue=sales
    8.1  Hangup              101        Cause=0
    8.1  Hangup              trunk      Cause=16
    """
    )
    assert (timed_out.queue, timed_out.missed_reason) == ("sales", "queue_timeout")
    assert (gave_up.queue, gave_up.missed_reason) == ("sales", "queue_abandoned")


def test_a_queue_that_takes_nobody_is_no_waiting() -> None:
    """Trap 1: JOINEMPTY and FULL raise no Join event at all."""
    call = the_call(
        IN
        + """
    0.1  Newexten  trunk      Extension=74950000100 Application=Queue AppData=sales
    0.1  VarSet    trunk      Variable=QUEUESTATUS Value=JOINEMPTY
    0.2  Newexten  trunk      Extension=74950000100 Application=Hangup
    0.3  Hangup    trunk      Cause=16
    """
    )
    assert (call.queue, call.missed_reason) == (None, "unavailable")


def test_the_person_behind_a_local_queue_member_is_named_not_the_local_channel() -> None:
    """Traps 2 and 3: the dialled channel is Local, the human sits behind its other half; nobody is counted twice."""
    call = the_call(
        QUEUE_LOCAL
        + """
    3.2  BridgeEnter     Local/101@from-internal;1  Bridge=outer BridgeTechnology=simple_bridge
    3.3  BridgeEnter     trunk                      Bridge=outer BridgeTechnology=simple_bridge
    8.0  Hangup          Local/101@from-internal;1
    8.0  Hangup          Local/101@from-internal;2
    8.0  Hangup          101
    8.0  Hangup          trunk
    """
    )
    assert (call.answered_by, call.rang, call.queue) == ("101", ("101",), "sales_local")
    assert call.answered_at == at(3.3)


def test_a_local_channel_that_optimises_itself_away_does_not_end_the_talk() -> None:
    """Trap 3: BridgeEnter with SwapUniqueid puts the real channel into the Local's place."""
    call = the_call(
        QUEUE_LOCAL
        + """
    3.2  BridgeEnter     Local/101@from-internal;1  Bridge=outer BridgeTechnology=simple_bridge
    3.3  BridgeEnter     trunk                      Bridge=outer BridgeTechnology=simple_bridge
    3.5  BridgeLeave     101                        Bridge=inner
    3.5  BridgeEnter     101                        Bridge=outer BridgeTechnology=simple_bridge \
                       Swap=Local/101@from-internal;1
    3.5  BridgeLeave     Local/101@from-internal;1  Bridge=outer
    3.5  BridgeLeave     Local/101@from-internal;2  Bridge=inner
    3.5  Hangup          Local/101@from-internal;1
    3.5  Hangup          Local/101@from-internal;2
    8.3  Hangup          101
    8.3  Hangup          trunk
    """
    )
    assert (call.answered_by, call.answered_at, call.talk_seconds) == ("101", at(3.3), 5.0)


def test_a_parking_lot_is_no_conversation() -> None:
    """Trap 15: everybody parked shares one holding bridge."""
    parked = """
    4.0  BridgeLeave   101                 Bridge=b
    4.0  BridgeLeave   trunk               Bridge=b
    4.0  BridgeEnter   trunk               Bridge=lot BridgeTechnology=holding_bridge
    4.0  ParkedCall    -                   ParkeeChannel=trunk ParkingSpace=701
    4.0  Hangup        101
    5.0  Newchannel    trunk#2    Ring     Context=from-trunk Exten=74950000100 CallerIDNum=79031112233
    5.0  Newstate      trunk#2    Up
    5.1  BridgeEnter   trunk#2             Bridge=lot BridgeTechnology=holding_bridge
    8.0  Hangup        trunk#2
    9.0  Hangup        trunk
    """
    first, second = calls(events(IN + RING_101 + ANSWER_101 + parked))
    assert (first.answered_by, first.talk_seconds) == ("101", 1.9)
    assert (second.answered, second.outcome) == (False, "missed")


def test_a_parked_caller_fetched_by_a_colleague_talks_again_in_the_same_call() -> None:
    """Trap 15: the colleague's own call, to the parking space, becomes a part of it."""
    fetched = """
    4.0  BlindTransfer -  Result=Success TransfererChannel=101 TransfereeChannel=trunk Extension=700
    4.0  BridgeLeave   101                 Bridge=b
    4.0  BridgeLeave   trunk               Bridge=b
    4.0  BridgeEnter   trunk               Bridge=lot BridgeTechnology=holding_bridge
    4.0  Hangup        101
    6.0  Newchannel    102        Ring     Context=from-internal Exten=701 CallerIDNum=102
    6.1  Newstate      102        Up
    6.1  BridgeLeave   trunk               Bridge=lot
    6.1  BridgeEnter   trunk               Bridge=c BridgeTechnology=simple_bridge
    6.1  BridgeEnter   102                 Bridge=c BridgeTechnology=simple_bridge
    9.1  Hangup        102
    9.1  Hangup        trunk
    """
    call = the_call(IN + RING_101 + ANSWER_101 + fetched)
    assert call.answered_by == "101"
    assert call.talk_seconds == pytest.approx(1.9 + 3.0)
    assert [(one.to, one.answered) for one in call.transfers] == [("700", True)]


@pytest.mark.parametrize("robot", ["CBAnn/conf", "Snoop/101", "Recorder/ARI", "AudioSocket/x"])
def test_announcers_recorders_and_listeners_are_nobody(robot: str) -> None:
    """Trap 16."""
    call = the_call(
        IN
        + f"""
    0.0  Newstate      trunk      Up
    1.0  Newchannel    {robot}    Up       Context=default Of=trunk
    1.1  BridgeEnter   trunk               Bridge=b BridgeTechnology=softmix BridgeCreator=ConfBridge
    1.1  BridgeEnter   {robot}             Bridge=b BridgeTechnology=softmix BridgeCreator=ConfBridge
    5.0  Hangup        {robot}
    5.0  Hangup        trunk               Cause=16
    """
    )
    assert call.answered is False


def test_two_customers_in_a_conference_room_are_two_calls_and_no_answer() -> None:
    """Trap 16: until somebody of the company comes in."""
    room = """
    0.1  Newstate      trunk      Up
    0.2  BridgeEnter   trunk               Bridge=b BridgeTechnology=softmix BridgeCreator=ConfBridge
    1.0  Newchannel    trunk#2    Ring     Context=from-trunk Exten=74950000100 CallerIDNum=79031112233
    1.1  Newstate      trunk#2    Up
    1.2  BridgeEnter   trunk#2             Bridge=b BridgeTechnology=softmix BridgeCreator=ConfBridge
    """
    agent = """
    3.0  Newchannel    101        Ring     Context=from-internal Exten=800 CallerIDNum=101
    3.0  Newstate      101        Up
    3.1  BridgeEnter   101                 Bridge=b BridgeTechnology=softmix BridgeCreator=ConfBridge
    """
    alone = calls(events(IN + room))
    assert [call.answered for call in alone] == [False, False]
    attended = calls(events(IN + room + agent))
    assert [(call.direction, call.answered, call.answered_by) for call in attended[:2]] == [
        ("inbound", True, "101"),
        ("inbound", True, "101"),
    ]


def test_a_masquerade_renames_a_leg_and_leaves_the_call_alone() -> None:
    """Trap 17: AMI Redirect of older Asterisk moves a leg by way of AsyncGoto/ and <MASQ> names."""
    renamed = """
    4.0  Rename  trunk  Newname=PJSIP/trunk-00000001<MASQ>
    4.0  Rename  trunk  Newname=AsyncGoto/PJSIP/trunk-00000001
    4.0  Rename  trunk  Newname=PJSIP/trunk-00000001
    """
    call = the_call(IN + RING_101 + ANSWER_101 + renamed + END_101)
    assert (call.caller, call.answered_by, call.talk_seconds) == ("+79261234567", "101", 6.9)
