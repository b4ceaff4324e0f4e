"""Filters as people write them, and cursors that come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from gateway.web.api.parameters import FilterReader, row_cursor
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters, Position

READER = FilterReader("RU", ZoneInfo("Europe/Moscow"))
MIDNIGHT = datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=3)))


def read(**query: str) -> Filters:
    return READER.read(MultiDict(query))


@pytest.mark.parametrize("spelling", ["8 (926) 123-45-67", "+7 926 1234567", " 79261234567", "9261234567"])
def test_a_phone_may_be_written_in_any_way(spelling: str) -> None:
    assert read(phone=spelling).phone == "+79261234567"


@pytest.mark.parametrize(
    "text", ["2026-11-22", "2026-11-22T00:00", "2026-11-21T21:00:00Z", "2026-11-22T00:00:00+03:00"]
)
def test_a_moment_without_a_zone_is_meant_in_ours(text: str) -> None:
    assert read(since=text).since == MIDNIGHT


def test_nothing_asked_means_everything() -> None:
    assert read() == Filters()
    assert read(phone="", q="", cursor="") == Filters()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", "101"),
        ("phone", "not a number"),
        ("email", "nobody"),
        ("since", "yesterday"),
        ("until", "2026-13-01"),
        ("channel", "fax"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "ten"),
        ("cursor", "garbage"),
        ("cursor", "bm90IG91cnM"),
        ("q", "a\x00b"),
        ("q", "x" * 201),
        ("manager", "x" * 201),
    ],
)
def test_a_value_that_can_not_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(Refused, match=name) as refused:
        read(**{name: value})
    assert refused.value.status == 400


def test_an_unknown_parameter_is_named_rather_than_ignored() -> None:
    with pytest.raises(Refused, match='"telephone"; there are since'):
        read(telephone="+79261234567")


@pytest.mark.parametrize("text", ["-1", "1.5", "٣", "9" * 19])
def test_a_row_cursor_is_a_number_that_fits(text: str) -> None:
    with pytest.raises(Refused):
        row_cursor(MultiDict(cursor=text))


@given(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(codec="utf-8"), max_size=40))
def test_every_position_survives_its_cursor(at: datetime, item_id: str) -> None:
    assert Position.decode(Position(at, item_id).encode()) == Position(at, item_id)


@given(st.text(max_size=60))
def test_no_cursor_does_more_than_be_refused(text: str) -> None:
    status = 200
    try:
        read(cursor=text)
    except Refused as refused:
        status = refused.status
    assert status in {200, 400}
