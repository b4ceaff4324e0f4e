"""The board of stages in a real Chromium: cards are dragged with the pointer and with keys, others' moves arrive."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from gateway.storage.store import Store
from gateway.storage.tables import Lead
from tests.integration.web.site import PASSWORD, Site
from tests.integration.web.work_office import as_user, send, work_site
from tests.support.browser import Page, browser

pytestmark = pytest.mark.peer("chromium")


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    async with work_site(store, tmp_path) as running:
        await running.add_user("anna-chief", role="chief")
        yield running


@pytest_asyncio.fixture
async def page(site: Site, tmp_path: Path) -> AsyncIterator[Page]:
    """Signed in, the board open."""
    async with browser(tmp_path) as opened:
        await opened.command(
            "Emulation.setDeviceMetricsOverride", width=1600, height=900, deviceScaleFactor=1, mobile=False
        )
        await opened.open(site.url("/login?next=/pipeline"))
        for name, value in {"login": "anna-chief", "password": PASSWORD}.items():
            await opened.run(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")
        await opened.run("document.querySelector('[name=password]').form.requestSubmit()")
        await opened.until("document.querySelector('.deal .grip')")
        yield opened


async def stage_of(site: Site, lead_id: str) -> str:
    return await site.store.read(lambda c: c.execute(select(Lead.stage).where(Lead.id == lead_id)).scalar_one())


async def middle(page: Page, selector: str) -> tuple[float, float]:
    """Where the middle of an element is on the screen."""
    box = await page.run(
        f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
        "return [b.left + b.width / 2, b.top + Math.min(b.height / 2, 60)]; })()"
    )
    return box[0], box[1]


async def mouse(page: Page, kind: str, at: tuple[float, float]) -> None:
    await page.command("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", buttons=1, clickCount=1)


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        text = {"text": "\r"} if key == "Enter" else {}
        await page.command("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text)
        await page.command("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)


async def test_a_card_is_dragged_to_another_stage_and_stays_there(site: Site, page: Page) -> None:
    grip, target = await middle(page, "#deal-l-ivan .grip"), await middle(page, "#stage-qualified")
    await mouse(page, "mousePressed", grip)
    await mouse(page, "mouseMoved", (grip[0] + 20, grip[1] + 10))
    await mouse(page, "mouseMoved", target)
    await page.until("document.querySelector('#stage-qualified[data-over]') && document.querySelector('.ghost')")
    await mouse(page, "mouseReleased", target)
    await page.until("document.querySelector('#stage-qualified #deal-l-ivan .grip')")
    await page.until("document.querySelector('.toast')")
    assert await stage_of(site, "l-ivan") == "qualified"
    assert not await page.run("!!document.querySelector('.ghost')")
    assert page.problems == []


async def test_a_card_is_moved_by_keys_and_a_change_of_mind_leaves_it(site: Site, page: Page) -> None:
    await page.run("document.querySelector('#grip-l-ivan').focus()")
    await press(page, "Enter", "ArrowRight", "ArrowRight", "Escape")
    assert await stage_of(site, "l-ivan") == "new"
    await press(page, "Enter", "ArrowRight", "Enter")
    await page.until("document.querySelector('#stage-qualified #deal-l-ivan')")
    await page.until("document.querySelector('.toast')")
    assert await stage_of(site, "l-ivan") == "qualified"
    assert page.problems == []


async def test_a_move_of_somebody_else_arrives_by_itself(site: Site, page: Page) -> None:
    await page.until("document.querySelector('[data-live-state]').dataset.state === 'on'")
    async with as_user(site, "boss") as boss:
        await send(boss, "/pipeline", "/pipeline", lead="l-petr.1", deed="move", stage="contract")
    site.hub.publish()
    await page.until("document.querySelector('#stage-contract #deal-l-petr')", seconds=5)
    assert page.problems == []
