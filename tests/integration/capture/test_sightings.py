"""The same letter in two places is one interaction with two sightings, written in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, select

from gateway.capture.journal import prepare, store_all
from gateway.capture.sightings import StoredSightings
from gateway.core.clock import new_id
from gateway.core.types import Inbound, Outcome, Receipt, Sighting
from gateway.storage import tables
from gateway.storage.store import Store
from tests.support.clock import MONDAY
from tests.support.items import letter


def met(item: Inbound, source: str, place: str, mark: str, *, minutes: int = 0) -> Inbound:
    """``item`` in a place."""
    seen = Sighting(place=place, mark=mark, seen_at=MONDAY + timedelta(minutes=minutes))
    return replace(item, source=source, sighting=seen)


async def take(store: Store, *items: Inbound) -> list[Receipt]:
    """In one transaction."""
    entries = [prepare(item, MONDAY, new_id, timedelta(days=9)) for item in items]
    return await store.write(lambda connection: store_all(connection, entries))


def rows(store: Store) -> Sequence[Row[Any]]:
    query = select(tables.Sighting).order_by(tables.Sighting.id)
    return store.peek(lambda connection: connection.execute(query).all())


async def test_letter_in_two_mailboxes_is_one_interaction_seen_twice(any_store: Store) -> None:
    (first,) = await take(any_store, met(letter("a"), "sales", "INBOX", "7/1"))
    (second,) = await take(any_store, met(letter("a"), "info", "Leads", "3/9", minutes=2))
    assert (first.outcome, second.outcome) == (Outcome.STORED, Outcome.DUPLICATE)
    seen = rows(any_store)
    assert {row.interaction_id for row in seen} == {first.interaction_id}
    assert [(row.source, row.place, row.mark, row.seen_at) for row in seen] == [
        ("sales", "INBOX", "7/1", MONDAY),
        ("info", "Leads", "3/9", MONDAY + timedelta(minutes=2)),
    ]


async def test_both_in_one_transaction_are_written_too(any_store: Store) -> None:
    places = [("sales", "INBOX", "7/1"), ("smtp", "", "digest"), ("lmtp", "", "digest")]
    await take(any_store, *(met(letter("a"), *place) for place in places))
    assert [row.source for row in rows(any_store)] == ["sales", "smtp", "lmtp"]


async def test_meeting_it_again_in_the_same_place_is_no_news(any_store: Store) -> None:
    for _ in range(3):
        await take(any_store, met(letter("a"), "sales", "INBOX", "7/1"))
    assert len(rows(any_store)) == 1


async def test_erased_letter_is_still_known_as_one_that_was_here(any_store: Store) -> None:
    (receipt,) = await take(any_store, met(letter("a"), "sales", "INBOX", "7/1"))
    erase = delete(tables.Interaction).where(tables.Interaction.id == receipt.interaction_id)
    await any_store.write(lambda connection: connection.execute(erase).rowcount)
    (row,) = rows(any_store)
    assert row.interaction_id is None
    assert await StoredSightings(any_store).marks("sales", "INBOX", MONDAY) == {"7/1"}
    (again,) = await take(any_store, met(letter("a"), "sales", "INBOX", "7/1"))
    assert [row.interaction_id for row in rows(any_store)] == [again.interaction_id]


async def test_marks_are_those_of_one_place_since_a_moment(any_store: Store) -> None:
    await take(
        any_store,
        met(letter("a"), "sales", "INBOX", "7/1", minutes=1),
        met(letter("b"), "sales", "INBOX", "7/2", minutes=5),
        met(letter("c"), "sales", "Sent", "8/1", minutes=5),
        met(letter("d"), "info", "INBOX", "9/1", minutes=5),
    )
    since = MONDAY + timedelta(minutes=3)
    assert await StoredSightings(any_store).marks("sales", "INBOX", since) == {"7/2"}
