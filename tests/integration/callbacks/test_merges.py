"""Two contacts that prove to be one person wait in one callback, and in two again where the merge is undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from gateway.contacts.merge import merge, unmerge
from gateway.core.clock import new_id
from gateway.storage.store import Store
from gateway.storage.tables import ContactMerge
from tests.support.callbacks import IVAN, PETR, CallbackHouse, minute, missed, ours, steps, told, written
from tests.support.seed import add_manager


@pytest.fixture
def house(any_store: Store, tmp_path: Path) -> CallbackHouse:
    return CallbackHouse(any_store, tmp_path / "spool")


def contact_of(house: CallbackHouse, number: str) -> str:
    found = next(one for one in house.all() if one.number == number)
    assert found.contact is not None
    return found.contact.id


async def join(house: CallbackHouse, winner: str, loser: str) -> str:
    return await house.store.write(
        lambda c: merge(c, winner_id=winner, loser_id=loser, reason="by hand", at=house.clock.now(), new_id=new_id)
    )


async def test_two_open_callbacks_become_one_with_all_tries(house: CallbackHouse) -> None:
    await house.take(missed(minute(0)), missed(minute(3), who=PETR), missed(minute(5), who=PETR))
    await house.take(ours(minute(6), "no_answer", who=PETR))
    await join(house, contact_of(house, IVAN), contact_of(house, PETR))
    kept, other = house.all()
    assert told([kept, other]) == [("attempted", 3, 1), ("merged", 2, 1)]
    assert (kept.first_at, kept.last_at, kept.waiting_since, kept.number) == (minute(0), minute(5), minute(0), PETR)
    assert [one.at for one in kept.all_tries] == [minute(0), minute(3), minute(5)]
    assert (other.all_tries, other.in_time) == ([], None)
    assert (steps(kept)[-1], steps(other)[-1]) == ("merged", "merged")
    await house.take(ours(minute(8), who=PETR))
    assert [found.state for found in house.all()] == ["reached_by_us", "merged"]


async def test_one_letter_with_both_handles_joins_them_in_the_processing(house: CallbackHouse) -> None:
    await house.take(missed(minute(0)), missed(minute(3), who=PETR))
    both = written(minute(5), text="Кухня", who=IVAN)
    extra = written(minute(5), text="Кухня", who=PETR)
    assert both.draft is not None
    assert extra.draft is not None
    await house.take(replace(both, draft=replace(both.draft, handles=both.draft.handles + extra.draft.handles)))
    assert [found.state for found in house.all()] == ["open", "merged"]
    assert told(house.waiting()) == [("open", 2, 0)]


async def test_who_was_reached_as_somebody_else_was_reached(house: CallbackHouse) -> None:
    """He called from one number and we reached him at another, before anybody knew that both are his."""
    await house.take(missed(minute(0)), ours(minute(5), who=PETR))
    assert told(house.all()) == [("open", 1, 0)]
    one, other = written(minute(9), text="Кухня", who=IVAN), written(minute(9), text="Кухня", who=PETR)
    assert one.draft is not None
    assert other.draft is not None
    await house.take(replace(one, draft=replace(one.draft, handles=one.draft.handles + other.draft.handles)))
    found = house.one()
    assert (found.state, found.in_time, found.close_reason) == ("reached_by_us", True, "answered_our_call")
    assert house.outbox.told() == ["callback.opened", "callback.closed"]


async def test_a_try_after_such_a_merge_opens_anew(house: CallbackHouse) -> None:
    await house.take(
        missed(minute(0)), ours(minute(5), who=PETR), missed(minute(6), who=PETR), ours(minute(7), who=PETR)
    )
    await join(house, contact_of(house, IVAN), contact_of(house, PETR))
    await house.take(missed(minute(9)))
    assert sorted(found.state for found in house.all()) == ["open", "reached_by_us", "reached_by_us"]


async def test_only_the_loser_waits(house: CallbackHouse) -> None:
    await house.take(missed(minute(0)), ours(minute(1)), missed(minute(3), who=PETR))
    winner = contact_of(house, IVAN)
    await join(house, winner, contact_of(house, PETR))
    assert {found.contact.id for found in house.all() if found.contact} == {winner}
    await house.take(ours(minute(5)))
    assert [found.state for found in house.all()] == ["reached_by_us", "reached_by_us"]


async def test_an_undone_merge_gives_each_person_the_own_tries_back(house: CallbackHouse) -> None:
    await house.store.write(lambda c: add_manager(c, "m-anna", "anna", extensions=["101"]))
    await house.take(missed(minute(0)), missed(minute(3), who=PETR))
    winner, loser = contact_of(house, IVAN), contact_of(house, PETR)
    merge_id = await join(house, winner, loser)
    await house.take(missed(minute(9)))
    await house.store.write(lambda c: unmerge(c, merge_id, minute(10)))
    first, second = house.all()
    assert told([first, second]) == [("open", 2, 0), ("open", 1, 0)]
    assert (first.contact.id, second.contact.id) == (winner, loser)  # type: ignore[union-attr]
    assert [one.at for one in second.all_tries] == [minute(3)]
    assert (first.first_at, first.last_at) == (minute(0), minute(9))
    house.at(minute(11))
    await house.escalation.run_once()  # finds out when the next reminder of the parted one is due
    await house.take(ours(minute(12), who=PETR))
    assert [found.state for found in house.all()] == ["open", "reached_by_us"]


async def test_a_log_of_an_older_version_can_be_undone(house: CallbackHouse) -> None:
    await house.take(missed(minute(0)), missed(minute(3), who=PETR))
    merge_id = await join(house, contact_of(house, IVAN), contact_of(house, PETR))

    def forget(connection: Connection) -> None:
        moved = connection.execute(select(ContactMerge.moved)).scalar_one()
        values = {key: value for key, value in moved.items() if key != "callbacks"}
        connection.execute(ContactMerge.__table__.update().values(moved=values))  # type: ignore[attr-defined]

    await house.store.write(forget)
    await house.store.write(lambda c: unmerge(c, merge_id, minute(10)))
    assert [found.state for found in house.all()] == ["open", "merged"]
