"""What the reports read of both databases: exactly what the scope asks for, and every report is built from it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from gateway.reports import facts
from gateway.reports.catalogue import reports
from gateway.reports.money import spend
from gateway.reports.scope import Scope
from gateway.reports.table import TOTAL
from gateway.storage.store import Store
from gateway.storage.tables import (
    Callback,
    CallbackTry,
    Contact,
    Interaction,
    Lead,
    Manager,
    Outbox,
    Spend,
    StageChange,
)
from tests.unit.reports.facts import FIRST, LAST, NOW, START, scope

STAGES = [("new", "New"), ("paid", "Paid")]
BLANK: dict[str, Any] = {"fields": {}, "source": {}}


def _manager(name: str) -> dict[str, Any]:
    return {"id": name, "login": name, "name": name.upper(), "role": "manager", "extensions": [], "created_at": START}


def _interaction(number: str, at: datetime, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": number, "key": number, "channel": "call", "connector": "ami", "source_name": "office", "phase": "ended",
        "direction": "inbound", "kind": "message", "outcome": "answered", "line": "+74950000001", "handles": [],
        "attachments": [], "problems": [], "details": {}, "after_hours": False, "contact_id": "p1", "lead_id": None,
        "manager_id": "m1", "missed_reason": None, "wait_seconds": 4.0, "occurred_at": at, "received_at": at,
        "updated_at": at, **BLANK,
    }  # fmt: skip
    return {**values, **changes}


def _lead(number: str, at: datetime, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": number, "contact_id": None, "channel": "call", "status": "open", "stage": "new", "manager_id": "m1",
        "after_hours": False, "opened_by": None, "amount": None, "currency": None, "created_at": at, "updated_at": at,
        **BLANK,
    }  # fmt: skip
    return {**values, **changes}


def fill(connection: Connection) -> None:
    """Two managers, calls of three days, leads from advertising and from nowhere."""
    at, before, utm = NOW - timedelta(days=1), START - timedelta(seconds=1), {"source": "yandex", "medium": "cpc"}
    connection.execute(insert(Manager), [_manager("m1"), _manager("m2")])
    connection.execute(insert(Contact), [{"id": "p1", "name": None, "created_at": START, "updated_at": START}])
    leads = [
        _lead("l1", at, opened_by="c1", contact_id="p1", source={"utm": utm}, status="won", amount=500, currency="RUB"),
        _lead("l2", at + timedelta(minutes=1), opened_by="f1", channel="form", manager_id=None, after_hours=True),
        _lead("l3", at + timedelta(minutes=2), status="merged"),
        _lead("l4", before),
        _lead("l5", START, manager_id="m2", status="lost", stage="paid"),
    ]
    for row in leads:
        connection.execute(insert(Lead), row)
    calls = [
        _interaction("c1", at, outcome="missed", missed_reason="busy", manager_id=None, lead_id="l1", after_hours=True),
        _interaction("c2", at + timedelta(hours=1), lead_id="l1", line="+74950000002"),
        _interaction("c3", before),
        _interaction("c4", at, direction="outbound", outcome="no_answer", lead_id="l1"),
        _interaction("c5", at, phase="ringing", outcome=None),
        _interaction("c6", at + timedelta(hours=2), manager_id="m2", queue="500"),
        _interaction("f1", at, channel="form", connector="form", source_name="site", line="site", outcome=None),
        _interaction("x1", at, kind="part"),
    ]
    for row in calls:
        connection.execute(insert(Interaction), row)
    duty = {
        "id": "d1", "contact_id": "p1", "state": "reached_by_us", "reason": "busy", "channel": "call",
        "line": "+74950000001", "owner_id": "m1", "tries": 1, "first_at": at, "last_at": at, "waiting_since": at,
        "due_at": at + timedelta(hours=1), "in_time": True, "opened_at": at, "closed_at": at + timedelta(minutes=10),
        "updated_at": at,
    }  # fmt: skip
    connection.execute(insert(Callback), duty)
    connection.execute(insert(Callback), {**duty, "id": "d2", "state": "merged", "in_time": None})
    a_try = {"callback_id": "d1", "interaction_id": "c1", "at": at, "channel": "call", "reason": "busy"}
    connection.execute(insert(CallbackTry), a_try)
    connection.execute(insert(Spend), _spend())
    moved = {
        "lead_id": "l5", "from_stage": "new", "to_stage": "paid", "from_status": "open", "to_status": "lost",
        "actor": "manager:m2", "since": START, "at": at,
    }  # fmt: skip
    connection.execute(insert(StageChange), moved)
    push = {
        "crm": "x", "event_type": "lead.created", "message_id": "1", "order_key": "p1", "lead_id": "l1", "payload": {},
        "state": "dead", "due_at": at, "created_at": at, "updated_at": at,
    }  # fmt: skip
    connection.execute(insert(Outbox), push)


def _spend() -> dict[str, Any]:
    return {
        "id": "s1", "channel": "", "source": "yandex", "medium": "", "campaign": "", "first_day": FIRST,
        "last_day": LAST, "amount": 1400, "currency": "RUB", "created_by": "console", "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip


def ids(found: list[Any]) -> list[str]:
    return [fact.id for fact in found]


@pytest.mark.parametrize(
    ("asked", "leads", "calls"),
    [
        ({}, ["l5", "l1", "l2"], ["c1", "c2", "c6"]),
        ({"manager": "m2"}, ["l5"], ["c6"]),
        ({"manager": "none"}, ["l2"], ["c1"]),
        ({"seen_by": "m1"}, ["l1", "l2"], ["c1", "c2"]),
        ({"seen_by": "m2", "manager": "m1"}, [], []),
        ({"channel": "form"}, ["l2"], []),
        ({"line": "+74950000002"}, [], ["c2"]),
        ({"source": "yandex"}, ["l1"], ["c1", "c2", "c6"]),
        ({"when": "after"}, ["l2"], ["c1"]),
        ({"when": "working"}, ["l5", "l1"], ["c2", "c6"]),
        ({"first": date(2026, 11, 27)}, [], []),
        ({"last": date(2026, 11, 16)}, ["l5"], []),
    ],
)
async def test_the_scope_says_which_rows_count(
    any_store: Store, asked: dict[str, Any], leads: list[str], calls: list[str]
) -> None:
    await any_store.write(fill)
    wanted = scope(**asked)
    assert ids(await any_store.read(lambda c: facts.leads(c, wanted))) == leads
    assert ids(await any_store.read(lambda c: facts.calls(c, wanted))) == calls


async def test_facts_say_what_is_stored(any_store: Store) -> None:
    await any_store.write(fill)
    lead = (await any_store.read(lambda c: facts.leads(c, scope())))[1]
    assert (lead.source, lead.medium, lead.has_utm, lead.line) == ("yandex", "cpc", True, "+74950000001")
    assert lead.answered_at == NOW - timedelta(hours=23), "the answered call; what we tried in vain is no answer"
    site = (await any_store.read(lambda c: facts.leads(c, scope())))[2]
    assert (site.source, site.has_utm, site.line) == ("site", False, "site")
    call = (await any_store.read(lambda c: facts.calls(c, scope())))[0]
    assert (call.missed, call.reason, call.wait) == (True, "busy", 4.0)
    (duty,) = await any_store.read(lambda c: facts.duties(c, scope()))
    assert (duty.id, duty.after_hours, duty.in_time, duty.reached) == ("d1", True, True, True)
    assert ids(await any_store.read(lambda c: facts.duties(c, scope(when="working")))) == []
    (cost,) = await any_store.read(lambda c: spend(c, scope()))
    assert cost.within(FIRST, FIRST) == 100


async def test_every_report_is_built_and_each_of_its_numbers_opens_rows_that_exist(any_store: Store) -> None:
    await any_store.write(fill)
    known = {"lead": {"l1", "l2", "l5"}, "call": {"c1", "c2", "c6"}, "callback": {"d1"}, "spend": {"s1"}}
    asked: list[Scope] = [scope(), scope(clock="wall"), scope(first=date(2020, 1, 1), last=date(2020, 1, 2))]
    for report in reports(STAGES):
        for one in asked:
            table = await any_store.read(lambda c, r=report, s=one: r.build(c, s))  # type: ignore[misc]
            for line in [*table.lines, *([table.total] if table.total else [])]:
                for column, cell in zip(table.columns, line.cells, strict=True):
                    assert set(cell.rows) <= known[column.opens or "lead"], (report.key, line.key, column.key)
            assert any(column.key == report.charted for column in table.columns) or report.chart in {"none", "heat"}


async def test_what_a_crm_did_not_get_and_what_was_answered_is_counted(any_store: Store) -> None:
    await any_store.write(fill)
    by_key = {report.key: report for report in reports(STAGES)}
    quality = await any_store.read(lambda c: by_key["quality"].build(c, scope()))
    found = quality.cell("not_delivered", "count")
    assert found is not None
    assert found[1].rows == ("l1",)
    money = await any_store.read(lambda c: by_key["money"].build(c, scope()))
    total = money.cell(TOTAL, "roi")
    assert total is not None
    assert total[1].value == pytest.approx((500 - 1400) / 1400)


def test_the_days_of_a_scope_begin_at_the_companys_midnight() -> None:
    assert scope().since == datetime(2026, 11, 15, 21, tzinfo=UTC)
    assert scope().until == datetime(2026, 11, 29, 21, tzinfo=UTC)
