"""What each status means, and how long Retry-After is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from crm_adapter.base import CrmError, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import MAX_RETRY_AFTER, Answer, parse_retry_after, raise_for_status

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status=status, headers=named, body=body, host="crm.example.com")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Misconfigured),
        (302, Unavailable),
        (304, Unavailable),
        (307, Unavailable),
        (308, Misconfigured),
        (400, Rejected),
        (401, Misconfigured),
        (402, Misconfigured),
        (403, Misconfigured),
        (404, Gone),
        (407, Misconfigured),
        (408, Unavailable),
        (409, Unavailable),
        (410, Misconfigured),
        (413, Rejected),
        (422, Rejected),
        (423, Unavailable),
        (425, Unavailable),
        (429, Throttled),
        (500, Unavailable),
        (502, Unavailable),
        (504, Unavailable),
        (599, Unavailable),
        (999, Unavailable),
    ],
)
def test_a_status_has_one_meaning(status: int, kind: type[CrmError]) -> None:
    with pytest.raises(CrmError) as caught:
        raise_for_status(answer(status), now=lambda: NOW)
    assert type(caught.value) is kind
    assert f"crm.example.com answered {status}" in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_done(status: int) -> None:
    raise_for_status(answer(status))


def test_a_server_error_that_names_a_time_throttles() -> None:
    with pytest.raises(Throttled) as caught:
        raise_for_status(answer(503, retry_after="120"), now=lambda: NOW)
    assert caught.value.retry_after == 120


def test_an_adapter_may_say_which_statuses_are_the_settings_fault() -> None:
    with pytest.raises(Misconfigured):
        raise_for_status(answer(404), settings_at_fault=frozenset({404}))


def test_the_words_of_the_crm_are_quoted() -> None:
    with pytest.raises(Rejected, match=r"crm\.example\.com answered 422 Unprocessable.*: phone is too long"):
        raise_for_status(answer(422, b"phone\r\nis\x00too\x1blong"))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("99999999999999999999", MAX_RETRY_AFTER),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), MAX_RETRY_AFTER),
        ("Sun, 22 Nov 2026 09:31:00 -0000", 60.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1.5", None),
        ("٣", None),
        ("Sun, 22 Nov 99999 09:31:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_whatever_it_holds_breaks_anything(header: str) -> None:
    seconds = parse_retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER


@given(st.binary(max_size=3000))
def test_a_quote_is_one_short_line(body: bytes) -> None:
    quote = answer(400, body).quote()
    assert len(quote) <= 300
    assert not any(ord(character) < 32 or ord(character) == 127 for character in quote)


def test_an_answer_that_is_no_json_is_a_broken_crm() -> None:
    assert answer(200, b'{"id": 7}').json() == {"id": 7}
    for body in (b"<html>", b"\xff", b"[" * 100_000):
        with pytest.raises(Unavailable, match="no JSON"):
            answer(200, body).json()
