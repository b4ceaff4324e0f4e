"""Which copies of a letter are one letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.identity import letter_digest

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
LETTER = (
    b"From: Ivan <ivan@example.com>\r\nTo: info@shop.example\r\nSubject: Price of\r\n the pump\r\n"
    b"Date: Sun, 22 Nov 2026 12:00:00 +0300\r\nMessage-ID: <1@example.com>\r\n\r\nHow much?\r\n"
)


def digest(raw: bytes, later: timedelta = timedelta()) -> str:
    return letter_digest(raw, NOW + later)


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(LETTER, id="a retry, bytes equal"),
        pytest.param(b"Received: from relay2 by us;\r\n Sun, 22 Nov 2026\r\n" + LETTER, id="another relay"),
        pytest.param(b"Return-Path: <x@y>\r\nDelivered-To: sales@shop.example\r\n" + LETTER, id="another recipient"),
        pytest.param(LETTER.replace(b"Price of\r\n the pump", b"Price of the pump"), id="headers folded otherwise"),
        pytest.param(LETTER.replace(b"Message-ID", b"Message-Id"), id="header name in other letters"),
        pytest.param(LETTER + b"\r\n", id="one more empty line at the end"),
    ],
)
def test_copies_of_one_letter_are_one(copy: bytes) -> None:
    assert digest(copy, timedelta(days=3)) == digest(LETTER)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(LETTER.replace(b"How much?", b"How many?"), id="same Message-ID, other words"),
        pytest.param(LETTER.replace(b"<1@", b"<2@"), id="same words, other Message-ID"),
        pytest.param(LETTER.replace(b"12:00:00", b"12:00:01"), id="written a second later"),
        pytest.param(LETTER.replace(b"ivan@", b"petr@"), id="other author"),
    ],
)
def test_other_letters_are_others(other: bytes) -> None:
    assert digest(other) != digest(LETTER)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"Subject: call me\r\n\r\n+7 926 123-45-67\r\n", id="neither Message-ID nor Date"),
        pytest.param(b"Date:\r\nMessage-ID: \r\n\r\ncall me\r\n", id="both empty"),
        pytest.param(b"no header and no body", id="no header"),
        pytest.param(b"", id="empty"),
    ],
)
def test_letter_without_identity_is_one_within_a_day_and_another_the_next_day(raw: bytes) -> None:
    assert digest(raw) == digest(raw)
    assert digest(raw) != digest(raw, timedelta(minutes=2))


def test_words_in_the_body_that_look_like_headers_do_not_count_as_headers() -> None:
    without_identity = b"Subject: x\r\n\r\nDate: tomorrow\r\nMessage-ID: <1@a>\r\n"
    assert digest(without_identity) != digest(without_identity, timedelta(days=1))


@given(st.binary(max_size=300))
def test_any_bytes_have_a_digest(raw: bytes) -> None:
    assert len(digest(raw)) == 64


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_bodies_that_differ_in_more_than_the_last_line_end_differ(first: bytes, second: bytes) -> None:
    head = b"Message-ID: <1@a>\r\n\r\n"
    same = first.rstrip(b"\r\n") == second.rstrip(b"\r\n")
    assert (digest(head + first) == digest(head + second)) is same
