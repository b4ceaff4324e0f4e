"""The template of docs/adding-a-crm-adapter.md is run as it stands there, and stays small."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

from gateway.config.secrets import is_secret

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-crm-adapter.md"
MOST_LINES = 100


def block(name: str) -> str:
    """The Python block after the comment ``name``."""
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)\n```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"{DOCUMENT} has no block {name}"
    return found.group(1)


def module(name: str) -> ModuleType:
    """The block as a module; dataclasses and protocols want to find it by its name."""
    made = ModuleType(f"leadgate_template_{name}")
    sys.modules[made.__name__] = made
    exec(compile(block(name), f"{DOCUMENT}:{name}", "exec"), made.__dict__)
    return made


_adapter, _fake = module("adapter"), module("fake")


class TestTemplate(_fake.TestExample):  # type: ignore[name-defined, misc]
    """The contract, over what the document shows."""

    build = staticmethod(_adapter.build)


def test_the_template_is_below_a_hundred_lines() -> None:
    lines = [line for line in block("adapter").splitlines() if line.strip()]
    assert len(lines) < MOST_LINES


def test_its_key_has_a_name_that_the_gateway_hides_and_reads_from_a_file() -> None:
    fake = _fake.FakeExample()
    (name,) = (name for name, value in _fake.TestExample().options(fake).items() if value == _fake.KEY)
    assert is_secret(name)
