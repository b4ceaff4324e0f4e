"""Every key of a valid TOML text is found on its line."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.locate import Path, locate

CASES: list[tuple[str, str, dict[Path, int]]] = [
    ("a plain key", "a = 1", {("a",): 1}),
    ("a dotted key", "\na . b = 1", {("a",): 2, ("a", "b"): 2}),
    ("a quoted key with escapes", '"q\\u0041.x" = 1', {("qA.x",): 1}),
    ("a literal key", "'a\"b' = 1", {('a"b',): 1}),
    ("a table", "# c\n[ s ] # [x]\nk = '#'", {("s",): 2, ("s", "k"): 3}),
    (
        "a table below a table",
        "[a.b]\nc = 1\n[a]\nd = 2",
        {("a",): 3, ("a", "b"): 1, ("a", "b", "c"): 2, ("a", "d"): 4},
    ),
    (
        "an array of tables",
        "[[p]]\nn = 1\n[[p]]\nn = 2",
        {("p",): 1, ("p", 0): 1, ("p", 0, "n"): 2, ("p", 1): 3, ("p", 1, "n"): 4},
    ),
    (
        "a table of the newest element",
        "[[p]]\n[[p]]\n[p.sub]\nk = 1\n[[p.q]]\nz = 1",
        {("p", 1, "sub"): 3, ("p", 1, "sub", "k"): 4, ("p", 1, "q", 0): 5, ("p", 1, "q", 0, "z"): 6},
    ),
    ("text that looks like a header", 's = """a\n[no]\nx = 1\n"""\nk = 2', {("s",): 1, ("k",): 5}),
    ("text that ends in quotes", 's = """a"""""\nk = 2', {("s",): 1, ("k",): 2}),
    ("literal text over lines", "s = '''\n\\'''\nk = 2", {("s",): 1, ("k",): 3}),
    ("an escaped quote", 's = "a\\"#"\nk = 2', {("s",): 1, ("k",): 2}),
    (
        "a list over lines",
        'l = [ # first\n 1,\n "]", # no end\n {x = 1, y.z = [2]},\n]\nk = 1',
        {("l",): 1, ("l", 0): 2, ("l", 1): 3, ("l", 2, "x"): 4, ("l", 2, "y", "z", 0): 4, ("k",): 6},
    ),
    ("a date with a blank in it", "d = 1979-05-27 07:32:00Z\nk = 1", {("d",): 1, ("k",): 2}),
    ("empty containers", "a = []\nb = {}\nc = ''\nd = 1", {("a",): 1, ("b",): 2, ("c",): 3, ("d",): 4}),
]


@pytest.mark.parametrize(("text", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_path_stands_on_its_line(text: str, wanted: dict[Path, int]) -> None:
    tomllib.loads(text)  # the cases themselves are valid
    found = locate(text)
    assert {path: found.get(path) for path in wanted} == wanted


def test_the_end_of_a_text_may_come_without_a_line_end() -> None:
    assert locate("[a]") == {("a",): 1}
    assert locate("") == {}
    assert locate("# only a comment") == {}


KEYS = st.text(alphabet=["a", "b", "é", '"', "'", "\\", ".", "#", "[", "=", " "], min_size=1, max_size=4)
SIGNS = ['"', "'", "\\", "\n", "#", "[", "]", ",", "x"]
SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), st.text(alphabet=SIGNS, max_size=6))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


class Writer:
    """Writes TOML in the plainest way and notes where it put everything."""

    def __init__(self) -> None:
        self.text = ""
        self.lines: dict[Path, int] = {}

    def note(self, path: Path) -> None:
        self.lines[path] = self.text.count("\n") + 1

    def pair(self, path: Path, value: Any) -> None:
        self.note(path)
        self.text += f"{json.dumps(path[-1])} = "
        self.value(path, value)

    def value(self, path: Path, value: Any) -> None:
        match value:
            case dict():
                self.text += "{"
                for position, (key, inner) in enumerate(value.items()):
                    self.text += ", " if position else ""
                    self.pair((*path, key), inner)
                self.text += "}"
            case list():
                self.text += "[\n"
                for position, inner in enumerate(value):
                    self.note((*path, position))
                    self.value((*path, position), inner)
                    self.text += ", # ]\n"
                self.text += "]"
            case str() if "'''" not in value and "\\" not in value and not value.endswith("'"):
                self.text += f"'''\n{value}'''"
            case _:
                self.text += json.dumps(value)

    def table(self, path: Path, table: dict[str, Any]) -> None:
        for key, value in table.items():
            self.pair((*path, key), value)
            self.text += " # = [\n"


@settings(max_examples=150, deadline=None)
@given(TABLES, st.dictionaries(KEYS, st.lists(TABLES, min_size=1, max_size=3), max_size=3))
def test_whatever_is_written_is_found_where_it_was_written(root: dict[str, Any], arrays: dict[str, list[Any]]) -> None:
    writer = Writer()
    writer.table((), {key: value for key, value in root.items() if key not in arrays})
    for key, elements in arrays.items():
        for position, element in enumerate(elements):
            writer.note((key, position))
            writer.text += f"[[{json.dumps(key)}]] # [x]\n"
            writer.table((key, position), element)
    tomllib.loads(writer.text)
    found = locate(writer.text)
    assert {path: found.get(path) for path in writer.lines} == writer.lines
