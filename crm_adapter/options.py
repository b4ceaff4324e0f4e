"""Reads an adapter's own keys from the configuration: typed, complete, and with errors that name the key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any


class BadOption(ValueError):
    """A key of the configuration is missing, unknown or wrong. The sentence names it and the way out."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key} {problem}")
        self.key = key
        """So that the reader of the file can add the line."""


class Options:
    """One pass over the keys of one adapter: ask for each, then ``finish``. Values never appear in errors."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._known: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty string. Without a default the key is required."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value.strip():
            raise BadOption(key, "must be a text in quotes")
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """One string or a list of strings (as JSON where an environment variable holds it); required, not empty."""
        value = _list_in_text(self._take(key, None))
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list | tuple) or not several:
            raise BadOption(key, "must be a text in quotes, or a list of them")
        if not all(isinstance(item, str) and item.strip() for item in several):
            raise BadOption(key, "must hold texts in quotes only")
        return tuple(item.strip() for item in several)

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        """A number between ``least`` and ``most``; as text where an environment variable holds it."""
        value = _number_in_text(self._take(key, default))
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise BadOption(key, f"must be a number from {least:g} to {most:g}")
        return value

    def finish(self) -> None:
        """Raise BadOption when a key is left that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(self._known)) or 'none'}"
                raise BadOption(key, f"is not known to this adapter; {hint}")

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        value = self._values.get(key, default)
        if value is None:
            raise BadOption(key, "is missing")
        return value


def _list_in_text(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _number_in_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
