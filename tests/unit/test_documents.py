"""The documents that name tests as their proof name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"`((?:tests|deploy)/[\w/.-]+)`")


@pytest.mark.parametrize("name", ["docs/security.md", "docs/reliability.md"])
def test_each_test_that_a_document_names_is_there(name: str) -> None:
    named = set(_TEST.findall((ROOT / name).read_text(encoding="utf-8")))
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_a_test_that_was_marked_as_a_property_is_one() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    properties = re.findall(r"`(tests/[\w/.-]+)` \(property\)", text)
    assert properties
    plain = [path for path in properties if "from hypothesis" not in (ROOT / path).read_text(encoding="utf-8")]
    assert plain == []
