"""What is remembered of past days is always what is stored, whoever changes it, and is not read twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, event, insert, update

from gateway.reports import facts
from gateway.reports.memory import FactMemory
from gateway.reports.scope import Scope
from gateway.storage.store import Store
from gateway.storage.tables import Base, Callback, CallbackTry, Interaction, Lead, StageChange, table_of
from tests.integration.reports.test_facts import _interaction, _lead, fill
from tests.unit.reports.facts import NOW, START, scope

EVERYTHING = (facts.leads, facts.calls, facts.duties, facts.moves)


def _set(model: type[Base], key: str, **values: Any) -> Any:
    table = table_of(model)
    return update(table).where(table.c.id == key).values(**values)


def _told(connection: Connection, asked: Scope) -> list[list[Any]]:
    return [list(read(connection, asked)) for read in EVERYTHING]


CHANGES = {
    "a call is told anew": _set(Interaction, "c1", outcome="answered", missed_reason=None),
    "a call came on another day": _set(Interaction, "c6", occurred_at=START + timedelta(hours=1)),
    "a call left the period": _set(Interaction, "c6", occurred_at=START - timedelta(days=60)),
    "a call was no call from outside": _set(Interaction, "c2", direction="outbound"),
    "a call's person is another": _set(Interaction, "c6", contact_id=None),
    "working hours were corrected": _set(Interaction, "c1", after_hours=False),
    "the call that opened a lead has another line": _set(Interaction, "c1", line="+74950000009"),
    "an answer belongs to another lead": _set(Interaction, "c2", lead_id="l2"),
    "an interaction is gone": delete(table_of(Interaction)).where(table_of(Interaction).c.id == "c2"),
    "a lead is won": _set(Lead, "l2", status="won", amount=7, currency="RUB"),
    "a lead was merged": _set(Lead, "l1", status="merged"),
    "a lead is gone": delete(table_of(Lead)).where(table_of(Lead).c.id == "l5"),
    "a callback is over": _set(Callback, "d1", state="closed", in_time=None),
    "two callbacks are one": _set(Callback, "d2", state="open", closed_at=None),
    "a try is gone": delete(table_of(CallbackTry)),
    "a callback is gone": delete(table_of(Callback)),
    "a stage is told again": delete(table_of(StageChange)),
    "a new lead": insert(table_of(Lead)).values(**_lead("l9", NOW - timedelta(days=3))),
    "a new call": insert(table_of(Interaction)).values(**_interaction("c9", NOW - timedelta(days=3))),
}


async def test_a_change_of_the_past_is_seen_at_once(any_store: Store) -> None:
    await any_store.write(fill)
    await any_store.write(_try_each)


def _try_each(connection: Connection) -> None:
    """Each change alone: it is taken back, and the next one meets a memory of its own."""
    for name, change in CHANGES.items():
        memory = FactMemory()
        before = _told(connection, scope(memory=memory))
        step = connection.begin_nested()
        connection.execute(change)
        after = _told(connection, scope(memory=memory))
        assert after == _told(connection, scope()), name
        assert after != before, f"{name}: a change that reports show"
        step.rollback()


def _do(change: Any) -> Callable[[Connection], None]:
    def unit(connection: Connection) -> None:
        connection.execute(change)

    return unit


async def test_days_that_did_not_change_are_not_read_again(any_store: Store) -> None:
    await any_store.write(fill)
    memory = FactMemory()
    statements: list[str] = []

    def tell(connection: Connection) -> list[list[Any]]:
        event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
        return _told(connection, scope(memory=memory))

    first = await any_store.read(tell)
    statements.clear()
    assert await any_store.read(tell) == first
    asked = [statement for statement in statements if "SELECT" in statement]
    assert len(asked) == len(EVERYTHING)
    assert all("report_day" in statement for statement in asked)
    await any_store.write(_do(CHANGES["a lead is won"]))
    statements.clear()
    await any_store.read(tell)
    assert sum("FROM lead" in statement for statement in statements) == 2, "one day, with its moves"
    assert not any("FROM callback" in statement for statement in statements)


async def test_memory_is_bounded_and_tells_the_same(store: Store) -> None:
    await store.write(fill)
    small = FactMemory(most=3)
    for _ in range(2):
        assert await store.read(lambda c: _told(c, scope(memory=small))) == await store.read(
            lambda c: _told(c, scope())
        )
    assert small._count <= 3
