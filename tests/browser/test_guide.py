"""docs/guide: each picture that is shown was taken, each that was taken is shown, and all of them are light."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.guide import PICTURES, SHOTS

GUIDE = PICTURES.parent
PAGES = sorted(GUIDE.glob("*/*.md"))
ALL_BYTES = 3_000_000
_SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_LINKED = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_picture_of_a_page_is_there_and_has_a_text(page: Path) -> None:
    shown = _SHOWN.findall(page.read_text(encoding="utf-8"))
    assert shown, "a guide has pictures"
    for text, file in shown:
        assert (page.parent / file).is_file(), file
        assert file.endswith(f".{page.parent.name}.webp"), f"{file} is in another language"
        assert text, file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in _LINKED.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_both_languages_tell_and_show_the_same() -> None:
    assert [page.name for page in PAGES] == ["administrator.md", "manager.md"] * 2
    for name in ("administrator.md", "manager.md"):
        english, russian = ((GUIDE / language / name).read_text(encoding="utf-8") for language in ("en", "ru"))
        assert [file.split(".")[-3] for _, file in _SHOWN.findall(english)] == [
            file.split(".")[-3] for _, file in _SHOWN.findall(russian)
        ]
        assert english.count("\n## ") == russian.count("\n## ")


def test_the_pictures_are_those_of_the_script_and_light() -> None:
    files = {file.name: file.stat().st_size for file in PICTURES.iterdir()}
    shown = {Path(file).name for page in PAGES for _, file in _SHOWN.findall(page.read_text(encoding="utf-8"))}
    taken = {f"{name}.{language}.webp" for name in SHOTS for language in ("ru", "en")}
    assert shown <= set(files) <= taken
    assert sum(files.values()) < ALL_BYTES
