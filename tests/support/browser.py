"""A real Chromium, the machine's own, driven by Playwright: what a person does to a page waits until it can be done.

A click waits until its element is seen, stands still and is what the pointer would hit, and is tried again when the
page was changed meanwhile. What is left to a test is what only it knows: after a deed, to wait for a sign of the new.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Error, Mouse, async_playwright
from playwright.async_api import Page as Tab

from tests.peers.chromium import environment, program

PATIENCE_SECONDS = 60.0
"""How long anything may take. Generous: on a machine with other work a page that takes 0.1 s takes ten."""
START_SECONDS = 120.0
FLAGS = ("--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1")
"""The second: Chromium looks for Google's hosts, for updates and accounts of its own; it finds only this machine."""
UNWANTED = ("--hide-scrollbars",)
"""Of what Playwright gives to Chromium: people have scroll bars, and they take room."""
TOAST_SECONDS, TOAST_STAYS = 8, 120
"""What was told about a deed is put away by the page; a slow test must be able to read it and to press its button."""
_TOASTS_STAY = f"""(() => {{ const later = window.setTimeout.bind(window);
  window.setTimeout = (work, wait, ...rest) =>
    later(work, wait === {TOAST_SECONDS * 1000} ? {TOAST_STAYS * 1000} : wait, ...rest); }})()"""
_HEAR_CLICKS = """window.addEventListener("click", (event) => {
  if (window.awaitedClick && event.target.closest?.(window.awaitedClick)) { window.awaitedClick = ""; } }, true)"""
PICTURES = {".jpg": "jpeg", ".webp": "webp"}
"""An ending -> the protocol's word for the kind. WebP is smaller, JPEG made in a fifth of the time."""


class Page:
    """One tab, with cookies of its own."""

    def __init__(self, tab: Tab, context: BrowserContext, protocol: CDPSession, *, scripts: bool) -> None:
        self._tab = tab
        self._scripts = scripts
        self._context = context
        self._protocol = protocol
        self.problems: list[str] = []
        """What the page wrote to its console as errors, and what it threw."""
        self.traffic: list[str] = []
        """The addresses that it asked for, in this order."""
        tab.on("console", self._heard)
        tab.on("pageerror", lambda error: self.problems.append(str(error)[:500]))
        tab.on("request", lambda request: self.traffic.append(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self.problems.append(message.text[:500])

    # -- looking -------------------------------------------------------------------------------------------------------

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        await self._tab.goto(url)

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for. Raises Error with what it threw."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._tab.evaluate(script)

    async def until(self, condition: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until an expression is true."""
        await self.value(f"!!({condition})", seconds=seconds)

    async def value(self, expression: str, *, seconds: float = PATIENCE_SECONDS) -> Any:
        """The first value of an expression that is true; looking at it and taking it are one step."""
        why = ""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        if found := await self._tab.evaluate(expression):
                            return found
                    except Error as error:  # the page was just being replaced, or lacks what the expression looks into
                        why = error.message
                    await asyncio.sleep(0.05)
        except TimeoutError:
            shown = await self._tab.content()
            told = f"never true: {expression}; {why}; at {self._tab.url}; problems: {self.problems}"
            raise AssertionError(f"{told}; page: {shown[:2000]}") from None

    async def arrive(self, condition: str) -> None:
        """Wait until a page that came by itself or by a click is the expected one, and whole: its scripts have run."""
        await self.until(f"document.readyState === 'complete' && ({condition})")

    async def screen(self, width: int, height: int = 900) -> None:
        """So many CSS pixels; below 500 it is a phone's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        await self._protocol.send("Emulation.setDeviceMetricsOverride", size)

    async def dark(self, on: bool = True) -> None:
        """As a machine that is set to dark (or to light) colours."""
        await self._tab.emulate_media(color_scheme="dark" if on else "light")

    async def picture(self, file: Path, *, whole: bool = False, quality: int = 70) -> None:
        """A screenshot of what is seen, or of the whole page. The file's ending says which kind of picture."""
        how = {"format": PICTURES[file.suffix], "quality": quality, "captureBeyondViewport": whole}
        taken = await self._protocol.send("Page.captureScreenshot", how)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    async def begin_with(self, script: str) -> None:
        """Run a script first in each page that is opened from now on."""
        await self._tab.add_init_script(script)

    async def forget_cookies(self) -> None:
        """As after the end of the session."""
        await self._context.clear_cookies()

    # -- doing, with the input events of a person ----------------------------------------------------------------------

    async def click(self, selector: str) -> None:
        """Press the first element that is seen, with the mouse: what stays covered can't be pressed.

        Where a live renewal replaces it between the button's going down and up there is no click: it is pressed anew.
        """
        target = self._tab.locator(selector).filter(visible=True).first
        clicked = False
        async with asyncio.timeout(2 * PATIENCE_SECONDS):  # Playwright tells better what is in the way
            while not clicked:
                await target.wait_for()
                await self._unless_leaving(f"window.awaitedClick = {json.dumps(selector)}")
                await target.click()
                # without scripts nobody hears clicks, and nothing is renewed
                clicked = not (self._scripts and await self._unless_leaving("window.awaitedClick"))

    async def _unless_leaving(self, script: str) -> Any:
        """The value of an expression; None where the page is just being replaced by the next one."""
        try:
            return await self._tab.evaluate(script)
        except Error:
            return None

    async def hover(self, selector: str, *, covered: bool = False) -> None:
        """Move the mouse there. ``covered``: something under the pointer, such as what is dragged, is no hindrance."""
        await self._tab.locator(selector).filter(visible=True).first.hover(force=covered)

    async def type(self, selector: str, text: str) -> None:
        """Write into a field that is seen, in place of what stands there."""
        await self._tab.locator(selector).filter(visible=True).first.fill(text)

    async def write(self, text: str) -> None:
        """Write where the keyboard's focus is."""
        await self._tab.keyboard.insert_text(text)

    async def press(self, *keys: str) -> None:
        """Keys of the keyboard, by their names (``Enter``) or signs (``j``)."""
        for key in keys:
            await self._tab.keyboard.press(key)

    @property
    def mouse(self) -> Mouse:
        """For what is more than a click."""
        return self._tab.mouse


class Chromium:
    """A running browser."""

    def __init__(self, running: Browser) -> None:
        self._running = running

    @asynccontextmanager
    async def tab(self, *, scripts: bool = True) -> AsyncIterator[Page]:
        """A new tab, as of a person of their own. ``scripts`` false: pages run none, ``run`` and ``until`` still do."""
        context = await self._running.new_context(no_viewport=True, java_script_enabled=scripts)
        try:
            context.set_default_timeout(PATIENCE_SECONDS * 1000)
            for script in (_TOASTS_STAY, _HEAR_CLICKS):
                await context.add_init_script(script)
            tab = await context.new_page()
            page = Page(tab, context, await context.new_cdp_session(tab), scripts=scripts)
            await page.screen(1280)
            yield page
        finally:
            await context.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """A new Chromium with an empty profile."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=program(), args=FLAGS, ignore_default_args=UNWANTED, env={**environment()},
            chromium_sandbox=os.geteuid() != 0, timeout=START_SECONDS * 1000,
        )  # fmt: skip
        try:
            yield Chromium(running)
        finally:
            await running.close()


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A new Chromium, and a tab in it."""
    async with chromium() as running, running.tab() as page:
        yield page
