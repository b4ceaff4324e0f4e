"""The small part of SOQL and COQL that the adapters speak: one object, comparisons, AND and OR, order and limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from crm_adapter.testkit.schema import Invalid

Row = dict[str, Any]
Test = Callable[[Row], bool]
_STATEMENT = re.compile(
    r"select (?P<fields>.+?) from (?P<object>\w+)(?: where (?P<where>.+?))?"
    r"(?: order by (?P<order>.+?))?(?: limit (?P<limit>[\d, ]+))?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*('(?:[^'\\]|\\.)*'|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)|[\w.]+|>=|<=|[()=<>,])", re.DOTALL
)


def select(statement: str, rows_of: Callable[[str], Iterable[Row]]) -> list[Row]:
    """The rows, with the fields that were asked for. Raises Invalid for what the vendor would not understand."""
    found = _STATEMENT.match(statement)
    if found is None:
        raise Invalid("query", "is malformed")
    test = _Conditions(found["where"]).parse() if found["where"] else None
    rows = [row for row in rows_of(found["object"]) if test is None or test(row)]
    for name in reversed([one.strip().removesuffix(" asc") for one in (found["order"] or "").split(",") if one]):
        rows.sort(key=lambda row, name=name: _ordered(row.get(name)))  # type: ignore[misc]
    start, _, count = (found["limit"] or "0, 2000").rpartition(",")
    rows = rows[int(start or 0) :][: int(count)]
    return [{name.strip(): row.get(name.strip()) for name in found["fields"].split(",")} for row in rows]


def _ordered(value: Any) -> tuple[int, str]:
    text = "" if value is None else str(value)
    return len(text) if text.isdigit() else 0, text


class _Conditions:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens).replace(" ", "") != re.sub(r"\s(?=(?:[^']|'(?:[^'\\]|\\.)*')*$)", "", text).replace(
            " ", ""
        ):
            raise Invalid("query", "is malformed")
        self._at = 0

    def parse(self) -> Test:
        test = self._any()
        if self._at < len(self._tokens):
            raise Invalid("query", f"has {self._tokens[self._at]} where nothing is expected")
        return test

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise Invalid("query", "ends too early")
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _is(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False

    def _any(self) -> Test:
        tests = [self._all()]
        while self._is("or"):
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._is("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._is("("):
            test = self._any()
            if not self._is(")"):
                raise Invalid("query", "misses a bracket")
            return test
        name, operator = self._next(), self._next().lower()
        if operator == "in":
            values = self._list()
            return lambda row: _folded(row.get(name)) in values
        value = _value(self._next())
        if operator == "like":
            pattern = re.compile(re.escape(value).replace("%", ".*"), re.IGNORECASE | re.DOTALL)
            return lambda row: bool(pattern.fullmatch(str(row.get(name) or "")))
        if operator == "=":
            return lambda row: _folded(row.get(name)) == value.lower()
        if operator in (">", ">="):
            return lambda row: (
                _ordered(row.get(name)) > _ordered(value)
                or (operator == ">=" and _folded(row.get(name)) == value.lower())
            )
        raise Invalid("query", f"has an operator {operator}")

    def _list(self) -> set[str]:
        if not self._is("("):
            raise Invalid("query", "misses a bracket")
        values = {_value(self._next()).lower()}
        while self._is(","):
            values.add(_value(self._next()).lower())
        if not self._is(")"):
            raise Invalid("query", "misses a bracket")
        return values


def _folded(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _value(token: str) -> str:
    """A text without its quotes; a moment in the form in which the fakes keep it."""
    if token.startswith("'"):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return re.sub(r"(?<=T)(\d\d:\d\d:\d\d)(\.\d+)?Z$", lambda found: f"{found[1]}{found[2] or '.000'}+0000", token)
