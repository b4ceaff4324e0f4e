"""The tracker's door: what it reports when, what it takes up after a reconnect, and what it costs."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import datetime, timedelta

import pytest

from gateway.core.sentences import Sentence
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker import SETTLE, CallTracker
from tests.unit.telephony.eventtable import events
from tests.unit.telephony.tracking import at, calls, the_call

RINGING = """
0.0  Newchannel    trunk      Ring     Context=from-trunk Exten=74950000101 CallerIDNum=79261234567
0.1  Newchannel    101        Down     Context=from-internal CallerIDNum=101 Of=trunk
0.1  DialBegin     trunk>101           DialString=101
0.2  Newstate      101        Ringing
"""
ANSWERED = """
2.0  DialEnd       trunk>101  Up       DialStatus=ANSWER
2.0  Newstate      trunk      Up
2.1  BridgeEnter   101                 Bridge=b BridgeTechnology=simple_bridge
2.1  BridgeEnter   trunk               Bridge=b BridgeTechnology=simple_bridge
"""
ENDED = """
9.0  Hangup        101                 Cause=16
9.0  Hangup        trunk               Cause=16
"""


def _tracker() -> CallTracker:
    return CallTracker(lines=LineRules(), region="RU")


def _fed(table: str) -> tuple[CallTracker, list[CallRecord]]:
    tracker = _tracker()
    records = [record for event in events(table) for record in tracker.feed(event, _when(event))]
    return tracker, records


def _when(event: dict[str, str]) -> datetime:
    return at(float(event["Timestamp"]) - at(0).timestamp())


def test_a_call_is_reported_when_it_rings_when_it_is_answered_and_when_it_is_over() -> None:
    tracker, records = _fed(RINGING + ANSWERED + ENDED)
    ringing, answered = records
    assert (ringing.answered, ringing.rang, ringing.ended) == (False, ("101",), False)
    assert (answered.answered, answered.answered_at, answered.ended_at) == (True, at(2.1), None)
    assert tracker.due(at(9 + SETTLE - 0.1)) == []
    (ended,) = tracker.due(at(9 + SETTLE))
    assert (ended.ended, ended.ended_at, ended.talk_seconds) == (True, at(9), 6.9)
    assert tracker.due(at(99)) == []
    assert tracker.open_count == 0


def test_an_open_call_has_no_end_and_no_talk_time_yet() -> None:
    tracker, _ = _fed(RINGING + ANSWERED)
    (open_call,) = tracker.open_calls()
    assert (open_call.ended, open_call.talk_seconds, open_call.wait_seconds) == (False, None, 2.1)
    (unfinished,) = tracker.finish(at(5))
    assert unfinished.ended is False
    assert tracker.open_count == 0


def test_the_events_own_time_wins_over_the_time_of_receipt() -> None:
    tracker = _tracker()
    late = at(3600)
    records = [record for event in events(RINGING + ANSWERED) for record in tracker.feed(event, late)]
    assert [record.answered_at for record in records] == [None, at(2.1)]


@pytest.mark.parametrize("stamp", ["", "yesterday", "nan", "inf", "-5", "1e300"])
def test_without_a_usable_timestamp_the_time_of_receipt_counts(stamp: str) -> None:
    tracker = _tracker()
    for event in events(RINGING):
        tracker.feed({**event, "Timestamp": stamp}, at(7))
    assert tracker.open_calls()[0].started_at == at(7)


def test_time_that_goes_back_a_little_makes_no_negative_figures() -> None:
    call = the_call(RINGING + ANSWERED.replace("2.1  BridgeEnter   trunk", "-0.000001 BridgeEnter trunk") + ENDED)
    assert call.wait_seconds == 0.0


def test_an_event_that_cannot_be_followed_is_logged_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    tracker = _tracker()
    broken = {"Event": "Newchannel", "Uniqueid": "1.1", "Channel": "PJSIP/1-1", "ChannelState": None}
    tracker.feed(broken, at(0))  # type: ignore[arg-type]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert [record for event in events(RINGING) for record in tracker.feed(event, at(1))]


def test_a_replayed_log_tells_ended_calls_as_the_live_events_do(caplog: pytest.LogCaptureFixture) -> None:
    stream = events(RINGING + ANSWERED + ENDED)
    live, past = _tracker(), _tracker()
    for event in stream:
        live.feed(event, _when(event))
    broken = {"Event": "Newchannel", "Uniqueid": "1.1", "Channel": "PJSIP/1-1", "ChannelState": None}
    timed = [(float(event["Timestamp"]), event) for event in stream]
    past.replay([*timed[:-1], (timed[-1][0], {"Event": "Unheard"}), timed[-1]])
    past.replay([(timed[-1][0], broken)])  # type: ignore[list-item]
    later = _when(stream[-1]) + timedelta(days=1)
    assert past.due(later) == live.due(later) != []
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_consultation_that_was_reported_is_reported_as_merged() -> None:
    """Whoever stored it as a call of its own learns that it is not."""
    tracker, records = _fed(
        RINGING
        + ANSWERED
        + """
    4.0  Newchannel    101#2      Ring     Context=from-internal Exten=103 CallerIDNum=101
    4.1  Newchannel    103        Down     Context=from-internal CallerIDNum=103 Of=101#2
    4.1  DialBegin     101#2>103           DialString=103
    4.2  Newstate      103        Ringing
    5.0  AttendedTransfer -  Result=Success OrigTransfererChannel=101 SecondTransfererChannel=101#2 \
                          DestType=App DestApp=Dial
    """
    )
    customer, _, consultation, merged = records
    assert (merged.linkedid, merged.merged_into, merged.ended) == (consultation.linkedid, customer.linkedid, True)
    (whole,) = tracker.open_calls()
    assert whole.facts["linkedids"] == [customer.linkedid, consultation.linkedid]
    assert (whole.merged_into, whole.rang) == (None, ("101", "103"))
    assert whole.transfers[0].to == "103"


def _listed(table: str, *, up: bool, bridge: str = "") -> tuple[dict[str, str], ...]:
    """CoreShowChannel events for the channels of a table."""
    seen: dict[str, dict[str, str]] = {}
    for event in events(table):
        seen[event["Uniqueid"]] = {**event, "Event": "CoreShowChannel", "BridgeId": bridge}
        if "DestUniqueid" in event:
            dest = {key.removeprefix("Dest"): value for key, value in event.items() if key.startswith("Dest")}
            seen[dest["Uniqueid"]] = {**dest, "Application": "AppDial", "BridgeId": bridge}
    states = {"ChannelState": "6"} if up else {}
    return tuple(
        {key: value for key, value in {**event, **states}.items() if key != "Timestamp"} for event in seen.values()
    )


def test_a_call_that_ended_while_we_were_away_ends_now_with_a_gap() -> None:
    tracker, _ = _fed(RINGING + ANSWERED)
    (ended,) = tracker.resync(Snapshot(), at(60))
    assert (ended.ended, ended.gap, ended.answered, ended.ended_at) == (True, True, True, at(60))
    assert tracker.open_count == 0


def test_a_refused_list_of_channels_ends_no_call() -> None:
    tracker, _ = _fed(RINGING)
    refused = (Sentence("office refused CoreShowChannels: add system"),)
    assert tracker.resync(Snapshot(missing=refused), at(60)) == []
    assert tracker.open_count == 1


def test_a_restarted_pbx_ends_every_call_whether_or_not_its_channels_may_be_seen() -> None:
    tracker, _ = _fed(RINGING)
    snapshot = Snapshot(missing=(Sentence("office refused CoreShowChannels: add system"),), restarted=True)
    (ended,) = tracker.resync(snapshot, at(90))
    assert ended.ended
    assert ended.gap
    assert tracker.open_count == 0


def test_a_call_that_goes_on_after_the_reconnect_keeps_what_was_known() -> None:
    tracker, _ = _fed(RINGING + ANSWERED)
    snapshot = Snapshot(channels=_listed(RINGING, up=True, bridge="b"))
    assert tracker.resync(snapshot, at(60)) == []
    (call,) = tracker.open_calls()
    assert (call.gap, call.answered_at, call.answered_by) == (True, at(2.1), "101")


def test_a_call_answered_while_we_were_away_has_no_time_of_answer() -> None:
    tracker, _ = _fed(RINGING)
    (answered,) = tracker.resync(Snapshot(channels=_listed(RINGING, up=True, bridge="b")), at(60))
    assert (answered.answered, answered.answered_by, answered.answered_at) == (True, "101", None)


def test_a_call_unknown_before_is_taken_up_from_the_snapshot() -> None:
    tracker = _tracker()
    channels = _listed(RINGING, up=True, bridge="b")
    (taken,) = tracker.resync(Snapshot(channels=channels[::-1]), at(60))
    assert (taken.caller, taken.dialled, taken.direction) == ("+79261234567", "+74950000101", "inbound")
    assert (taken.answered_by, taken.gap, taken.answered_at) == ("101", True, None)
    assert abs(taken.started_at - at(0)) < timedelta(seconds=1)
    for event in events(RINGING + ENDED):
        tracker.feed(event, at(70))
    (ended,) = tracker.due(at(80))
    assert (ended.ended, ended.talk_seconds) == (True, None)


def test_the_members_of_bridges_tell_as_much_as_the_list_of_channels() -> None:
    tracker = _tracker()
    channels = _listed(RINGING, up=True)
    members = tuple({**channel, "BridgeUniqueid": "b"} for channel in channels)
    (taken,) = tracker.resync(Snapshot(channels=channels, members=members), at(60))
    assert taken.answered


def test_parked_callers_in_a_snapshot_talk_to_nobody() -> None:
    tracker = _tracker()
    lot = {"Event": "BridgeListItem", "BridgeUniqueid": "b", "BridgeTechnology": "holding_bridge"}
    tracker.resync(Snapshot(channels=_listed(RINGING, up=True, bridge="b"), bridges=(lot,)), at(60))
    assert tracker.open_calls()[0].answered is False


def test_a_caller_found_waiting_in_a_queue_is_missed_there() -> None:
    tracker = _tracker()
    (channel,) = _listed(RINGING.strip().splitlines()[0], up=True)
    waiting = {"Event": "QueueEntry", "Queue": "sales", "Uniqueid": channel["Uniqueid"]}
    tracker.resync(Snapshot(channels=(channel,), waiting=(waiting,)), at(60))
    tracker.feed({"Event": "HangupRequest", "Uniqueid": channel["Uniqueid"]}, at(70))
    tracker.feed({"Event": "Hangup", "Uniqueid": channel["Uniqueid"], "Cause": "16"}, at(70))
    (missed,) = tracker.due(at(80))
    assert (missed.queue, missed.missed_reason) == ("sales", "queue_abandoned")


def test_a_caller_whose_number_is_marked_private_has_none() -> None:
    table = RINGING.replace(
        "0.1  Newchannel    101",
        "0.05 NewCallerid trunk CallerIDNum=79261234567 'CID-CallingPres=35 (Presentation Prohibited, Not Screened)'\n"
        "0.1  Newchannel    101",
    )
    assert the_call(table + ENDED).caller is None


@pytest.mark.parametrize("number", ["anonymous", "<unknown>", "", "Restricted", "unavailable"])
def test_a_withheld_number_is_none_and_the_call_is_kept(number: str) -> None:
    call = the_call((RINGING + ENDED).replace("CallerIDNum=79261234567", f"'CallerIDNum={number}'"))
    assert (call.caller, call.direction, call.outcome) == (None, "inbound", "missed")


def test_a_line_that_learns_its_caller_after_the_first_ring_has_his_number() -> None:
    """Analogue lines send it between the first and the second ring."""
    table = """
    0.0  Newchannel   DAHDI/4  Ring  Context=from-analog Exten=s
    0.5  NewCallerid  DAHDI/4        CallerIDNum=79261234567
    3.0  Hangup       DAHDI/4
    """
    call = the_call(table)
    assert (call.caller, call.dialled) == ("+79261234567", None)


def test_the_did_may_come_as_a_variable() -> None:
    """FreePBX, where the trunk sends every call to ``s``."""
    table = (
        RINGING.replace("Exten=74950000101", "Exten=s")
        + "0.3 VarSet trunk Variable=__FROM_DID Value=84950000101\n"
        + ENDED
    )
    assert the_call(table).dialled == "+74950000101"


def test_the_recording_is_the_path_that_mixmonitor_names() -> None:
    asked = "0.05 Newexten trunk Extension=74950000101 Application=MixMonitor AppData=a.wav,b\n"
    named = "0.06 VarSet trunk Variable=MIXMONITOR_FILENAME Value=/var/spool/asterisk/monitor/a.wav\n"
    first, rest = RINGING.strip().split("\n", 1)
    assert the_call(f"{first}\n{asked}{rest}{ENDED}").recording == "a.wav"
    assert the_call(f"{first}\n{asked}{named}{rest}{ENDED}").recording == "/var/spool/asterisk/monitor/a.wav"


def test_the_customer_called_first_by_the_pbx_is_the_one_dialled() -> None:
    """A call-back: the PBX calls the customer, then connects him with a manager."""
    call = the_call(
        """
    0.0  Newchannel   trunk      Down     Context=from-trunk Exten=s
    0.0  DialBegin    -                   DestChannel=trunk DialString=79161112233@trunk
    0.1  Newstate     trunk      Ringing
    1.0  Newstate     trunk      Up
    1.1  Newchannel   101        Down     Context=from-internal CallerIDNum=101 Of=trunk
    1.1  DialBegin    trunk>101           DialString=101
    2.0  DialEnd      trunk>101  Up       DialStatus=ANSWER
    2.1  BridgeEnter  101                 Bridge=b BridgeTechnology=simple_bridge
    2.1  BridgeEnter  trunk               Bridge=b BridgeTechnology=simple_bridge
    9.0  Hangup       101
    9.0  Hangup       trunk
    """
    )
    assert (call.direction, call.caller, call.dialled) == ("outbound", "101", "+79161112233")
    assert call.answered_by == "+79161112233"


def test_a_robot_named_in_the_config_answers_for_nobody() -> None:
    lines = LineRules(robots=("101",))
    assert the_call(RINGING + ANSWERED + ENDED, lines=lines).answered is False


def test_a_prefix_for_the_outside_line_is_not_part_of_the_number() -> None:
    table = """
    0.0  Newchannel   101        Ring     Context=from-internal Exten=989161112233 CallerIDNum=101
    0.1  Newchannel   trunk      Down     Context=from-trunk Of=101
    0.1  DialBegin    101>trunk           DialString=trunk/89161112233
    0.2  DialEnd      101>trunk           DialStatus=BUSY
    0.3  Hangup       trunk               Cause=17
    0.3  Hangup       101                 Cause=17
    """
    call = the_call(table)
    assert (call.direction, call.dialled, call.outcome) == ("outbound", "+79161112233", "busy")


def test_a_colleague_whose_calls_go_to_his_mobile_was_called_internally() -> None:
    table = """
    0.0  Newchannel   101        Ring     Context=from-internal Exten=102 CallerIDNum=101
    0.1  Newchannel   trunk      Down     Context=from-trunk Of=101
    0.1  DialBegin    101>trunk           DialString=79990001122@trunk
    0.2  Newstate     trunk      Ringing
    5.0  Hangup       trunk
    5.0  Hangup       101
    """
    call = the_call(table)
    assert (call.direction, call.dialled, call.rang) == ("internal", "102", ("+79990001122",))


def test_a_queue_that_rings_for_an_hour_keeps_one_leg_a_phone() -> None:
    rounds = "".join(
        f"""
    {second}.0 Newchannel 101#{second} Down Context=from-internal CallerIDNum=101 Of=trunk
    {second}.1 DialBegin  trunk>101#{second} DialString=PJSIP/101
    {second}.2 Newstate   101#{second} Ringing
    {second}.8 DialEnd    trunk>101#{second} DialStatus=NOANSWER
    {second}.9 Hangup     101#{second} Cause=0
    """
        for second in range(1, 200)
    )
    call = the_call(RINGING + rounds + "300 Hangup 101 Cause=0\n300 Hangup trunk Cause=16")
    assert call.rang == ("101",)
    assert len(call.facts["legs"]) < 30


def test_text_messages_are_no_calls() -> None:
    assert (
        calls([{"Event": "Newchannel", "Channel": "Message/ast_msg_queue", "Uniqueid": "1.1", "Linkedid": "1.1"}]) == []
    )


def test_an_open_call_costs_less_than_five_kibibytes() -> None:
    stream = events(RINGING + ANSWERED)
    tracker = _tracker()
    count = 2000
    _feed_copies(tracker, stream, range(100))  # fills the caches of numbers and patterns
    gc.collect()
    tracemalloc.start()
    _feed_copies(tracker, stream, range(100, 100 + count))
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert tracker.open_count == 100 + count
    assert used / count < 5 * 1024


def _feed_copies(tracker: CallTracker, stream: list[dict[str, str]], numbers: range) -> None:
    for number in numbers:
        for event in stream:
            ids = {key: f"{value}{number}" for key, value in event.items() if key.endswith(("id", "Channel"))}
            tracker.feed({**event, **ids}, at(0))
