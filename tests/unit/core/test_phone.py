"""Numbers as PBXs and people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.phone import for_people, is_extension, is_withheld, phone_handle, region_of, to_e164
from gateway.core.types import Handle, HandleKind


@pytest.mark.parametrize(
    ("written", "region", "e164"),
    [
        ("8 (926) 123-45-67", "RU", "+79261234567"),
        ("+7 926 123 45 67", "RU", "+79261234567"),
        ("79261234567", "RU", "+79261234567"),
        ("9261234567", "RU", "+79261234567"),
        ("0079261234567", "NL", "+79261234567"),
        ("sip:+79261234567@10.0.0.1;user=phone", "RU", "+79261234567"),
        ("tel:+79261234567", "RU", "+79261234567"),
        ("8\u2011926\u2011123\u201145\u201167", "RU", "+79261234567"),
        ("84950000101", "RU", "+74950000101"),
        ("+31150010004", "RU", "+31150010004"),
        ("0150010004", "NL", "+31150010004"),
        ("101", "RU", None),
        ("112", "RU", None),
        ("anonymous", "RU", None),
        ("", "RU", None),
        ("12345678901234567890", "RU", None),
        ("ivan@example.com", "RU", None),
        ("٠١٢٣٤٥٦٧٨٩", "RU", None),
    ],
)
def test_what_people_write_becomes_e164_or_nothing(written: str, region: str, e164: str | None) -> None:
    assert to_e164(written, region) == e164


@pytest.mark.parametrize(("number", "short"), [("101", True), ("2401", True), ("1", False), ("79261234567", False)])
def test_short_internal_numbers_are_extensions(number: str, short: bool) -> None:
    assert is_extension(number, "RU") is short


@pytest.mark.parametrize("sent", [None, "", "anonymous", "Restricted", "<unknown>", " unknown ", "s"])
def test_a_withheld_number_is_no_handle(sent: str | None) -> None:
    assert is_withheld(sent)
    assert phone_handle(sent, "RU") is None


def test_a_public_number_is_a_handle() -> None:
    assert phone_handle("8 926 123-45-67", "RU") == Handle(HandleKind.PHONE, "+79261234567")
    assert phone_handle("101", "RU") is None


def test_numbers_are_shown_as_people_write_them() -> None:
    assert for_people("+79261234567") == "+7 926 123-45-67"
    assert for_people("nonsense") == "nonsense"
    assert region_of("+79261234567") == "RU"
    assert region_of("nonsense") is None


@given(st.text(max_size=60), st.sampled_from(["RU", "NL", "US"]))
def test_any_text_gives_a_number_or_nothing(text: str, region: str) -> None:
    number = to_e164(text, region)
    assert number is None or (number.startswith("+") and number[1:].isdigit())
    if number is not None:
        assert to_e164(number, region) == number
