"""Leases on real databases: one of two processes has it, whatever their clocks say."""

from __future__ import annotations

import asyncio
from functools import partial

from gateway.capture.leases import StoredLeases
from gateway.storage.store import Store

NAME = "imap:sales/INBOX"


async def test_one_of_two_gets_it_and_keeps_it_by_taking_it_again(any_store: Store) -> None:
    one, two = StoredLeases(any_store, lambda: "one"), StoredLeases(any_store, lambda: "two")
    assert await one.take(NAME, 60)
    assert not await two.take(NAME, 60)
    assert await one.take(NAME, 60)
    assert not await two.take(NAME, 60)
    assert await two.take("imap:sales/Sent", 60)


async def test_lease_that_was_not_renewed_goes_to_the_next_and_does_not_come_back(any_store: Store) -> None:
    one, two = StoredLeases(any_store, lambda: "one"), StoredLeases(any_store, lambda: "two")
    assert await one.take(NAME, 1.5)
    assert not await two.take(NAME, 60)
    await asyncio.sleep(1.6)  # the clock is the database's own
    assert await two.take(NAME, 60)
    assert not await one.take(NAME, 60)


async def test_what_was_given_back_is_free_at_once_and_only_the_holder_gives_it_back(any_store: Store) -> None:
    one, two = StoredLeases(any_store, lambda: "one"), StoredLeases(any_store, lambda: "two")
    assert await one.take(NAME, 60)
    await two.give_back(NAME)
    assert not await two.take(NAME, 60)
    await one.give_back(NAME)
    assert await two.take(NAME, 60)


async def test_of_many_who_ask_at_one_moment_one_gets_it(any_store: Store) -> None:
    asked = [StoredLeases(any_store, partial(str, number)).take(NAME, 60) for number in range(20)]
    assert sum(await asyncio.gather(*asked)) == 1
