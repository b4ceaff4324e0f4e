"""``leadgate demo`` as a newcomer meets it: within ten seconds all channels, and one person who used them all."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

PROMISE_SECONDS = 10.0
GREETING = re.compile(r"Open (http://\S+) and sign in as (\S+) with the password (\S+)")
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Demo:
    """The running demo and a browser that signed in."""

    def __init__(self, page: str, session: aiohttp.ClientSession) -> None:
        self.page = page
        self.session = session

    async def items(self, what: str) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.page}/api/v1/{what}?limit=200") as answer:
            found: list[dict[str, Any]] = (await answer.json())["items"]
            return found


@pytest_asyncio.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "demo", cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            greeting = None
            while greeting is None:
                line = (await process.stderr.readline()).decode()
                assert line, "the demo ended before it greeted"
                greeting = GREETING.search(line)
            page, login, password = greeting.groups()
            reading = asyncio.create_task(process.stderr.read())
            await sign_in(session, page, login, password)
            yield Demo(page, session)
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
            await reading
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def sign_in(session: aiohttp.ClientSession, page: str, login: str, password: str) -> None:
    async with session.get(f"{page}/login") as form:
        found = CSRF.search(await form.text())
    fields = {"login": login, "password": password} | ({"csrf": found.group(1)} if found else {})
    async with session.post(f"{page}/login", data=fields, headers={"Origin": page}) as answer:
        assert answer.status == 200
        assert answer.url.path == "/"


async def test_within_ten_seconds_there_are_leads_of_all_channels_and_one_person_who_used_them_all(demo: Demo) -> None:
    async with asyncio.timeout(PROMISE_SECONDS):
        while True:
            leads = await demo.items("leads")
            everything = await demo.items("interactions")
            ivan = [i for i in everything if i["contact"] and "+79261234567" in i["contact"]["phones"]]
            if {lead["channel"] for lead in leads} == {"call", "mail", "form"} and len(ivan) >= 3:
                break
            await asyncio.sleep(0.2)
    assert {interaction["channel"] for interaction in ivan} == {"call", "mail", "form"}
    assert len({interaction["contact"]["id"] for interaction in ivan}) == 1
    assert len({interaction["lead"] for interaction in ivan}) == 1
    [contact] = [c for c in await demo.items("contacts") if "+79261234567" in c["phones"]]
    assert contact["emails"] == ["ivan.petrov@romashka.example"]
    async with demo.session.get(f"{demo.page}/") as page:
        assert "+7 926 123-45-67" in await page.text()
