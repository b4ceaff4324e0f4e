"""The figures of the reports against a slow, obvious recomputation, and cases that a person can check by head."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.reports.calls import after_hours_table, days_table, figures, heat_share_table, heat_table, parts_of
from gateway.reports.calls import table_by as calls_by
from gateway.reports.duties import breaches_table, callbacks_table, response_table, tries_table
from gateway.reports.facts import CallFact, DutyFact, LeadFact, MoveFact
from gateway.reports.funnel import funnel_table
from gateway.reports.leads import managers_table, quality_table
from gateway.reports.leads import table_by as leads_by
from gateway.reports.money import SpendFact, money_table
from gateway.reports.numbers import median, percentile
from gateway.reports.table import TOTAL, Table
from tests.unit.reports.facts import FIRST, NOW, call, duty, lead, scope, some_calls, some_duties, some_leads

NAMES = {"m1": "Анна", "m2": "Борис"}
FEW = settings(max_examples=60, deadline=None)


def value(table: Table, line: str, column: str) -> float | None:
    found = table.cell(line, column)
    assert found is not None, (line, column)
    return found[1].value


def rows(table: Table, line: str, column: str) -> set[str]:
    found = table.cell(line, column)
    assert found is not None, (line, column)
    return set(found[1].rows)


@given(st.lists(st.floats(0, 1000), max_size=30), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
@FEW
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    fitting = [v for v in values if sum(other <= v for other in values) >= share * len(values)]
    assert found == (min(fitting) if values else None)


def test_a_median_is_one_of_the_values() -> None:
    assert median([60, 1, 2]) == 2
    assert median([1, 2, 3, 400]) == 2
    assert median([]) is None


def check_counts(table: Table) -> None:
    """A number that counts is the number of its rows, none of them twice."""
    for line in [*table.lines, *([table.total] if table.total else [])]:
        assert len(line.cells) == len(table.columns)
        for column, cell in zip(table.columns, line.cells, strict=True):
            assert len(set(cell.rows)) == len(cell.rows)
            if column.unit == "count":
                assert cell.value == len(cell.rows), (line.key, column.key)
            if column.unit == "share" and column.key != "roi" and cell.value is not None:
                assert 0 <= cell.value <= 1, (line.key, column.key)


@given(some_calls())
@FEW
def test_calls_by_line_and_day_and_hour_agree_with_counting_by_hand(facts: list[CallFact]) -> None:
    facts = sorted(facts, key=lambda c: c.at)  # as they are read
    by_line, by_day, heat = calls_by(facts, lambda c: c.line), days_table(facts, scope()), heat_table(facts, scope())
    for table in (by_line, by_day, heat, heat_share_table(facts, scope())):
        check_counts(table)
    missed = {c.id for c in facts if c.outcome in {"missed", "no_answer", "busy"}}
    assert rows(by_line, TOTAL, "missed") == rows(by_day, TOTAL, "missed") == missed
    for line in {c.line for c in facts}:
        own = [c for c in facts if c.line == line]
        assert value(by_line, line or "none", "all") == len(own)
        assert value(by_line, line or "none", "callers") == len({c.contact_id or c.id for c in own})
    assert sum(cell.value or 0 for line in heat.lines for cell in line.cells) == len(facts)
    for fact in facts:
        moscow = fact.at + timedelta(hours=3)
        assert fact.id in rows(heat, str(moscow.weekday()), str(moscow.hour))
        assert fact.id in rows(by_day, moscow.date().isoformat(), "all")


@given(some_calls())
@FEW
def test_the_days_together_are_counted_as_if_they_were_one(facts: list[CallFact]) -> None:
    facts = sorted(facts, key=lambda c: c.at)
    total = days_table(facts, scope()).total
    assert total is not None
    whole = figures(parts_of(facts))
    assert [(cell.value, cell.rows) for cell in total.cells] == [(cell.value, cell.rows) for cell in whole]


@given(some_duties())
@FEW
def test_callbacks_agree_with_counting_by_hand(facts: list[DutyFact]) -> None:
    table, answer = callbacks_table(facts, NAMES, scope()), response_table(facts, scope(clock="wall"))
    breaches, tries = breaches_table(facts, NAMES, scope()), tries_table(facts)
    for each in (table, answer, breaches, tries):
        check_counts(each)
    whole = {d.id for d in facts}
    parts = [rows(table, TOTAL, key) for key in ("in_time", "late", "client", "closed", "open")]
    assert set().union(*parts) == whole
    assert sum(len(part) for part in parts) == len(whole), "each is in one state"
    seconds = sorted(
        (d.closed_at - d.at).total_seconds() for d in facts if d.state.startswith("reached") and d.closed_at
    )
    if seconds:
        assert value(answer, TOTAL, "median") in seconds
        fast = sum(s <= 900 for s in seconds) / len(facts)
        assert value(answer, TOTAL, "15") == pytest.approx(fast)
    late = {d.id for d in facts if d.in_time is False or (d.closed_at is None and d.due_at < NOW)}
    assert rows(breaches, TOTAL, "late") | rows(breaches, TOTAL, "open") == late
    assert sum(value(tries, str(n), "all") or 0 for n in range(1, 6)) == len(facts)


@given(some_leads(), some_duties())
@FEW
def test_leads_agree_with_counting_by_hand(facts: list[LeadFact], waiting: list[DutyFact]) -> None:
    by_channel, by_manager = (
        leads_by(facts, lambda one: one.channel, scope()),
        managers_table(facts, waiting, NAMES, scope()),
    )
    quality = quality_table(facts, {"l1"})
    for table in (by_channel, by_manager, quality):
        check_counts(table)
    real = [one for one in facts if one.status != "spam"]
    won = {one.id for one in facts if one.status == "won"}
    assert rows(by_channel, TOTAL, "won") == won
    assert value(by_channel, TOTAL, "conversion") == (len(won) / len(real) if real else None)
    for manager in {one.manager_id for one in facts}:
        own = {one.id for one in facts if one.manager_id == manager}
        assert rows(by_manager, manager or "none", "all") == own
    assert rows(quality, "spam", "count") == {one.id for one in facts if one.status == "spam"}
    assert rows(quality, "not_delivered", "count") == {"l1"} & {one.id for one in facts}


def test_the_night_does_not_count_against_the_answer_in_working_time() -> None:
    friday_night = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # 23:00 in Moscow
    monday = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)  # 09:10
    waited = duty(at=friday_night, state="reached_by_us", closed_at=monday, in_time=True, after_hours=True)
    assert value(response_table([waited], scope()), TOTAL, "median") == 600
    assert value(response_table([waited], scope(clock="wall")), TOTAL, "median") == pytest.approx(58 * 3600 + 600)
    table = after_hours_table([call(at=friday_night, after_hours=True)], [waited], scope())
    assert value(table, "4", "median") == 600
    assert value(table, "4", "share") == 1


def test_who_was_never_reached_counts_against_the_shares() -> None:
    fast = duty(1, state="reached_by_us", closed_at=NOW - timedelta(hours=2) + timedelta(minutes=4), in_time=True)
    table = response_table([fast, duty(2)], scope())
    assert value(table, TOTAL, "5") == 0.5
    assert value(table, TOTAL, "median") == 240


def test_costs_are_spread_over_their_days_and_only_one_currency_is_added_up() -> None:
    sold = lead(1, status="won", amount=300_00, currency="RUB")
    facts = [sold, lead(2), lead(3, source="site"), lead(4, status="won", amount=999, currency="USD", source="site")]
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    month = SpendFact(id="m", source="yandex", channel="", first=first, last=last, amount=300_00, currency="RUB")
    foreign = SpendFact(id="f", source="site", channel="", first=FIRST, last=FIRST, amount=5, currency="USD")
    table = money_table(facts, [month, month, foreign], scope())
    assert table.currency == "RUB"
    assert value(table, "yandex", "cost") == pytest.approx(2 * 300_00 * 14 / 30)
    assert value(table, "yandex", "cost_per_lead") == pytest.approx(300_00 * 14 / 30)
    assert value(table, "yandex", "roi") == pytest.approx((300_00 - 280_00) / 280_00)
    assert value(table, "site", "cost") is None
    assert value(table, "site", "revenue") == 0
    assert value(table, "yandex", "revenue_share") == 1
    assert rows(table, "yandex", "cost") == {"m"}
    assert rows(table, TOTAL, "cost_per_sale") == rows(table, TOTAL, "won")


def test_nothing_at_all_is_an_empty_report_and_no_division_by_zero() -> None:
    for table in (
        calls_by([], lambda c: c.line), callbacks_table([], {}, scope()), response_table([], scope()),
        leads_by([], lambda one: one.source, scope()), money_table([], [], scope()), quality_table([], set()),
        funnel_table([], [], STAGES), breaches_table([], {}, scope()), managers_table([], [], {}, scope()),
    ):  # fmt: skip
        check_counts(table)


STAGES = [("new", "New"), ("offer", "Offer sent"), ("paid", "Paid")]


def move(lead_id: str, before: str, after: str, hours: int, status: str = "open") -> MoveFact:
    since = NOW - timedelta(days=2)
    return MoveFact(
        lead_id=lead_id,
        from_stage=before,
        to_stage=after,
        to_status=status,
        since=since,
        at=since + timedelta(hours=hours),
        opened_at=since,
    )


def test_the_pipeline_counts_who_came_who_went_on_and_how_long_they_stayed() -> None:
    facts = [
        lead(1, stage="offer"),
        lead(2, stage="new"),
        lead(3, stage="paid", status="won"),
        lead(4, stage="new", status="lost"),
    ]
    moved = [
        move("l1", "new", "offer", 2), move("l3", "new", "paid", 10), move("l4", "new", "new", 4, "lost"),
        move("l9", "new", "offer", 1),
    ]  # fmt: skip
    table = funnel_table(facts, moved, STAGES)
    check_counts(table)
    assert [value(table, key, "reached") for key, _ in STAGES] == [4, 2, 1]
    assert value(table, "new", "onward") == 0.5
    assert value(table, "new", "median") == 2 * 3600
    assert rows(table, "new", "lost") == {"l4"}
    assert rows(table, "new", "now") == {"l2"}
