"""Moments, spans and numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.web.pages.formats import Formats, excerpt, machine_time, moment, number, safe_link, size, span

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)  # half past midnight of the 23rd in Moscow


@pytest.mark.parametrize(
    ("language", "moment", "shown"),
    [
        ("ru", NOW - timedelta(minutes=10), "00:20"),
        ("ru", NOW - timedelta(hours=1), "22 нояб., 23:30"),
        ("en", NOW - timedelta(hours=1), "Nov 22, 23:30"),
        ("en", NOW - timedelta(days=400), "Oct 19, 2025"),
    ],
)
def test_moments_are_shown_in_the_configured_zone(language: str, moment: datetime, shown: str) -> None:
    assert Formats(Locale.parse(language), MOSCOW).when(moment, NOW) == shown


def test_the_full_moment_names_its_zone() -> None:
    assert Formats(Locale.parse("en"), MOSCOW).full(NOW) == "23 November 2026, 00:30:00 GMT+03:00"
    assert machine_time(NOW) == "2026-11-22T21:30:00+00:00"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (0, "0:00"), (12.4, "0:12"), (187.5, "3:08"), (3725, "1:02:05"), (-1, "")],
)
def test_spans(seconds: float | None, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (482_113, "482 kB"), (2_500_000, "2.5 MB"), ("x", "")])
def test_sizes(count: object, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("+79261234567", "+7 926 123-45-67"), ("101", "101"), (None, ""), ("+garbage", "+garbage")],
)
def test_numbers(value: str | None, shown: str) -> None:
    assert number(value) == shown


def test_an_excerpt_is_one_line_of_bounded_length() -> None:
    assert excerpt("a\n\n b\t c") == "a b c"
    assert len(excerpt("word " * 100)) <= 180
    assert excerpt(None) == ""


@pytest.mark.parametrize(
    ("address", "kept"),
    [("https://a.example/", True), ("HTTP://a.example", True), ("javascript:alert(1)", False), ("//a", False),
     (" https://a", False), (None, False)],
)  # fmt: skip
def test_only_web_addresses_become_links(address: str | None, kept: bool) -> None:
    assert (safe_link(address) is not None) is kept


def test_a_moment_may_be_as_the_record_of_a_call_writes_it() -> None:
    told = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert moment("2026-11-23T15:00:00+03:00") == moment(told) == told
