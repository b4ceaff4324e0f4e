"""What people do at the desk: claims, hand-overs, snoozes, closings, undo, each with its line in the history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from gateway.audit.log import verify
from gateway.callbacks.life import Outcome, Reason
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.core.types import Phase
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Audit, CallbackEvent
from tests.support.callbacks import IVAN, CallbackHouse, answered, minute, missed, ours, steps, told
from tests.support.seed import add_manager, add_managers

ANNA, BORIS = "m-anna", "m-boris"


def staff(connection: Connection) -> None:
    add_manager(connection, ANNA, "anna", name="Anna", extensions=["101"])
    add_manager(connection, BORIS, "boris", name="Boris", extensions=["102"])
    add_manager(connection, "m-gone", "gone", name="Gone", extensions=["103"], disabled_at=minute(-9999))


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> CallbackHouse:
    return await opened(store, tmp_path)


async def opened(store: Store, folder: Path) -> CallbackHouse:
    """With two managers and one person who waits."""
    house = CallbackHouse(store, folder / "spool")
    await store.write(staff)
    await house.take(missed(minute(0)))
    return house


async def do(house: CallbackHouse, name: str, *args: Any, who: str | None = ANNA, key: str | None = None) -> Any:
    """One deed at the desk."""
    deed: Callable[..., Any] = getattr(house.desk, name)
    callback_id = key or house.all()[-1].id
    return await house.store.write(lambda c: deed(c, callback_id, house.by(who), *args))


async def test_fifty_claim_at_once_and_one_wins(any_store: Store, tmp_path: Path) -> None:
    house = await opened(any_store, tmp_path)
    people = [f"m-{number}" for number in range(50)]
    await any_store.write(lambda c: add_managers(c, people))
    done = await asyncio.gather(*(do(house, "claim", who=one) for one in people), return_exceptions=True)
    winners = [one for one, result in zip(people, done, strict=True) if result is None]
    losers = [result for result in done if result is not None]
    assert len(winners) == 1
    assert house.one().claimed_by is not None
    assert house.one().claimed_by.id == winners[0]  # type: ignore[union-attr]
    assert len(losers) == 49
    assert all(isinstance(result, Conflict) and "took it" in str(result) for result in losers)
    assert steps(house.one()).count("claimed") == 1


async def test_claims_of_two_processes_on_one_database_have_one_winner(postgresql_url: str, tmp_path: Path) -> None:
    settings = StorageSettings(url=postgresql_url)
    upgrade(settings, tmp_path)
    ours_, theirs = Store.open(settings, tmp_path), Store.open(settings, tmp_path)
    await ours_.start()
    await theirs.start()
    try:
        house = await opened(ours_, tmp_path)
        key = house.one().id

        async def claim(store: Store, who: str) -> None:
            await store.write(lambda c: house.desk.claim(c, key, house.by(who)))

        pairs = [(ours_, ANNA), (theirs, BORIS)] * 10
        done = await asyncio.gather(*(claim(store, who) for store, who in pairs), return_exceptions=True)
        assert {type(result) for result in done} == {type(None), Conflict}
        assert steps(house.one()).count("claimed") == 1
    finally:
        await theirs.stop()
        await ours_.stop()


async def test_the_loser_of_a_claim_is_told_who_was_faster_and_when(house: CallbackHouse) -> None:
    await do(house, "claim")
    house.at(minute(0.2))
    with pytest.raises(Conflict, match=r"^Anna took it 12 s ago\.$"):
        await do(house, "claim", who=BORIS)


async def test_claiming_twice_is_once(house: CallbackHouse) -> None:
    await do(house, "claim")
    await do(house, "claim")
    assert steps(house.one()) == ["opened", "claimed"]
    assert house.one().state == "claimed"


async def test_a_program_says_for_whom_it_claims(house: CallbackHouse) -> None:
    with pytest.raises(NotPossible, match="Say for which manager"):
        await do(house, "claim", who=None)
    await do(house, "claim", "boris", who=None)
    claimer = house.one().claimed_by
    assert claimer is not None
    assert claimer.name == "Boris"


@pytest.mark.parametrize("named", ["nobody", "gone", ""])
async def test_an_unknown_or_disabled_manager_is_refused(house: CallbackHouse, named: str) -> None:
    with pytest.raises(NotFound, match="no active manager"):
        await do(house, "assign", named)


async def test_release_assign_and_whose_it_is_then(house: CallbackHouse) -> None:
    await do(house, "claim")
    await do(house, "assign", "boris")
    found = house.one()
    assert (found.owner.name, found.owner_rule, found.claimed_by) == ("Boris", "person", None)  # type: ignore[union-attr]
    await do(house, "claim", who=BORIS)
    await do(house, "release", who=BORIS)
    assert house.one().claimed_by is None
    await do(house, "assign", None)
    assert house.one().owner is None
    assert steps(house.one()) == ["opened", "claimed", "assigned", "claimed", "released", "assigned"]


PRESETS = [
    ("15m", 0, 15),
    ("1h", 5 * 60 + 30, 21 * 60 + 30),  # 17:30 in Moscow: half an hour today, half an hour tomorrow from 9:00
    ("09:00", 0, 21 * 60),
    ("14:00", 0, 26 * 60),
    ("07:00", 0, 21 * 60),  # before work begins: when it begins
]


@pytest.mark.parametrize(("preset", "now", "until"), PRESETS)
async def test_snooze_presets_are_in_working_time(house: CallbackHouse, preset: str, now: float, until: float) -> None:
    house.at(minute(now))
    await do(house, "snooze", preset)
    found = house.one()
    assert found.state == "snoozed"
    assert found.snoozed_until == minute(until)


async def test_a_preset_of_a_friday_means_monday(house: CallbackHouse) -> None:
    house.at(minute(4 * 24 * 60))
    await do(house, "snooze", "14:00")
    assert house.one().snoozed_until == minute(7 * 24 * 60 + 120)


@pytest.mark.parametrize("until", ["5 minutes", "0m", "25:00", "", "99999h"])
async def test_a_wrong_preset_is_refused_with_how_to_write_it(house: CallbackHouse, until: str) -> None:
    with pytest.raises(NotPossible, match="Write"):
        await do(house, "snooze", until)


async def test_nobody_snoozes_into_the_past_or_for_ever(house: CallbackHouse) -> None:
    with pytest.raises(NotPossible, match="still to come"):
        await do(house, "snooze", minute(0))
    with pytest.raises(NotPossible, match="90 days"):
        await do(house, "snooze", minute(0) + timedelta(days=91))


async def test_a_fresh_miss_ends_the_snooze(house: CallbackHouse) -> None:
    await do(house, "snooze", "1h")
    await house.take(missed(minute(10)))
    assert told(house.all()) == [("open", 2, 0)]
    assert house.one().snoozed_until is None


async def test_an_attempt_by_hand_with_its_outcome_and_note(house: CallbackHouse) -> None:
    await do(house, "attempt", Outcome.BUSY, "  called from my own phone ")
    found = house.one()
    assert (found.state, found.attempts) == ("attempted", 1)
    assert (found.history[-1].note, found.history[-1].detail["outcome"]) == ("called from my own phone", "busy")
    assert found.history[-1].manager is not None


async def test_notes_are_kept_and_empty_or_endless_ones_are_refused(house: CallbackHouse) -> None:
    await do(house, "note", "wants a white kitchen")
    assert house.one().history[-1].note == "wants a white kitchen"
    for text, words in (("  ", "empty"), ("x" * 4001, "4000")):
        with pytest.raises(NotPossible, match=words):
            await do(house, "note", text)


@pytest.mark.parametrize(
    ("reason", "state"), [(Reason.REACHED, "reached_by_us"), (Reason.SPAM, "closed"), (Reason.WRONG_NUMBER, "closed")]
)
async def test_closing_by_hand_and_what_is_told(house: CallbackHouse, reason: Reason, state: str) -> None:
    await do(house, "close", reason, "done")
    found = house.one()
    assert (found.state, found.close_reason, found.closed_by) == (state, reason.value, None)
    assert found.in_time is (True if reason is Reason.REACHED else None)
    assert house.outbox.told() == ["callback.opened", "callback.closed"]


async def test_what_only_calls_can_say_is_refused(house: CallbackHouse) -> None:
    with pytest.raises(NotPossible, match="closes with"):
        await do(house, "close", Reason.CALLED_AGAIN)


@pytest.mark.parametrize(
    ("name", "args"),
    [("claim", ()), ("release", ()), ("assign", ("boris",)), ("snooze", ("1h",)), ("attempt", (Outcome.BUSY,)),
     ("close", (Reason.OTHER,))],
)  # fmt: skip
async def test_what_is_over_is_reopened_first(house: CallbackHouse, name: str, args: tuple[Any, ...]) -> None:
    await do(house, "close", Reason.OTHER)
    with pytest.raises(Conflict, match=r"over already.*[Rr]eopen"):
        await do(house, name, *args)


async def test_reopening_counts_from_now(house: CallbackHouse) -> None:
    await house.take(ours(minute(5)))
    house.at(minute(60))
    await do(house, "reopen")
    found = house.one()
    assert (found.state, found.waiting_since, found.due_at) == ("open", minute(60), minute(90))
    assert (found.closed_by, found.close_reason, found.in_time) == (None, None, None)
    await house.take(ours(minute(5), key="n-other"))
    assert house.one().state == "open", "an older answer is no answer to it"
    assert house.outbox.told() == ["callback.opened", "callback.closed", "callback.opened"]
    with pytest.raises(Conflict, match="open already"):
        await do(house, "reopen")


async def test_the_call_that_closed_it_does_not_close_it_again_after_undo(house: CallbackHouse) -> None:
    await house.take(ours(minute(5), key="x", phase=Phase.ANSWERED))
    await do(house, "undo")
    assert house.one().state == "open"
    await house.take(ours(minute(5), key="x"))
    assert house.one().state == "open"


UNDONE: list[tuple[str, tuple[Any, ...]]] = [
    ("claim", ()), ("assign", ("boris",)), ("snooze", ("1h",)), ("attempt", (Outcome.NO_ANSWER,)),
    ("close", (Reason.REACHED,)), ("close", (Reason.SPAM,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), UNDONE)
async def test_undo_puts_everything_back(house: CallbackHouse, name: str, args: tuple[Any, ...]) -> None:
    before = house.one()
    await do(house, name, *args)
    assert house.one().state != before.state or name == "assign"
    await do(house, "undo", who=BORIS)
    after = house.one()
    changing = {"version", "updated_at", "history"}
    same = [name for name in before.__struct_fields__ if name not in changing]
    assert {name: getattr(after, name) for name in same} == {name: getattr(before, name) for name in same}
    assert after.history[-1].kind == "undone"
    assert after.history[-2].undone_at is not None


async def test_undo_goes_back_step_by_step_until_nothing_is_left(house: CallbackHouse) -> None:
    await do(house, "claim")
    await do(house, "note", "a note")
    await do(house, "snooze", "1h")
    assert [await do(house, "undo") for _ in range(3)] == ["snoozed", "noted", "claimed"]
    assert house.one().state == "open"
    with pytest.raises(Conflict, match="nothing to undo"):
        await do(house, "undo")


async def test_undo_of_an_attempt_leaves_those_of_calls(house: CallbackHouse) -> None:
    await do(house, "attempt", Outcome.BUSY)
    await house.take(ours(minute(5), "no_answer"))
    await do(house, "undo")
    assert (house.one().attempts, house.one().last_attempt_at) == (1, minute(5))


async def test_undo_of_a_closing_is_refused_once_the_person_waits_in_a_newer_one(house: CallbackHouse) -> None:
    first = house.one().id
    await do(house, "close", Reason.OTHER)
    await house.take(missed(minute(9)))
    for name in ("undo", "reopen"):
        with pytest.raises(Conflict, match="newer callback"):
            await do(house, name, key=first)


async def test_what_was_closed_by_hand_without_reaching_anybody_knows_nothing_of_a_later_report(
    house: CallbackHouse,
) -> None:
    house.at(minute(20))
    await do(house, "close", Reason.NOT_NEEDED)
    await house.take(missed(minute(10)))
    assert told(house.all()) == [("closed", 1, 0), ("open", 1, 0)], "nobody knew of that call when it was closed"


async def test_who_says_that_the_person_was_reached_answers_what_was_tried_before(house: CallbackHouse) -> None:
    house.at(minute(20))
    await do(house, "close", Reason.REACHED)
    await house.take(missed(minute(10)))
    assert told(house.all()) == [("reached_by_us", 2, 0)]


async def test_every_deed_stands_in_the_log_of_deeds(house: CallbackHouse) -> None:
    await do(house, "claim")
    await do(house, "note", "private words")
    await do(house, "close", Reason.SPAM)
    await do(house, "undo", who=None)
    query = select(Audit.actor, Audit.action, Audit.object_id, Audit.detail).order_by(Audit.id)
    rows = [tuple(row) for row in house.store.peek(lambda c: c.execute(query).all())]
    assert [row[:2] for row in rows] == [
        ("manager:m-anna", "callback.claimed"), ("manager:m-anna", "callback.noted"),
        ("manager:m-anna", "callback.closed"), ("console", "callback.undone"),
    ]  # fmt: skip
    assert {row[2] for row in rows} == {house.one().id}
    assert "private words" not in str(rows)
    assert house.store.peek(verify).broken_at is None


async def test_an_unknown_callback_is_not_found(house: CallbackHouse) -> None:
    with pytest.raises(NotFound, match="There is no callback 'nothing'"):
        await do(house, "claim", key="nothing")


async def test_a_refused_deed_leaves_nothing_behind(house: CallbackHouse) -> None:
    await do(house, "claim")
    before = house.store.peek(lambda c: c.execute(select(func.count(CallbackEvent.id))).scalar_one())
    with pytest.raises(Conflict):
        await do(house, "claim", who=BORIS)
    assert house.store.peek(lambda c: c.execute(select(func.count(CallbackEvent.id))).scalar_one()) == before


async def test_manager_who_rang_last_owns_it_and_who_spoke_is_named(house: CallbackHouse) -> None:
    await house.take(answered(minute(1)), missed(minute(10), rang=["101", "102"]), ours(minute(12), caller="102"))
    first, second = house.all()
    assert (first.owner.name, first.owner_rule) == ("Anna", "rang")  # type: ignore[union-attr]
    assert (second.owner.name, second.number) == ("Boris", IVAN)  # type: ignore[union-attr]
    assert second.history[-1].manager.name == "Boris"  # type: ignore[union-attr]
