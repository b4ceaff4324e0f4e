"""Hours as people write them."""

from __future__ import annotations

import pytest

from gateway.routing.week import Interval, on_the_wall, parse_day, parse_interval, written


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("09:00-18:00", (540, 1080)),
        ("9:00-18:00", (540, 1080)),
        (" 09:30 - 18:15 ", (570, 1095)),
        ("09:00–18:00", (540, 1080)),  # the dash of a word processor
        ("00:00-24:00", (0, 1440)),
        ("22:00-06:00", (1320, 1800)),
        ("18:00-00:00", (1080, 1440)),
        ("18:00-24:00", (1080, 1440)),
    ],
)
def test_an_interval(text: str, interval: tuple[int, int]) -> None:
    assert parse_interval(text) == interval


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9-18", "Write them as 09:00-18:00"),
        ("", "Write them as 09:00-18:00"),
        ("09:00-18:00,19:00-20:00", "Write them as"),
        ("09:00-18:60", "00:00 to 24:00"),
        ("09:60-18:00", "00:00 to 24:00"),
        ("24:00-25:00", "00:00 to 24:00"),
        ("09:00-24:01", "00:00 to 24:00"),
        ("09:00-09:00", "00:00-24:00 for the whole day"),
        ("00:00-00:00", "00:00-24:00 for the whole day"),
        ("\u0660\u0669:00-18:00", "Write them as"),
    ],
)
def test_what_is_no_interval_is_refused_with_the_way_out(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_interval(text)


def test_a_day_is_put_in_order() -> None:
    assert parse_day(["14:00-18:00", "09:00-13:00"]) == (Interval(540, 780), Interval(840, 1080))
    assert parse_day([]) == ()


@pytest.mark.parametrize("texts", [["09:00-13:00", "12:59-18:00"], ["22:00-06:00", "23:00-23:30"]])
def test_overlapping_intervals_are_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="overlap") as caught:
        parse_day(texts)
    assert texts[0] in str(caught.value)


def test_intervals_may_touch() -> None:
    assert len(parse_day(["09:00-13:00", "13:00-18:00"])) == 2


def test_the_night_shift_is_seen_on_two_days() -> None:
    night = parse_day(["08:00-10:00", "22:00-06:00"])
    assert on_the_wall(night, ()) == ((480, 600), (1320, 1440))
    assert on_the_wall((), night) == ((0, 360),)
    assert on_the_wall(night, night) == ((0, 360), (480, 600), (1320, 1440))


@pytest.mark.parametrize("text", ["09:00-18:00", "00:00-24:00", "22:00-06:00", "18:00-24:00"])
def test_it_is_written_as_it_was(text: str) -> None:
    assert written(parse_interval(text)) == text
