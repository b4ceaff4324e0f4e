"""The main lists are read through an index, in its order: they stay quick at a million rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from gateway.storage.store import Store
from gateway.web.queries.changes import changes_after, feed_ends
from gateway.web.queries.deliveries import deliveries_page
from gateway.web.queries.filters import Filters, Position
from gateway.web.queries.interactions import interactions_page
from gateway.web.queries.leadcard import history
from gateway.web.queries.leads import leads_page
from gateway.web.queries.people import contacts_page
from gateway.web.sessions import session_of
from tests.support.clock import MONDAY

LATER = Filters(after=Position(MONDAY, "x"))


def plan(connection: Connection, query: Callable[[Connection], Any]) -> list[str]:
    """SQLite's plan of the first statement that ``query`` runs."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    query(connection)
    event.remove(connection, "before_cursor_execute", note)
    statement, parameters = next(each for each in statements if each[0].startswith("SELECT"))
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [row[3] for row in rows]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda c: leads_page(c, Filters()), "ix_lead_created_at"),
        (lambda c: leads_page(c, LATER), "ix_lead_created_at"),
        (lambda c: leads_page(c, Filters(since=MONDAY, until=MONDAY)), "ix_lead_created_at"),
        (lambda c: leads_page(c, Filters(status="open")), "ix_lead_status_created_at"),
        (lambda c: interactions_page(c, Filters()), "ix_interaction_occurred_at"),
        (lambda c: interactions_page(c, LATER), "ix_interaction_occurred_at"),
        (lambda c: contacts_page(c, Filters()), "ix_contact_created_at"),
        (lambda c: deliveries_page(c, Filters(), None), "outbox"),
        (lambda c: changes_after(c, 5, 10), "change USING INTEGER PRIMARY KEY"),
        (feed_ends, "change"),
        (lambda c: session_of(c, "x", now=MONDAY, idle=MONDAY - MONDAY), "session"),
    ],
)
async def test_a_main_list_is_read_in_the_order_of_an_index(
    store: Store, query: Callable[[Connection], Any], index: str
) -> None:
    steps = await store.read(lambda c: plan(c, query))
    assert any(index in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda c: leads_page(c, Filters(phone="+79261234567")), "ix_lead_contact_id"),
        (lambda c: interactions_page(c, Filters(email="a@b.example")), "ix_interaction_contact_id"),
        (lambda c: history(c, "l-1", None), "ix_interaction_lead_id"),
        (lambda c: history(c, "l-1", "c-1"), "ix_interaction_lead_id"),
    ],
)
async def test_one_persons_rows_are_found_by_their_index(
    store: Store, query: Callable[[Connection], Any], index: str
) -> None:
    steps = await store.read(lambda c: plan(c, query))
    assert any(index in step for step in steps), steps
    assert not any(step.startswith("SCAN") for step in steps), steps


async def test_the_planner_knows_the_tables(store: Store) -> None:
    """Guards the tests above: the plans are those of a real, migrated SQLite."""
    names = await store.read(
        lambda c: c.execute(text("SELECT name FROM sqlite_master WHERE type = 'index'")).scalars().all()
    )
    assert {"ix_lead_created_at", "ix_interaction_occurred_at"} <= set(names)
