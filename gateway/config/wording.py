"""What people read about a wrong value: msgspec's verdict in words of the configuration file."""

from __future__ import annotations

import datetime
import difflib
import enum
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.config.locate import Path

MAX_SHOWN = 60
"""Characters of a wrong value that a sentence repeats."""

_TYPE_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "array": "a list",
    "object": "a table",
    "date": "a date like 2026-11-22",
    "datetime": "a date with time like 2026-11-22T09:30:00Z",
    "time": "a time like 09:30:00",
}
_EXPECTED = re.compile(r"^Expected `([^`]+)`(.*?)(?:, got .*)?$")
_WHERE = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)|\[\.\.\.\]")


def explain(error: msgspec.ValidationError, kind: Any, value: Any, *, hide: bool) -> tuple[Path, str]:
    """Where inside ``value`` (an empty path: itself) and what is wrong. A hidden value is never repeated."""
    said = str(error)
    where = _where(said)
    verdict = _WHERE.sub("", said)
    wrong = "the value given" if hide else found(_at(value, where))
    choices = list(_choices(kind))
    if verdict.startswith("Invalid enum value") and choices:
        return where, _choose(choices, _at(value, where), wrong)
    match = _EXPECTED.match(verdict)
    if match is None:
        return where, f"{verdict[:1].lower()}{verdict[1:]}."
    words = [_TYPE_WORDS.get(name, name) for name in match.group(1).split(" | ") if name != "null"]
    return where, f"must be {' or '.join(words)}{match.group(2)}, not {wrong}."


def found(value: Any) -> str:
    """A value as a person would call it: ``the text "8O80"``, ``the number 5``, ``a list``."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            shown = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "..."
            return f"the text {quoted(shown)}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return f"the date {value}"
        case _:
            return "nothing"


def quoted(text: str) -> str:
    """In double quotes, what can't be printed as an escape: a sentence is one line on a terminal."""
    return f'"{"".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)}"'


def collection(kind: Any) -> str:
    """``list`` or ``table``, whichever ``kind`` wants."""
    text = str(kind)
    return "table" if text.startswith(("dict", "collections.abc.Mapping", "typing.Mapping")) else "list"


def sentence(refusal: str, key: str | None) -> str:
    """A Struct's own refusal as it stands behind ``table.key:``: without that key in front, with a full stop."""
    text = refusal.strip()
    if key and re.match(rf"{re.escape(key)}\b(?!\s*=)", text):
        text = text[len(key) :].lstrip(" :")
    return text if text.endswith((".", "?", "!")) else text + "."


def _choose(choices: list[str], value: Any, wrong: str) -> str:
    near = difflib.get_close_matches(str(value).lower(), choices, n=1)
    hint = f" Did you mean {quoted(near[0])}?" if near else ""
    return f"must be one of {', '.join(quoted(choice) for choice in choices)}, not {wrong}.{hint}"


def _where(said: str) -> Path:
    match = _WHERE.search(said)
    if match is None:
        return ()
    steps = _STEP.finditer(match.group(1))
    return tuple(int(step[1]) if step[1] else step[2] for step in steps if step[1] or step[2])


def _at(value: Any, where: Path) -> Any:
    for step in where:
        if (isinstance(value, list | tuple) and isinstance(step, int)) or (
            isinstance(value, Mapping) and step in value
        ):
            value = value[step]  # type: ignore[index]
    return value


def _choices(kind: Any) -> Iterator[str]:
    """The texts that a Literal or an enum allows, also inside unions and lists."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        yield from (str(member.value) for member in kind)
        return
    if typing.get_origin(kind) is typing.Literal:
        yield from (str(choice) for choice in typing.get_args(kind))
        return
    for argument in typing.get_args(kind):
        yield from _choices(argument)
