"""Codes of authenticator apps, against the vectors of the standard."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.web.totp import (
    STEP_SECONDS,
    address_of,
    code_at,
    grouped,
    new_totp_secret,
    picture,
    step_of,
    step_of_code,
)

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    assert code_at(RFC_SECRET, seconds // STEP_SECONDS) == code


def test_a_telephone_whose_clock_is_half_a_minute_off_is_let_in() -> None:
    step = step_of(NOW)
    for drift in (-1, 0, 1):
        assert step_of_code(RFC_SECRET, code_at(RFC_SECRET, step + drift), NOW, after=None) == step + drift


@pytest.mark.parametrize("drift", [-2, 2, 100])
def test_a_code_of_another_time_is_none(drift: int) -> None:
    code = code_at(RFC_SECRET, step_of(NOW) + drift)
    assert step_of_code(RFC_SECRET, code, NOW, after=None) is None


def test_no_code_counts_twice_nor_an_older_one_after_it() -> None:
    step = step_of(NOW)
    assert step_of_code(RFC_SECRET, code_at(RFC_SECRET, step), NOW, after=step) is None
    assert step_of_code(RFC_SECRET, code_at(RFC_SECRET, step - 1), NOW, after=step) is None
    later = NOW + timedelta(seconds=STEP_SECONDS)
    assert step_of_code(RFC_SECRET, code_at(RFC_SECRET, step + 1), later, after=step) == step + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "\x00", "-12345", "12345²"])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert step_of_code(RFC_SECRET, typed, NOW, after=None) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    code = code_at(RFC_SECRET, step_of(NOW))
    assert step_of_code(RFC_SECRET, f" {code[:3]} {code[3:]} ", NOW, after=None) == step_of(NOW)


def test_a_secret_that_is_none_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="base32"):
        code_at("not base32!", 1)


def test_secrets_have_160_bits_and_differ() -> None:
    secrets = {new_totp_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert all(len(base64.b32decode(secret)) == 20 for secret in secrets)


def test_the_address_says_who_and_what_to_an_app() -> None:
    address = urlsplit(address_of("ABC234", "анна&co@example.com"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert parse_qs(address.query) == {"secret": ["ABC234"], "issuer": ["Leadgate"]}
    assert "&" not in address.path


def test_the_picture_is_a_plain_drawing_that_the_page_policy_lets_through() -> None:
    drawing = picture(address_of(new_totp_secret(), "anna"))
    assert drawing.startswith("<svg")
    assert "style" not in drawing
    assert "<script" not in drawing
    assert "viewBox" in drawing


def test_the_secret_is_shown_in_fours() -> None:
    assert grouped("ABCDEFGHIJ") == "ABCD EFGH IJ"
