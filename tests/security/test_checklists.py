"""The checklists of docs/security: every requirement is there once, and every test that they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "security"
LEVELS = Path(__file__).with_name("asvs_5_0_levels.txt")
MET = {"yes", "**in part**", "**no**", "*set up*", "n/a"}
_TEST = re.compile(r"`(tests/[\w./]+\.py)`")


def numbers() -> list[str]:
    """Of the requirements of levels 1 and 2."""
    found = []
    for line in LEVELS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            section, levels = line.split()
            found += [f"{section}.{place}" for place, level in enumerate(levels, start=1) if level in "12"]
    return found


def rows(name: str) -> Iterator[list[str]]:
    """The lines of the tables of a document, without headings."""
    for line in (DOCS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| # |", "| item |", "| ---")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_list_of_levels_is_that_of_the_standard() -> None:
    """70 requirements of level 1, 183 of level 2, 92 of level 3."""
    levels = "".join(line.split()[1] for line in LEVELS.read_text(encoding="utf-8").splitlines() if line[0] != "#")
    assert [levels.count(level) for level in "123"] == [70, 183, 92]


def test_every_requirement_of_level_1_and_2_is_answered_once() -> None:
    assert [row[0] for row in rows("asvs.md")] == numbers()


def test_every_answer_says_how_and_what_is_met_names_a_test() -> None:
    for number, asks, met, how, tests in rows("asvs.md"):
        assert met in MET, number
        assert asks, number
        assert how, number
        assert met != "yes" or _TEST.search(tests), f"{number} says that it is met, and names no test"


def test_every_item_of_the_checklist_has_a_test_or_a_reason() -> None:
    found = list(rows("checklist.md"))
    assert len(found) > 50
    for item, tests, remark in found:
        assert _TEST.search(tests) or len(remark) > 30, item


@pytest.mark.parametrize("name", ["asvs.md", "checklist.md"])
def test_every_test_that_is_named_exists(name: str) -> None:
    named = set(_TEST.findall((DOCS / name).read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
