"""What the people of the town did this morning, through the API as their pages do it, so that no page is empty."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import InstrumentedAttribute

from gateway.demo.script import OPENING, FormPost, PhoneCall
from gateway.storage.tables import Callback, ContactHandle, Interaction, Journal, Lead, Manager, Outbox, Outgoing
from tests.browser.town import ANNA, CHIEF, FAST, OWNER, PASSWORD, Town

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
IVAN, MARIA = "+79261234567", "+79035550177"
SAME_MARIA = "+79035550999"
MORNING = (
    *(
        PhoneCall(at=step.at, recording=step.recording, caller=step.caller, speed=FAST)
        if isinstance(step, PhoneCall)
        else step
        for step in OPENING
    ),
    FormPost(
        at=2.4,
        style="json",
        fields={"name": "Мария Соколова", "phone": SAME_MARIA, "message": "Снова я, жду звонка"},
    ),
)
"""The demo's opening, and a person who comes twice under different numbers."""


class Worker:
    """A signed-in person whose hands are the API."""

    def __init__(self, town: Town, session: aiohttp.ClientSession, csrf: str) -> None:
        self._town = town
        self._session = session
        self._headers = {"X-CSRF-Token": csrf}

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer; an AssertionError tells what was refused."""
        request = self._session.request(method, self._town.url(path), json=body or {}, headers=self._headers)
        async with request as answer:
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            return await answer.json() if text else None


@asynccontextmanager
async def worker(town: Town, login: str) -> AsyncIterator[Worker]:
    """Sign in with the form."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        csrf = await _csrf(session, town.url("/login"))
        fields = {"csrf": csrf, "login": login, "password": PASSWORD, "next": "/profile"}
        async with session.post(town.url("/login"), data=fields) as answer:
            assert answer.url.path == "/profile", await answer.text()
        yield Worker(town, session, await _csrf(session, town.url("/profile")))


async def _csrf(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as answer:
        text = await answer.text()
    found = _CSRF.search(text)
    assert found is not None, text
    return found[1]


async def morning(town: Town) -> dict[str, str]:
    """Let it happen. The variable of a path -> the id of a thing that its page can show."""
    await town.play(MORNING)
    ids = await _ids(town)
    async with worker(town, ANNA) as anna:
        await anna.ask("POST", f"/api/v1/callbacks/{ids['callback']}/claim")
        await anna.ask("POST", f"/api/v1/callbacks/{ids['callback']}/note", {"text": "Просил набрать после трёх"})
        await anna.ask("POST", f"/api/v1/leads/{ids['lead']}/notes", {"text": "Нужен счёт на 12 комплектов"})
        due = (town.clock.now() + timedelta(hours=20)).isoformat()
        task = {"kind": "write", "text": "Отправить счёт и договор", "due_at": due, "lead": ids["lead"]}
        await anna.ask("POST", "/api/v1/tasks", task)
        answer = {"text": "Добрый день! Счёт подготовим сегодня.", "quote": True, "key": "morning"}
        await anna.ask("POST", f"/api/v1/leads/{ids['lead']}/answer", answer)
        items = [{"name": "Комплект фасадов", "quantity": "12", "unit": "шт", "price": "18500"}]
        offer = {"template": "offer", "language": "ru", "lead": ids["lead"], "fields": {"items": items}}
        ids["document"] = (await anna.ask("POST", "/api/v1/documents", offer))["id"]
        await anna.ask("POST", "/api/v1/segments", {"name": "Кухни", "filters": {"q": "кухн", "manager": "anna"}})
    async with worker(town, CHIEF) as olga:
        await olga.ask("POST", f"/api/v1/contacts/{ids['maria']}/merge", {"other": ids["same_maria"]})
        start, end = town.clock.now() + timedelta(days=3), town.clock.now() + timedelta(days=10)
        away = {"manager": "boris", "starts_at": start.isoformat(), "ends_at": end.isoformat(), "reason": "Отпуск"}
        await olga.ask("POST", "/api/v1/absences", away)
    async with worker(town, OWNER) as pavel:
        await pavel.ask(
            "POST", "/api/v1/hours/exceptions", {"first": "2027-01-01", "last": "2027-01-08", "reason": "Каникулы"}
        )
    await town.until(lambda c: c.execute(_waiting).scalar_one() == 0)
    return ids | await _later_ids(town, ids["lead"])


_waiting = select(func.count()).select_from(Outgoing).where(Outgoing.state.in_(("waiting", "sending")))


async def _ids(town: Town) -> dict[str, str]:
    """What arrived."""

    def read(connection: Connection) -> dict[str, str]:
        ivan, maria, same = (_of(connection, number) for number in (IVAN, MARIA, SAME_MARIA))
        lead = connection.execute(select(Lead.id).where(Lead.contact_id == ivan)).scalar_one()
        duty = connection.execute(select(Callback.id).where(Callback.contact_id == ivan)).scalar_one()
        return {"lead": lead, "contact": ivan, "callback": duty, "maria": maria, "same_maria": same}

    return await town.gateway.store.read(read)


def _of(connection: Connection, number: str) -> str:
    found = select(ContactHandle.contact_id).where(ContactHandle.value == number)
    return connection.execute(found).scalar_one()


def _first(connection: Connection, column: InstrumentedAttribute[Any], *where: ColumnElement[bool]) -> str:
    found = connection.execute(select(column).where(*where).limit(1)).scalar()
    assert found is not None, f"there is no {column}"
    return str(found)


async def _later_ids(town: Town, lead: str) -> dict[str, str]:
    """What came of it."""

    def read(connection: Connection) -> dict[str, str]:
        mail = (Interaction.channel == "mail", Interaction.direction == "inbound", Interaction.lead_id == lead)
        return {
            "letter": _first(connection, Interaction.id, *mail),
            "submission": _first(connection, Journal.id, Journal.connector == "form"),
            "delivery": _first(connection, Outbox.id),
            "outgoing": _first(connection, Outgoing.id),
            "person": _first(connection, Manager.id, Manager.login == ANNA),
        }

    return await town.gateway.store.read(read)
