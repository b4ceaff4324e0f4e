"""A large database, as a company has it after a year: leads, ten interactions each, callbacks.

Everything follows from the seed, so two machines measure the same rows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from gateway.storage.bulk import insert_rows
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import (
    Base,
    Callback,
    CallbackTry,
    Contact,
    ContactHandle,
    Interaction,
    Lead,
    Manager,
    Spend,
    StageChange,
    Task,
    table_of,
)

DAYS = 365
PIECE = 1000
"""Leads of one transaction."""
MANAGERS = tuple(f"m{number}" for number in range(12))
LINES = ("+74950000001", "+74950000002", "+78120000003", "+74950000004")
STAGES = ("new", "qualified", "meeting_set", "offer", "paid")
NAMES = ("Иван", "Ольга", "Мария", "Пётр", "Анна", "Сергей", "Екатерина", "Дмитрий", "Юлия", "John", "Alice")
FAMILIES = ("Петров", "Сидорова", "Кузнецова", "Смирнов", "Орлова", "Ким", "Волкова", "Зайцев", "Smith", "Brown")
WORDS = (
    "здравствуйте", "подскажите", "пожалуйста", "сколько", "стоит", "доставка", "заказ", "насос", "окно", "дверь",
    "ремонт", "монтаж", "скидка", "счёт", "договор", "оплата", "завтра", "сегодня", "адрес", "склад", "самовывоз",
    "размер", "цвет", "гарантия", "установка", "замер", "менеджер", "перезвоните", "удобно", "после", "обеда", "quick",
    "offer", "price", "delivery", "invoice", "order", "please", "call", "back", "tomorrow", "thanks", "regards",
)  # fmt: skip
HOURS = (1, 1, 1, 1, 1, 1, 2, 6, 14, 20, 24, 22, 16, 20, 22, 20, 16, 10, 5, 3, 2, 1, 1, 1)
"""How many call in each hour of the day."""


def make(data: Path, *, leads: int, interactions: int, now: datetime | None = None) -> None:
    """Fill ``data`` with a database of that size; ``now`` is its last moment."""
    data.mkdir(parents=True)
    upgrade(StorageSettings(), data)
    asyncio.run(_fill(data, leads, interactions, now or datetime.now(UTC)))


async def _fill(data: Path, leads: int, interactions: int, now: datetime) -> None:
    store = Store.open(StorageSettings(), data)
    await store.start()
    await store.write(partial(_company, now=now))
    for first in range(0, leads, PIECE):
        numbers = range(first, min(first + PIECE, leads))
        await store.write(partial(_piece, numbers=numbers, each=interactions / leads, share=first / leads, now=now))
    await store.write(lambda connection: connection.exec_driver_sql("ANALYZE"))
    await store.stop()


def _company(connection: Connection, *, now: datetime) -> None:
    managers = [
        {"id": one, "login": one, "name": f"Manager {one}", "role": "manager", "extensions": [], "created_at": now}
        for one in MANAGERS
    ]
    insert_rows(connection, table_of(Manager), managers)
    spent = [
        {
            "id": f"{source}-{month}", "channel": "", "source": source, "medium": "", "campaign": "",
            "first_day": now.date() - timedelta(days=30 * month + 29),
            "last_day": now.date() - timedelta(days=30 * month),
            "amount": 9_000_000, "currency": "RUB", "created_by": "console", "created_at": now, "updated_at": now,
        }
        for source in ("yandex", "google", "vk") for month in range(12)
    ]  # fmt: skip
    insert_rows(connection, table_of(Spend), spent)


def _piece(connection: Connection, *, numbers: range, each: float, share: float, now: datetime) -> None:
    """The leads of ``numbers`` with all that belongs to them; ``share`` of the year is over before them."""
    rows: dict[type[Base], list[dict[str, Any]]] = {}
    chance = random.Random(numbers.start)
    for number in numbers:
        day = min(DAYS - 1, int(DAYS * share) + chance.randrange(4))
        at = _moment(chance, now - timedelta(days=DAYS - 1 - day), now)
        for model, row in _person(chance, number, at, each, now):
            rows.setdefault(model, []).append(row)
    for model in (Contact, ContactHandle, Lead, Interaction, Callback, CallbackTry, StageChange, Task):
        insert_rows(connection, table_of(model), rows.get(model, []))


def _moment(chance: random.Random, day: datetime, now: datetime) -> datetime:
    hour = chance.choices(range(24), HOURS)[0]
    at = day.replace(hour=hour, minute=chance.randrange(60), second=chance.randrange(60))
    return at if at <= now else at - timedelta(days=1)


def _person(
    chance: random.Random, number: int, at: datetime, each: float, now: datetime
) -> Iterator[tuple[type[Base], dict[str, Any]]]:
    """A contact with a lead and its interactions."""
    contact, lead = f"p{number:07d}", f"l{number:07d}"
    name = f"{chance.choice(NAMES)} {chance.choice(FAMILIES)}" if chance.random() < 0.7 else None
    yield Contact, {"id": contact, "name": name, "company": None, "created_at": at, "updated_at": at}
    phone, mail = f"+7926{number:07d}", f"client{number}@example.com"
    for kind, value in (("phone", phone), ("email", mail)):
        yield ContactHandle, {"kind": kind, "value": value, "contact_id": contact, "created_at": at}
    age = (now - at).days
    status = chance.choices(("open", "won", "lost", "spam"), (5, 2, 2, 1) if age < 30 else (1, 4, 4, 1))[0]
    stage = "paid" if status == "won" else chance.choice(STAGES[:4])
    manager = chance.choice((None, *MANAGERS)) if status == "open" else chance.choice(MANAGERS)
    channel = chance.choices(("call", "mail", "form"), (6, 2, 3))[0]
    yield Lead, _lead(chance, number, at, contact_id=contact, status=status, stage=stage, manager_id=manager,
                      channel=channel)  # fmt: skip
    if stage != "new":
        yield StageChange, {
            "lead_id": lead, "from_stage": "new", "to_stage": stage, "from_status": "open", "to_status": status,
            "reason": None, "actor": "gateway", "since": at, "at": at + timedelta(hours=chance.randrange(1, 90)),
        }  # fmt: skip
    if status == "open":
        yield Task, {
            "id": f"t{number}", "lead_id": lead, "contact_id": contact, "kind": "call", "text": "перезвонить",
            "due_at": at + timedelta(days=chance.randrange(1, 20)), "owner_id": manager, "created_by": "gateway",
            "created_at": at, "updated_at": at,
        }  # fmt: skip
    count = max(1, round(chance.gauss(each, each / 4)))
    times = sorted(at + timedelta(hours=chance.expovariate(1 / 72)) for _ in range(count - 1))
    for place, moment in enumerate([at, *(min(one, now) for one in times)]):
        kind = channel if place == 0 else chance.choices(("call", "mail"), (7, 3))[0]
        row = _interaction(chance, f"i{number:07d}-{place}", moment, kind, first=place == 0)
        row |= {"contact_id": contact, "lead_id": lead, "name": name if kind != "call" else None}
        row["manager_id"] = manager if row["outcome"] in {None, "answered"} else None
        yield Interaction, row
        if place == 0 and row["outcome"] in {"missed", "busy"}:
            yield from _duty(chance, number, moment, contact, manager, row["line"], now)


def _lead(chance: random.Random, number: int, at: datetime, **values: Any) -> dict[str, Any]:
    marks = {"source": chance.choice(("yandex", "google", "vk")), "medium": "cpc",
             "campaign": chance.choice(("autumn", "brand", "summer"))}  # fmt: skip
    won = values["status"] == "won"
    return {
        "id": f"l{number:07d}", "fields": {}, "source": {"name": "site", "utm": marks if chance.random() < 0.6 else {}},
        "after_hours": at.hour < 6 or at.hour >= 15, "opened_by": f"i{number:07d}-0", "subject": None,
        "text": "" if values["channel"] == "call" else _words(chance, 20),
        "amount": chance.randrange(1, 90) * 100_000 if won else None, "currency": "RUB" if won else None,
        "stage_since": at, "created_at": at, "updated_at": at, **values,
    }  # fmt: skip


def _interaction(chance: random.Random, key: str, at: datetime, channel: str, *, first: bool) -> dict[str, Any]:
    call = channel == "call"
    inbound = first or chance.random() < 0.6
    outcome = chance.choices(("answered", "missed", "busy"), (7, 3, 1))[0] if call else None
    missed = outcome in {"missed", "busy"}
    line = chance.choice(LINES) if call else "info@example.ru" if channel == "mail" else "site"
    return {
        "id": key, "key": key, "channel": channel, "connector": "ami", "source_name": "office", "phase": "ended",
        "direction": "inbound" if inbound else "outbound", "kind": "message", "outcome": outcome, "line": line,
        "subject": "Заказ" if channel == "mail" else None, "text": "" if call else _words(chance, 40),
        "fields": {}, "source": {}, "handles": [], "attachments": [], "problems": [],
        "details": {"outcome": outcome} if call else {},
        "missed_reason": chance.choice(("no_answer", "queue_abandoned", "ivr_abandoned")) if missed else None,
        "queue": chance.choice(("500", "501", None)) if call else None,
        "wait_seconds": chance.uniform(2, 60) if call else None,
        "talk_seconds": chance.uniform(20, 400) if outcome == "answered" else None,
        "after_hours": at.hour < 6 or at.hour >= 15, "occurred_at": at, "received_at": at, "updated_at": at,
    }  # fmt: skip


def _duty(
    chance: random.Random, number: int, at: datetime, contact: str, owner: str | None, line: str, now: datetime
) -> Iterator[tuple[type[Base], dict[str, Any]]]:
    """The caller was missed: the callback and its first try."""
    fresh = now - at < timedelta(days=2)
    state = chance.choices(("reached_by_us", "reached_by_client", "closed", "open"), (6, 2, 1, 2 if fresh else 0))[0]
    closed = None if state == "open" else at + timedelta(minutes=chance.expovariate(1 / 25))
    due = at + timedelta(minutes=30)
    yield Callback, {
        "id": f"d{number:07d}", "contact_id": contact, "lead_id": f"l{number:07d}", "state": state,
        "reason": "no_answer", "channel": "call", "line": line, "number": f"+7926{number:07d}", "owner_id": owner,
        "tries": chance.choice((1, 1, 1, 2, 3, 6)), "first_at": at, "last_at": at, "waiting_since": at,
        "attempts": chance.randrange(3), "due_at": due, "closed_at": closed, "opened_at": at, "updated_at": at,
        "in_time": closed <= due if closed and state != "closed" else None,
    }  # fmt: skip
    yield CallbackTry, {
        "callback_id": f"d{number:07d}", "interaction_id": f"i{number:07d}-0", "at": at, "channel": "call",
        "reason": "no_answer", "line": line, "number": None,
    }  # fmt: skip


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count))
