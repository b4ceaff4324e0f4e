"""Traps of transfers: blonde ones, consultations, linkedids that change, results that promise too much."""

from __future__ import annotations

import pytest

from tests.unit.telephony.eventtable import events
from tests.unit.telephony.scenes import ANSWER_101, CONSULTATION, END_101, IN, JOINED, RING_101
from tests.unit.telephony.tracking import calls, the_call

ATXFER = """
4.0  Newchannel    Local/103@from-internal;1  Down  Context=from-internal Exten=103 Of=trunk
4.0  Newchannel    Local/103@from-internal;2  Ring  Context=from-internal Exten=103 Of=trunk
4.0  BridgeEnter   Local/103@from-internal;1        Bridge=c BridgeTechnology=simple_bridge
4.1  Newchannel    103        Down     Context=from-internal CallerIDNum=103 Of=trunk
4.1  BridgeLeave   101                 Bridge=b
4.1  BridgeEnter   101                 Bridge=c BridgeTechnology=simple_bridge
4.1  DialBegin     Local/103@from-internal;2>103  DialString=103
4.2  Newstate      103        Ringing
"""

BLONDE = (
    ATXFER
    + """
5.0  BridgeLeave   101                        Bridge=c
5.0  BridgeLeave   Local/103@from-internal;1  Bridge=c
5.0  BridgeEnter   Local/103@from-internal;1  Bridge=b BridgeTechnology=simple_bridge
5.0  AttendedTransfer -  Result=Success OrigTransfererChannel=101 SecondTransfererChannel=101 \
                       TransfereeChannel=trunk TransferTargetChannel=Local/103@from-internal;1 DestType=Bridge
5.1  Hangup        101
"""
)

TARGET_ANSWERS = """
7.0  Newstate      103        Up
7.0  DialEnd       Local/103@from-internal;2>103  DialStatus=ANSWER
7.0  Newstate      Local/103@from-internal;2  Up
7.0  BridgeEnter   103                        Bridge=d BridgeTechnology=simple_bridge
7.1  BridgeEnter   Local/103@from-internal;2  Bridge=d BridgeTechnology=simple_bridge
"""

ALL_GONE = """
9.1  Hangup        Local/103@from-internal;1
9.1  Hangup        Local/103@from-internal;2
9.1  Hangup        103                        Cause=16
9.1  Hangup        trunk                      Cause=16
"""


def test_a_bridge_shared_with_a_ringing_local_channel_is_no_talk() -> None:
    """Trap 4: after a blonde transfer the caller shares a bridge with a channel that still rings."""
    call = the_call(IN + RING_101 + ANSWER_101 + BLONDE + TARGET_ANSWERS + ALL_GONE)
    assert call.transfers[0].as_json() == {"kind": "attended", "by": "101", "to": "103", "answered": True}
    assert call.talk_seconds == pytest.approx((4.1 - 2.1) + (9.1 - 7.1))
    assert call.rang == ("101", "103")


def test_a_blonde_transfer_whose_target_never_answers_is_not_answered() -> None:
    call = the_call(IN + RING_101 + ANSWER_101 + BLONDE + ALL_GONE)
    assert (call.outcome, call.answered_by) == ("answered", "101")
    assert [(one.kind, one.to, one.answered) for one in call.transfers] == [("attended", "103", False)]
    assert call.talk_seconds == pytest.approx(4.1 - 2.1)


def test_a_consultation_with_a_linkedid_of_its_own_belongs_to_the_call() -> None:
    """Trap 5: one record, under the customer's linkedid."""
    call = the_call(IN + RING_101 + ANSWER_101 + CONSULTATION + JOINED)
    assert (call.direction, call.caller, call.dialled) == ("inbound", "+79261234567", "+74950000100")
    assert [one.as_json() for one in call.transfers] == [
        {"kind": "attended", "by": "101", "to": "103", "answered": True}
    ]
    assert len(call.facts["linkedids"]) == 2


def test_a_consultation_that_leads_to_no_transfer_is_a_call_of_its_own() -> None:
    """Trap 5: nothing ties it to the customer's call."""
    ended = """
    6.0  Hangup  101#2
    6.0  Hangup  103
    """
    customer, consultation = calls(events(IN + RING_101 + ANSWER_101 + CONSULTATION + ended + END_101))
    assert (customer.direction, consultation.direction) == ("inbound", "internal")
    assert (consultation.caller, consultation.dialled, consultation.answered_by) == ("101", "103", "103")
    assert customer.transfers == ()


def test_a_customer_given_to_an_older_internal_call_stays_an_inbound_call() -> None:
    """Trap 5: the earlier linkedid wins, but never over the customer's."""
    table = """
    0.0  Newchannel    101        Ring  Context=from-internal Exten=102 CallerIDNum=101
    0.1  Newchannel    102        Down  Context=from-internal CallerIDNum=102 Of=101
    0.1  DialBegin     101>102          DialString=102
    1.0  DialEnd       101>102    Up    DialStatus=ANSWER
    1.0  Newstate      101        Up
    1.1  BridgeEnter   101              Bridge=i BridgeTechnology=simple_bridge
    1.1  BridgeEnter   102              Bridge=i BridgeTechnology=simple_bridge
    2.0  Newchannel    trunk      Ring  Context=from-trunk Exten=74950000101 CallerIDNum=79261234567
    2.1  Newchannel    101#2      Down  Context=from-internal CallerIDNum=101 Of=trunk
    2.1  DialBegin     trunk>101#2      DialString=101
    3.0  DialEnd       trunk>101#2 Up   DialStatus=ANSWER
    3.0  Newstate      trunk      Up
    3.1  BridgeEnter   trunk            Bridge=b BridgeTechnology=simple_bridge
    3.1  BridgeEnter   101#2            Bridge=b BridgeTechnology=simple_bridge
    4.0  AttendedTransfer - Result=Success OrigTransfererChannel=101 SecondTransfererChannel=101#2 \
                       TransfereeChannel=102 TransferTargetChannel=trunk DestType=Bridge
    4.0  BridgeLeave   101#2            Bridge=b
    4.0  BridgeLeave   101              Bridge=i
    4.0  BridgeEnter   102              Bridge=b BridgeTechnology=simple_bridge
    4.1  Hangup        101
    4.1  Hangup        101#2
    9.0  Hangup        102
    9.0  Hangup        trunk
    """
    call = the_call(table)
    assert (call.direction, call.caller, call.answered_by) == ("inbound", "+79261234567", "101")
    assert call.transfers[0].answered


def test_two_customers_put_together_stay_two_calls() -> None:
    """Trap 5 taken too far would lose one of them."""
    second = """
    3.0  Newchannel    trunk#2     Ring  Context=from-trunk Exten=74950000100 CallerIDNum=79031112233
    3.1  Newchannel    101#2       Down  Context=from-internal CallerIDNum=101 Of=trunk#2
    3.1  DialBegin     trunk#2>101#2     DialString=101
    4.0  DialEnd       trunk#2>101#2 Up  DialStatus=ANSWER
    4.0  Newstate      trunk#2     Up
    4.1  BridgeEnter   trunk#2           Bridge=c BridgeTechnology=simple_bridge
    4.1  BridgeEnter   101#2             Bridge=c BridgeTechnology=simple_bridge
    5.0  AttendedTransfer - Result=Success OrigTransfererChannel=101 SecondTransfererChannel=101#2 \
                       TransfereeChannel=trunk TransferTargetChannel=trunk#2 DestType=Bridge
    5.0  BridgeLeave   101               Bridge=b
    5.0  BridgeLeave   101#2             Bridge=c
    5.0  BridgeLeave   trunk#2           Bridge=c
    5.0  BridgeEnter   trunk#2           Bridge=b BridgeTechnology=simple_bridge
    5.1  Hangup        101
    5.1  Hangup        101#2
    9.0  Hangup        trunk#2
    9.0  Hangup        trunk
    """
    first, later = calls(events(IN + RING_101 + ANSWER_101 + second))
    assert (first.caller, first.answered_by) == ("+79261234567", "101")
    assert (later.caller, later.answered_by) == ("+79031112233", "101")
    assert first.ended
    assert later.ended


def test_a_blind_transfer_that_succeeds_has_only_reached_the_dialplan() -> None:
    """Trap 12."""
    transfer = """
    4.0  BlindTransfer -  Result=Success TransfererChannel=101 TransfereeChannel=trunk Extension=103 \
                       Context=from-internal
    4.0  BridgeLeave   101                 Bridge=b
    4.0  BridgeLeave   trunk               Bridge=b
    4.0  Hangup        101                 Cause=16
    4.1  Newchannel    103        Down     Context=from-internal CallerIDNum=103 Of=trunk
    4.1  DialBegin     trunk>103           DialString=103
    4.2  Newstate      103        Ringing
    """
    nobody = """
    9.0  DialEnd       trunk>103           DialStatus=NOANSWER
    9.0  Hangup        103                 Cause=0
    9.0  Hangup        trunk               Cause=19
    """
    somebody = """
    6.0  DialEnd       trunk>103  Up       DialStatus=ANSWER
    6.0  BridgeEnter   103                 Bridge=c BridgeTechnology=simple_bridge
    6.0  BridgeEnter   trunk               Bridge=c BridgeTechnology=simple_bridge
    9.0  Hangup        103                 Cause=16
    9.0  Hangup        trunk               Cause=16
    """
    lost = the_call(IN + RING_101 + ANSWER_101 + transfer + nobody)
    reached = the_call(IN + RING_101 + ANSWER_101 + transfer + somebody)
    assert [one.as_json() for one in lost.transfers] == [{"kind": "blind", "by": "101", "to": "103", "answered": False}]
    assert (lost.outcome, lost.answered_by, lost.talk_seconds) == ("answered", "101", 1.9)
    assert reached.transfers[0].answered
    assert reached.talk_seconds == pytest.approx(1.9 + 3.0)


@pytest.mark.parametrize("result", ["Fail", "Invalid", "Not Permitted"])
def test_a_transfer_that_failed_is_none(result: str) -> None:
    """Trap 12."""
    failed = f"4.0 BlindTransfer - 'Result={result}' TransfererChannel=101 TransfereeChannel=trunk Extension=999\n"
    assert the_call(IN + RING_101 + ANSWER_101 + failed + END_101).transfers == ()


@pytest.mark.parametrize("kind", ["Link", "Threeway"])
def test_a_transfer_of_a_rarer_kind_is_followed_too(kind: str) -> None:
    """Trap 12: cacofonisk raises on these."""
    joined = JOINED.replace("DestType=Bridge", f"DestType={kind}")
    assert the_call(IN + RING_101 + ANSWER_101 + CONSULTATION + joined).transfers[0].to == "103"


def test_a_consultation_by_keys_has_a_dialbegin_without_a_dialler_and_is_no_click_to_call() -> None:
    """Trap 11: features dial the Local channel themselves."""
    begun = "4.05 DialBegin - DestChannel=Local/103@from-internal;1 DialString=103@from-internal\n"
    first, rest = ATXFER.strip().split("4.0  BridgeEnter", 1)
    table = IN + RING_101 + ANSWER_101 + BLONDE.replace(ATXFER, f"{first}{begun}4.0  BridgeEnter{rest}\n")
    assert begun in table
    call = the_call(table + TARGET_ANSWERS + ALL_GONE)
    assert (call.direction, call.caller, call.dialled) == ("inbound", "+79261234567", "+74950000100")
    assert call.transfers[0].to == "103"


def test_a_transfer_event_without_a_target_names_the_one_whom_the_transferers_phone_showed() -> None:
    """Trap 12: so it comes when the transferer hangs up just as the target answers (Asterisk 16)."""
    named = "TransferTargetChannel=Local/103@from-internal;1"
    assert named in BLONDE
    table = BLONDE.replace(named, "SecondTransfererConnectedLineNum=103")
    call = the_call(IN + RING_101 + ANSWER_101 + table + TARGET_ANSWERS + ALL_GONE)
    assert [one.as_json() for one in call.transfers] == [
        {"kind": "attended", "by": "101", "to": "103", "answered": True}
    ]


RECALLED = """
8.0  Hangup        Local/103@from-internal;1
8.0  Hangup        Local/103@from-internal;2
8.0  Hangup        103                        Cause=26
8.0  Newchannel    101#3      Down            Context=from-internal CallerIDNum=101
8.0  DialBegin     >101#3                     DialString=101 DestConnectedLineNum={shown}
"""
"""Nobody took the caller: the transferer's phone is called again, by a channel with a linkedid of its own."""


def test_a_transferer_who_is_called_back_in_vain_makes_no_call_of_his_own() -> None:
    gone = """
    8.1  Hangup        101#3
    8.1  Hangup        trunk                      Cause=16
    """
    call = the_call(IN + RING_101 + ANSWER_101 + BLONDE + RECALLED.format(shown="79261234567") + gone)
    assert (call.direction, call.outcome, call.answered_by) == ("inbound", "answered", "101")
    assert [(one.kind, one.to, one.answered) for one in call.transfers] == [("attended", "103", False)]
    assert len(call.facts["linkedids"]) == 2


def test_a_transferer_who_takes_the_caller_back_has_not_transferred_him() -> None:
    taken = """
    9.0  Newstate      101#3      Up
    9.0  BridgeEnter   101#3                      Bridge=b BridgeTechnology=simple_bridge
    12.0 Hangup        101#3                      Cause=16
    12.0 Hangup        trunk                      Cause=16
    """
    call = the_call(IN + RING_101 + ANSWER_101 + BLONDE + RECALLED.format(shown="79261234567") + taken)
    assert [one.answered for one in call.transfers] == [False]
    assert call.talk_seconds == pytest.approx((4.1 - 2.1) + (12.0 - 9.0))


def test_a_manager_who_calls_somebody_else_meanwhile_makes_a_call_of_his_own() -> None:
    gone = """
    8.5  Hangup        101#3                      Cause=16
    9.0  Hangup        trunk                      Cause=16
    """
    customer, other = calls(events(IN + RING_101 + ANSWER_101 + BLONDE + RECALLED.format(shown="74957654321") + gone))
    assert (customer.direction, other.direction) == ("inbound", "outbound")
    assert len(customer.facts["linkedids"]) == 1
