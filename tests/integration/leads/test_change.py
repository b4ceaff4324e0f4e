"""Leads that people change: what is stored, told and written down, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gateway.audit.log import verify
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.leads.change import LeadChange, NewAmount, change_lead
from gateway.leads.create import NewLead, open_lead
from gateway.leads.settings import LeadsSettings, StageSettings, TaskRuleSettings
from gateway.storage.store import Store
from gateway.storage.tables import Assignment, Audit, Change, Interaction, Lead, Note, StageChange, Task
from gateway.views.shapes import LeadView
from tests.support.clock import MONDAY
from tests.support.desk import KeptEvents, by, desk_of
from tests.support.seed import add_contact, add_interaction, add_lead, add_manager

HOUR = timedelta(hours=1)


def office(connection: Connection) -> None:
    add_manager(connection, "m-anna", "anna", name="Анна")
    add_manager(connection, "m-oleg", "oleg", name="Олег")
    add_manager(connection, "m-gone", "gone", disabled_at=MONDAY)
    add_contact(connection, "c-ivan", name="Иван", phones=["+79261234567"])
    add_contact(connection, "c-other", name="Другой")
    add_lead(connection, "l-ivan", "c-ivan", manager_id="m-anna", stage_since=MONDAY)


async def changed(store: Store, change: LeadChange, *, lead: str = "l-ivan", **options: Any) -> LeadView:
    desk, hand = options.pop("desk", desk_of()), options.pop("hand", by(at=MONDAY + HOUR))
    return await store.write(lambda c: change_lead(c, desk, lead, change, hand, **options))


async def rows(store: Store, table: Any) -> list[Any]:
    return await store.read(lambda c: list(c.execute(select(table).order_by(table.id)).all()))


async def test_a_stage_is_changed_and_the_time_in_the_old_one_is_kept(any_store: Store) -> None:
    await any_store.write(office)
    events = KeptEvents()
    lead = await changed(any_store, LeadChange(stage="offer"), desk=desk_of(events=events))
    assert (lead.stage, lead.status, lead.stage_since, lead.version) == ("offer", "open", MONDAY + HOUR, 2)
    (move,) = await rows(any_store, StageChange)
    assert (move.from_stage, move.to_stage, move.since, move.at) == ("new", "offer", MONDAY, MONDAY + HOUR)
    assert move.keep_until == MONDAY + HOUR + timedelta(days=365)
    assert events.types() == ["lead.updated"]
    assert events.events[0].order_key == "c-ivan"
    (deed,) = await rows(any_store, Audit)
    assert (deed.actor, deed.action, deed.object_id) == ("manager:m-anna", "lead.changed", "l-ivan")
    assert deed.detail["stage"] == ["new", "offer"]
    assert (await any_store.read(verify)).broken_at is None
    assert [change.kind for change in await rows(any_store, Change)][-1] == "lead.updated"


async def test_a_lead_is_won_lost_and_reopened(any_store: Store) -> None:
    await any_store.write(office)
    won = await changed(any_store, LeadChange(stage="paid"))
    assert (won.status, won.closed_at) == ("won", MONDAY + HOUR)
    lost = await changed(any_store, LeadChange(status="lost", reason="money back"))
    assert (lost.status, lost.stage, lost.reason) == ("lost", "contract", "money back")
    again = await changed(any_store, LeadChange(status="open"))
    assert (again.status, again.reason, again.closed_at, again.version) == ("open", None, None, 4)
    assert len(await rows(any_store, StageChange)) == 3


async def test_a_change_that_changes_nothing_writes_nothing(any_store: Store) -> None:
    await any_store.write(office)
    events = KeptEvents()
    lead = await changed(any_store, LeadChange(stage="new", manager="anna"), desk=desk_of(events=events))
    assert lead.version == 1
    assert (events.events, await rows(any_store, Audit)) == ([], [])


async def test_everything_is_changed_at_once_or_nothing_is(any_store: Store) -> None:
    await any_store.write(office)
    whole = LeadChange(
        stage="offer", manager="oleg", amount=NewAmount(amount="12 500,50"), subject=" Кухня ", note="ждёт звонка"
    )
    lead = await changed(any_store, whole)
    assert lead.amount is not None
    assert (lead.amount.amount, lead.amount.currency, lead.subject) == ("12500.50", "RUB", "Кухня")
    assert lead.manager is not None
    assert lead.manager.id == "m-oleg"
    deeds = await rows(any_store, Audit)
    assert [deed.action for deed in deeds] == ["lead.changed", "note.added"]
    assert "Кухня" not in str([deed.detail for deed in deeds])
    assert "ждёт" not in str([deed.detail for deed in deeds])
    assert [(note.text, note.author) for note in await rows(any_store, Note)] == [("ждёт звонка", "manager:m-anna")]
    (given,) = await rows(any_store, Assignment)
    assert (given.before_id, given.manager_id, given.rule, given.actor) == (
        "m-anna",
        "m-oleg",
        "person",
        "manager:m-anna",
    )
    with pytest.raises(NotPossible, match="no manager"):
        await changed(any_store, LeadChange(stage="contract", note="x", manager="nobody"))
    assert (await rows(any_store, Lead))[0].stage == "offer"
    assert len(await rows(any_store, Note)) == 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (LeadChange(stage="nowhere"), NotPossible, "no stage"),
        (LeadChange(status="lost"), NotPossible, "Say why"),
        (LeadChange(manager="gone"), NotPossible, "disabled"),
        (LeadChange(amount=NewAmount(amount="-1")), NotPossible, "below zero"),
        (LeadChange(amount=NewAmount(amount="1", currency="rub")), NotPossible, "currency code"),
        (LeadChange(contact="c-none"), NotPossible, "no contact"),
        (LeadChange(note="  "), NotPossible, "note is empty"),
        (LeadChange(note="x" * 20_001), NotPossible, "20000"),
        (LeadChange(version=7, stage="offer"), Conflict, "load it again"),
    ],
)
async def test_changes_that_cant_be_are_refused(
    store: Store, change: LeadChange, error: type[Exception], words: str
) -> None:
    await store.write(office)
    with pytest.raises(error, match=words):
        await changed(store, change)
    assert (await rows(store, Lead))[0].version == 1


async def test_a_lead_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await changed(store, LeadChange(stage="offer"), lead="none")


async def test_of_two_managers_at_once_one_is_told_that_the_other_was_faster(any_store: Store) -> None:
    await any_store.write(office)
    tries = [
        changed(any_store, LeadChange(stage=stage), hand=by(who, at=MONDAY + HOUR), version=1)
        for who, stage in (("m-anna", "offer"), ("m-oleg", "qualified"), ("m-anna", "contract"))
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    done = [result for result in results if isinstance(result, LeadView)]
    refused = [result for result in results if isinstance(result, Conflict)]
    assert (len(done), len(refused)) == (1, 2)
    assert (await rows(any_store, Lead))[0].stage == done[0].stage
    winner = "Анна" if done[0].stage in {"offer", "contract"} else "Олег"
    assert all(f"{winner} changed it 0 seconds ago" in str(conflict) for conflict in refused)


async def test_what_comes_in_meanwhile_is_no_conflict(store: Store) -> None:
    await store.write(office)
    await store.write(lambda c: c.execute(Lead.__table__.update().values(updated_at=MONDAY + HOUR)))  # type: ignore[attr-defined]
    assert (await changed(store, LeadChange(stage="offer"), version=1)).version == 2


async def test_a_person_with_an_open_lead_gets_no_second_one(any_store: Store) -> None:
    await any_store.write(office)
    await any_store.write(lambda c: add_lead(c, "l-old", "c-ivan", status="lost"))
    await any_store.write(lambda c: add_lead(c, "l-withheld", None))
    with pytest.raises(Conflict, match="l-ivan"):
        await changed(any_store, LeadChange(status="open"), lead="l-old")
    with pytest.raises(Conflict, match="l-ivan"):
        await changed(any_store, LeadChange(contact="c-ivan"), lead="l-withheld")
    with pytest.raises(Conflict, match="l-ivan"):
        await any_store.write(lambda c: open_lead(c, desk_of(), NewLead(contact="c-ivan"), by()))


async def test_a_withheld_caller_gets_his_contact_with_his_calls(any_store: Store) -> None:
    await any_store.write(office)
    await any_store.write(lambda c: add_lead(c, "l-withheld", None))
    await any_store.write(lambda c: add_interaction(c, "i-1", channel="call", lead_id="l-withheld"))
    lead = await changed(any_store, LeadChange(contact="c-other"), lead="l-withheld")
    assert lead.contact is not None
    assert lead.contact.id == "c-other"
    assert (await rows(any_store, Interaction))[0].contact_id == "c-other"


async def test_a_lead_is_opened_from_a_missed_call(any_store: Store) -> None:
    await any_store.write(office)
    source = {"name": "line 1", "utm": {"source": "yandex"}}
    await any_store.write(
        lambda c: add_interaction(c, "i-1", channel="call", contact_id="c-other", after_hours=True, source=source)
    )
    events = KeptEvents()
    new = NewLead(interaction="i-1", subject="Перезвонить", note="занято")
    lead = await any_store.write(lambda c: open_lead(c, desk_of(events=events), new, by(new_id=iter_ids())))
    assert (lead.channel, lead.stage, lead.after_hours, lead.interactions) == ("call", "new", True, ["i-1"])
    assert (lead.source.name, lead.source.utm) == ("line 1", {"source": "yandex"})
    assert lead.manager is not None
    assert lead.manager.id == "m-anna"
    assert events.types() == ["lead.created"]
    with pytest.raises(Conflict, match="belongs to the lead"):
        await any_store.write(lambda c: open_lead(c, desk_of(), NewLead(interaction="i-1"), by()))


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (NewLead(), "for whom"),
        (NewLead(interaction="none"), "no interaction"),
        (NewLead(contact="none"), "no contact"),
        (NewLead(contact="c-other", manager="none"), "no manager"),
        (NewLead(contact="c-other", amount=NewAmount(amount="x")), "no amount"),
    ],
)
async def test_leads_for_nobody_are_not_opened(store: Store, new: NewLead, words: str) -> None:
    await store.write(office)
    with pytest.raises(NotPossible, match=words):
        await store.write(lambda c: open_lead(c, desk_of(), new, by()))


def iter_ids() -> Any:
    numbers = iter(range(1000))
    return lambda: f"new-{next(numbers)}"


RULES = LeadsSettings(
    stage=tuple(StageSettings(key=key, won=key == "paid") for key in ("new", "offer", "paid")),
    task=(
        TaskRuleSettings(name="welcome", when="opened", after="1h", text="Познакомиться", kind="write"),
        TaskRuleSettings(name="first", stage="new", text="Позвонить"),
        TaskRuleSettings(name="after-offer", stage="offer", after="3d", text="Узнать решение"),
    ),
)


async def open_tasks(store: Store) -> list[tuple[str, str]]:
    return [(task.rule, task.status) for task in await rows(store, Task)]


async def test_three_days_after_the_offer_a_call_is_due_unless_the_lead_went_on(any_store: Store) -> None:
    await any_store.write(office)
    desk, ids = desk_of(RULES), iter_ids()
    lead = await any_store.write(lambda c: open_lead(c, desk, NewLead(contact="c-other"), by(new_id=ids)))
    assert await open_tasks(any_store) == [("welcome", "open"), ("first", "open")]
    await changed(any_store, LeadChange(stage="offer"), lead=lead.id, desk=desk, hand=by(new_id=ids, at=MONDAY + HOUR))
    assert await open_tasks(any_store) == [("welcome", "open"), ("first", "void"), ("after-offer", "open")]
    call = (await rows(any_store, Task))[2]
    assert (call.due_at, call.owner_id, call.kind, call.created_by) == (
        MONDAY + HOUR + timedelta(days=3),
        "m-anna",
        "call",
        "gateway",
    )
    won = LeadChange(stage="paid")
    await changed(any_store, won, lead=lead.id, desk=desk, hand=by(new_id=ids, at=MONDAY + 2 * HOUR))
    assert [status for _, status in await open_tasks(any_store)] == ["void", "void", "void"]


async def test_a_lead_that_comes_back_to_a_stage_gets_its_task_again(store: Store) -> None:
    await store.write(office)
    desk, ids = desk_of(RULES), iter_ids()
    for hour, stage in enumerate(("offer", "new", "offer"), start=1):
        hand = by(new_id=ids, at=MONDAY + hour * HOUR)
        await changed(store, LeadChange(stage=stage), desk=desk, hand=hand)
    assert await open_tasks(store) == [("after-offer", "void"), ("first", "void"), ("after-offer", "open")]


async def test_open_tasks_go_to_the_new_owner_with_the_lead(store: Store) -> None:
    await store.write(office)
    desk, ids = desk_of(RULES), iter_ids()
    await changed(store, LeadChange(stage="offer"), desk=desk, hand=by(new_id=ids, at=MONDAY))
    await changed(store, LeadChange(manager="oleg"), desk=desk, hand=by(new_id=ids, at=MONDAY + HOUR))
    assert [task.owner_id for task in await rows(store, Task)] == ["m-oleg"]
