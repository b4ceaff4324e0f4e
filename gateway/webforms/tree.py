"""Looking into decoded JSON that may have any shape: what is not there is empty, never an error."""

from __future__ import annotations

from gateway.core.types import Json
from gateway.webforms.text import clean, storable

MAX_ITEMS = 200
"""Elements of a list that are looked at."""


def at(value: Json, *path: str) -> Json:
    """What stands at ``path``, None where there is nothing. Lists are entered by position: ``"0"``."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part[:6]) < len(value):
            value = value[int(part[:6])]
        else:
            return None
    return value


def table(value: Json) -> dict[str, Json]:
    """``value`` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Json) -> list[dict[str, Json]]:
    """The objects of a list, or of an object whose keys are positions (PHP's arrays)."""
    if isinstance(value, dict):
        value = list(value.values())
    return [one for one in value[:MAX_ITEMS] if isinstance(one, dict)] if isinstance(value, list) else []


def said(value: Json) -> str:
    """A value as a person reads it: lists with commas, objects as the words in them. Empty for nothing."""
    return clean(storable(_said(value, 0)))


def _said(value: Json, depth: int) -> str:
    if value is None or depth > 5:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e17:
        return str(int(value))
    if isinstance(value, dict):
        return " ".join(part for inner in list(value.values())[:MAX_ITEMS] if (part := _said(inner, depth + 1)))
    if isinstance(value, list):
        return ", ".join(part for inner in value[:MAX_ITEMS] if (part := _said(inner, depth + 1)))
    return str(value)
