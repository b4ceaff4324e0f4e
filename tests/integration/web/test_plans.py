"""The main lists are read through an index, in its order: they stay quick at a million rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from gateway.reports.catalogue import reports
from gateway.storage.store import Store
from gateway.web.queries.callbacks import board, board_counts, callbacks_page
from gateway.web.queries.changes import changes_after, feed_ends
from gateway.web.queries.contacts import ContactFilters, contact_card, contact_list
from gateway.web.queries.deliveries import deliveries_page
from gateway.web.queries.filters import Filters, Position
from gateway.web.queries.interactions import calls_page, interactions_page
from gateway.web.queries.leadcard import history, lead_card
from gateway.web.queries.leads import leads_page
from gateway.web.queries.people import contacts_page
from gateway.web.queries.pipeline import stage_board
from gateway.web.queries.tasks import DONE, LATER, OVERDUE, TODAY, Times, tasks_of
from gateway.web.queries.work import documents_page, tasks_page
from gateway.web.sessions import session_of
from tests.support.clock import MONDAY
from tests.unit.reports.facts import scope

NEXT_PAGE = Filters(after=Position(MONDAY, "x"))
STAGES = [("new", "New"), ("paid", "Paid")]
TIMES = Times(now=MONDAY, tomorrow=MONDAY)


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
        (lambda c: leads_page(c, NEXT_PAGE), "ix_lead_created_at"),
        (lambda c: leads_page(c, Filters(since=MONDAY, until=MONDAY)), "ix_lead_created_at"),
        (lambda c: leads_page(c, Filters(status="open")), "ix_lead_status_created_at"),
        (lambda c: interactions_page(c, Filters()), "ix_interaction_occurred_at"),
        (lambda c: interactions_page(c, NEXT_PAGE), "ix_interaction_occurred_at"),
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


GROWING = {
    "interaction", "lead", "contact", "contact_handle", "callback", "callback_try", "callback_event", "stage_change",
    "outbox", "task", "note", "document", "journal", "audit", "change", "assignment",
}  # fmt: skip
"""Tables that have more rows with each day."""


def all_plans(connection: Connection, query: Callable[[Connection], Any]) -> list[str]:
    """The steps of every statement that ``query`` runs, each with its statement."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    query(connection)
    event.remove(connection, "before_cursor_execute", note)
    return [
        f"{row[3]} <- {' '.join(statement.split())}"
        for statement, parameters in asked
        if statement.startswith("SELECT")
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    ]


def _scanned(step: str) -> str | None:
    """The growing table that a step reads from end to end."""
    words = step.split()
    return words[1] if words[0] == "SCAN" and words[1] in GROWING else None


@pytest.mark.parametrize("key", [report.key for report in reports(STAGES)])
async def test_a_report_reads_the_days_it_is_about(store: Store, key: str) -> None:
    report = next(one for one in reports(STAGES) if one.key == key)
    steps = await store.read(lambda c: all_plans(c, lambda reading: report.build(reading, scope())))
    assert steps
    assert [step for step in steps if _scanned(step)] == []


NOW = Filters(now=MONDAY)
LISTS: dict[str, Callable[[Connection], Any]] = {
    "board": lambda c: board(c, NOW),
    "board of one": lambda c: board(c, Filters(now=MONDAY, seen_by="m1")),
    "board counts": lambda c: board_counts(c, NOW, manager_id="m1"),
    "callbacks": lambda c: callbacks_page(c, NOW),
    "leads of one": lambda c: leads_page(c, Filters(seen_by="m1")),
    "lead card": lambda c: lead_card(c, "l1", NOW),
    "pipeline": lambda c: stage_board(c, ["new", "paid"], Filters()),
    "calls": lambda c: calls_page(c, Filters()),
    "missed calls": lambda c: calls_page(c, Filters(status="missed")),
    "contacts": lambda c: contact_list(c, ContactFilters()),
    "contact card": lambda c: contact_card(c, "p1", NOW, talks=20, leads=20),
    "tasks of the API": lambda c: tasks_page(c, Filters()),
    "documents": lambda c: documents_page(c, Filters()),
    "deliveries": lambda c: deliveries_page(c, Filters(), None),
    **{
        f"tasks {group}": lambda c, group=group: tasks_of(c, group, Filters(), TIMES)  # type: ignore[misc]
        for group in (OVERDUE, TODAY, LATER, DONE)
    },
}


@pytest.mark.parametrize("query", LISTS.values(), ids=list(LISTS))
async def test_a_list_reads_no_growing_table_but_in_its_own_order(
    store: Store, query: Callable[[Connection], Any]
) -> None:
    """A scan that ends with the page is no harm: the list's own order needs no sorting."""
    steps = await store.read(lambda c: all_plans(c, query))
    assert steps
    sorted_ones = {step.partition(" <- ")[2] for step in steps if "TEMP B-TREE FOR ORDER BY" in step}
    bad = [
        step for step in steps if _scanned(step) and (" LIMIT " not in step or step.partition(" <- ")[2] in sorted_ones)
    ]
    assert bad == []
