"""What is looked at on a page: WCAG 2.2 AA by axe-core, the width of the screen, weight, and what it asks for."""

from __future__ import annotations

import gzip
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
"""Bytes of HTML, CSS and JavaScript of a page, compressed."""
_LOOK = """
axe.run(document, %s).then((found) => found.violations.map((v) =>
  v.id + ": " + v.nodes.slice(0, 4).map((n) => `${n.target.join(" ")} (${n.any[0]?.message ?? ""})`).join("; ")))
"""


def pictures(default: Path) -> Path:
    """Where screenshots are kept: ``LEADGATE_PICTURES``, else a temporary folder."""
    return Path(os.environ.get("LEADGATE_PICTURES") or default)


async def take_axe_along(page: Page) -> None:
    """Each page that is opened from now on can be looked at."""
    await page.command("Page.addScriptToEvaluateOnNewDocument", source=axe.script())


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
    await page.until("document.querySelector('.account a.who')")
    await speak(page, language)


async def speak(page: Page, language: str) -> None:
    """Choose a language, where it is another one."""
    if await page.run("document.documentElement.lang") != language:
        await page.click(f".languages [value={language}]")
        await page.until(f"document.documentElement.lang === '{language}' && document.readyState === 'complete'")


def strangers(page: Page, town: Town) -> list[str]:
    """Addresses outside of the gateway that the page asked for."""
    own = {urlsplit(town.url()).netloc, ""}
    return [one.url for one in page.traffic.all if urlsplit(one.url).netloc not in own]


async def weight(page: Page) -> int:
    """Bytes of the page's own HTML, CSS and JavaScript, each compressed by gzip."""
    sources: list[str] = await page.run("""(async () => Promise.all(
      [location.href, ...Array.from(document.querySelectorAll('link[rel=stylesheet]'), (link) => link.href),
       ...Array.from(document.querySelectorAll('script[src]'), (script) => script.src)]
      .map((url) => fetch(url, {headers: {Accept: 'text/html,*/*'}}).then((answer) => answer.text()))))()""")
    return sum(len(gzip.compress(source.encode(), 6)) for source in sources)
