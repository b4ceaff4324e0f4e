"""Which letters of a folder are read, and in which groups: no server, no time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.imap.place import (
    BATCH_LETTERS,
    BATCH_OCTETS,
    WINDOW,
    FolderState,
    Listed,
    Place,
    anew,
    batches,
    first_place,
    moment_of,
    numbers,
    ranges,
    same_numbers,
    windows,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
STATE = FolderState(uidvalidity=7, uidnext=101, exists=40)
PLACE = Place(uidvalidity=7, last_uid=100, horizon=100, since=NOW)


def listed(uid: int, size: int = 1000) -> Listed:
    return Listed(uid=uid, size=size, arrived=NOW)


@pytest.mark.parametrize(
    ("since", "last_uid", "moment"),
    [
        ("now", 100, NOW),
        ("all", 0, None),
        ("2026-11-01", 0, datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_first_sight_of_a_folder_decides_what_is_read(since: str, last_uid: int, moment: datetime | None) -> None:
    place = first_place(STATE, 100, since, NOW)
    assert place == Place(uidvalidity=7, last_uid=last_uid, horizon=100, since=moment, heard_at=NOW)
    assert moment_of(since, NOW) == moment


def test_a_place_survives_being_stored() -> None:
    for place in (PLACE, replace(PLACE, since=None), replace(PLACE, unmarked=(1, 2, 3, 7, 9, 10))):
        assert Place.from_json(place.as_json()) == place


@given(uids=st.sets(st.integers(1, 300)))
@settings(max_examples=50)
def test_uids_are_written_short_and_read_back(uids: set[int]) -> None:
    assert numbers(ranges(sorted(uids))) == tuple(sorted(uids))
    assert ranges(range(1, 10_001)) == "1:10000"


BROKEN: dict[str, object] = {"uidvalidity": 1, "last_uid": 1, "horizon": 1, "since": None, "unmarked": "1:x"}


@pytest.mark.parametrize("broken", [{}, {"uidvalidity": "x", "last_uid": 1, "horizon": 1, "since": None}, BROKEN])
def test_a_stored_place_that_makes_no_sense_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Place.from_json(broken)


@pytest.mark.parametrize(
    ("state", "same"),
    [
        (STATE, True),
        (replace(STATE, uidnext=500), True),
        (replace(STATE, uidvalidity=8), False),
        (replace(STATE, uidnext=60), False),  # a server that was restored from a copy, and gives the UIDs again
        (replace(STATE, uidnext=None), True),
    ],
)
def test_numbers_that_mean_something_else_are_noticed(state: FolderState, same: bool) -> None:
    assert same_numbers(PLACE, state) is same


def test_after_a_change_of_numbers_reading_begins_anew_with_what_came_since_the_beginning() -> None:
    place = anew(replace(PLACE, unmarked=(5,)), FolderState(uidvalidity=8, uidnext=41, exists=40), 40)
    assert place == Place(uidvalidity=8, last_uid=0, horizon=40, since=NOW)
    assert not place.wants(40, NOW - timedelta(seconds=1))
    assert place.wants(40, NOW)
    assert place.wants(41, NOW - timedelta(days=900))  # came after: moved in by a colleague


@pytest.mark.parametrize(
    ("uid", "arrived", "wanted"),
    [
        (100, NOW, False),  # read
        (101, NOW, True),
        (101, NOW - timedelta(days=9), True),  # moved here, whenever it came
        (101, None, True),
    ],
)
def test_what_is_wanted(uid: int, arrived: datetime | None, wanted: bool) -> None:
    assert PLACE.wants(uid, arrived) is wanted


def test_a_letter_whose_arrival_is_not_told_is_read() -> None:
    assert replace(PLACE, last_uid=0).wants(5, None)


def test_a_small_folder_is_searched_at_once_however_large_its_numbers_are() -> None:
    assert list(windows(1, 4_000_000_000, WINDOW)) == [(1, 4_000_000_000)]
    assert list(windows(101, 100, 5)) == []


@given(first=st.integers(1, 10**6), length=st.integers(0, 10 * WINDOW))
@settings(max_examples=50)
def test_windows_cover_everything_once_in_order(first: int, length: int) -> None:
    top = first + length - 1
    found = list(windows(first, top, WINDOW + 1))
    assert sum(last - begin + 1 for begin, last in found) == length
    assert all(last - begin < WINDOW for begin, last in found)
    edges = [first, *(last + 1 for _, last in found)]
    assert edges == [*(begin for begin, _ in found), top + 1]


@given(
    sizes=st.lists(st.integers(0, 3 * BATCH_OCTETS), max_size=400),
    singly=st.integers(0, 50),
)
@settings(max_examples=60)
def test_batches_keep_order_and_bounds(sizes: list[int], singly: int) -> None:
    letters = [listed(uid, size) for uid, size in enumerate(sizes, 1)]
    found = list(batches(letters, singly_up_to=singly))
    assert [letter for batch in found for letter in batch] == letters
    for batch in found:
        assert 0 < len(batch) <= BATCH_LETTERS
        assert len(batch) == 1 or sum(letter.size for letter in batch) <= BATCH_OCTETS
        assert len(batch) == 1 or batch[0].uid > singly


def test_small_letters_share_a_batch() -> None:
    letters = [listed(uid) for uid in range(1, 251)]
    assert [len(batch) for batch in batches(letters)] == [100, 100, 50]
