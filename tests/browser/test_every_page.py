"""Every page in Russian and English, on a desk and on a phone, light and dark: WCAG 2.2 AA, nothing cut or foreign.

A page is looked at twice, so that each is seen in both languages, on both screens and in both colours: one in Russian
on the desk and in English on the dark phone, the next the other way round. ``LEADGATE_EYES=all`` looks at each in all
eight ways. The pictures of it stay in ``LEADGATE_PICTURES``, or in pytest's temporary folder.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path

import pytest

from tests.browser import eyes, pages
from tests.browser.town import OWNER, Town, town
from tests.browser.work import morning
from tests.support.browser import Page, chromium

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.peer("axe")]

Look = tuple[int, bool]
"""The width of the screen, and whether it is dark."""
ALL: tuple[Look, ...] = tuple((width, dark) for width in (eyes.WIDE, eyes.PHONE) for dark in (False, True))
DESK, DARK_PHONE = ALL[0], ALL[-1]
TABS = 2
"""Each goes through a part of the pages, as many as CI has cores."""


def looks(language: str, number: int) -> tuple[Look, ...]:
    """How a page is looked at."""
    if os.environ.get("LEADGATE_EYES") == "all":
        return ALL
    on_the_desk = (number % (2 * TABS) < TABS) == (language == "ru")
    return (DESK,) if on_the_desk else (DARK_PHONE,)


class Visit:
    """One tab that goes through pages."""

    def __init__(self, town: Town, page: Page, pictures: Path) -> None:
        self._town = town
        self._page = page
        self._pictures = pictures
        self.faults: list[str] = []
        self.weights: dict[str, int] = {}

    async def look_at(self, language: str, number: int, path: str) -> None:
        """Open a page and look at it."""
        await self._page.open(self._town.url(path))
        spoken = await self._page.run("document.documentElement.lang")
        if spoken != language and not path.startswith("/f/"):  # customers are spoken to as their browser asks
            self.faults.append(f"{language} {path}: is in {spoken!r}")
        for width, dark in looks(language, number):
            await self._page.screen(width)
            await self._page.dark(dark)
            look = f"{language} {width} {'dark' if dark else 'light'}"
            if await eyes.is_too_wide(self._page):
                self.faults.append(f"{look} {path}: wider than the screen")
            self.faults += [f"{look} {path}: {rule}" for rule in await eyes.violations(self._page)]
            await self._page.picture(self._pictures / f"{number:02} {_name(path)} {look}.jpg", whole=True)
        if language == "ru":  # Cyrillic weighs more
            self.weights[path] = await eyes.weight(self._page)
        missing = path in (*pages.ELSEWHERE, pages.USED_LINK)
        self.faults += [f"{language} {path}: {said}" for said in self._page.problems if not (missing and "40" in said)]
        self._page.problems.clear()

    async def look_at_all(self, language: str, numbered: Iterable[tuple[int, str]]) -> None:
        """One page after the other."""
        for number, path in numbered:
            await self.look_at(language, number, path)


def _name(path: str) -> str:
    """For a file: the words of an address, without ids."""
    words = [word for word in re.split(r"[^a-z]+", re.sub(r"[0-9a-f-]{20,}", "", path.lower())) if word]
    return " ".join(words[:4]) or "callbacks"


async def begin(town: Town, page: Page, language: str, *, signed_in: bool) -> None:
    """Speak the language: of this browser, or of the account, which all tabs share."""
    await page.screen(eyes.WIDE)
    if not signed_in:
        await page.open(town.url("/login"))
        await eyes.speak(page, language)
    elif language == "ru":
        await eyes.sign_in(page, town, OWNER, language=language)
    else:
        await page.open(town.url("/profile"))
        await eyes.speak(page, language)


async def test_every_page_can_be_used_by_everybody_and_fits_the_screen(tmp_path: Path) -> None:
    folder = eyes.pictures(tmp_path / "pictures")
    async with town(tmp_path / "town") as here, chromium() as browser, AsyncExitStack() as stack:
        ids = await morning(here)
        assert pages.routes(here) == set(pages.SIGNED_IN), "a page is not in tests/browser/pages.py"
        tabs = [await stack.enter_async_context(browser.tab()) for _ in range(TABS)]
        visits = [Visit(here, tab, folder) for tab in tabs]
        await asyncio.gather(*(eyes.take_axe_along(tab) for tab in tabs))
        outside = await pages.outside(here)  # once: a second link would end the first
        numbered = list(enumerate([*outside, *pages.addresses(ids)]))
        for signed_in, language in product((False, True), ("ru", "en")):
            some = [(number, path) for number, path in numbered if (number >= len(outside)) == signed_in]
            await asyncio.gather(*(begin(here, tab, language, signed_in=signed_in) for tab in tabs))
            parts = [some[part::TABS] for part in range(TABS)]
            await asyncio.gather(*(one.look_at_all(language, part) for one, part in zip(visits, parts, strict=True)))
        strangers = [url for tab in tabs for url in eyes.strangers(tab, here)]
    assert strangers == []
    faults = [fault for one in visits for fault in one.faults]
    assert not faults, "\n".join(faults)
    heavy = {path: size for one in visits for path, size in one.weights.items() if size > eyes.LIGHT_PAGE}
    assert heavy == {}
