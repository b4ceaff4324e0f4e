"""Every deed of a manager's day in a browser that runs no script: ordinary forms and links do it all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import eyes
from tests.browser.town import ANNA, Town, town
from tests.browser.work import MORNING
from tests.support.browser import Page, chromium

pytestmark = pytest.mark.peer("chromium")

NOTE = "Просил набрать после обеда"


async def send(page: Page, form: str, button: str = "button", **fields: str) -> None:
    """Fill in a form that is seen, press its button, and wait for the page that comes after."""
    for name, value in fields.items():
        await page.type(f"{form} [name={name}]", value)
    loaded = await page.run("performance.timeOrigin")
    await page.click(f"{form} {button}")
    await page.arrive(f"performance.timeOrigin !== {loaded}")
    assert not await page.run("document.querySelector('.problem')?.innerText ?? ''"), form


async def test_the_day_of_a_manager(tmp_path: Path) -> None:
    async with town(tmp_path / "town", past=False) as here, chromium() as browser:
        await here.play(MORNING)
        async with browser.tab(scripts=False) as page:
            await page.screen(eyes.WIDE)
            await eyes.sign_in(page, here, ANNA, language="ru")
            assert not await page.run("!!document.querySelector('[data-live-state]')?.dataset.state"), "no script ran"
            await _callback(page, here)
            await _lead(page, here)
            assert page.problems == []


async def _callback(page: Page, here: Town) -> None:
    await page.click(".callback [data-open]")
    await page.arrive("location.pathname.startsWith('/callbacks/')")
    await send(page, "form[action$='/claim']")
    await send(page, "form[action$='/note']", note=NOTE)
    assert NOTE in await page.run("document.querySelector('.history').innerText")
    await send(page, "form[action$='/snooze']", "button[value='1h']")
    await send(page, "form[action$='/attempt']", "button[value=no_answer]")
    await send(page, "form[action$='/assign']")
    await send(page, "form[action$='/call']")
    assert any(action.get("Action") == "Originate" for action in here.pbx.actions)
    await send(page, "form[action$='/close']", "button[value=reached]")
    await send(page, "form.undo")
    assert await page.run("!!document.querySelector(\"form[action$='/close']\")"), "it is open again"
    await page.open(here.url("/"))
    await page.click(".callback input[type=checkbox]")
    await send(page, "#many", "button[value=claim]")


async def _lead(page: Page, here: Town) -> None:
    await page.open(here.url("/leads?q=9261234567"))
    await page.click(".lead .name")
    await page.arrive("document.querySelector('#lead')")
    await send(page, ".stages", "button[value=qualified]")
    await send(page, ".note-form", text=NOTE)
    await page.click("#answer > summary")
    await send(page, "#answer form", "button.primary", text="Добрый день!")
    await page.click("#task > summary")
    await send(page, "#task form", text="Отправить счёт", due_at="2030-01-01T10:00")
    await send(page, ".task form", "button[value=done]")
    await page.click("#amount > summary")
    await send(page, "#amount form[action$='/amount']", amount="222000")
    await page.click("#close > summary")
    await send(page, "#close form:first-child", "button[value=won]")
    assert await page.run("!!document.querySelector('.badge[data-status=won]')")
