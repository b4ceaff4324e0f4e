"""A payload that can be shown to somebody who need not know the customer: enough to see what went wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PHONE = re.compile(r"(?<![\w-])\+?\d[\d ()-]{7,20}\d(?![\w-])")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PLAIN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)")
NAMES = frozenset({"name", "caller_name", "company", "contact_name"})
"""Keys whose text is a person's name."""
OURS = frozenset({"manager", "source"})
"""Keys of objects whose names are our own: people of the company, forms."""
MOST_TEXT = 120
"""Characters of a text that are shown."""


def redacted(payload: Any) -> Any:
    """The same shape; numbers and addresses in part, names by their first letters, long texts cut."""
    return _clean(payload, "")


def _clean(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _clean(one, "" if key in OURS else str(name)) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one, key) for one in value]
    if not isinstance(value, str):
        return value
    if key in NAMES:
        return " ".join(f"{word[:1]}…" for word in value.split())
    if _is_plain(value):
        return value
    text = _EMAIL.sub(
        lambda found: hidden_email(found.group()), _PHONE.sub(lambda found: hidden_phone(found.group()), value)
    )
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}… ({len(text)} characters)"


def _is_plain(text: str) -> bool:
    """Ids and moments: they look like numbers, and tell nothing of a person."""
    return (
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", text)
        is not None
    )


def hidden_phone(phone: str) -> str:
    """``+79261234567`` -> ``+7926…67``."""
    digits = "".join(sign for sign in phone if sign.isdigit())
    return f"{'+' if phone.startswith('+') else ''}{digits[:4]}…{digits[-2:]}"


def hidden_email(address: str) -> str:
    """``ivan@example.com`` -> ``i…@example.com``."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"
