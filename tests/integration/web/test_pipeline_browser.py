"""The board of stages in a real Chromium: cards are dragged with the pointer and with keys, others' moves arrive."""

from __future__ import annotations

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
async def page(site: Site) -> AsyncIterator[Page]:
    """Signed in, the board open."""
    async with browser() as opened:
        await opened.screen(1600)
        await opened.open(site.url("/login?next=/pipeline"))
        await opened.type("[name=login]", "anna-chief")
        await opened.type("[name=password]", PASSWORD)
        await opened.press("Enter")
        await opened.arrive("document.querySelector('.deal .grip')")
        yield opened


async def stage_of(site: Site, lead_id: str) -> str:
    return await site.store.read(lambda c: c.execute(select(Lead.stage).where(Lead.id == lead_id)).scalar_one())


async def test_a_card_is_dragged_to_another_stage_and_stays_there(site: Site, page: Page) -> None:
    await page.hover("#deal-l-ivan .grip")
    await page.mouse.down()
    await page.hover("#stage-qualified h2", covered=True)
    await page.until("document.querySelector('#stage-qualified[data-over]') && document.querySelector('.ghost')")
    await page.mouse.up()
    await page.until("document.querySelector('#stage-qualified #deal-l-ivan .grip')")
    await page.until("document.querySelector('.toast')")
    assert await stage_of(site, "l-ivan") == "qualified"
    assert not await page.run("!!document.querySelector('.ghost')")
    assert page.problems == []


async def test_a_card_is_moved_by_keys_and_a_change_of_mind_leaves_it(site: Site, page: Page) -> None:
    await page.run("document.querySelector('#grip-l-ivan').focus()")
    await page.press("Enter", "ArrowRight", "ArrowRight", "Escape")
    assert await stage_of(site, "l-ivan") == "new"
    await page.press("Enter", "ArrowRight", "Enter")
    await page.until("document.querySelector('#stage-qualified #deal-l-ivan')")
    await page.until("document.querySelector('.toast')")
    assert await stage_of(site, "l-ivan") == "qualified"
    assert page.problems == []


async def test_a_move_of_somebody_else_arrives_by_itself(site: Site, page: Page) -> None:
    await page.until("document.querySelector('[data-live-state]').dataset.state === 'on'")
    async with as_user(site, "boss") as boss:
        await send(boss, "/pipeline", "/pipeline", lead="l-petr.1", deed="move", stage="contract")
    site.hub.publish()
    await page.until("document.querySelector('#stage-contract #deal-l-petr')")
    assert page.problems == []
