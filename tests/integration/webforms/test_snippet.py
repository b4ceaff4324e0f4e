"""The snippet and the hosted page in a real Chromium, also with the server going away and coming back."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.core.clock import SystemClock
from gateway.core.types import Draft, Kind
from gateway.webforms.intake import FormIntake
from gateway.webforms.pages import static_file
from gateway.webforms.routes import routes
from gateway.webforms.settings import FormSettings
from tests.support.browser import PATIENCE_SECONDS, Chromium, Page, chromium
from tests.support.ports import LOOPBACK, free_ports
from tests.support.sink import RecordingSink

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    """One for all tests here: each opens a tab that shares nothing with the others'."""
    async with chromium() as running:
        yield running


SITE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Shop</title>
<form id="order" {attributes} method="post"><input name="name"><input name="phone" type="tel">
<input name="photo" type="file"><textarea name="message"></textarea>
<button name="which" value="order">Go</button></form>
{script}</html>"""


class Gateway:
    """The forms behind a real server that can be stopped and started, and a shop's site on another origin."""

    def __init__(self, *forms: FormSettings) -> None:
        self.forms = forms
        self.sink = RecordingSink()
        self.intake = FormIntake(forms, self.sink, SystemClock(), region="RU")
        self.port, self.site_port = free_ports(2)
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def site(self) -> str:
        return f"http://localhost:{self.site_port}"

    @property
    def drafts(self) -> list[Draft]:
        return [item.draft for item in self.sink.items if item.draft is not None]

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(routes(self.intake))
        self._runner = await _serve(app, self.port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def page(self, *, language: str = "ru", attributes: str = "data-leadgate", with_script: bool = True) -> str:
        script = f'<script src="{self.address}/f/site.js" defer></script>' if with_script else ""
        return SITE.format(language=language, attributes=attributes, script=script)


async def _serve(app: web.Application, port: int) -> web.AppRunner:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    return runner


@asynccontextmanager
async def shop(browser: Chromium, gateway: Gateway, html: str) -> AsyncIterator[Page]:
    """The gateway, a site with ``html`` on every page, and a browser that has nothing open yet."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{any:.*}", show)
    await gateway.start()
    runner = await _serve(app, gateway.site_port)
    try:
        async with browser.tab() as page:
            yield page
    finally:
        await runner.cleanup()
        await gateway.stop()


FILL = """(() => { const f = document.forms[0]; f.name.value = 'Иван'; f.phone.value = '8 926 123-45-67';
  f.message.value = 'Насос'; })()"""
SEND = "document.querySelector('form button').click()"
STATUS = "document.querySelector('[data-leadgate-status]')"


async def test_a_form_is_sent_without_leaving_the_page_and_with_its_source(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site"))
    async with shop(browser, gateway, gateway.page()) as page:
        await page.open(f"{gateway.site}/?utm_source=yandex&utm_campaign=pumps&yclid=77")
        await page.open(f"{gateway.site}/contacts")
        await page.run(FILL)
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'sent'")
        assert "Спасибо" in await page.run(f"{STATUS}.textContent")
        assert await page.run("document.forms[0].phone.value") == ""
        assert (
            await page.run("Object.keys(localStorage).filter(k => k.includes('queue')).map(k => localStorage[k])[0]")
            == "[]"
        )
        assert page.problems == []
    [draft] = gateway.drafts
    assert (draft.name, [handle.value for handle in draft.handles]) == ("Иван", ["+79261234567"])
    assert draft.source.utm == {"source": "yandex", "campaign": "pumps"}
    assert draft.source.click_ids == {"yclid": "77"}
    assert draft.source.page == f"{gateway.site}/contacts"
    assert draft.fields["which"] == "order"
    assert not [name for name in draft.fields if name.startswith("_lg")]


async def test_a_submission_waits_in_the_browser_while_the_server_is_down_and_arrives_once(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site", min_seconds=0.2, proof_of_work=500))
    async with shop(browser, gateway, gateway.page()) as page:
        await page.open(f"{gateway.site}/")
        for loaded in ("/challenge", "/work.js"):  # the pass, and what computes its proof
            await page.until(f"performance.getEntriesByType('resource').some((one) => one.name.endsWith('{loaded}'))")
        await gateway.stop()
        await page.run(FILL)
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'kept'")
        assert await page.run("document.forms[0].phone.value") == "8 926 123-45-67"
        await page.open("about:blank#gone")
        await gateway.start()
        await page.open(f"{gateway.site}/another-page")
        await page.until("localStorage['leadgate:queue:' + document.scripts[0].src.replace('.js', '')] === '[]'")
        await page.open(f"{gateway.site}/once-more")
    [draft] = gateway.drafts
    assert (draft.kind, draft.name) == (Kind.MESSAGE, "Иван"), draft.details
    assert draft.source.page == f"{gateway.site}/"


async def test_a_browser_that_keeps_nothing_does_not_promise_to(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site"))
    async with shop(browser, gateway, gateway.page(language="en")) as page:
        await page.open(f"{gateway.site}/")
        await page.run("Storage.prototype.setItem = () => { throw new Error('private mode'); }, 0")
        await gateway.stop()
        await page.run(FILL)
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'refused'")
        await gateway.start()
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'sent'")
    assert len(gateway.drafts) == 1


async def test_an_unanswered_submission_is_sent_again_by_itself_and_is_one(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site"))
    async with shop(browser, gateway, gateway.page(language="en")) as page:
        await page.open(f"{gateway.site}/")
        gateway.sink.refuse()
        await page.run(FILL)
        await page.run(SEND)
        await page.until(f"{STATUS}?.textContent.startsWith('No connection')")
        gateway.sink.error = None
        await page.run("dispatchEvent(new Event('online')); dispatchEvent(new Event('online'))")
        await page.until("localStorage['leadgate:queue:' + document.scripts[0].src.replace('.js', '')] === '[]'")
    assert len(gateway.sink.items) == 1


async def test_a_robot_that_is_too_quick_is_spam_and_hears_nothing_of_it(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site", min_seconds=3600, proof_of_work=100))
    async with shop(browser, gateway, gateway.page()) as page:
        await page.open(f"{gateway.site}/")
        await page.run(FILL)
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'sent'")
    [draft] = gateway.drafts
    assert draft.kind is Kind.SPAM
    assert "filled in within" in draft.details["spam"]


async def test_a_file_is_sent_too_and_a_sites_own_handler_decides_what_is_shown(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site", redirect="/thanks"))
    async with shop(browser, gateway, gateway.page()) as page:
        await page.open(f"{gateway.site}/")
        await page.run(FILL)
        await page.run(
            "(() => { const d = new DataTransfer(); d.items.add(new File(['1234'], 'крыша.png', {type: 'image/png'}));"
            "document.forms[0].photo.files = d.files; })()"
        )
        await page.run("addEventListener('leadgate:sent', e => { window.told = e.detail; e.preventDefault(); })")
        await page.run(SEND)
        await page.until("window.told")
        assert await page.run("told.redirect") == "/thanks"
        assert await page.run(STATUS) is None
    [draft] = gateway.drafts
    assert [(file.name, file.size) for file in draft.attachments] == [("крыша.png", 4)]
    assert draft.name == "Иван"


async def test_a_form_is_known_by_its_address_even_with_fields_that_hide_its_properties(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site"))
    html = gateway.page(attributes=f'action="{gateway.address}/f/site?from=shop"').replace(
        "<textarea", '<input type="hidden" name="action" value="send"><input type="hidden" name="reset"><textarea'
    )
    async with shop(browser, gateway, html) as page:
        await page.open(f"{gateway.site}/")
        await page.run(FILL)
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'sent'")
        assert await page.run("location.href") == f"{gateway.site}/"
    assert [draft.name for draft in gateway.drafts] == ["Иван"]


async def test_without_the_script_the_form_posts_and_a_page_says_thank_you(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site"))
    html = gateway.page(attributes=f'action="{gateway.address}/f/site?lang=ru"', with_script=False)
    async with shop(browser, gateway, html) as page:
        await page.open(f"{gateway.site}/")
        await page.run(FILL)
        await page.run(SEND)
        await page.until("document.querySelector('h1')?.textContent === 'Спасибо!'")
        assert page.problems == []
    assert [draft.name for draft in gateway.drafts] == ["Иван"]


async def test_the_hosted_page_works_with_its_policy_and_is_not_framed_by_strangers(browser: Chromium) -> None:
    gateway = Gateway(FormSettings(key="site", name="Заявка", min_seconds=0.1, proof_of_work=300, consent="Согласен"))
    frame = f'<!doctype html><iframe src="{gateway.address}/f/site?embed=1"></iframe>'
    async with shop(browser, gateway, frame) as page:
        await page.open(f"{gateway.address}/f/site?lang=ru")
        assert await page.run("document.querySelector('h1').textContent") == "Заявка"
        await page.run("document.forms[0].consent.checked = true")
        await page.run(FILL)
        await page.run("new Promise(r => setTimeout(r, 300))")
        await page.run(SEND)
        await page.until(f"{STATUS}?.dataset.leadgateStatus === 'sent'")
        assert page.problems == []
        await page.open(f"{gateway.site}/")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any("frame-ancestors" in problem for problem in page.problems):
                await asyncio.sleep(0.05)
    [draft] = gateway.drafts
    assert (draft.kind, draft.details["consent"]) == (Kind.MESSAGE, {"consent": "Согласен"})


async def test_the_hosted_page_is_framed_by_the_forms_own_site(browser: Chromium) -> None:
    port = free_ports(1)[0]
    gateway = Gateway(FormSettings(key="site", origins=(f"http://localhost:{port}",)))
    gateway.site_port = port
    frame = f'<!doctype html><iframe src="{gateway.address}/f/site?embed=1&lang=en"></iframe>'
    async with shop(browser, gateway, frame) as page:
        await page.open(f"{gateway.site}/")
        assert await page.run("!!document.querySelector('iframe')")
        assert page.problems == []


async def test_the_worker_computes_sha_256_whatever_the_length(browser: Chromium) -> None:
    code = static_file("work.js").body.decode().replace("onmessage =", "self.unused =")
    async with browser.tab() as page:
        await page.run(f"{code}; self.solve = solve; 0")
        for length in (0, 1, 46, 54, 55, 56, 62, 63, 64, 110, 118, 119, 120, 128, 500):
            salt = "s" * length
            challenge = hashlib.sha256(f"{salt}17".encode()).hexdigest()
            asked = json.dumps({"salt": salt, "challenge": challenge, "maxnumber": 20})
            assert await page.run(f"solve({asked})") == 17, length
        assert await page.run(f"solve({json.dumps({'salt': 's', 'challenge': '0' * 64, 'maxnumber': 20})})") == -1
