"""The administrator's first hour: from the one-time link of a gateway that nobody has set up to the first lead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.browser import eyes
from tests.browser.town import PASSWORD, PBX_SECRET, Town, town
from tests.support.browser import Page, chromium
from tests.support.ports import LOOPBACK

pytestmark = pytest.mark.peer("chromium")


@asynccontextmanager
async def new_gateway(folder: Path) -> AsyncIterator[tuple[Town, Page, str]]:
    """A gateway without a configuration of anything, a browser, and the link that its log shows."""
    async with town(folder / "town", past=False, office=False) as here, chromium() as browser:
        link = await here.gateway.first_sign_in()
        assert link is not None
        async with browser.tab() as page:
            yield here, page, link


async def attempt(page: Page, kind: str, **typed: str) -> str:
    """Fill in one form of the first steps and press its button; the findings."""
    form = f"#{kind} form"
    for name, value in typed.items():
        await page.type(f"{form} [name={name}]", value)
    await page.run("window.sent = true")
    await page.click(f"{form} button.primary")
    await page.arrive(f"!window.sent && document.querySelector('#{kind} #tried')")
    text: str = await page.run("document.querySelector('#tried').innerText")
    return text


@pytest.mark.parametrize(("language", "width"), [("ru", eyes.PHONE), ("en", eyes.WIDE)])
async def test_from_nothing_to_the_first_lead(language: str, width: int, tmp_path: Path) -> None:
    async with new_gateway(tmp_path) as (here, page, link):
        await page.screen(width)
        await page.open(link)
        await eyes.speak(page, language)
        await page.type("[name=password]", "short")
        await page.type("[name=again]", "short")
        await page.click("main form button.primary")
        assert await page.run("document.querySelector('[name=password]').matches(':invalid')"), "it is not taken"
        await page.type("[name=password]", PASSWORD)
        await page.type("[name=again]", PASSWORD)
        await page.click("main form button.primary")
        await page.arrive("document.querySelector('.sections')")
        await page.open(here.url("/settings"))
        assert await page.run("!!document.querySelector('#pbx form')"), "an empty gateway shows the first steps"
        assert not await eyes.is_too_wide(page)
        await _tried_on_the_spot(page, here)
        await _first_lead(page, here)
        assert page.problems == []
        assert eyes.strangers(page, here) == []


async def _tried_on_the_spot(page: Page, here: Town) -> None:
    """A PBX with a wrong and the right secret, a mailbox that is not there, a form."""
    pbx = {"name": "office", "host": LOOPBACK, "port": str(here.pbx.port), "username": "leadgate"}
    assert await page.run("!document.querySelector('#tried')")
    await attempt(page, "pbx", **pbx, secret="not the secret")
    assert await page.run("!!document.querySelector('#tried [data-level=FAIL]')")
    said = await attempt(page, "pbx", **pbx, secret=PBX_SECRET)
    assert await page.run("!!document.querySelector('#tried [data-level=OK]')")
    assert f'host = "{LOOPBACK}"' in said, "the lines for the configuration are shown"
    assert PBX_SECRET not in await page.run("document.documentElement.outerHTML")
    box = {"name": "sales", "host": LOOPBACK, "username": "sales@example.com", "password": "secret"}
    await attempt(page, "mailbox", **box)
    assert await page.run("!!document.querySelector('#tried [data-level=FAIL]')")
    await attempt(page, "form", key="kitchens", name="Kitchens")
    assert await page.run("!!document.querySelector('#tried [data-level=OK]')")
    assert not await eyes.is_too_wide(page)


async def _first_lead(page: Page, here: Town) -> None:
    """The lines went into the file, the gateway was started again; a visitor of the site fills in the form."""
    file = here.gateway.settings.source
    assert file is not None
    pbx = f'[[pbx]]\nname = "office"\nhost = "{LOOPBACK}"\nport = {here.pbx.port}\nusername = "leadgate"\n'
    form = '[[form]]\nkey = "kitchens"\nname = "Kitchens"\n'
    file.write_text(f'{file.read_text()}{form}{pbx}secret = "{PBX_SECRET}"\n', encoding="utf-8")
    await page.open("about:blank")  # a page that misses the gateway says so in its console
    await here.restart()
    await page.open(here.url("/leads"))
    await page.until("document.querySelector('[data-live-state]').dataset.state === 'on'")
    async with aiohttp.ClientSession() as visitor:
        address = f"{here.gateway.web.public_address}/f/kitchens"
        async with visitor.post(address, data={"name": "Мария", "phone": "8 903 555-01-77"}) as answer:
            assert answer.status == 200
    await page.until("document.querySelector('.lead .name')?.textContent === 'Мария'")
    await page.open(here.url("/settings/sources"))
    await page.click("form[action^='/settings/sources/pbx/office/examine'] button")
    await page.arrive("document.querySelector('.findings [data-level=OK]')")
