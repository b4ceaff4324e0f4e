"""What is looked at on a page: WCAG 2.2 AA by axe-core, the width of the screen, weight, and what it asks for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from tests.browser.town import PASSWORD, Town
from tests.peers import axe
from tests.support.browser import Page

WIDE, PHONE, HUGE = 1280, 390, 2560
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
    "iframes": False,
}
"""Everything that axe-core knows of WCAG 2.2 AA; the size of targets (2.5.8) must be asked for by name."""
LIGHT_PAGE = 60 * 1024
"""Bytes of HTML, CSS and JavaScript of a page, as they come over the wire."""
_LOOK = """
axe.run(document, %s).then((found) => found.violations.map((v) =>
  v.id + ": " + v.nodes.slice(0, 4).map((n) => `${n.target.join(" ")} (${n.any[0]?.message ?? ""})`).join("; ")))
"""


def pictures(default: Path) -> Path:
    """Where screenshots are kept: ``LEADGATE_PICTURES``, else a temporary folder."""
    return Path(os.environ.get("LEADGATE_PICTURES") or default)


async def take_axe_along(page: Page) -> None:
    """Each page that is opened from now on can be looked at."""
    await page.begin_with(axe.script())


async def violations(page: Page) -> list[str]:
    """The rules of WCAG that the page breaks, and where."""
    found: list[str] = await page.run(_LOOK % json.dumps(RULES))
    return found


async def is_too_wide(page: Page) -> bool:
    """Whether one would have to scroll sideways."""
    return bool(await page.run("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


async def sign_in(page: Page, town: Town, login: str, *, language: str = "ru", path: str = "/") -> None:
    """As a person does it, and then the language that they read."""
    await page.open(town.url(f"/login?next={path}"))
    await page.type("[name=login]", login)
    await page.type("[name=password]", PASSWORD)
    await page.click("main form button")
    await page.arrive("document.querySelector('.account a.who')")
    await speak(page, language)


async def speak(page: Page, language: str) -> None:
    """Choose a language, where it is another one."""
    if await page.run("document.documentElement.lang") != language:
        await page.click(f".languages [value={language}]")
        await page.arrive(f"document.documentElement.lang === '{language}'")


def strangers(page: Page, town: Town) -> list[str]:
    """Addresses outside of the gateway that the page asked for."""
    own = {urlsplit(town.url()).netloc, ""}
    return [url for url in page.traffic if urlsplit(url).netloc not in own]


async def weight(page: Page) -> int:
    """Bytes of the page's own HTML, CSS and JavaScript, as they came over the wire."""
    found: int = await page.run("""
      performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource")
        .filter((one) => /^(link|script)$/.test(one.initiatorType)))
      .reduce((sum, one) => sum + one.encodedBodySize, 0)""")
    return found
