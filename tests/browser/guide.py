"""``python -m tests.browser.guide [FOLDER]``: takes the pictures of docs/guide anew, in Russian and English.

Pictures are WebP of what a person sees: a desk 1280 pixels wide, a phone of 390. The people and calls are those of the
town, so a picture changes only where a page does (and with the day on which it is taken).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.browser import eyes
from tests.browser.town import ANNA, OWNER, PBX_SECRET, Town, town
from tests.browser.work import morning
from tests.support.browser import Chromium, Page, chromium
from tests.support.ports import LOOPBACK

PICTURES = Path(__file__).parents[2] / "docs" / "guide" / "pictures"
QUALITY = 60
PAINT_SECONDS = 1.5
"""A frame of another origin is painted by another process, which nobody can be asked about."""
Act = Callable[[Page, Town], Awaitable[None]]


async def _nothing(_page: Page, _town: Town) -> None:
    return None


async def _menu(page: Page, _town: Town) -> None:
    await page.click(".callback [data-menu=later]")
    await page.until("document.querySelector('.callback > .pop')")


async def _answer(page: Page, _town: Town) -> None:
    await page.click("#answer > summary")


async def _paper(page: Page, _town: Town) -> None:
    await page.until(
        "document.querySelector('.preview iframe').contentDocument === null"
    )  # it is loaded, in its sandbox
    await asyncio.sleep(PAINT_SECONDS)


async def _try_pbx(page: Page, here: Town) -> None:
    pbx = {"name": "office", "host": LOOPBACK, "port": str(here.pbx.port), "username": "leadgate"}
    for name, value in {**pbx, "secret": PBX_SECRET}.items():
        await page.type(f"#pbx [name={name}]", value)
    await page.click("#pbx button.primary")
    await page.arrive("document.querySelector('#tried .findings')")
    await page.run("document.querySelector('#pbx').scrollIntoView()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture."""

    path: str
    login: str = ANNA
    width: int = eyes.WIDE
    height: int = 800
    dark: bool = False
    act: Act = _nothing


SHOTS: Mapping[str, Shot] = {
    "board": Shot(path="/", height=560),
    "board-later": Shot(path="/", height=560, act=_menu),
    "board-phone": Shot(path="/", width=eyes.PHONE, height=780),
    "callback": Shot(path="/callbacks/{callback}"),
    "leads": Shot(path="/leads"),
    "lead": Shot(path="/leads/{lead}", height=900),
    "lead-answer": Shot(path="/leads/{lead}", act=_answer),
    "lead-phone": Shot(path="/leads/{lead}", width=eyes.PHONE, height=780, dark=True),
    "merge": Shot(path="/leads/{lead}/merge?q=Мария", height=480),
    "pipeline": Shot(path="/pipeline"),
    "tasks": Shot(path="/tasks", height=640),
    "calls": Shot(path="/calls", height=640),
    "contacts": Shot(path="/contacts", height=640),
    "document": Shot(path="/documents/{document}", act=_paper),
    "reports": Shot(path="/reports", login=OWNER),
    "report-heat": Shot(path="/reports/heat", login=OWNER),
    "first-steps": Shot(path="/settings/guide", login=OWNER, height=900, act=_try_pbx),
    "sources": Shot(path="/settings/sources", login=OWNER, height=640),
    "form": Shot(path="/settings/forms/site", login=OWNER),
    "people": Shot(path="/settings/people", login=OWNER),
    "hours": Shot(path="/settings/hours", login=OWNER),
    "crm": Shot(path="/settings/crm", login=OWNER, height=640),
    "log": Shot(path="/settings/log", login=OWNER, height=640),
    "access": Shot(path="/settings/access", login=OWNER, height=640),
    "profile": Shot(path="/profile", login=ANNA, height=720),
}
"""The name of a picture -> how it is taken."""


async def take(folder: Path, languages: tuple[str, ...] = ("ru", "en")) -> None:
    """All pictures, as ``board.ru.webp``."""
    with tempfile.TemporaryDirectory() as temporary:
        async with town(Path(temporary) / "town") as here, chromium() as browser:
            ids = await morning(here)
            for language in languages:
                for login in (ANNA, OWNER):
                    await _of(browser, here, login, language, ids, folder)


async def _of(browser: Chromium, here: Town, login: str, language: str, ids: Mapping[str, str], folder: Path) -> None:
    async with browser.tab() as page:
        await page.screen(eyes.WIDE)
        await eyes.sign_in(page, here, login, language=language)
        for name, shot in SHOTS.items():
            if shot.login == login:
                await page.screen(shot.width, shot.height)
                await page.dark(shot.dark)
                await page.open(here.url(shot.path.format_map(ids)))
                await shot.act(page, here)
                await page.picture(folder / f"{name}.{language}.webp", quality=QUALITY)


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES))
