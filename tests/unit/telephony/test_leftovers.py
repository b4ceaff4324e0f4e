"""Calls that an earlier run left open: ended when the PBX has them no more, completed when they go on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.ports import OpenCall
from gateway.core.types import Direction
from gateway.telephony.leftovers import Leftovers, completed
from gateway.telephony.record import CallRecord, Transfer
from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker.labels import Facts, Leg
from tests.unit.telephony.fakes import START, call_record

CALL, OTHER = "1795308174.29", "1795308175.30"
HEARD = START + timedelta(seconds=3)
LATER = START + timedelta(hours=1)


def facts(*, answered: bool = False, linkedids: tuple[str, ...] = (CALL,), **changes: Any) -> dict[str, Any]:
    """What the tracker stores of a call whose one phone rings."""
    rings = Facts(
        direction="inbound", answered=answered, originated=False, up=answered, cause=None, caller_hung_up=False,
        voicemail=False, stages=("dial",), queue_result="",
        legs=(Leg(who="101", trunk=False, rang=True, status="", cause=None),),
    )  # fmt: skip
    return {**rings.as_json(), "linkedids": list(linkedids), **changes}


def ringing(**changes: Any) -> CallRecord:
    return call_record(CALL, **{"facts": facts(), **changes})


def answered(**changes: Any) -> CallRecord:
    spoke: dict[str, Any] = {
        "answered": True, "answered_by": "101", "outcome": "answered", "facts": facts(answered=True),
        "answered_at": START + timedelta(seconds=2), "wait_seconds": 2.0,
    }  # fmt: skip
    return call_record(CALL, **(spoke | changes))


def stored(record: CallRecord, **changes: Any) -> OpenCall:
    """As the store gives a record back: through JSON."""
    details = json.loads(json.dumps({**record.as_json(), "facts": record.facts}))
    known = {"key": f"call:office:{record.linkedid}", "started_at": record.started_at, "heard_at": HEARD}
    return OpenCall(**{**known, "details": details, **changes})


def snapshot(*linkedids: str, **more: Any) -> Snapshot:
    channels = tuple({"Event": "CoreShowChannel", "Linkedid": one, "Uniqueid": f"{one}0"} for one in linkedids)
    return Snapshot(channels=channels, **more)


def leftovers(*calls: OpenCall) -> Leftovers:
    made = Leftovers("office")
    made.take(calls)
    return made


def test_call_that_the_pbx_has_no_more_ends_with_a_gap() -> None:
    earlier = leftovers(stored(ringing()))
    (record,) = earlier.settle(snapshot(OTHER))
    assert (record.linkedid, record.ended, record.gap) == (CALL, True, True)
    assert (record.outcome, record.missed_reason, record.caller) == ("missed", "no_answer", "+79261234567")
    assert record.ended_at == HEARD, "it was alive when we last heard of it; nobody knows more"
    assert len(earlier) == 0
    assert earlier.settle(snapshot()) == []


def test_conversation_that_was_cut_stays_answered_and_nobody_says_how_long_it_was() -> None:
    (record,) = leftovers(stored(answered())).settle(snapshot())
    assert (record.outcome, record.answered_by, record.wait_seconds) == ("answered", "101", 2.0)
    assert record.talk_seconds is None


def test_call_that_goes_on_is_left_open() -> None:
    earlier = leftovers(stored(ringing()))
    assert earlier.settle(snapshot(CALL)) == []
    assert len(earlier) == 1


def test_pbx_that_hides_its_channels_ends_no_call() -> None:
    hidden = snapshot(missing=("office refused CoreShowChannels (no permission): add system",))
    assert leftovers(stored(ringing())).settle(hidden) == []


def test_a_call_of_which_we_know_nothing_is_reported_as_it_is() -> None:
    assert leftovers(stored(ringing())).complete(call_record(OTHER)) == call_record(OTHER)


def test_answer_seen_before_the_restart_is_not_lost_when_the_second_half_saw_none() -> None:
    earlier = leftovers(stored(answered(rang=("101", "102"), queue="sales", recording="a.wav")))
    earlier.settle(snapshot(CALL))
    seen = ringing(
        ended=True, ended_at=LATER, outcome="missed", missed_reason="queue_abandoned", gap=True, rang=("103",),
        caller_name=None, facts=facts(stages=["queue"], queue_result="abandoned"),
    )  # fmt: skip
    whole = earlier.complete(seen)
    assert (whole.outcome, whole.missed_reason, whole.answered_by) == ("answered", None, "101")
    assert (whole.wait_seconds, whole.talk_seconds) == (2.0, None), "they stopped to talk while nobody watched"
    assert whole.rang == ("101", "102", "103")
    assert (whole.queue, whole.recording, whole.caller_name) == ("sales", "a.wav", "Иван")
    assert whole.gap
    assert whole.facts["answered"]
    assert whole.facts["stages"] == ["dial", "queue"]
    assert len(earlier) == 0


def test_conversation_that_went_on_is_as_long_as_both_halves() -> None:
    end = START + timedelta(seconds=62)
    whole = completed(answered(ended=True, ended_at=end, talk_seconds=7.0, wait_seconds=55.0), answered())
    assert (whole.wait_seconds, whole.talk_seconds) == (2.0, 60.0)


def test_answer_seen_after_the_restart_counts() -> None:
    record = completed(answered(gap=True, answered_at=None, wait_seconds=None), ringing(rang=("102",)))
    assert (record.outcome, record.answered_by, record.rang) == ("answered", "101", ("102", "101"))
    assert record.answered_at is None


def test_call_known_by_another_id_of_it_keeps_its_first_name() -> None:
    earlier = leftovers(stored(ringing(facts=facts(linkedids=(CALL, OTHER)))))
    assert earlier.settle(snapshot(OTHER)) == []
    whole = earlier.complete(call_record(OTHER, ended=True, ended_at=LATER))
    assert whole.linkedid == CALL
    assert whole.facts["linkedids"] == [CALL, OTHER]


def test_consultation_that_became_a_call_of_its_own_again_is_not_mixed_up_with_the_first() -> None:
    earlier = leftovers(stored(ringing(facts=facts(linkedids=(CALL, OTHER)))))
    assert earlier.settle(snapshot(CALL, OTHER)) == []
    assert earlier.complete(call_record(OTHER)).linkedid == OTHER


def test_transfer_that_was_answered_in_the_second_half_is_told_once() -> None:
    sent = Transfer(kind="blind", by="101", to="103", answered=False)
    arrived = Transfer(kind="blind", by="101", to="103", answered=True)
    assert completed(answered(transfers=(arrived,)), answered(transfers=(sent,))).transfers == (arrived,)
    assert completed(answered(transfers=()), answered(transfers=(arrived,))).transfers == (arrived,)


def test_leg_that_both_halves_saw_stands_once_as_the_later_one_saw_it() -> None:
    gone = {"who": "101", "trunk": False, "rang": True, "status": "NOANSWER", "cause": 16}
    other = {**gone, "who": "102"}
    whole = completed(ringing(facts=facts(legs=[gone])), ringing(facts=facts(legs=[other, {**gone, "status": ""}])))
    assert whole.facts["legs"] == [other, gone]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        pytest.param({}, ("missed", "no_answer"), id="nothing but the key"),
        pytest.param({"direction": "outbound"}, ("no_answer", None), id="an outbound call"),
        pytest.param({"direction": "inbound", "answered": True}, ("answered", None), id="answered, without facts"),
        pytest.param({"facts": {"legs": 5}}, ("missed", "no_answer"), id="facts of another version"),
        pytest.param({"new_field": 1}, ("missed", "no_answer"), id="a field that this version does not know"),
    ],
)
def test_record_of_another_version_is_closed_too(details: dict[str, Any], expected: tuple[str, str | None]) -> None:
    (record,) = leftovers(stored(ringing(), details=details)).settle(snapshot())
    assert (record.linkedid, record.outcome, record.missed_reason) == (CALL, *expected)
    assert record.started_at == START


def test_record_that_makes_no_sense_is_left_alone_and_harms_no_other() -> None:
    earlier = leftovers(stored(ringing(), key="call:office:1.1", details={"rang": 7}), stored(ringing()))
    assert [record.linkedid for record in earlier.settle(snapshot())] == [CALL]


def test_direction_that_the_first_half_knew_wins() -> None:
    whole = completed(ringing(direction=Direction.INTERNAL), ringing(direction=Direction.OUTBOUND))
    assert whole.direction is Direction.OUTBOUND
