"""What sources cost: entered, imported, never counted twice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from gateway.core.csvrows import read_rows
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.leads.spend import COLUMNS, Imported, NewSpend, add_spend, change_spend, import_rows, remove_spend
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Spend
from gateway.web.queries.filters import Filters
from gateway.web.queries.work import spend_page
from tests.integration.leads.test_change import iter_ids
from tests.support.desk import by

IDS = iter_ids()
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))


def yandex(**changes: Any) -> NewSpend:
    values = {"source": "yandex", "first_day": NOVEMBER[0], "last_day": NOVEMBER[1], "amount": "10 000"}
    return NewSpend(**{**values, **changes})


async def add(store: Store, new: NewSpend) -> str:
    return await store.write(lambda c: add_spend(c, new, "RUB", by(new_id=IDS)))


async def test_an_amount_is_entered_changed_and_removed(any_store: Store) -> None:
    spend_id = await add(any_store, yandex(campaign="кухни"))
    (seen,) = (await any_store.read(lambda c: spend_page(c, Filters()))).items
    assert (seen.source, seen.campaign, seen.cost.amount, seen.cost.currency) == ("yandex", "кухни", "10000.00", "RUB")
    more = yandex(campaign="кухни", amount="12000.50")
    await any_store.write(lambda c: change_spend(c, spend_id, more, "RUB", by(), version=1))
    with pytest.raises(Conflict):
        await any_store.write(lambda c: change_spend(c, spend_id, more, "RUB", by(), version=1))
    await any_store.write(lambda c: remove_spend(c, spend_id, by()))
    with pytest.raises(NotFound):
        await any_store.write(lambda c: remove_spend(c, spend_id, by()))
    actions = await any_store.read(lambda c: list(c.execute(select(Audit.action).order_by(Audit.id)).scalars()))
    assert actions == ["spend.added", "spend.changed", "spend.removed"]


@pytest.mark.parametrize(
    ("changes", "conflict"),
    [
        ({}, True),
        ({"last_day": date(2026, 12, 5), "first_day": date(2026, 11, 30)}, True),
        ({"first_day": date(2026, 11, 10), "last_day": date(2026, 11, 10)}, True),
        ({"first_day": date(2026, 12, 1), "last_day": date(2026, 12, 31)}, False),
        ({"source": "google"}, False),
        ({"campaign": "doors"}, False),
        ({"channel": "call"}, False),
        ({"currency": "USD"}, False),
    ],
)
async def test_no_day_of_a_source_is_paid_for_twice(store: Store, changes: dict[str, Any], conflict: bool) -> None:
    await add(store, yandex())
    if conflict:
        with pytest.raises(Conflict, match=r"already|count twice"):
            await add(store, yandex(**changes))
    else:
        await add(store, yandex(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "  "}, "what was paid for"),
        ({"last_day": date(2026, 10, 1)}, "ends before it begins"),
        ({"first_day": date(1026, 11, 1)}, "can't be meant"),
        ({"amount": "much"}, "no amount"),
        ({"currency": "roubles"}, "currency code"),
        ({"campaign": "x" * 301}, "300 characters"),
    ],
)
async def test_amounts_that_make_no_sense_are_refused(store: Store, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(NotPossible, match=words):
        await add(store, yandex(**changes))


FILE = """Источник;Кампания;С;По;Сумма;Канал
yandex;кухни;01.11.2026;30.11.2026;"10 000,50";
google;;2026-11-01;;300;form
vk;;soon;;1;
vk;;2026-11-01;;cheap;
;;2026-11-01;;5;pigeon
"""


async def imported(store: Store, text: str) -> Imported:
    rows = list(read_rows(text.encode("cp1251"), COLUMNS, needed=("first_day", "amount")))
    return await store.write(lambda c: import_rows(c, rows, "RUB", by(new_id=IDS)))


async def test_a_file_is_imported_once_and_its_bad_rows_are_named(any_store: Store) -> None:
    first = await imported(any_store, FILE)
    assert (first.rows, first.made, first.changed, first.known) == (5, 2, 0, 0)
    assert [row.line for row in first.refused] == [4, 5, 6]
    assert ["soon" in first.refused[0].why, "cheap" in first.refused[1].why, "pigeon" in first.refused[2].why] == [
        True
    ] * 3
    second = await imported(any_store, FILE)
    assert (second.made, second.changed, second.known) == (0, 0, 2)
    third = await imported(any_store, FILE.replace("300", "400"))
    assert (third.made, third.changed, third.known) == (0, 1, 1)
    amounts = await any_store.read(lambda c: {row.source: row.amount for row in c.execute(select(Spend))})
    assert amounts == {"yandex": 1_000_050, "google": 40_000}


@pytest.mark.parametrize(
    ("filters", "found"),
    [({}, 1), ({"q": "YAN"}, 1), ({"q": "goo"}, 0), ({"channel": "call"}, 0), ({"seen_by": "m"}, 0)],
)
async def test_lists_of_spend(store: Store, filters: dict[str, Any], found: int) -> None:
    await add(store, yandex())
    assert len((await store.read(lambda c: spend_page(c, Filters(**filters)))).items) == found
