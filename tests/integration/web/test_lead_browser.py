"""The card of a lead in a real Chromium: what is typed survives, deeds need no new page, news arrive by themselves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection

from gateway.live.changes import ChangeKind, record
from gateway.storage.store import Store
from tests.integration.web.lead_office import lead_site
from tests.integration.web.site import PASSWORD, Site, new_browser
from tests.integration.web.test_callbacks_api import Phones
from tests.integration.web.test_lead_pages import do
from tests.support.browser import Page, browser
from tests.support.clock import MONDAY
from tests.support.seed import add_interaction

pytestmark = pytest.mark.peer("chromium")

IVAN = "/leads/l-ivan"
NOTE = ".note-form textarea"


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    async with lead_site(store, tmp_path, Phones()) as running:
        await running.add_user("chief", role="chief")
        await running.accounts.set_password("boris", PASSWORD)
        yield running


@pytest_asyncio.fixture
async def page(site: Site) -> AsyncIterator[Page]:
    """Signed in, the card of Ivan's lead open."""
    async with browser() as opened:
        await opened.open(site.url(f"/login?next={IVAN}"))
        await sign_in(opened)
        await opened.arrive("document.querySelector('#lead')")
        yield opened


async def sign_in(page: Page) -> None:
    """Fill in the form."""
    await page.type("[name=login]", "chief")
    await page.type("[name=password]", PASSWORD)
    await page.press("Enter")


async def type_into(page: Page, selector: str, text: str) -> None:
    """As a person types: with the event that the drafts listen to."""
    found = f"document.querySelector({json.dumps(selector)})"
    typed = "dispatchEvent(new Event('input', {bubbles: true}))"
    await page.run(f"{found}.value = {json.dumps(text)}, {found}.{typed}")


async def send(page: Page, form: str) -> None:
    """Press the button of a form."""
    await page.run(f"document.querySelector('form[action=\"{IVAN}/{form}\"] button').click()")


def toast(words: str) -> str:
    return f"document.querySelector('.toast')?.textContent.includes({json.dumps(words)})"


async def test_a_day_with_the_card(page: Page, site: Site) -> None:
    await type_into(page, NOTE, "Любит зелёный чай")
    await page.open(site.url(IVAN))
    assert await page.run(f"document.querySelector('{NOTE}').value") == "Любит зелёный чай", "a reload loses nothing"
    await send(page, "note")
    await page.until(toast("The note was kept."))
    await page.until("document.querySelector('.item.note .text')?.textContent === 'Любит зелёный чай'")
    assert await page.run(f"document.querySelector('{NOTE}').value") == ""

    await page.run(f"document.querySelector('form[action=\"{IVAN}/stage\"] button[value=offer]').click()")
    await page.until("document.querySelector('.stages [aria-current=step]')?.value === 'offer'")
    await page.until("document.querySelector('.history').textContent.includes('Offer sent')")

    def came(connection: Connection) -> None:
        columns = {"lead_id": "l-ivan", "contact_id": "c-ivan", "subject": "Just in"}
        add_interaction(connection, "i-new", channel="mail", at=MONDAY, **columns)
        record(connection, ChangeKind.INTERACTION_UPDATED, "i-new", MONDAY)

    await site.store.write(came)
    site.hub.publish()
    await page.until("document.querySelector('#item-i-new')")
    buttons = "document.querySelectorAll('#item-i-listen .speeds button')"
    speeds = await page.run(f"Array.from({buttons}, (button) => button.textContent)")
    assert speeds == ["1×", "1.25×", "1.5×", "2×"]
    await page.run(f"{buttons}[2].click()")
    assert await page.run("document.querySelector('#item-i-listen audio').playbackRate") == 1.5
    await page.run("document.querySelector('#letter-i-thread').open = true")
    await page.until("document.querySelector('#letter-i-thread iframe').getBoundingClientRect().height > 100")
    assert page.problems == []


async def test_who_comes_second_is_told_and_can_send_again(page: Page, site: Site) -> None:
    await page.run("document.querySelector('#amount').open = true")
    await type_into(page, "#amount [name=amount]", "99000")
    async with new_browser(site) as other:
        await site.add_user("olga", role="owner")
        await other.sign_in("olga")
        await do(other, "stage", stage="contract")
    await send(page, "amount")
    await page.until(toast("changed this lead"))
    assert await page.run("document.querySelector('#amount [name=amount]').value") == "99000"
    await send(page, "amount")
    await page.until(toast("The amount was kept."))
    await page.until("document.querySelector('.summary .sum')?.textContent.includes('99,000')")
    refused = [problem for problem in page.problems if "409" not in problem]
    assert refused == []


async def test_the_session_that_ended_loses_no_answer(page: Page, site: Site) -> None:
    await page.run("document.querySelector('#answer').open = true")
    await type_into(page, "#answer [name=text]", "Спасибо, считаем")
    await page.forget_cookies()
    await send(page, "answer-one")
    await page.arrive("location.pathname === '/login'")
    await sign_in(page)
    await page.arrive("document.querySelector('.brand') && location.pathname !== '/login'")
    await page.open(site.url(IVAN))
    assert await page.run("document.querySelector('#answer [name=text]').value") == "Спасибо, считаем"


async def test_nothing_is_wider_than_the_screen_and_every_field_has_a_name(page: Page, site: Site) -> None:
    nameless = """Array.from(document.querySelectorAll('main input:not([type=hidden]), main select, main textarea'))
        .filter((field) => !field.labels.length && !field.getAttribute('aria-label'))
        .map((field) => field.outerHTML)"""
    for path in ("/leads", IVAN, f"{IVAN}/merge", f"{IVAN}/document?template=invoice&language=ru"):
        for width in (390, 1280):
            await page.screen(width)
            await page.open(site.url(path))
            fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            assert await page.run(fits), (path, width)
        assert await page.run(nameless) == [], path
    assert page.problems == []
