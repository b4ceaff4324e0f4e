"""Every sentence for people, as the code has it: found by reading the code, so that none can be forgotten.

A sentence is the literal given to an error class of ``gateway`` (one that ends in ``LeadgateError``), to ``Refused`` of
the pages, ``Sentence``, ``counted`` and ``Unusable`` with what is built on it, and to ``Said`` of the adapters.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import crm_adapter
import gateway

HOUSE = Path(gateway.__file__).parent
ADAPTERS = Path(crm_adapter.__file__).parent
PLACE = {"Sentence": 0, "counted": 0, "Said": 0, "Unusable": 0, "Refused": 2}
"""Name -> which argument is the sentence, besides the error classes, where it is the first."""
MAKERS = frozenset(
    {
        "Sentence",
        "_claimed_by",
        "words_for",
        "crm_words",
        "_what_happened",
        "_why_missing",
        "crm_trouble",
        "_answered",
        "verbatim",
        "N_",
    }
)
"""Functions that give a Sentence."""
ALWAYS = frozenset({"Sentence", "counted", "Said"})
"""Looked at wherever they stand: what is written as a sentence is shown to somebody."""
NOT_FOR_PAGES = {
    "ConfigError": "said by the console at the start",
    "SchemaTooNew": "said by the console at the start",
    "BackupFailed": "said by the console",
    "WeakPassword": "pages have words of their own for its code",
}
CONSOLE = ("cli/", "config/", "demo/", "app/backup.py", "app/callcommand.py", "app/crm.py")
"""Rooms whose errors only the console says."""
MACHINES = ("mail/interpreter.py", "mail/parse/", "mail/understand/", "telephony/safe.py", "telephony/ami/action.py")
"""Rooms whose errors are said to other programs, or stay in the log."""


@dataclass(frozen=True, slots=True)
class Said:
    """One place where a sentence is made."""

    where: str
    msgid: str | None
    """None: it is no literal."""
    plural: str | None
    """The message for other numbers than one."""
    values: frozenset[str]
    """Names of what is put into it; ``**`` for a mapping that is not written out there."""


@cache
def trees() -> Mapping[str, ast.Module]:
    """Path in the house -> the file, read."""
    return {
        file.relative_to(house if house == HOUSE else house.parent).as_posix(): ast.parse(file.read_text("utf-8"))
        for house in (HOUSE, ADAPTERS)
        for file in sorted(house.rglob("*.py"))
    }


def error_names() -> frozenset[str]:
    """The classes of all errors that Leadgate raises on purpose: LeadgateError and what is built on it."""
    built_on = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path, tree in trees().items()
        if not path.startswith("crm_adapter/")
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
        if path in {"core/errors.py", "core/sentences.py", "crm_adapter/said.py"}:
            continue
        known = _constants(tree)
        shown = ALWAYS if path.startswith((*CONSOLE, *MACHINES, "crm_adapter/")) else names
        found += [said for node in ast.walk(tree) if (said := _said(node, shown, known, path)) is not None]
    return tuple(found)


def _constants(tree: ast.Module) -> dict[str, str]:
    """Texts with a name at the top of a file."""
    return {
        node.targets[0].id: value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(value := _unmarked(node.value), ast.Constant)
        and isinstance(value.value, str)
    }


def _unmarked(node: ast.expr) -> ast.expr:
    """What stands in ``N_("...")``, which babel finds by itself."""
    is_marked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"N_", "_"}
    return node.args[0] if is_marked and isinstance(node, ast.Call) else node


def _said(node: ast.AST, names: frozenset[str], known: Mapping[str, str], path: str) -> Said | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
        return None
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if name == "BadRow" and path.startswith("telephony/history/"):
        name = "Unusable"
    if name not in names and (name not in PLACE or (names == ALWAYS and name not in ALWAYS)):
        return None
    if name == "counted" and len(node.args) < 3:  # another function of that name
        return None
    place = 0 if path.startswith("outgoing/") else PLACE.get(name, 0)  # whose Refused is an error like the others
    if len(node.args) <= place:
        return None
    sentence = node.args[place]
    sentence = _unmarked(sentence)
    text: object = known.get(sentence.id) if isinstance(sentence, ast.Name) else getattr(sentence, "value", None)
    if not isinstance(text, str):
        text = None
        if _hands_on(sentence):
            return None
    values = {keyword.arg or "**" for keyword in node.keywords}
    if name == "Sentence" and len(node.args) > 1:
        values = _keys(node.args[1])
    plural = None
    if name == "counted":
        plural = str(getattr(node.args[1], "value", ""))
        values.add("num")
    return Said(f"{path}:{node.lineno}", text, plural, frozenset(values))


def _is_table(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Name) and node.id.isupper()


def _hands_on(sentence: ast.expr) -> bool:
    """Whether it is a Sentence made elsewhere: ``error.sentence``, ``Sentence(...)``, ``refusal.reason``, a name; or a
    message that a table at the top of the file marks with N_."""
    if isinstance(sentence, ast.Call):
        name = sentence.func.id if isinstance(sentence.func, ast.Name) else getattr(sentence.func, "attr", "")
        of_a_table = name == "get" and _is_table(getattr(sentence.func, "value", None))
        return name in MAKERS or of_a_table
    if isinstance(sentence, ast.BoolOp):
        return _hands_on(sentence.values[0])
    if isinstance(sentence, ast.Attribute):
        return sentence.attr in {"sentence", "reason", "message"}
    return isinstance(sentence, ast.Name) and sentence.id in {"sentence", "away", "ours"}


def _keys(mapping: ast.expr) -> set[str]:
    if not isinstance(mapping, ast.Dict):
        return {"**"}
    return {str(key.value) if isinstance(key, ast.Constant) else "**" for key in mapping.keys}
