"""The book of calls that managers asked for, in a real database: who may, how many, and nothing without the audit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from gateway.audit.log import verify
from gateway.capture.outcalls import OutcallFollower, StoredOutcalls
from gateway.core.outcalls import AskedCall, CallRequest, CallState, Originated, Refusal
from gateway.core.placement import Placement
from gateway.core.types import Channel, Direction, Draft, Phase
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Change, Contact, Manager, Outcall
from tests.support.clock import MONDAY
from tests.support.seed import add_interaction

KEEP = timedelta(days=730)
NUMBER = "+79261234567"


def asked(number: int = 1, at: datetime = MONDAY, **changes: Any) -> AskedCall:
    request = CallRequest(manager_id=changes.pop("manager", "m-anna"), number="8 926 123-45-67", **changes)
    return AskedCall(
        id=f"o-{number}", request=request, pbx="office", number=NUMBER, per_hour=3, refusal=None, at=at
    )  # fmt: skip


def seed(connection: Any) -> None:
    plain = {"role": "manager", "extensions": ["101", "102"], "created_at": MONDAY}
    for row in (
        {"id": "m-anna", "login": "anna", "name": "Anna"},
        {"id": "m-none", "login": "none", "name": "No phone", "extensions": []},
        {"id": "m-gone", "login": "gone", "name": "Gone", "disabled_at": MONDAY},
        {"id": "m-look", "login": "look", "name": "Looks", "role": "auditor"},
    ):
        connection.execute(insert(Manager), plain | row)
    connection.execute(insert(Contact), {"id": "c-1", "created_at": MONDAY, "updated_at": MONDAY})
    add_interaction(connection, "i-1", channel="call")


@pytest.fixture
async def people(store: Store) -> Store:
    await store.write(seed)
    return store


@pytest.fixture
def book(people: Store) -> StoredOutcalls:
    return StoredOutcalls(people, keep=KEEP)


async def rows(store: Store) -> list[Any]:
    return list(await store.read(lambda c: c.execute(select(Outcall).order_by(Outcall.id)).all()))


async def deeds(store: Store) -> list[Any]:
    return list(await store.read(lambda c: c.execute(select(Audit).order_by(Audit.id)).all()))


async def admitted(book: StoredOutcalls, calls: Iterable[AskedCall]) -> list[Originated]:
    """Each admitted, and over at once."""
    done = []
    for call in calls:
        done.append(await book.admit(call))
        await book.settle(call.id, CallState.CALLING_CUSTOMER, None, call.at)
    return done


async def test_a_call_is_written_down_with_its_audit_in_one_transaction(book: StoredOutcalls, people: Store) -> None:
    call = await book.admit(asked(contact_id="c-1", callback_id="cb-1"))
    assert (call.state, call.extension) == (CallState.CALLING_MANAGER, "101")
    (row,) = await rows(people)
    assert (row.manager_id, row.number, row.contact_id, row.callback_id) == ("m-anna", NUMBER, "c-1", "cb-1")
    assert row.keep_until == MONDAY + KEEP
    (deed,) = await deeds(people)
    assert (deed.actor, deed.action, deed.object_kind, deed.object_id) == (
        "manager:m-anna", "call.originated", "outcall", "o-1",
    )  # fmt: skip
    assert deed.detail == {
        "manager": "m-anna", "pbx": "office", "extension": "101", "number": NUMBER, "contact_id": "c-1",
        "callback_id": "cb-1",
    }  # fmt: skip
    assert (await people.read(verify)).broken_at is None


async def test_a_program_that_asks_is_named_in_the_audit(book: StoredOutcalls, people: Store) -> None:
    await book.admit(asked(actor="token:t-1"))
    (deed,) = await deeds(people)
    assert deed.actor == "token:t-1"
    assert deed.detail["manager"] == "m-anna"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"manager": "m-nobody"}, "unknown_manager"),
        ({"manager": "m-gone"}, "unknown_manager"),
        ({"manager": "m-look"}, "role"),
        ({"manager": "m-none"}, "no_extension"),
        ({"extension": "103"}, "not_your_extension"),
        ({"contact_id": "c-nobody"}, "unknown_contact"),
        ({"contact_id": "c-\x00"}, "unknown_contact"),
    ],
)
async def test_who_may_not_is_refused_and_the_refusal_written_down(
    book: StoredOutcalls, people: Store, changes: dict[str, Any], code: str
) -> None:
    call = await book.admit(asked(**changes))
    assert (call.state, call.code) == (CallState.REFUSED, code)
    assert call.reason
    (row,) = await rows(people)
    (deed,) = await deeds(people)
    assert (row.state, row.code) == ("refused", code)
    assert (deed.action, deed.detail["code"]) == ("call.refused", code)


async def test_a_refusal_of_the_rules_is_written_down_too(book: StoredOutcalls, people: Store) -> None:
    refusal = Refusal(code="emergency_number", reason="Dial it on the phone itself.")
    call = await book.admit(replace(asked(), refusal=refusal, number="112"))
    assert (call.code, call.reason) == ("emergency_number", refusal.reason)
    assert [deed.action for deed in await deeds(people)] == ["call.refused"]


async def test_the_second_phone_may_be_chosen(book: StoredOutcalls) -> None:
    assert (await book.admit(asked(extension="102"))).extension == "102"


async def test_a_second_click_while_the_phone_rings_makes_no_second_call(book: StoredOutcalls) -> None:
    await book.admit(asked(1))
    second = await book.admit(asked(2, MONDAY + timedelta(seconds=1)))
    assert second.code == "already_calling"
    await book.settle("o-1", CallState.MANAGER_NO_ANSWER, None, MONDAY)
    assert (await book.admit(asked(3, MONDAY + timedelta(seconds=2)))).state is CallState.CALLING_MANAGER


async def test_a_call_left_open_by_a_fault_does_not_block_its_manager_for_ever(book: StoredOutcalls) -> None:
    await book.admit(asked(1))
    assert (await book.admit(asked(2, MONDAY + timedelta(minutes=4)))).state is CallState.CALLING_MANAGER


async def test_the_limit_holds_over_a_restart_and_ends_with_the_hour(book: StoredOutcalls, people: Store) -> None:
    made = await admitted(book, [asked(n, MONDAY + timedelta(minutes=n)) for n in (1, 2, 3)])
    assert {call.state for call in made} == {CallState.CALLING_MANAGER}
    again = StoredOutcalls(people, keep=KEEP)
    (fourth,) = await admitted(again, [asked(4, MONDAY + timedelta(minutes=59))])
    assert fourth.code == "too_many_calls"
    assert "3 calls" in str(fourth.reason)
    (later,) = await admitted(again, [asked(5, MONDAY + timedelta(minutes=62))])
    assert later.state is CallState.CALLING_MANAGER


async def test_what_was_refused_does_not_count(book: StoredOutcalls) -> None:
    refusal = Refusal(code="bad_number", reason="No.")
    for n in range(10):
        await book.admit(replace(asked(n), refusal=refusal))
    assert (await book.admit(asked(11))).state is CallState.CALLING_MANAGER


async def test_what_became_of_it_is_stored_and_told_live(people: Store) -> None:
    told: list[int] = []
    book = StoredOutcalls(people, keep=None, on_change=lambda: told.append(1))
    await book.admit(asked())
    await book.settle("o-1", CallState.FAILED, Refusal(code="no_right", reason="May not."), MONDAY)
    (row,) = await rows(people)
    assert (row.state, row.code, row.reason, row.keep_until) == ("failed", "no_right", "May not.", None)
    assert told == [1]
    assert [deed.action for deed in await deeds(people)] == ["call.originated", "call.failed"]
    kinds = await people.read(lambda c: c.execute(select(Change.kind, Change.object_id)).all())
    assert [tuple(kind) for kind in kinds] == [("outcall.updated", "o-1")] * 2


async def test_a_restart_marks_what_was_open(book: StoredOutcalls, people: Store) -> None:
    await book.admit(asked(1))
    await book.settle("o-1", CallState.MANAGER_BUSY, None, MONDAY)
    await book.admit(asked(2))
    await book.abandon(MONDAY)
    assert [(row.state, row.code) for row in await rows(people)] == [("manager_busy", None), ("unknown", "restarted")]


def placed(details: dict[str, Any], channel: Channel = Channel.CALL) -> Placement:
    draft = Draft(direction=Direction.OUTBOUND, phase=Phase.ENDED, occurred_at=MONDAY, details=details)
    return Placement(
        interaction_id="i-1", connector="ami", channel=channel, draft=draft, contact_id=None, lead_id=None,
        lead_opened=False, after_hours=None, is_history=False, at=MONDAY, new_id=lambda: "x", keep_until=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("placement", "tied"),
    [
        (placed({"facts": {"request": "o-1"}}), "i-1"),
        (placed({"facts": {"request": "o-2"}}), None),
        (placed({"facts": {}}), None),
        (placed({}), None),
        (placed({"facts": {"request": 7}}), None),
        (placed({"facts": {"request": "o-1"}}, Channel.FORM), None),
    ],
)
async def test_the_call_that_the_pbx_tells_of_is_tied_to_the_wish(
    book: StoredOutcalls, people: Store, placement: Placement, tied: str | None
) -> None:
    await book.admit(asked())
    follower = OutcallFollower()
    for _ in range(2):  # ringing, ended
        assert await people.write(lambda c: follower.follow(c, placement)) == ()
    (row,) = await rows(people)
    assert row.interaction_id == tied


async def test_both_databases_keep_the_book(any_store: Store) -> None:
    await any_store.write(seed)
    book = StoredOutcalls(any_store, keep=KEEP)
    calls = await admitted(book, [asked(n, MONDAY + timedelta(minutes=n), contact_id="c-1") for n in (1, 2, 3, 4)])
    assert [call.code for call in calls] == [None, None, None, "too_many_calls"]
    await any_store.write(lambda c: OutcallFollower().follow(c, placed({"facts": {"request": "o-2"}})))
    await book.abandon(MONDAY)
    assert [(row.state, row.interaction_id) for row in await rows(any_store)][:2] == [
        ("calling_customer", None),
        ("calling_customer", "i-1"),
    ]
    assert (await any_store.read(verify)).rows == 4
