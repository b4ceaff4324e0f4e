"""The chain of deeds: whole after any use, broken by any meddling, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from gateway.audit.log import CONSOLE, START, Deed, manager_actor, record, verify
from gateway.storage.store import Store
from gateway.storage.tables import Audit
from tests.support.clock import MONDAY


def _deed(number: int) -> Deed:
    detail = {"from": "новый", "to": f"stage {number}", "z": [1, 2.5, None], "a": True}
    return Deed(
        actor=manager_actor("m1"), action="lead.stage", object_kind="lead", object_id=f"l{number}", detail=detail
    )


async def _write_ten(store: Store) -> None:
    for number in range(10):
        await store.write(lambda c, n=number: record(c, _deed(n), MONDAY))  # type: ignore[misc]


async def test_an_empty_log_is_whole(any_store: Store) -> None:
    found = await any_store.read(verify)
    assert (found.rows, found.newest, found.broken_at) == (0, START, None)


async def test_what_was_written_is_whole_and_says_who_did_what(any_store: Store) -> None:
    await _write_ten(any_store)
    await any_store.write(lambda c: record(c, Deed(actor=CONSOLE, action="outbox.dropped"), MONDAY))
    found = await any_store.read(verify)
    assert (found.rows, found.broken_at) == (11, None)
    rows = await any_store.read(lambda c: c.execute(select(Audit.actor, Audit.object_id).order_by(Audit.id)).all())
    assert [tuple(row) for row in rows][-2:] == [("manager:m1", "l9"), ("console", None)]


async def test_deeds_written_at_once_make_one_chain(any_store: Store) -> None:
    await asyncio.gather(*(any_store.write(lambda c, n=n: record(c, _deed(n), MONDAY)) for n in range(30)))  # type: ignore[misc]
    found = await any_store.read(verify)
    assert (found.rows, found.broken_at) == (30, None)


async def test_a_deed_whose_work_is_rolled_back_is_not_written(any_store: Store) -> None:
    def fails(connection: Connection) -> None:
        record(connection, _deed(1), MONDAY)
        raise RuntimeError("the deed failed")

    with pytest.raises(RuntimeError, match="the deed failed"):
        await any_store.write(fails)
    assert (await any_store.read(verify)).rows == 0


def _alter(connection: Connection) -> None:
    connection.execute(update(Audit).where(Audit.id == 4).values(detail={"from": "new", "to": "paid"}))


def _other_person(connection: Connection) -> None:
    connection.execute(update(Audit).where(Audit.id == 4).values(actor="manager:m2"))


def _other_time(connection: Connection) -> None:
    connection.execute(update(Audit).where(Audit.id == 4).values(at=MONDAY.replace(microsecond=1)))


def _remove(connection: Connection) -> None:
    connection.execute(delete(Audit).where(Audit.id == 4))


def _forge(connection: Connection) -> None:
    row: dict[str, Any] = {"id": 99, "at": MONDAY, "actor": "manager:m1", "action": "x", "detail": {}, "hash": "f" * 64}
    connection.execute(insert(Audit), row)


@pytest.mark.parametrize(
    ("meddle", "broken_at"), [(_alter, 4), (_other_person, 4), (_other_time, 4), (_remove, 5), (_forge, 99)]
)
async def test_meddling_is_found_at_the_first_row_that_does_not_fit(store: Store, meddle: Any, broken_at: int) -> None:
    await _write_ten(store)
    await store.write(meddle)
    assert (await store.read(verify)).broken_at == broken_at
