"""Which numbers a PBX may be asked to call, and what the dialplan is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telephony.actions.numbers import dialled, is_emergency, judge
from gateway.telephony.actions.settings import OriginateSettings

PLAIN = OriginateSettings(context="from-internal")


def of(**changes: object) -> OriginateSettings:
    return OriginateSettings(context="from-internal", **changes)  # type: ignore[arg-type] # the tests name real fields


@pytest.mark.parametrize(
    ("text", "settings", "e164"),
    [
        ("8 (926) 123-45-67", PLAIN, "+79261234567"),
        ("+7 495 123-45-67", PLAIN, "+74951234567"),
        ("88001234567", PLAIN, "+78001234567"),
        ("+44 20 7183 8750", of(countries=("RU", "GB")), "+442071838750"),
        ("+44 20 7183 8750", of(prefixes=("+4420",)), "+442071838750"),
        ("+7 809 123-45-67", of(premium=True), "+78091234567"),
    ],
)
def test_a_number_that_may_be_called(text: str, settings: OriginateSettings, e164: str) -> None:
    assert judge(text, settings, "RU") == (e164, None)


@pytest.mark.parametrize(
    ("text", "settings", "code"),
    [
        ("101", PLAIN, "emergency_number"),
        ("112", PLAIN, "emergency_number"),
        (" 1-1-2 ", PLAIN, "emergency_number"),
        ("911", PLAIN, "emergency_number"),
        ("1120000", PLAIN, "emergency_number"),
        ("201", PLAIN, "bad_number"),
        ("anonymous", PLAIN, "bad_number"),
        ("", PLAIN, "bad_number"),
        ("*8", PLAIN, "bad_number"),
        ("79261234567&PJSIP/101", PLAIN, "bad_number"),
        ("79261234567\r\nAction: Command", PLAIN, "bad_number"),
        ("+79261234567,1,System(rm)", PLAIN, "bad_number"),
        ("+442071838750", PLAIN, "number_not_allowed"),
        ("+77273123456", PLAIN, "number_not_allowed"),  # Kazakhstan has the same country code
        ("+79261234567", of(countries=("DE",)), "number_not_allowed"),
        ("+79261234567", of(refused_prefixes=("+7926",)), "number_not_allowed"),
        ("+442071838750", of(prefixes=("+44",), refused_prefixes=("+4420",)), "number_not_allowed"),
        ("+78091234567", PLAIN, "premium_number"),
        ("+870773111632", PLAIN, "number_not_allowed"),  # a satellite, some euros a minute
    ],
)
def test_a_number_that_may_not_be_called_and_why(text: str, settings: OriginateSettings, code: str) -> None:
    _, refusal = judge(text, settings, "RU")
    assert refusal is not None
    assert refusal.code == code
    assert str(refusal.reason).endswith(".")


def test_a_number_of_india_is_no_emergency_call() -> None:
    assert not is_emergency("+911123456789", "RU")
    assert not is_emergency("+91 12 3456 7890", "US")


@pytest.mark.parametrize(
    ("e164", "settings", "expected"),
    [
        ("+79261234567", PLAIN, "79261234567"),
        ("+79261234567", of(number_format="e164"), "+79261234567"),
        ("+79261234567", of(number_format="national"), "89261234567"),
        ("+79261234567", of(number_format="national", prefix="9"), "989261234567"),
        ("+442071838750", of(number_format="national"), "810442071838750"),
        ("+442071838750", of(prefix="*9#"), "*9#442071838750"),
    ],
)
def test_what_is_dialled(e164: str, settings: OriginateSettings, expected: str) -> None:
    assert dialled(e164, settings, "RU") == expected


@given(st.text(max_size=40))
def test_nothing_but_digits_and_the_configured_prefix_is_ever_dialled(text: str) -> None:
    number, refusal = judge(text, PLAIN, "RU")
    if refusal is None:
        assert dialled(number, PLAIN, "RU").isdigit()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"context": "from internal"}, "context"),
        ({"context": ""}, "context"),
        ({"context": "a\r\nb"}, "context"),
        ({"channel": "PJSIP/101"}, "channel"),
        ({"channel": "PJSIP/{extension}&PJSIP/102"}, "channel"),
        ({"channel": "{extension}"}, "channel"),
        ({"prefix": "9,"}, "prefix"),
        ({"countries": ("Russia",)}, "countries"),
        ({"prefixes": ("44",)}, "prefixes"),
        ({"refused_prefixes": ("+0",)}, "prefixes"),
        ({"per_hour": 0}, "per_hour"),
        ({"ring_seconds": 500}, "ring_seconds"),
    ],
)
def test_a_setting_that_can_not_be_meant_is_named(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        of(**changes) if "context" not in changes else OriginateSettings(**changes)  # type: ignore[arg-type]
