"""JSON submissions to flat answers, bounded in depth and number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec

from gateway.core.types import Json
from gateway.webforms.text import decode_text

LABEL_KEYS = ("label", "title", "question", "name", "q", "field", "key")
VALUE_KEYS = ("value", "answer", "a", "string_value", "text", "answers", "values")
"""Builders that send a list of questions call its two sides by these names; the first one present wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonReading:
    """What a JSON body holds."""

    pairs: tuple[tuple[tuple[str, ...], str], ...] = ()
    """Path and value; at most one more than asked for, which tells that there are more."""
    problems: tuple[str, ...] = ()
    broken: bool = False
    """It is no JSON, or nested too deep to be read at all."""
    tree: Json = None
    """The decoded value, for presets that know its shape."""


def read_json(raw: bytes, charset: str | None, *, max_fields: int, max_depth: int) -> JsonReading:
    """Flatten a JSON body. Never raises."""
    try:
        tree, problem = _decode(raw, charset)
    except RecursionError:
        return JsonReading(broken=True, problems=("The JSON is nested too deep to be read.",))
    except ValueError:
        return JsonReading(broken=True, problems=("The submission says it is JSON, but it is not.",))
    return flatten(tree, max_fields=max_fields, max_depth=max_depth, problem=problem)


def flatten(tree: Json, *, max_fields: int, max_depth: int, problem: str | None = None) -> JsonReading:
    """A decoded value as answers, in order."""
    walk = _Walk(max_depth)
    pairs = tuple(islice(walk.pairs((), tree), max_fields + 1))
    problems = [] if problem is None else [problem]
    if walk.too_deep:
        problems.append(f"Answers nested deeper than {max_depth} levels are only in the raw submission.")
    return JsonReading(pairs=pairs, problems=tuple(problems), tree=tree)


def _decode(raw: bytes, charset: str | None) -> tuple[Json, str | None]:
    try:
        return msgspec.json.decode(raw), None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # the standard library takes what msgspec does not: a byte order mark, NaN, lone surrogates
        text, problem = decode_text(raw.removeprefix(b"\xef\xbb\xbf"), charset)
        return json.loads(text), problem


class _Walk:
    """One pass over a JSON value."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self.too_deep = False

    def pairs(self, path: tuple[str, ...], value: Json) -> Iterator[tuple[tuple[str, ...], str]]:
        """Answers below ``value``, in order."""
        if len(path) > self._max_depth:
            self.too_deep = True
        elif isinstance(value, dict):
            question = _question(value)
            if question is not None and path and path[-1].isdigit():
                yield from self.pairs((question[0],), question[1])
                return
            for key, inner in value.items():
                yield from self.pairs((*path, key), inner)
        elif isinstance(value, list):
            yield from self._list(path, value)
        elif value is not None:
            yield path or ("text",), _scalar(value)

    def _list(self, path: tuple[str, ...], values: list[Json]) -> Iterator[tuple[tuple[str, ...], str]]:
        if values and not any(isinstance(value, dict | list) for value in values):
            yield path or ("text",), ", ".join(_scalar(value) for value in values[:100] if value is not None)
            return
        if len(values) == 1 and isinstance(values[0], dict) and not path and _question(values[0]) is None:
            yield from self.pairs(path, values[0])  # one object in a list is that object
            return
        for index, inner in enumerate(values):
            yield from self.pairs((*path, str(index)), inner)


def _question(value: dict[str, Json]) -> tuple[str, Json] | None:
    """Label and value of an object that is one answered question."""
    label = next((value[key] for key in LABEL_KEYS if isinstance(value.get(key), str) and value[key]), None)
    answer = next((key for key in VALUE_KEYS if key in value), None)
    return (label, value[answer]) if label is not None and answer is not None else None


def _scalar(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e17:
        return str(int(value))
    return str(value)
