"""Traps of dialling: forks, pickup, causes, click to call, trailing events, directions."""

from __future__ import annotations

import pytest

from tests.unit.telephony.eventtable import events
from tests.unit.telephony.scenes import ANSWER_101, CONSULTATION, END_101, IN, JOINED, RING_101, RING_102
from tests.unit.telephony.tracking import at, calls, the_call

CLICK = """
0.0  Newchannel        101        Down     Context=from-internal Exten=s CallerIDNum=101 CallerIDName="Anna Orlova"
0.0  NewCallerid       101                 CallerIDNum=79161112233
0.0  DialBegin         -                   DestChannel=101 DialString=101
0.1  Newstate          101        Ringing
"""


def test_an_answered_call_has_all_its_times() -> None:
    call = the_call(IN + RING_101 + ANSWER_101 + END_101)
    assert (call.outcome, call.answered_by, call.rang) == ("answered", "101", ("101",))
    assert (call.started_at, call.answered_at, call.ended_at) == (at(0), at(2.1), at(9))
    assert (call.wait_seconds, call.talk_seconds) == (2.1, 6.9)


def test_ids_are_not_ordered_as_text() -> None:
    """Trap 6: 1795300000.9 came before 1795300000.10."""
    filler = "".join(f"0.0 Newchannel {number} Ring Context=from-internal Exten=1\n" for number in range(201, 208))
    ended = "".join(f"0.1 Hangup {number}\n" for number in range(201, 208))
    records = calls(
        events(
            filler + ended + "1.0" + IN.strip()[3:] + RING_101.replace("0.", "1.") + ANSWER_101 + CONSULTATION + JOINED
        )
    )
    (call,) = [record for record in records if record.direction == "inbound"]
    assert call.linkedid.endswith(".8")
    assert call.facts["linkedids"][1].endswith(".10")


def test_losers_of_a_forked_dial_are_not_the_call() -> None:
    """Trap 7: CANCEL and cause 26 come before the winner's ANSWER."""
    call = the_call(
        IN
        + RING_101
        + RING_102
        + """
    2.0  DialEnd       trunk>102           DialStatus=CANCEL
    2.0  Hangup        102                 Cause=26
    """
        + ANSWER_101
        + END_101
    )
    assert (call.outcome, call.answered_by, call.rang) == ("answered", "101", ("101", "102"))


@pytest.mark.parametrize("late", [False, True], ids=["Pickup before DialEnd (22)", "DialEnd before Pickup (16)"])
def test_a_call_that_is_picked_up_was_answered_by_the_one_who_picked_it_up(late: bool) -> None:
    """Trap 8: the picker was never dialled, the ringing phone gets no DialEnd."""
    steps = [
        "2.0  Pickup   103  TargetChannel=101",
        "2.0  DialEnd  trunk>103  Up  DialStatus=ANSWER",
    ]
    call = the_call(
        IN
        + RING_101
        + "1.0 Newchannel 103 Ring Context=from-internal Exten=*8 CallerIDNum=103\n1.1 Newstate 103 Up\n"
        + "\n".join(reversed(steps) if late else steps)
        + """
    2.0  Hangup        101                 Cause=16
    2.0  Newstate      trunk      Up
    2.1  BridgeEnter   103                 Bridge=b BridgeTechnology=simple_bridge
    2.1  BridgeEnter   trunk               Bridge=b BridgeTechnology=simple_bridge
    7.1  Hangup        103                 Cause=16
    7.1  Hangup        trunk               Cause=16
    """
    )
    assert (call.direction, call.dialled, call.answered_by) == ("inbound", "+74950000100", "103")
    assert (call.rang, call.talk_seconds) == (("101",), 5.0)


def test_pickup_by_invite_with_replaces_raises_no_pickup_event() -> None:
    """Trap 8: only the shared bridge tells."""
    call = the_call(
        IN
        + RING_101
        + """
    1.0  Newchannel    103        Ring     Context=from-internal Exten=101 CallerIDNum=103
    1.1  Newstate      103        Up
    2.0  Hangup        101                 Cause=26
    2.0  Newstate      trunk      Up
    2.1  BridgeEnter   103                 Bridge=b BridgeTechnology=simple_bridge
    2.1  BridgeEnter   trunk               Bridge=b BridgeTechnology=simple_bridge
    7.1  Hangup        103
    7.1  Hangup        trunk
    """
    )
    assert (call.answered_by, call.outcome) == ("103", "answered")


@pytest.mark.parametrize("cause", [0, 127, 16])
def test_a_caller_who_gives_up_shows_under_several_causes(cause: int) -> None:
    """Trap 9: 0 in chan_sip, 127 in chan_pjsip, 16 in others; some managers may not even see HangupRequest."""
    call = the_call(
        IN
        + RING_101
        + f"""
    4.0  DialEnd       trunk>101           DialStatus=CANCEL
    4.0  Hangup        101                 Cause=0
    4.0  Hangup        trunk               Cause={cause}
    """
    )
    assert (call.outcome, call.missed_reason) == ("missed", "caller_hung_up")


def test_a_dial_time_out_leaves_cause_zero_on_the_phone_and_is_no_answer() -> None:
    """Trap 9."""
    call = the_call(
        IN
        + RING_101
        + """
    10.0 DialEnd       trunk>101           DialStatus=NOANSWER
    10.0 Newexten      trunk               Extension=74950000100 Application=Hangup
    10.0 Hangup        101                 Cause=0
    10.0 Hangup        trunk               Cause=16
    """
    )
    assert call.missed_reason == "no_answer"


@pytest.mark.parametrize(
    ("ringing", "status", "cause", "reason"),
    [
        (True, "NOANSWER", 21, "rejected"),
        (False, "BUSY", 17, "busy"),
        (True, "BUSY", 17, "busy"),
        (False, "CHANUNAVAIL", 20, "unavailable"),
        (False, "NOANSWER", 19, "unavailable"),
        (True, "NOANSWER", 19, "no_answer"),
        (False, "CONGESTION", 34, "unavailable"),
    ],
)
def test_the_phones_cause_tells_what_dialstatus_does_not(ringing: bool, status: str, cause: int, reason: str) -> None:
    """Trap 10."""
    ring = RING_101 if ringing else RING_101.rsplit("0.2", 1)[0]
    call = the_call(
        IN
        + ring
        + f"""
    1.0  DialEnd       trunk>101           DialStatus={status}
    1.0  Hangup        101                 Cause={cause}
    1.1  Newexten      trunk               Extension=74950000100 Application=Hangup
    1.1  Hangup        trunk               Cause={cause}
    """
    )
    assert call.missed_reason == reason
    assert call.rang == (("101",) if ringing else ())


def test_click_to_call_begins_with_a_dial_that_nobody_dials() -> None:
    """Trap 11: DialBegin has no Channel; the manager's leg is no inbound call."""
    call = the_call(
        CLICK
        + """
    1.0  Newstate          101         Up
    1.0  DialEnd           -                   DestChannel=101 DialStatus=ANSWER
    1.0  Newexten          101                 Extension=79161112233 Application=Dial AppData=PJSIP/79161112233@trunk
    1.0  OriginateResponse 101                 Response=Success Exten=79161112233 Reason=4
    1.1  Newchannel        trunk       Down    Context=from-trunk Exten=s Of=101
    1.1  DialBegin         101>trunk           DialString=79161112233@trunk
    1.2  Newstate          trunk       Ringing
    3.0  DialEnd           101>trunk   Up      DialStatus=ANSWER
    3.1  BridgeEnter       trunk               Bridge=b BridgeTechnology=simple_bridge
    3.1  BridgeEnter       101                 Bridge=b BridgeTechnology=simple_bridge
    8.1  Hangup            trunk               Cause=16
    8.1  Hangup            101                 Cause=16
    """
    )
    assert (call.direction, call.caller, call.dialled) == ("outbound", "101", "+79161112233")
    assert (call.caller_name, call.answered_by, call.rang) == ("Anna Orlova", "+79161112233", ("101", "+79161112233"))


@pytest.mark.parametrize(("cause", "status"), [(21, "NOANSWER"), (17, "BUSY"), (0, "NOANSWER")])
def test_a_manager_who_does_not_pick_up_never_called_the_customer(cause: int, status: str) -> None:
    """Trap 11: his refusal is not the customer's being busy."""
    call = the_call(
        CLICK
        + f"""
    2.0  DialEnd           -                   DestChannel=101 DialStatus={status}
    2.0  Hangup            101                 Cause={cause}
    2.0  OriginateResponse -                   Response=Failure Channel=PJSIP/101 Uniqueid=<null> \
                       Exten=79161112233 Reason=1
    """
    )
    assert (call.direction, call.caller, call.dialled) == ("outbound", "101", "+79161112233")
    assert (call.outcome, call.missed_reason, call.answered) == ("no_answer", None, False)


def test_a_dialend_without_a_dialbegin_makes_no_second_call() -> None:
    """Trap 11."""
    call = the_call(IN + RING_101.replace("DialBegin", "Ignored") + ANSWER_101 + END_101)
    assert call.answered_by == "101"


def test_events_after_the_hangup_open_no_new_call() -> None:
    """Trap 13."""
    trailing = """
    9.1  NewConnectedLine 101
    9.1  DialEnd          trunk>101  DialStatus=ANSWER
    9.1  Newexten         trunk      Extension=h Application=NoOp
    12.0 Newstate         101        Up
    12.0 VarSet           trunk      Variable=QUEUESTATUS Value=TIMEOUT
    12.0 BridgeEnter      trunk      Bridge=b BridgeTechnology=simple_bridge
    30.0 Newstate         101        Up
    """
    call = the_call(IN + RING_101 + ANSWER_101 + END_101 + trailing)
    assert (call.ended, call.ended_at) == (True, at(9))


def test_cdr_events_decide_nothing() -> None:
    """Trap 14: a CDR says ANSWERED for an announcement."""
    call = the_call(
        IN
        + """
    0.0  Newstate      trunk      Up
    0.1  Newexten      trunk               Extension=74950000100 Application=Playback AppData=closed
    5.0  Newexten      trunk               Extension=74950000100 Application=Hangup
    5.0  Cdr           -                   Disposition=ANSWERED BillableSeconds=5
    5.0  Hangup        trunk               Cause=16
    """
    )
    assert (call.outcome, call.missed_reason, call.talk_seconds) == ("missed", "announcement", None)


@pytest.mark.parametrize(
    ("endpoint", "context", "direction"),
    [
        ("PJSIP/trunk", "from-trunk", "inbound"),
        ("PJSIP/mango", "from-pstn", "inbound"),
        ("SIP/voipgrid-siproute-ams", "custom", "inbound"),
        ("PJSIP/SIP-1611151795", "SIP-1611151795-incoming", "inbound"),
        ("DAHDI/i1/79261234567", "from-digital", "inbound"),
        ("IAX2/office2", "from-did-direct", "inbound"),
        ("PJSIP/1001", "from-internal", "outbound"),
        ("SIP/1001", "from-internal-custom", "outbound"),
        ("PJSIP/1001", "cos-all", "outbound"),
        ("PJSIP/1001", "all_peers", "outbound"),
        ("PJSIP/1001", "something", "outbound"),
    ],
)
def test_direction_needs_no_custom_dialplan(endpoint: str, context: str, direction: str) -> None:
    """Trap 23: from endpoint and context of the first channel, for the usual distributions."""
    table = f"""
    0.0  Newchannel {endpoint} Ring Context={context} Exten=74950000100 CallerIDNum=79261234567
    1.0  Hangup     {endpoint}
    """
    assert the_call(table).direction == direction


def test_the_same_caller_twice_at_once_is_two_calls() -> None:
    """Trap 24."""
    table = """
    0.0  Newchannel    trunk      Ring     Context=from-trunk Exten=74950000100 CallerIDNum=79261234567
    0.1  Newchannel    trunk#2    Ring     Context=from-trunk Exten=74950000100 CallerIDNum=79261234567
    3.0  Hangup        trunk               Cause=16
    3.0  Hangup        trunk#2             Cause=16
    """
    assert len(calls(events(table))) == 2


@pytest.mark.parametrize("cause", [0, 16, 19, 127])
def test_a_dialplan_that_ends_after_the_dial_is_no_caller_who_gave_up(cause: int) -> None:
    """Trap 9: the caller's channel may end with any cause; each phone's own result says that the Dial was over."""
    call = the_call(
        IN
        + RING_101
        + f"""
    10.0 DialEnd       trunk>101           DialStatus=NOANSWER
    10.0 Hangup        101                 Cause=0
    10.0 Hangup        trunk               Cause={cause}
    """
    )
    assert call.missed_reason == "no_answer"


def test_a_caller_found_in_a_context_of_the_company_is_still_from_outside() -> None:
    """Trap 23: in the middle of a call a channel's context is where the dialplan has led it."""
    table = """
    5.0  QueueCallerJoin  PJSIP/mango  Up  Queue=sales
    9.0  HangupRequest    PJSIP/mango
    9.0  Hangup           PJSIP/mango      Cause=16
    """
    where = {"Context": "ext-queues", "Exten": "74950000100", "CallerIDNum": "79261234567"}
    (call,) = calls([{**event, **where} for event in events(table)])
    assert (call.direction, call.caller, call.gap) == ("inbound", "+79261234567", True)
    assert call.missed_reason == "queue_abandoned"
