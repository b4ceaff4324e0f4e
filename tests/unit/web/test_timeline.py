"""The timeline of a lead: what went to CRMs does not stand between people and what they look for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.views.shapes import DeliveryView
from gateway.web.pages.timeline import Entry, by_day, folded

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def delivery(number: int, status: str = "done") -> Entry:
    at = NOON - timedelta(minutes=number)
    item = DeliveryView(
        id=number, crm="crm", type="lead.updated", message_id=str(number), status=status, lead="l", interaction=None,
        attempts=1, due_at=at, reason=None, remote_id=None, remote_url=None, created_at=at, updated_at=at,
    )  # fmt: skip
    return Entry(kind="delivery", at=at, item=item)


def call(number: int) -> Entry:
    return Entry(kind="call", at=NOON - timedelta(minutes=number), item=None)


def test_deliveries_beside_each_other_are_one_entry() -> None:
    shown = folded([delivery(1), delivery(2, "dropped"), delivery(3), call(4), delivery(5)])
    assert [entry.kind for entry in shown] == ["deliveries", "call", "delivery"]
    assert [one.item.id for one in shown[0].item] == [1, 2, 3]
    assert shown[0].at == delivery(1).at


def test_what_waits_or_was_given_up_stands_by_itself() -> None:
    shown = folded([delivery(1), delivery(2), delivery(3, "dead"), delivery(4, "waiting"), delivery(5), delivery(6)])
    assert [entry.kind for entry in shown] == ["deliveries", "delivery", "delivery", "deliveries"]


def test_a_fold_does_not_reach_over_midnight_and_is_only_made_when_asked_for() -> None:
    entries = [delivery(60 * 11), delivery(60 * 11 + 30), delivery(60 * 13), delivery(60 * 13 + 30)]
    days = by_day(entries, UTC, fold=True)
    assert [[entry.kind for entry in day.entries] for day in days] == [["deliveries"], ["deliveries"]]
    assert [len(day.entries) for day in by_day(entries, UTC)] == [2, 2]
