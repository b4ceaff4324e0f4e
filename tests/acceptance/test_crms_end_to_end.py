"""One gateway, five CRMs: two are well, one is a folder, one never answers, one refuses us. Each gets it all once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.acceptance.load import FORM_KEY, FORM_TABLE, phone_of
from tests.contract.test_amocrm import token_options
from tests.contract.test_bitrix24 import webhook_options
from tests.contract.test_espocrm import espocrm_options
from tests.support.fakecrm.amocrm import FakeAmoCrm
from tests.support.fakecrm.bitrix24 import FakeBitrix24
from tests.support.fakecrm.espocrm import FakeEspoCrm
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK
from tests.support.process import Api, GatewayProcess, Installation
from tests.support.receiver import Receiver

PERSONS = 30


class Market:
    """The CRMs outside, and the gateway that tells them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bitrix, self.amo, self.espo, self.hook = FakeBitrix24(), FakeAmoCrm(), FakeEspoCrm(), Receiver()
        self.process: GatewayProcess
        self.installation: Installation
        self.api: Api

    async def open(self, stack: AsyncExitStack) -> None:
        for one in (self.bitrix, self.amo, self.espo, self.hook):
            await one.start()
            stack.push_async_callback(one.stop)
        tables = {
            "bitrix": ("bitrix24", webhook_options(self.bitrix)),
            "amo": ("amocrm", token_options(self.amo)),
            "espo": ("espocrm", espocrm_options(self.espo)),
            "hook": ("webhook", {"url": self.hook.url, "secret": self.hook.secret}),
            "files": ("jsonl", {"folder": str(self.folder / "told")}),
        }
        (self.folder / "told").mkdir()
        crms = "".join(crm_table(name, adapter, options) for name, (adapter, options) in tables.items())
        self.installation = Installation.make(self.folder / "gateway", more=FORM_TABLE + crms)
        self.api = Api(self.installation, self.installation.new_token())
        await self.start()
        stack.callback(lambda: self.process.kill())

    async def start(self) -> None:
        self.process = self.installation.start()
        await self.process.ready()

    async def submit(self, session: aiohttp.ClientSession, number: int, order: str = "a kitchen") -> None:
        fields = {"name": f"Customer {number}", "phone": phone_of(number), "order": order}
        async with session.post(f"http://{LOOPBACK}:{self.installation.public}/f/{FORM_KEY}", data=fields) as answer:
            assert answer.status == 200, await answer.text()

    def told(self, event_type: str) -> Counter[str]:
        """What stands in the folder, by the contact's number."""
        lines = [
            json.loads(line)
            for path in sorted((self.folder / "told").glob("*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        return Counter(one["data"]["contact"]["phones"][0] for one in lines if one["type"] == event_type)

    def ids_there(self) -> dict[tuple[str, str], str]:
        """CRM and event -> the CRM's id, of what was delivered."""
        listed = json.loads(self.installation.run("outbox", "list", "--json").stdout)["deliveries"]
        return {(one["crm"], one["event_type"]): one["remote_id"] for one in listed}

    async def states(self) -> dict[str, str]:
        """Each CRM's state, as /health says it."""
        sources = (await self.api.health())["sources"]
        return {one["name"].removeprefix("crm:"): one["state"] for one in sources if one["name"].startswith("crm:")}


def crm_table(name: str, adapter: str, options: Mapping[str, Any]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    return "\n".join(["[[crm]]", f'name = "{name}"', f'adapter = "{adapter}"', "allow_private = true", *lines, ""])


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    """It is open."""
    async with AsyncExitStack() as stack:
        made = Market(tmp_path)
        await made.open(stack)
        yield made


async def until(holds: Callable[[], bool], what: str) -> None:
    """Patiently."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it never came: {what}") from None


def leads_of(fake: FakeCrm) -> int:
    return len(fake.shown()["lead"])


async def test_one_that_hangs_and_one_that_refuses_us_delay_nobody_and_get_everything_once(market: Market) -> None:
    market.amo.choose = lambda _: Trouble.TIMES_OUT
    market.espo.choose = lambda _: Trouble.FORBIDDEN
    async with aiohttp.ClientSession() as session:
        for number in range(1, PERSONS + 1):
            await market.submit(session, number)
    await until(lambda: leads_of(market.bitrix) == PERSONS, "30 leads in Bitrix24")
    await until(lambda: len(_leads_told(market.hook)) == PERSONS, "30 leads by webhook")
    await until(lambda: len(market.told("lead.created")) == PERSONS, "30 leads in the folder")

    states = await market.states()
    assert {name: states[name] for name in ("bitrix", "hook", "files", "espo")} == {
        "bitrix": "ready", "hook": "ready", "files": "ready", "espo": "held",
    }  # fmt: skip
    assert states["amo"] != "ready"
    assert "is on hold" in market.installation.run("outbox", "list", "--crm", "espo").stderr

    market.process.kill()
    market.amo.choose = market.espo.choose = None
    await market.start()
    assert leads_of(market.espo) == 0, "a hold outlives the gateway"
    assert market.installation.run("outbox", "release", "--crm", "espo").returncode == 0
    assert market.installation.run("outbox", "retry", "--all", "--crm", "amo").returncode == 0
    await market.api.settled(PATIENCE)
    for fake in (market.bitrix, market.amo, market.espo):
        shown = fake.shown()
        phones = Counter(phone for contact in shown["contact"] for phone in contact["phones"])
        assert phones == Counter(phone_of(number) for number in range(1, PERSONS + 1)), type(fake).__name__
        assert len(shown["lead"]) == PERSONS, type(fake).__name__
    assert len(_leads_told(market.hook)) == PERSONS
    assert set(market.told("lead.created").values()) == {1}


def _leads_told(hook: Receiver) -> list[str]:
    return [one["data"]["id"] for one in hook.kept.values() if one["type"] == "lead.created"]


async def test_who_was_deleted_in_the_crm_and_writes_again_is_there_again(market: Market) -> None:
    fakes = (market.bitrix, market.amo, market.espo)
    async with aiohttp.ClientSession() as session:
        await market.submit(session, 1)
        await until(lambda: all(leads_of(fake) == 1 for fake in fakes), "a lead in each")
        await market.api.settled(PATIENCE)
        ids = market.ids_there()
        for name, fake in (("bitrix", market.bitrix), ("amo", market.amo), ("espo", market.espo)):
            fake.remove("lead", ids[name, "lead.created"])
            fake.remove("contact", ids[name, "contact.upserted"])
            assert not fake.shown()["contact"], type(fake).__name__
        await market.submit(session, 1, "and a table")
        await until(lambda: all(fake.shown()["contact"] for fake in fakes), "the person again")
        await market.api.settled(PATIENCE)
    for fake in fakes:
        shown = fake.shown()
        assert [contact["phones"] for contact in shown["contact"]] == [[phone_of(1)]], type(fake).__name__
        assert not shown["lead"], type(fake).__name__
    listed = market.installation.run("outbox", "list", "--state", "dead", "--json")
    assert json.loads(listed.stdout)["deliveries"] == []
