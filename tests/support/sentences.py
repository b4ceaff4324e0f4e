"""Every sentence of an error, as the code has it: found by reading the code, so that none can be forgotten.

A sentence is the literal given to an error class of ``gateway`` (one that ends in ``LeadgateError``), or to ``Refused``
of the pages, ``Sentence`` and ``Unusable``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gateway

HOUSE = Path(gateway.__file__).parent
PLACE = {"Sentence": 0, "Unusable": 0, "Refused": 2}
"""Name -> which argument is the sentence, besides the error classes, where it is the first."""
NOT_FOR_PAGES = {
    "ConfigError": "said by the console at the start",
    "SchemaTooNew": "said by the console at the start",
    "StoreUnavailable": "pages say it in words of their own",
    "NotDurable": "said to machines that deliver",
    "BackupFailed": "said by the console",
    "WeakPassword": "pages have words of their own for its code",
    "LoginRefused": "said on the page of sources, in English with the PBX's own words",
}
CONSOLE = ("cli/", "config/", "demo/", "app/backup.py", "app/callcommand.py", "app/crm.py")
"""Rooms whose errors only the console says."""
MACHINES = (
    "mail/",
    "telephony/ami/",
    "telephony/history/",
    "telephony/connector.py",
    "telephony/safe.py",
    "outgoing/submission.py",
    "outgoing/worker.py",
)
"""Rooms whose errors are states of sources, or have a ``Refused`` of their own; pages show them with lang="en"."""


@dataclass(frozen=True, slots=True)
class Said:
    """One place where a sentence is made."""

    where: str
    msgid: str | None
    """None: it is no literal."""
    values: frozenset[str]
    """Names of what is put into it; ``**`` for a mapping that is not written out there."""


@cache
def trees() -> Mapping[str, ast.Module]:
    """Path in the house -> the file, read."""
    return {
        file.relative_to(HOUSE).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for file in sorted(HOUSE.rglob("*.py"))
    }


def error_names() -> frozenset[str]:
    """The classes of all errors that Leadgate raises on purpose: LeadgateError and what is built on it."""
    built_on = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found, before = {"LeadgateError"}, set[str]()
    while found != before:
        before = set(found)
        found |= {name for name, bases in built_on.items() if bases & found}
    return frozenset(found) - NOT_FOR_PAGES.keys()


@cache
def sentences() -> tuple[Said, ...]:
    """All of them that a page may show."""
    names = error_names()
    found = []
    for path, tree in trees().items():
        if path.startswith((*CONSOLE, *MACHINES)) or path in {"core/errors.py", "core/sentences.py"}:
            continue
        known = _constants(tree)
        found += [said for node in ast.walk(tree) if (said := _said(node, names, known, path)) is not None]
    return tuple(found)


def _constants(tree: ast.Module) -> dict[str, str]:
    """Texts with a name at the top of a file."""
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _said(node: ast.AST, names: frozenset[str], known: Mapping[str, str], path: str) -> Said | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
        return None
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if name not in names and name not in PLACE:
        return None
    place = PLACE.get(name, 0)
    if len(node.args) <= place:
        return None
    sentence = node.args[place]
    if isinstance(sentence, ast.Call) and isinstance(sentence.func, ast.Name) and sentence.func.id in {"N_", "_"}:
        sentence = sentence.args[0]
    text: object = known.get(sentence.id) if isinstance(sentence, ast.Name) else getattr(sentence, "value", None)
    if not isinstance(text, str):
        text = None
        if _hands_on(sentence):
            return None
    values = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
    if name == "Sentence" and len(node.args) > 1:
        values = _keys(node.args[1])
    return Said(f"{path}:{node.lineno}", text, frozenset(values))


def _hands_on(sentence: ast.expr) -> bool:
    """Whether it is a Sentence made elsewhere: ``error.sentence``, ``Sentence(...)``, ``refusal.reason``, a name."""
    if isinstance(sentence, ast.Call):
        return isinstance(sentence.func, ast.Name) and sentence.func.id in {"Sentence", "_claimed_by", "words_for"}
    if isinstance(sentence, ast.BoolOp):
        return _hands_on(sentence.values[0])
    if isinstance(sentence, ast.Attribute):
        return sentence.attr in {"sentence", "reason"}
    return isinstance(sentence, ast.Name) and sentence.id in {"sentence", "away", "ours"}


def _keys(mapping: ast.expr) -> set[str]:
    if not isinstance(mapping, ast.Dict):
        return {"**"}
    return {str(key.value) for key in mapping.keys if isinstance(key, ast.Constant)}
