"""Click to call: written down first, sent as it must be, and what becomes of it told in words."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from itertools import count

import pytest

from gateway.core.errors import StoreUnavailable
from gateway.core.outcalls import CallRefused, CallRequest, CallState, Refusal
from gateway.telephony.actions import CallingPbx, Originator
from gateway.telephony.actions.originate import ANSWER_MARGIN, result_of
from gateway.telephony.actions.settings import OriginateSettings
from gateway.telephony.ami.errors import ActionRefused, AmiClosed, AmiError, AmiTimeout
from tests.unit.telephony.actions.fakes import FakeLedger, FakePbx, header
from tests.unit.telephony.fakes import FakeTime, turns

SETTINGS = OriginateSettings(context="from-internal")
WISH = CallRequest(manager_id="m-1", number="8 926 123-45-67")


@pytest.fixture
def pbx() -> FakePbx:
    return FakePbx()


@pytest.fixture
def ledger(pbx: FakePbx) -> FakeLedger:
    return FakeLedger(pbx)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def make(
    pbx: FakePbx, ledger: FakeLedger, time: FakeTime, settings: Mapping[str, OriginateSettings | None] | None = None
) -> Originator:
    ids = count(1)
    pbxs = {"office": SETTINGS} if settings is None else settings
    return Originator(
        {name: CallingPbx(pbx=pbx, settings=one) for name, one in pbxs.items()},
        ledger, region="RU", clock=time, new_id=lambda: f"id-{next(ids)}", sleep=time.sleep,
    )  # fmt: skip


@pytest.fixture
async def originator(pbx: FakePbx, ledger: FakeLedger, time: FakeTime) -> AsyncIterator[Originator]:
    made = make(pbx, ledger, time)
    await made.start()
    yield made
    await made.stop()


async def refused(originator: Originator, request: CallRequest) -> CallRefused:
    with pytest.raises(CallRefused) as refusal:
        await originator.originate(request)
    assert str(refusal.value).endswith("."), "a sentence"
    return refusal.value


async def test_the_managers_own_phone_is_called_and_then_the_customer(originator: Originator, pbx: FakePbx) -> None:
    call = await originator.originate(WISH)
    assert (call.state, call.number, call.extension) == (CallState.CALLING_MANAGER, "+79261234567", "101")
    assert pbx.sent == [
        (
            "Originate",
            {
                "Channel": "PJSIP/101",
                "Context": "from-internal",
                "Exten": "79261234567",
                "Priority": "1",
                "Timeout": "30000",
                "Variable": ["LEADGATE_CALL=id-1", "CONNECTEDLINE(num,i)=+79261234567"],
            },
        )
    ]


async def test_no_call_carries_an_application_or_the_customers_number_as_its_caller(
    originator: Originator, pbx: FakePbx
) -> None:
    await originator.originate(WISH)
    assert {"Application", "Data", "CallerID"}.isdisjoint(pbx.sent[0][1])


async def test_a_call_is_written_down_before_it_is_sent(
    originator: Originator, pbx: FakePbx, ledger: FakeLedger
) -> None:
    await originator.originate(WISH)
    assert ledger.sent_before == [0]
    assert len(pbx.sent) == 1
    assert (ledger.asked[0].per_hour, ledger.asked[0].pbx) == (60, "office")


async def test_without_the_book_no_call_is_made(originator: Originator, pbx: FakePbx, ledger: FakeLedger) -> None:
    ledger.down = True
    with pytest.raises(StoreUnavailable):
        await originator.originate(WISH)
    assert pbx.sent == []


@pytest.mark.parametrize(
    ("number", "code"),
    [("112", "emergency_number"), ("201", "bad_number"), ("+442071838750", "number_not_allowed"),
     ("+78091234567", "premium_number")],
)  # fmt: skip
async def test_a_number_that_may_not_be_called_is_written_down_and_not_sent(
    originator: Originator, pbx: FakePbx, ledger: FakeLedger, number: str, code: str
) -> None:
    refusal = await refused(originator, CallRequest(manager_id="m-1", number=number))
    assert (refusal.code, refusal.originated_id) == (code, "id-1")
    assert pbx.sent == []
    assert [asked.refusal and asked.refusal.code for asked in ledger.asked] == [code]


async def test_what_the_book_refuses_is_not_sent(originator: Originator, pbx: FakePbx, ledger: FakeLedger) -> None:
    ledger.refusal = Refusal(code="too_many_calls", reason="You asked for 60 calls within an hour.")
    assert (await refused(originator, WISH)).code == "too_many_calls"
    assert pbx.sent == []


@pytest.mark.parametrize("extension", ["101&PJSIP/102", "101,102", "101\r\nAction: Command", "", "a/b", "1 2"])
async def test_an_extension_that_is_no_phone_is_never_sent(
    pbx: FakePbx, ledger: FakeLedger, time: FakeTime, extension: str
) -> None:
    originator = make(pbx, ledger, time)
    request = CallRequest(manager_id="m-1", number="+79261234567", extension=extension or " ")
    assert (await refused(originator, request)).code == "unsafe_value"
    assert pbx.sent == []
    assert [state for _, state, _ in ledger.settled] == [CallState.FAILED]


async def test_the_phone_is_named_as_the_configuration_says(pbx: FakePbx, ledger: FakeLedger, time: FakeTime) -> None:
    local = OriginateSettings(context="outside", channel="Local/{extension}@from-internal", prefix="9", ring_seconds=20)
    await make(pbx, ledger, time, {"office": local}).originate(WISH)
    sent = pbx.sent[0]
    assert header(sent, "Channel") == "Local/101@from-internal"
    assert header(sent, "Exten") == "979261234567"
    assert header(sent, "Timeout") == "20000"


async def test_the_pbx_is_the_named_one_or_the_first_that_makes_calls(
    pbx: FakePbx, ledger: FakeLedger, time: FakeTime
) -> None:
    originator = make(pbx, ledger, time, {"silent": None, "office": SETTINGS, "depot": SETTINGS})
    assert originator.available == ("office", "depot")
    assert (await originator.originate(WISH)).pbx == "office"
    named = CallRequest(manager_id="m-1", number="+79261234567", pbx="depot")
    assert (await originator.originate(named)).pbx == "depot"


@pytest.mark.parametrize(
    ("named", "settings", "code", "words"),
    [
        ("elsewhere", {"office": SETTINGS}, "unknown_pbx", "no PBX 'elsewhere'.*office"),
        ("office", {"office": None}, "not_configured", r"\[pbx.originate\]"),
        (None, {"office": None}, "not_configured", r"\[pbx.originate\]"),
        (None, {}, "not_configured", r"\[pbx.originate\]"),
    ],
)
async def test_a_pbx_that_makes_no_calls_is_told_with_the_way_out(
    pbx: FakePbx, ledger: FakeLedger, time: FakeTime, named: str | None,
    settings: dict[str, OriginateSettings | None], code: str, words: str,
) -> None:  # fmt: skip
    originator = make(pbx, ledger, time, settings)
    with pytest.raises(CallRefused, match=words) as refusal:
        await originator.originate(CallRequest(manager_id="m-1", number="+79261234567", pbx=named))
    assert refusal.value.code == code
    assert len(ledger.asked) == 1, "that somebody tried is written down"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ActionRefused("Permission denied"), "no_right", "add originate to write .*manager.conf.*leadgate doctor"),
        (ActionRefused("Channel technology unknown"), "pbx_refused", "Channel technology unknown"),
        (AmiTimeout("192.0.2.1:5038 did not answer Originate within 10 s"), "pbx_unreachable", "did not answer"),
    ],
)
async def test_a_call_that_could_not_be_asked_for_is_told_and_written_down(
    originator: Originator, pbx: FakePbx, ledger: FakeLedger, error: AmiError, code: str, words: str
) -> None:
    pbx.error = error
    with pytest.raises(CallRefused, match=words) as refusal:
        await originator.originate(WISH)
    assert refusal.value.code == code
    assert [(call, state, why and why.code) for call, state, why in ledger.settled] == [
        ("id-1", CallState.FAILED, code)
    ]


async def test_a_pbx_that_is_not_connected_is_told(originator: Originator, pbx: FakePbx) -> None:
    pbx.connected = False
    assert (await refused(originator, WISH)).code == "pbx_unreachable"


@pytest.mark.parametrize(
    ("response", "state", "words"),
    [
        ({"Response": "Success", "Reason": "4"}, CallState.CALLING_CUSTOMER, None),
        ({"Response": "Failure", "Reason": "3"}, CallState.MANAGER_NO_ANSWER, "did not pick up"),
        ({"Response": "Failure", "Reason": "1"}, CallState.MANAGER_NO_ANSWER, "did not answer"),
        ({"Response": "Failure", "Reason": "5"}, CallState.MANAGER_BUSY, "busy"),
        ({"Response": "Failure", "Reason": "8"}, CallState.FAILED, "registered"),
        ({"Response": "Failure", "Reason": "0"}, CallState.FAILED, "off"),
        ({"Response": "Failure", "Reason": "77"}, CallState.FAILED, "reason 77"),
        ({}, CallState.FAILED, "reason none"),
    ],
)
async def test_what_becomes_of_the_first_leg_is_told(
    originator: Originator, pbx: FakePbx, ledger: FakeLedger,
    response: dict[str, str], state: CallState, words: str | None,
) -> None:  # fmt: skip
    await originator.originate(WISH)
    pbx.outcomes[0].set_result(response)
    await turns()
    ((call, settled, refusal),) = ledger.settled
    assert (call, settled) == ("id-1", state)
    assert (refusal is None) == (words is None)
    if refusal is not None and words is not None:
        assert words in str(refusal.reason)
    assert result_of(response)[0] is state


async def test_a_connection_that_is_lost_leaves_the_call_unknown(
    originator: Originator, pbx: FakePbx, ledger: FakeLedger
) -> None:
    await originator.originate(WISH)
    pbx.outcomes[0].set_exception(AmiClosed("192.0.2.1:5038 closed the connection"))
    await turns()
    ((_, state, refusal),) = ledger.settled
    assert state is CallState.UNKNOWN
    assert refusal is not None
    assert "closed the connection" in str(refusal.reason)


async def test_a_pbx_that_never_tells_is_waited_for_no_longer_than_a_phone_rings(
    originator: Originator, ledger: FakeLedger, time: FakeTime
) -> None:
    await originator.originate(WISH)
    await time.advance(SETTINGS.ring_seconds + ANSWER_MARGIN - 1)
    assert ledger.settled == []
    await time.advance(2)
    assert [state for _, state, _ in ledger.settled] == [CallState.UNKNOWN]


async def test_an_outcome_that_can_not_be_stored_is_logged(
    originator: Originator, pbx: FakePbx, ledger: FakeLedger, caplog: pytest.LogCaptureFixture
) -> None:
    await originator.originate(WISH)
    ledger.down = True
    with caplog.at_level(logging.WARNING):
        pbx.outcomes[0].set_result({"Response": "Success"})
        await turns()
    assert [getattr(record, "action", "") for record in caplog.records] == ["originate_unsettled"]
    assert "9261234567" not in caplog.text


async def test_a_start_marks_what_an_earlier_run_left_open_and_a_stop_waits_for_nobody(
    pbx: FakePbx, ledger: FakeLedger, time: FakeTime
) -> None:
    originator = make(pbx, ledger, time)
    await originator.start()
    assert ledger.abandoned == [time.now()]
    await originator.originate(WISH)
    await originator.stop()
    assert ledger.settled == []
