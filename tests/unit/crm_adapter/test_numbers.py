"""One number and the ways in which people type it."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapter.numbers import dialled, digits_of, ending, same, spellings, unknown
from crm_adapter.testkit.events import TYPED

MOSCOW, BERLIN, NEW_YORK = "+79261234567", "+49301234567", "+12025550123"


@pytest.mark.parametrize(
    ("phone", "forms"),
    [
        (MOSCOW, ["+79261234567", "79261234567", "89261234567", "9261234567", "0079261234567"]),
        (NEW_YORK, ["+12025550123", "12025550123", "2025550123", "0012025550123"]),
        (BERLIN, ["+49301234567", "49301234567", "0301234567", "301234567", "0049301234567", "+490301234567",
                  "490301234567"]),
        ("+390612345678", ["+390612345678", "390612345678", "0612345678", "00390612345678"]),
        ("101", ["101"]),
        ("", [""]),
    ],
)  # fmt: skip
def test_a_number_is_dialled_as_its_country_dials(phone: str, forms: list[str]) -> None:
    assert dialled(phone) == forms


@pytest.mark.parametrize(
    ("phone", "some"),
    [
        (MOSCOW, {"8 (926) 123-45-67", "+7 926 123-45-67", "+7 (926) 123-45-67", "8-926-123-45-67", "8(926)123-45-67"}),
        (BERLIN, {"030 1234567", "030/1234567", "+49 30 1234567", "(030) 1234567"}),
        (NEW_YORK, {"(202) 555-0123", "202-555-0123", "1-202-555-0123", "+1 202-555-0123"}),
    ],
)
def test_the_usual_ways_to_write_it_are_known(phone: str, some: set[str]) -> None:
    assert some <= set(spellings(phone))
    assert spellings(phone)[0] == phone, "what we wrote ourselves is asked for first"
    assert len(spellings(phone)) < 20, "each may cost a request"


@pytest.mark.parametrize(("phone", "typed"), [*TYPED, (MOSCOW, "8 926 123-45-67 доб. 12"), (MOSCOW, "+89261234567")])
def test_a_number_is_known_however_it_was_typed(phone: str, typed: str) -> None:
    assert same(phone, typed)
    assert unknown([phone], ["+15550000000", typed]) == []


@pytest.mark.parametrize(
    ("phone", "other"),
    [
        (MOSCOW, "+7 926 123-45-68"),
        (MOSCOW, "1234567"),
        (MOSCOW, "+1 926 123 4567"),
        (BERLIN, "+7 930 123-45-67"),
        (BERLIN, "+49 40 1234567"),
        ("+79301234567", "030 1234567"),
        (MOSCOW, ""),
        (MOSCOW, "нет"),
        ("101", "8 926 123-41-01"),
    ],
)
def test_another_number_is_another(phone: str, other: str) -> None:
    assert not same(phone, other)
    assert unknown([phone], [other]) == [phone]


def test_searches_for_parts_of_numbers_are_asked_for_the_end_that_all_ways_share() -> None:
    for phone, typed in TYPED:
        assert digits_of(typed).endswith(ending(phone)), typed
    assert ending("101") == "101"


def test_of_every_country_all_spellings_are_its_number() -> None:
    for country in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(country, kind)
            if example is not None:
                phone = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
                assert [form for form in spellings(phone) if not same(phone, form)] == [], phone


@settings(max_examples=60, deadline=None)
@given(typed=st.text(max_size=30), phone=st.text(max_size=30))
def test_no_text_at_all_breaks_it(typed: str, phone: str) -> None:
    same(phone, typed)
    spellings(phone)
    ending(phone)
