"""Call detail records of hand-made calls: "ANSWERED" is believed only where a person was on the other side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telephony.history.cdr import call_from_cdr
from gateway.telephony.history.rows import CdrRow
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from tests.unit.telephony.history.logs import REGION, START, cdr

PHONE, SECOND = "PJSIP/101-00000002", "PJSIP/102-00000003"


def told(*rows: CdrRow, **rules: Any) -> CallRecord:
    record = call_from_cdr(rows, lines=LineRules(**rules), region=REGION)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("application", "arguments", "reason"),
    [
        ("Playback", "closed", "announcement"),
        ("WaitExten", "6", "ivr_abandoned"),
        ("VoiceMail", "100@default", "voicemail"),
        ("Queue", "sales,,,,12", "queue_abandoned"),
        ("Hangup", "", "announcement"),
        ("", "", "announcement"),
    ],
)
def test_application_that_answers_is_no_person(application: str, arguments: str, reason: str) -> None:
    record = told(cdr(0, 9, "ANSWERED", answer=1, billsec=8, application=application, arguments=arguments))
    assert (record.answered, record.outcome, record.missed_reason) == (False, "missed", reason)
    assert record.talk_seconds is None


@pytest.mark.parametrize(
    ("channel", "rules"),
    [("Local/101@from-queue-00000001;1", {}), ("CBAnn/1-00000001;2", {}), ("PJSIP/bot-00000002", {"robots": ("bot",)})],
)
def test_channel_without_a_person_is_no_answer(channel: str, rules: dict[str, Any]) -> None:
    assert not told(cdr(0, 9, "ANSWERED", answer=1, dstchannel=channel), **rules).answered


def test_mailbox_is_no_person_even_if_another_channel_is_named() -> None:
    assert not told(cdr(0, 9, "ANSWERED", answer=1, dstchannel=PHONE, application="VoiceMail")).answered


def test_person_who_was_dialled_and_answered_is_the_answer() -> None:
    record = told(cdr(0, 10, "ANSWERED", answer=3, billsec=7, dstchannel=PHONE, account="sales", userfield="x"))
    assert (record.outcome, record.answered_by, record.wait_seconds, record.talk_seconds) == ("answered", "101", 3, 7)
    assert record.facts["cdr"] == {"billsec": 7, "accountcode": "sales", "userfield": "x"}


def test_loser_of_a_ring_group_does_not_make_the_call_missed() -> None:
    group = {"arguments": "PJSIP/101&PJSIP/102,20"}
    record = told(
        cdr(0, 3, "NO ANSWER", dstchannel=PHONE, **group),
        cdr(0, 9, "ANSWERED", answer=3, billsec=6, dstchannel=SECOND, sequence=1, **group),
    )
    assert (record.outcome, record.answered_by, record.rang) == ("answered", "102", ("101", "102"))


def test_seconds_billed_on_an_unanswered_queue_call_are_no_talk() -> None:
    queue = {"application": "Queue", "arguments": "sales,,,,12", "dstchannel": PHONE}
    record = told(cdr(0, 5, "NO ANSWER", answer=0, billsec=5, **queue))
    assert (record.answered, record.missed_reason, record.queue) == (False, "queue_abandoned", "sales")
    assert record.talk_seconds is None


def test_phone_that_was_picked_up_elsewhere_is_not_the_one_that_answered() -> None:
    record = told(
        cdr(0, 2, "ANSWERED", answer=2, dstchannel=PHONE),
        cdr(2, 9, "ANSWERED", answer=2, billsec=7, dstchannel=SECOND, sequence=2),
        cdr(0, 2, "NO ANSWER", uniqueid=f"{START}.2", channel=PHONE, destination="*8", application="AppDial"),
    )
    assert (record.answered, record.answered_by) == (True, "102")


def test_phone_behind_a_local_channel_counts_if_the_caller_was_connected_to_it() -> None:
    inner = {"channel": "Local/102@from-internal-00000001;2", "uniqueid": f"{START}.5", "dstchannel": SECOND}
    outer = {"dstchannel": "Local/102@from-internal-00000001;1", "application": "Queue", "arguments": "sales"}
    reached = told(
        cdr(0, 9, "ANSWERED", answer=0, billsec=9, **outer), cdr(1, 9, "ANSWERED", answer=3, billsec=6, **inner)
    )
    declined = told(
        cdr(0, 9, "NO ANSWER", answer=0, billsec=9, **outer), cdr(1, 4, "ANSWERED", answer=3, billsec=1, **inner)
    )
    assert (reached.answered, reached.answered_by, reached.wait_seconds) == (True, "102", 3)
    assert not declined.answered


@pytest.mark.parametrize(
    ("changes", "direction", "caller", "dialled"),
    [
        ({}, "inbound", "+79261234567", "+74950000101"),
        # FreePBX: the destination's context and number, the number that was called in `did`, any trunk name
        ({"channel": "SIP/mango-00000001", "context": "ext-group", "destination": "600", "did": "74950000101"},
         "inbound", "+79261234567", "+74950000101"),
        ({"channel": "PJSIP/101-00000001", "source": "101", "context": "from-internal", "destination": "102"},
         "internal", "101", "102"),
        ({"channel": "PJSIP/101-00000001", "source": "101", "context": "from-internal", "destination": "89161112233",
          "dstchannel": "PJSIP/trunk-00000009", "arguments": "PJSIP/79161112233@trunk,20"},
         "outbound", "101", "+79161112233"),
        ({"source": "anonymous"}, "inbound", None, "+74950000101"),
    ],
)  # fmt: skip
def test_direction_and_numbers(
    changes: dict[str, Any], direction: str, caller: str | None, dialled: str | None
) -> None:
    record = told(cdr(0, 5, "NO ANSWER", **changes))
    assert record.direction is not None
    assert (record.direction.value, record.caller, record.dialled) == (direction, caller, dialled)


@pytest.mark.parametrize(
    ("disposition", "reason"), [("BUSY", "busy"), ("FAILED", "unavailable"), ("NO ANSWER", "no_answer")]
)
def test_why_a_phone_did_not_answer(disposition: str, reason: str) -> None:
    assert told(cdr(0, 5, disposition, dstchannel=PHONE)).missed_reason == reason


def test_recording_that_freepbx_names_is_kept() -> None:
    assert told(cdr(0, 5, "NO ANSWER", recording="in-1.wav")).recording == "in-1.wav"


def test_click_to_call_that_the_manager_refused_is_no_inbound_call() -> None:
    record = told(
        cdr(0, 1, "NO ANSWER", channel="PJSIP/101-00000001", source="79161112233", destination="s",
            context="from-internal", application="AppDial2", arguments="(Outgoing Line)")
    )  # fmt: skip
    assert record.direction is not None
    assert (record.direction.value, record.answered, record.dialled) == ("outbound", False, "+79161112233")


TEXT = st.text(max_size=6) | st.sampled_from(["PJSIP/101-00000002", "Local/1@x-1;1", "Local/1@x-1;2", "*8", "101"])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.builds(
            CdrRow, start=st.floats(START, START + 50), answer=st.none() | st.floats(START, START + 90),
            end=st.floats(START + 50, START + 100), uniqueid=st.sampled_from(["a", "b"]), linkedid=st.just("a"),
            source=TEXT, name=TEXT, destination=TEXT, context=TEXT, channel=TEXT, dstchannel=TEXT,
            application=st.sampled_from(["", "Dial", "Queue", "AppDial2"]), arguments=TEXT, billsec=st.integers(),
            disposition=st.sampled_from(["ANSWERED", "NO ANSWER", "BUSY", "FAILED", "ODD"]),
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_whatever_the_rows_say_the_call_has_an_end(rows: list[CdrRow]) -> None:
    record = call_from_cdr(rows, lines=LineRules(), region=REGION)
    if record is not None:
        assert record.ended
        assert record.answered <= any(row.disposition == "ANSWERED" for row in rows)
