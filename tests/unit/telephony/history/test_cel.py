"""Channel events of hand-made calls: what the recorded log does not hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telephony.history.cel import calls_from_cel
from gateway.telephony.history.rows import CelRow
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord, Transfer
from tests.unit.telephony.history.logs import REGION, START, cel, recorded_cel

TRUNK, PHONE, OTHER = "PJSIP/trunk-00000001", "PJSIP/101-00000002", "PJSIP/102-00000003"
BRIDGE = {"bridge_id": "b1", "bridge_technology": "simple_bridge"}


def caller_arrives(**more: Any) -> CelRow:
    values: dict[str, Any] = {"number": "79261234567", "exten": "74950000101", "context": "from-trunk"}
    return cel("CHAN_START", 0, "1", "1", TRUNK, **(values | more))


def phone_is_called(at: float = 0.1, uniqueid: str = "2", channel: str = PHONE) -> CelRow:
    return cel("CHAN_START", at, uniqueid, "1", channel, number=channel[6:9], exten="s", context="from-internal")


def dial(at: float = 0.1, to: str = "PJSIP/101,20") -> CelRow:
    return cel("APP_START", at, "1", "1", TRUNK, application="Dial", arguments=to, exten="74950000101")


def hangup(at: float, uniqueid: str, channel: str, cause: int = 16, *, itself: bool = False) -> list[CelRow]:
    extra = {"hangupcause": cause, "hangupsource": channel if itself else "", "dialstatus": ""}
    return [cel("HANGUP", at, uniqueid, "1", channel, extra=extra), cel("CHAN_END", at, uniqueid, "1", channel)]


def talk(since: float, until: float, uniqueid: str = "2", channel: str = PHONE, **extra: str) -> list[CelRow]:
    bridge = {**BRIDGE, **extra}
    return [
        cel("ANSWER", since, uniqueid, "1", channel, application="AppDial", arguments="(Outgoing Line)"),
        cel("ANSWER", since, "1", "1", TRUNK, application="Dial"),
        cel("BRIDGE_ENTER", since, uniqueid, "1", channel, extra=bridge),
        cel("BRIDGE_ENTER", since, "1", "1", TRUNK, extra=bridge, peer=channel),
        cel("BRIDGE_EXIT", until, uniqueid, "1", channel, extra=bridge),
        cel("BRIDGE_EXIT", until, "1", "1", TRUNK, extra=bridge),
    ]


def one_call(*rows: CelRow, **more: Any) -> CallRecord:
    (record,) = calls_from_cel(rows, lines=LineRules(), region=REGION, **more)
    return record


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(START + seconds, UTC)


def test_times_are_those_of_the_rows() -> None:
    record = one_call(
        caller_arrives(), dial(), phone_is_called(), *talk(3, 10), *hangup(10, "2", PHONE), *hangup(10, "1", TRUNK)
    )
    assert (record.started_at, record.answered_at, record.ended_at) == (moment(0), moment(3), moment(10))
    assert (record.wait_seconds, record.talk_seconds) == (3, 7)
    assert (record.caller, record.dialled, record.answered_by) == ("+79261234567", "+74950000101", "101")


@pytest.mark.parametrize(
    ("cause", "seconds", "rang", "reason"),
    [
        (17, 0.2, False, "busy"),
        (21, 1.5, True, "rejected"),
        (20, 0.1, False, "unavailable"),  # not registered
        (19, 0.1, False, "unavailable"),  # SIP 480 at once: the phone is off
        (19, 20.0, True, "no_answer"),
        (0, 20.0, True, "no_answer"),  # Dial's time was over
    ],
)
def test_how_a_phones_channel_ended_says_whether_it_rang(cause: int, seconds: float, rang: bool, reason: str) -> None:
    record = one_call(
        caller_arrives(),
        dial(),
        phone_is_called(),
        *hangup(0.1 + seconds, "2", PHONE, cause),
        *hangup(seconds + 2, "1", TRUNK, 19),
    )
    assert (record.outcome, record.missed_reason, record.rang) == ("missed", reason, ("101",) if rang else ())


def test_caller_who_hangs_up_while_it_rings_gave_up_himself() -> None:
    record = one_call(
        caller_arrives(),
        dial(),
        phone_is_called(),
        *hangup(5.0, "2", PHONE, 0),
        *hangup(5.01, "1", TRUNK, 127, itself=True),
    )
    assert record.missed_reason == "caller_hung_up"


def test_phone_whose_time_was_over_before_the_caller_left_was_not_given_up() -> None:
    record = one_call(
        caller_arrives(), dial(), phone_is_called(), *hangup(5.0, "2", PHONE, 0),
        cel("APP_START", 5.1, "1", "1", TRUNK, application="Playback", arguments="sorry"),
        *hangup(9.0, "1", TRUNK, 16, itself=True),
    )  # fmt: skip
    assert record.missed_reason == "no_answer"


def test_music_in_a_holding_bridge_is_no_conversation() -> None:
    held = {"bridge_id": "b1", "bridge_technology": "holding_bridge"}
    record = one_call(
        caller_arrives(), dial(), phone_is_called(), *talk(1, 4, **held),
        *hangup(4, "2", PHONE), *hangup(5, "1", TRUNK),
    )  # fmt: skip
    assert not record.answered


def test_mobile_that_picks_up_without_pressing_1_has_not_answered() -> None:
    record = one_call(
        caller_arrives(), dial(), phone_is_called(),
        cel("ANSWER", 3, "2", "1", PHONE, application="AppDial"),
        *hangup(6, "2", PHONE), *hangup(7, "1", TRUNK),
    )  # fmt: skip
    assert (record.answered, record.missed_reason, record.rang) == (False, "no_answer", ("101",))


def test_log_without_bridge_names_is_understood_by_the_peers_in_it() -> None:
    rows = [replace(row, extra={}) for row in talk(3, 10)]
    record = one_call(
        caller_arrives(), dial(), phone_is_called(), *rows, *hangup(10, "2", PHONE), *hangup(10, "1", TRUNK)
    )
    assert (record.answered, record.answered_by) == (True, "101")


def test_log_without_hangup_rows_ends_with_the_channels() -> None:
    rows = [caller_arrives(), dial(), phone_is_called(), *talk(3, 10)]
    rows += [cel("CHAN_END", 10, "2", "1", PHONE), cel("CHAN_END", 11, "1", "1", TRUNK)]
    record = one_call(*rows)
    assert (record.answered, record.ended_at) == (True, moment(11))


def test_queue_that_gave_up_is_told_from_a_caller_who_gave_up() -> None:
    waiting = [
        caller_arrives(),
        cel("APP_START", 0.2, "1", "1", TRUNK, application="Queue", arguments="sales,,,,12"),
        phone_is_called(0.3),
        *hangup(8, "2", PHONE, 0),
    ]
    left = one_call(*waiting, *hangup(8.1, "1", TRUNK, 16, itself=True))
    over = one_call(*waiting, *hangup(12.1, "1", TRUNK, 16))
    assert (left.missed_reason, left.queue) == ("queue_abandoned", "sales")
    assert (over.missed_reason, over.queue) == ("queue_timeout", "sales")


def test_call_that_was_cut_ends_with_its_last_row_and_says_so() -> None:
    rows = recorded_cel("cel_crash.csv")
    by_call: dict[str, list[CelRow]] = {}
    for row in rows:
        by_call.setdefault(row.linkedid, []).append(row)
    records = [one_call(*group, cut=True) for group in by_call.values()]
    told = {record.dialled: (record.outcome, record.missed_reason, record.answered_by) for record in records}
    assert told == {
        "+74951000201": ("answered", None, "201"),
        "+74951000211": ("missed", "no_answer", None),
        "+74954000261": ("missed", "queue_abandoned", None),
    }
    for record in records:
        assert record.ended
        assert record.gap
        assert record.facts["cut"] is True
        assert record.talk_seconds is None
        assert record.ended_at == datetime.fromtimestamp(
            max(row.at for row in rows if row.linkedid == record.linkedid), UTC
        )


def test_attended_transfer_whose_target_had_left_the_bridge_already_is_told_and_ends() -> None:
    rows = recorded_cel("cel_target_gone_ahead.csv")
    record = one_call(*rows)
    assert record.transfers == (Transfer(kind="attended", by="331", to="333", answered=True),)
    assert (record.answered_by, record.rang, record.caller) == ("331", ("331", "333"), "+79260000330")
    assert record.ended_at == datetime.fromtimestamp(max(row.at for row in rows if row.kind == "HANGUP"), UTC)


def test_transfer_of_which_no_row_shows_the_target_is_told_without_it() -> None:
    rows = [row for row in recorded_cel("cel_target_gone_ahead.csv") if row.kind != "BRIDGE_ENTER"]
    assert [transfer.to for transfer in one_call(*rows).transfers] == [None]


@pytest.mark.parametrize("named", ["N/A", "PJSIP/102-00000003", f"{START}.77"])
@pytest.mark.parametrize("who", ["transferee_channel", "transfer_target_channel", "channel2"])
def test_channel_that_another_row_only_names_does_not_keep_the_call_open(who: str, named: str) -> None:
    extra = {f"{who}_uniqueid": named, f"{who}_name": named}
    record = one_call(
        caller_arrives(), dial(), phone_is_called(), *talk(3, 10),
        cel("ATTENDEDTRANSFER", 9, "2", "1", PHONE, extra=extra),
        *hangup(10, "2", PHONE), *hangup(10, "1", TRUNK),
    )  # fmt: skip
    assert (record.answered_by, record.ended_at) == ("101", moment(10))


ODD = st.text(max_size=8) | st.sampled_from(["PJSIP/101-00000002", "Local/1@x-0001;1", "Local/1@x-0001;2", "/", ""])
ANY_ROW = st.builds(
    CelRow,
    kind=st.sampled_from(
        ["CHAN_START", "ANSWER", "BRIDGE_ENTER", "BRIDGE_EXIT", "HANGUP", "CHAN_END", "BLINDTRANSFER",
         "ATTENDEDTRANSFER", "PICKUP", "APP_START", "LINKEDID_END", "USER_DEFINED"]
    ),
    at=st.floats(START, START + 100),
    uniqueid=st.sampled_from([f"{START}.1", f"{START}.2", "x", "pbx-1795300000.3"]),
    linkedid=st.sampled_from([f"{START}.1", "x"]),
    channel=ODD,
    number=ODD,
    application=st.sampled_from(["", "Dial", "Queue", "AppDial", "AppDial2", "AppQueue", "VoiceMail"]),
    arguments=ODD,
    peer=ODD,
    extra=st.dictionaries(
        st.sampled_from(
            ["bridge_id", "bridge2_id", "hangupcause", "hangupsource", "pickup_channel_uniqueid", "channel2_uniqueid",
             "transferee_channel_uniqueid", "transferee_channel_name", "transfer_target_channel_uniqueid",
             "transfer_target_channel_name"]
        ),
        st.none() | st.integers() | st.text(max_size=5) | st.just("PJSIP/102-00000003"),
    ),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY_ROW, min_size=1, max_size=12), st.booleans())
def test_whatever_the_rows_say_each_call_is_told_and_has_an_end(rows: list[CelRow], cut: bool) -> None:
    rows.append(cel("CHAN_START", 0, "9", "9", "PJSIP/trunk-00000009"))
    records = calls_from_cel(rows, lines=LineRules(), region=REGION, cut=cut)
    assert f"{START}.9" in {linkedid for record in records for linkedid in record.facts["linkedids"]}
    for record in records:
        assert record.ended
        assert record.ended_at is not None
        assert record.ended_at >= record.started_at
