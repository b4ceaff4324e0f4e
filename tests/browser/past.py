"""Six weeks of a small company that sells kitchens and doors, the same in each run: what lists and reports show."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from gateway.storage.tables import Callback, CallbackTry, Manager, Note, Spend, StageChange, Task
from tests.support.seed import NO_SOURCE, add_contact, add_interaction, add_lead

DAYS = 42
A_DAY = 4
"""New leads, about."""
PEOPLE = (
    "Алексей Воронцов", "Мария Кузнецова", "ООО «Ромашка»", "Дмитрий Орлов", "Екатерина Павлова", "Игорь Соколов",
    "Наталья Фёдорова", "John Whitfield", "Татьяна Лебедева", "Сергей Никитин", "ИП Гаврилов", "Людмила Зайцева",
)  # fmt: skip
WISHES = (
    ("Кухня 3 метра", "Здравствуйте! Сколько будет стоить белая кухня, угловая, 3 метра? Замер нужен на этой неделе."),
    ("Двери из массива", "Нужны четыре межкомнатные двери с установкой. Пришлите, пожалуйста, каталог и цены."),
    ("Доставка в Казань", "Подскажите стоимость доставки в Казань и срок изготовления."),
    ("Шкаф-купе", "Интересует шкаф-купе 2,4 м в прихожую, зеркальные двери."),
    ("Столешница", "Можно ли заказать одну столешницу из камня без кухни?"),
)
CAMPAIGNS = (("yandex", "cpc", "kuhni-msk"), ("google", "cpc", "doors"), ("vk", "social", "autumn"))
MANAGERS = ("anna", "boris", "anna", "")
"""Logins, in the order of chance; nobody's too."""
LINES = ("+74950000101", "+74950000102")
STAGES = ("new", "qualified", "decision_maker", "offer", "meeting_set", "contract")


def add_past(connection: Connection, now: datetime) -> None:
    """All of it, up to yesterday. ``now`` is when it is looked at."""
    chance = random.Random(8)
    ids = {row.login: row.id for row in connection.execute(select(Manager.login, Manager.id))}
    owners = [ids.get(login) for login in MANAGERS]
    for number in range(DAYS * A_DAY):
        day = now - timedelta(days=1 + number // A_DAY)
        at = day.replace(hour=chance.choice((6, 7, 7, 8, 8, 9, 10, 11, 12, 13, 14, 16)), minute=chance.randrange(60))
        _one(connection, chance, f"past-{number:03}", at, chance.choice(owners), fresh=number < 5 * A_DAY)
    _spend(connection, now, ids["olga"])


def _one(
    connection: Connection, chance: random.Random, key: str, at: datetime, manager: str | None, *, fresh: bool
) -> None:
    """A person, what they wanted, and what became of it."""
    channel, (subject, text) = chance.choice(("call", "call", "mail", "form")), chance.choice(WISHES)
    phone, name = f"+7903{chance.randrange(10**6, 10**7)}", chance.choice(PEOPLE)
    emails = [] if channel == "call" else [f"{key}@client.example"]
    add_contact(connection, f"c-{key}", name=name if channel != "call" or chance.random() < 0.6 else None,
                phones=[phone], emails=emails, owner_id=manager, at=at)  # fmt: skip
    status = "open" if fresh else chance.choice(("open", "won", "won", "lost", "lost"))
    stage = {"won": "paid"}.get(status) or chance.choice(STAGES)
    priced = stage in ("offer", "contract", "paid")
    money = {"amount": chance.randrange(30, 900) * 100_000, "currency": "RUB"} if priced else {}
    add_lead(
        connection, f"l-{key}", f"c-{key}", channel=channel, status=status, stage=stage, manager_id=manager, at=at,
        subject=None if channel == "call" else subject, text="" if channel == "call" else text,
        source=_source(chance, channel), opened_by=f"i-{key}", **money,
    )  # fmt: skip
    if stage != "new":
        _moved(connection, f"l-{key}", stage, status, at, manager)
    outcome = chance.choice(("answered", "answered", "missed")) if channel == "call" else None
    add_interaction(connection, f"i-{key}", channel=channel, at=at, outcome=outcome, contact_id=f"c-{key}",
                    lead_id=f"l-{key}", manager_id=manager if outcome == "answered" else None,
                    subject=None if channel == "call" else subject, text="" if channel == "call" else text,
                    source=_source(chance, channel),
                    **(_talk(chance, outcome or "", phone) if channel == "call" else {}))  # fmt: skip
    if outcome == "missed":
        _duty(connection, chance, key, at, phone, manager)
    if fresh and manager:
        _plans(connection, chance, key, at, manager)


def _source(chance: random.Random, channel: str) -> dict[str, Any]:
    if channel == "mail":
        return {**NO_SOURCE, "name": "info@company.example"}
    if channel == "call":
        return {**NO_SOURCE, "name": chance.choice(LINES)}
    source, medium, campaign = chance.choice(CAMPAIGNS)
    utm = {"source": source, "medium": medium, "campaign": campaign}
    return {**NO_SOURCE, "name": "site", "page": f"https://shop.example/?utm_source={source}", "utm": utm}


def _talk(chance: random.Random, outcome: str, phone: str) -> dict[str, Any]:
    answered, line, wait = outcome == "answered", chance.choice(LINES), chance.uniform(3, 40)
    talk = chance.uniform(30, 420) if answered else None
    details = {"caller": phone, "dialled": line, "outcome": outcome, "answered": answered, "rang": ["101", "102"],
               "wait_seconds": wait, "talk_seconds": talk, "missed_reason": None if answered else "no_answer",
               "answered_by": "101" if answered else None, "recording": "talk.wav" if answered else None}  # fmt: skip
    return {"line": line, "details": details, "wait_seconds": wait, "talk_seconds": talk,
            "missed_reason": None if answered else "no_answer"}  # fmt: skip


def _moved(connection: Connection, lead: str, stage: str, status: str, since: datetime, manager: str | None) -> None:
    at = since + timedelta(hours=5)
    row = {"lead_id": lead, "from_stage": "new", "to_stage": stage, "from_status": "open", "to_status": status,
           "since": since, "at": at, "actor": f"manager:{manager}" if manager else "token:crm"}  # fmt: skip
    connection.execute(insert(StageChange), row)


def _duty(connection: Connection, chance: random.Random, key: str, at: datetime, phone: str, owner: str | None) -> None:
    """The callback that a missed call opened; nearly all are over."""
    closed = at + timedelta(minutes=chance.choice((6, 12, 18, 26, 45, 95)))
    due = at + timedelta(minutes=30)
    state = chance.choice(("reached_by_us", "reached_by_us", "reached_by_client", "closed"))
    row = {
        "id": f"d-{key}", "contact_id": f"c-{key}", "lead_id": f"l-{key}", "state": state, "reason": "no_answer",
        "channel": "call", "line": LINES[0], "number": phone, "owner_id": owner, "tries": 1, "first_at": at,
        "last_at": at, "waiting_since": at, "attempts": chance.randrange(3), "due_at": due, "steps_done": 0,
        "in_time": closed <= due if state != "closed" else None, "opened_at": at, "closed_at": closed, "version": 1,
        "close_reason": {"reached_by_us": "answered_our_call", "reached_by_client": "called_again"}.get(state, "other"),
        "updated_at": closed,
    }  # fmt: skip
    connection.execute(insert(Callback), row)
    tried = {"callback_id": row["id"], "interaction_id": f"i-{key}", "at": at, "channel": "call", "reason": "no_answer",
             "line": LINES[0], "number": phone}  # fmt: skip
    connection.execute(insert(CallbackTry), tried)


def _plans(connection: Connection, chance: random.Random, key: str, at: datetime, manager: str) -> None:
    kind, text = chance.choice((("call", "Уточнить размеры"), ("write", "Отправить смету"), ("meet", "Замер в 15:00")))
    task = {"id": f"t-{key}", "lead_id": f"l-{key}", "contact_id": f"c-{key}", "kind": kind, "text": text,
            "due_at": at + timedelta(days=chance.randrange(1, 9)), "owner_id": manager, "status": "open",
            "created_by": f"manager:{manager}", "created_at": at, "updated_at": at, "version": 1}  # fmt: skip
    connection.execute(insert(Task), task)
    note = {"id": f"n-{key}", "lead_id": f"l-{key}", "text": "Просит звонить после обеда.",
            "author": f"manager:{manager}", "created_at": at}  # fmt: skip
    connection.execute(insert(Note), note)


def _spend(connection: Connection, now: datetime, chief: str) -> None:
    """What the campaigns cost in the last thirty days."""
    for (source, medium, campaign), amount in zip(CAMPAIGNS, (8_500_000, 4_200_000, 1_900_000), strict=True):
        row = {
            "id": f"s-{source}", "channel": "", "source": source, "medium": medium, "campaign": campaign,
            "first_day": now.date() - timedelta(days=30), "last_day": now.date(), "amount": amount, "currency": "RUB",
            "comment": "", "created_by": f"manager:{chief}", "created_at": now, "updated_at": now, "version": 1,
        }  # fmt: skip
        connection.execute(insert(Spend), row)
