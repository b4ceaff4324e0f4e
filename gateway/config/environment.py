"""Environment variables laid over the file: ``LEADGATE_STORAGE__URL``, ``LEADGATE_PBX__0__SECRET``.

A list or table may also come whole, as JSON: ``LEADGATE_SMTP__RECIPIENTS='["sales@example.com"]'``. Values stay text
until the type of their key is known (convert.py).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.document import Document
from gateway.config.locate import Path

PREFIX = "LEADGATE_"
SEPARATOR = "__"


class EnvironmentText(str):
    """A value of the environment: text whose real type its key decides."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Slip:
    """A variable that can't be laid over the file."""

    path: Path
    sentence: str


def overlay(document: Document, environ: Mapping[str, str], tables: Iterable[str]) -> list[Slip]:
    """Lay the variables over ``document``, whole tables before their parts. Returns those that do not fit."""
    known = set(tables)
    slips = []
    found = {path: name for name in environ if (path := _path(name, known)) is not None}
    for path in sorted(found, key=lambda path: (len(path), [str(part).zfill(9) for part in path])):
        sentence = _lay(document, path, EnvironmentText(environ[found[path]]))
        _take_over(document, path, found[path])
        if sentence:
            slips.append(Slip(path, sentence))
    return slips


def lookalikes(environ: Mapping[str, str], tables: Iterable[str]) -> list[str]:
    """Sentences on variables without ``__`` that look like a misspelt table (``LEADGATE_PBK``).

    Such names may be somebody else's (Kubernetes sets ``LEADGATE_SERVICE_HOST`` for a service of our name), so they
    are no error.
    """
    sentences = []
    names = list(tables)
    for name in environ:
        rest = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and SEPARATOR not in rest and rest not in names:
            near = difflib.get_close_matches(rest, names, n=1, cutoff=0.65)
            sentences += [f"{name} is not used. Did you mean {PREFIX}{near[0].upper()}?"] if near else []
    return sentences


def variable_name(path: Path) -> str:
    """``("pbx", 0, "secret")`` -> ``LEADGATE_PBX__0__SECRET``."""
    return PREFIX + SEPARATOR.join(str(part).upper() for part in path)


def parse_json(text: str) -> Any:
    """The list or table that a variable holds. Raises ValueError for anything else."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON ({error.msg} at character {error.pos + 1})") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, list | dict):
        raise ValueError("neither a list nor a table")  # noqa: TRY004 - for the caller it is a bad value of a variable
    return value


def _path(name: str, tables: set[str]) -> Path | None:
    """The path a variable sets, or None where the variable is not for the configuration."""
    rest = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or (SEPARATOR not in rest and rest.lower() not in tables):
        return None
    return tuple(int(part) if _is_position(part) else part.lower() for part in rest.split(SEPARATOR))


def _is_position(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 4


def _lay(document: Document, path: Path, value: EnvironmentText) -> str | None:
    """Put ``value`` at ``path``. Returns a sentence where there is no such place."""
    holder: Any = document.data
    for depth, part in enumerate(path[:-1]):
        following: Any = [] if isinstance(path[depth + 1], int) else {}
        problem = _ensure(holder, part, following)
        if problem:
            return problem
        if isinstance(holder[part], EnvironmentText):  # a whole table that came as JSON is opened for its parts
            try:
                holder[part] = parse_json(holder[part])
            except ValueError:
                return None  # the variable that holds it is reported by the reader of its type
        holder = holder[part]
    problem = _ensure(holder, path[-1], value)
    if problem is None:
        holder[path[-1]] = value
    return problem


def _ensure(holder: Any, part: str | int, otherwise: Any) -> str | None:
    """Make sure that ``holder[part]`` exists, or say why it can't."""
    if isinstance(holder, list):
        if not isinstance(part, int):
            return f"here a number must stand, from 0 to {len(holder)}, not {part!r}."
        if part > len(holder):
            return f"skips a number: the next free one is {len(holder)}."
        if part == len(holder):
            holder.append(otherwise)
        return None
    if not isinstance(holder, dict):
        return "goes deeper than the configuration: above it stands a value, not a table."
    if not isinstance(part, str):
        return f"here the name of a key must stand, not {part}."
    holder.setdefault(part, otherwise)
    return None


def _take_over(document: Document, path: Path, variable: str) -> None:
    """From now on ``path`` and all below it come from ``variable``."""
    for known in [known for known in document.lines if known[: len(path)] == path]:
        del document.lines[known]
    document.variables[path] = variable
