"""Each deed that the gateway writes down has words: the log is read by people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
from gateway.callbacks.life import Step
from gateway.web.pages.settings.deedwords import ACTIONS, KINDS

HOME = Path(gateway.__file__).parent
OF_THE_GATEWAY = {Step.OPENED, Step.TRIED, Step.WOKEN, Step.REMINDED, Step.MERGED, Step.PARTED}
"""Steps of a callback that nobody does: they stand in its history only."""
ELSE = {"callback.opened", "contact.upserted", "contacts.html", "recording.owed"}
"""Look like deeds, and are events of the outbox, a template, a finding of the doctor."""


def written_deeds() -> Iterator[tuple[str, str]]:
    """The names of deeds in modules that write some, and the module."""
    prefix = "|".join(sorted({name.split(".")[0] for name in ACTIONS}))
    looks_like_one = re.compile(rf"(?:{prefix})\.[a-z_]+")
    for path in sorted(HOME.rglob("*.py")):
        text = path.read_text()
        if "gateway.audit.log" not in text or path.name == "deedwords.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and looks_like_one.fullmatch(node.value):
                yield node.value, path.relative_to(HOME).as_posix()


def test_each_deed_in_the_code_has_words() -> None:
    wordless = {name: where for name, where in written_deeds() if name not in {*ACTIONS, *ELSE}}
    assert not wordless, "add them to ACTIONS in gateway/web/pages/settings/deedwords.py"


@pytest.mark.parametrize("step", sorted(set(Step) - OF_THE_GATEWAY))
def test_each_deed_on_a_callback_has_words(step: Step) -> None:
    assert f"callback.{step.value}" in ACTIONS


def test_each_kind_of_object_has_words() -> None:
    kinds = {
        keyword.value.value
        for path in HOME.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "object_kind" and isinstance(keyword.value, ast.Constant)
    }
    assert kinds - {None} <= set(KINDS)
