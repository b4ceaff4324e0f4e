"""Money is read as people write it and never loses a kopeck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.money import MOST, check_currency, digits, parse_amount, plain


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("12500", "RUB", 1_250_000),
        ("12500.5", "RUB", 1_250_050),
        ("12 500,50", "RUB", 1_250_050),
        ("12\u00a0500,50", "RUB", 1_250_050),
        ("12,500.50", "USD", 1_250_050),
        ("12,500", "USD", 1_250_000),
        ("1'000", "CHF", 100_000),
        ("-3", "EUR", -300),
        ("0", "RUB", 0),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("1.10000", "RUB", 110),
        ("1.005", "RUB", None),
        ("1.5", "JPY", None),
        ("", "RUB", None),
        ("ten", "RUB", None),
        ("1e9", "RUB", None),
        ("NaN", "RUB", None),
        ("1.2.3", "RUB", None),
        ("١٢", "RUB", None),
        ("9" * 17, "RUB", None),
        ("9" * 100, "RUB", None),
    ],
)
def test_amounts_as_people_write_them(text: str, currency: str, units: int | None) -> None:
    if units is None:
        with pytest.raises(ValueError, match=r"amount|decimal places|stored"):
            parse_amount(text, currency)
    else:
        assert parse_amount(text, currency) == units


@given(units=st.integers(-MOST, MOST), currency=st.sampled_from(["RUB", "JPY", "KWD", "EUR"]))
def test_what_is_shown_to_programs_is_read_back_exactly(units: int, currency: str) -> None:
    shown = plain(units, currency)
    assert parse_amount(shown, currency) == units
    assert len(shown.partition(".")[2]) == digits(currency)


@pytest.mark.parametrize("code", ["rub", "RUBL", "", "₽", "R1B"])
def test_a_currency_is_three_capital_letters(code: str) -> None:
    with pytest.raises(ValueError, match="currency code"):
        check_currency(code)
