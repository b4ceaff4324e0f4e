"""Users of a CRM, asked for now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from crm_adapter.base import Capabilities, Context, CrmError, Misconfigured, Rejected, Unavailable
from crm_adapter.directory import FRESH, Directory
from crm_adapter.people import Manager, User
from crm_adapter.testkit import events


class Crm:
    """Only its users matter."""

    capabilities = Capabilities(users=True)

    def __init__(self) -> None:
        self.asked = 0
        self.error: CrmError | None = None

    async def list_users(self) -> Sequence[User]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return [User(id="7", email="anna@example.com")]


class Clock:
    """Moved by hand."""

    now = events.START

    def __call__(self) -> datetime:
        return self.now


async def managers() -> Sequence[Manager]:
    return events.MANAGERS


def directory(crm: Any, clock: Clock) -> Directory:
    context = Context(name="test", now=clock, managers=managers)
    return Directory(crm, context, by_hand={"oleg": "8"}, default="1")


async def test_users_are_asked_for_once_in_ten_minutes_however_many_want_to_know() -> None:
    crm, clock = Crm(), Clock()
    asked = directory(crm, clock)
    found = await asyncio.gather(*(asked.user_of(events.ANNA.id) for _ in range(5)))
    assert (set(found), crm.asked) == ({"7"}, 1)
    clock.now += FRESH + timedelta(seconds=1)
    await asked.matches()
    assert crm.asked == 2
    assert await asked.user_of("somebody else") == "1"
    assert await asked.user_of(None) == "1"


@pytest.mark.parametrize("error", [Rejected("no"), Misconfigured("no right")])
async def test_a_list_that_is_refused_stops_nothing_and_the_last_one_is_kept(error: CrmError) -> None:
    crm, clock = Crm(), Clock()
    crm.error = error
    refused = directory(crm, clock)
    assert await refused.user_of(events.ANNA.id) == "1"
    assert await refused.user_of(events.OLEG.id) == "8", "named by hand"
    crm.error = None
    known = directory(crm, clock)
    await known.matches()
    crm.error = error
    clock.now += FRESH + timedelta(seconds=1)
    assert await known.user_of(events.ANNA.id) == "7"


async def test_a_crm_that_is_down_is_no_crm_without_users() -> None:
    crm, clock = Crm(), Clock()
    crm.error = Unavailable("down")
    with pytest.raises(Unavailable):
        await directory(crm, clock).user_of(events.ANNA.id)
