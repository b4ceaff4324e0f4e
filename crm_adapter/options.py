"""Reads an adapter's own keys from the configuration: typed, complete, and with errors that name the key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
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

    def text_or_none(self, key: str) -> str | None:
        """A non-empty string or a whole number as text, or None where the key is not there."""
        if self._values.get(key) is None:
            self._known.append(key)
            return None
        value = self._values[key]
        if isinstance(value, int) and not isinstance(value, bool):
            self._known.append(key)
            return str(value)
        return self.text(key)

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

    def choice(self, key: str, default: str, allowed: Sequence[str]) -> str:
        """One of ``allowed``."""
        value = self._take(key, default)
        if value not in allowed:
            near = difflib.get_close_matches(str(value), allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadOption(key, f"must be one of {', '.join(allowed)}{hint}")
        return str(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """true or false; as text where an environment variable holds it."""
        value = self._take(key, default)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise BadOption(key, "must be true or false")
        return value

    def table(self, key: str) -> dict[str, Any]:
        """A table (as JSON where an environment variable holds it); empty where it is not there."""
        value = self._take(key, {})
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if not isinstance(value, Mapping):
            raise BadOption(key, "must be a table")
        return dict(value)

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
