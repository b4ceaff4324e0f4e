"""The whole house in one process, on both databases: a call, a letter and a form become one contact's lead."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import select

from crm_adapter.memory import MemoryCrm
from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.demo.actors import recording
from gateway.demo.pbx import PbxServer
from gateway.storage.tables import Interaction, Lead
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK, free_ports

LETTER = """\
From: Ivan <ivan@example.com>
Subject: Call me
Message-ID: <1@x>

Please.
--
+7 926 123-45-67
"""

HOURS = """\
[hours]
mon = ["09:00-18:00"]
[[hours.exception]]
from = 1990-01-01
to = 2199-12-31
closed = true
schedules = ["company"]
[[hours.schedule]]
name = "site"
lines = ["site"]
""" + "\n".join(f'{day} = ["00:00-24:00"]' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
"""The company never works, its form always does."""


class House:
    """A running gateway with a PBX, driven through its real doors."""

    def __init__(self, gateway: Gateway, pbx: PbxServer, smtp: int) -> None:
        self.gateway = gateway
        self.pbx = pbx
        self.smtp = smtp

    async def post(self, fields: dict[str, str]) -> str:
        url = f"{self.gateway.web.public_address}/f/site"
        async with aiohttp.ClientSession() as session, session.post(url, data=fields) as answer:
            assert answer.status == 200
            found: str = (await answer.json())["id"]
            return found

    async def send(self, text: str) -> None:
        def talk() -> None:
            with smtplib.SMTP(LOOPBACK, self.smtp, timeout=10) as connection:
                connection.sendmail("ivan@example.com", ["info@company.example"], text)

        await asyncio.to_thread(talk)

    def channels(self) -> set[str]:
        rows = self.gateway.store.peek(
            lambda c: c.execute(select(Interaction.channel).where(Interaction.phase == "ended")).all()
        )
        return {row.channel for row in rows}


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    pbx = PbxServer(username="leadgate", secret="secret", clock=SystemClock())
    await pbx.start()
    web, smtp = free_ports(2)
    config = tmp_path / "leadgate.toml"
    tables = [
        f'[web]\npublic = "{LOOPBACK}:{web}"\nprivate = "{LOOPBACK}:{web}"',
        f'[smtp]\nlisten = "{LOOPBACK}:{smtp}"',
        '[[form]]\nkey = "site"',
        HOURS,
        '[[crm]]\nname = "twin"\nadapter = "memory"',
        f'[[pbx]]\nname = "office"\nhost = "{LOOPBACK}"\nport = {pbx.port}\nusername = "leadgate"\nsecret = "secret"',
    ]
    if request.param == "postgresql":
        tables.append(f'[storage]\nurl = "{request.getfixturevalue("postgresql_url")}"')
    config.write_text("\n".join(tables))
    gateway = Gateway(Settings.load(config, {}).with_data(str(tmp_path / "data")), SystemClock(), new_id)
    await gateway.start()
    await pbx.listeners(1)
    yield House(gateway, pbx, smtp)
    await gateway.stop()
    await pbx.stop()


async def test_who_called_wrote_and_filled_in_a_form_is_one_lead(house: House) -> None:
    await house.pbx.play(recording("direct_no_answer"), speed=20, caller="79261234567")
    await house.send(LETTER)
    await house.post({"name": "Ivan", "phone": "8 926 123-45-67", "email": "ivan@example.com"})
    async with asyncio.timeout(PATIENCE):
        while house.channels() != {"call", "mail", "form"} or (await house.gateway.status.status()).journal.count:
            await asyncio.sleep(0.05)
    leads = house.gateway.store.peek(lambda c: c.execute(select(Lead.id).where(Lead.status == "open")).scalars().all())
    assert len(leads) == 1
    placed = house.gateway.store.peek(lambda c: c.execute(select(Interaction.lead_id)).scalars().all())
    assert set(placed) == set(leads)
    marks = house.gateway.store.peek(lambda c: c.execute(select(Interaction.channel, Interaction.after_hours)).all())
    assert {tuple(mark) for mark in marks} == {("call", True), ("mail", True), ("form", False)}


async def test_a_crm_is_told_of_it_in_order(house: House) -> None:
    interaction = await house.post({"name": "Ivan", "phone": "8 926 123-45-67"})
    adapter = house.gateway.delivery.adapter_of("twin")
    assert isinstance(adapter, MemoryCrm)
    async with asyncio.timeout(PATIENCE):
        while len(adapter.records) < 3:
            await asyncio.sleep(0.02)
    assert [event.type for event in adapter.records] == ["contact.upserted", "lead.created", "form.received"]
    assert adapter.records[1].data["interactions"] == [interaction]
    assert adapter.records[1].data["contact"]["phones"] == ["+79261234567"]


async def test_health_says_that_all_is_well(house: House) -> None:
    url = f"{house.gateway.web.public_address}/health"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        health = await answer.json()
    assert health["status"] == "ok"
    assert {source["name"] for source in health["sources"]} >= {"form:site", "smtp", "ami:office", "crm:twin"}
