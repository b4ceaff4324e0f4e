"""Field mapping of the configuration: fields of the CRM from templates over an event's data. Pure.

    fields.lead.UF_CRM_SOURCE = "{source.utm.source} / {source.utm.campaign}"
    fields.lead.UF_CRM_YCLID = "{source.click_ids.yclid}"
    fields.contact.UF_CRM_CITY = "{fields.Город|Москва}"

A path that leads nowhere is empty, or what stands after ``|``. A field whose template gives nothing is left out. A
template that is one path alone keeps the value's type; ``{{`` and ``}}`` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.options import BadOption

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}|]*)(?:\|([^{}]*))?\}|[{}]")


class Template:
    """One parsed template."""

    def __init__(self, text: str) -> None:
        """Raises ValueError with a sentence for a brace that stands alone or an empty path."""
        self._parts: list[str | tuple[tuple[str, ...], str]] = []
        end = 0
        for token in _TOKEN.finditer(text):
            self._parts.append(text[end : token.start()])
            end = token.end()
            if token.group() in ("{{", "}}"):
                self._parts.append(token.group()[0])
            elif token.group(1) is None:
                raise ValueError(
                    f"has a {token.group()} that stands alone; write {token.group() * 2} for the sign itself"
                )
            else:
                path = tuple(step.strip() for step in token.group(1).split("."))
                if not all(path):
                    raise ValueError(f"has an empty path in {token.group()}; write it like {{source.utm.campaign}}")
                self._parts.append((path, token.group(2) or ""))
        self._parts.append(text[end:])
        self._parts = [part for part in self._parts if part]

    def render(self, data: Mapping[str, Any]) -> Any:
        """The value; None where nothing came of it."""
        if len(self._parts) == 1 and isinstance(self._parts[0], tuple):
            path, default = self._parts[0]
            value = _at(data, path)
            return value if value not in (None, "") else default or None
        words = [part if isinstance(part, str) else _word(_at(data, part[0]), part[1]) for part in self._parts]
        filled = not any(isinstance(part, tuple) for part in self._parts) or any(
            word for word, part in zip(words, self._parts, strict=True) if isinstance(part, tuple)
        )
        return "".join(words) if filled and words else None


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def _word(value: Any, default: str) -> str:
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_word(one, "") for one in value)
    return str(value) if not isinstance(value, Mapping) else default


class FieldMapping:
    """The templates of all kinds."""

    def __init__(self, tables: Mapping[str, Any], kinds: tuple[str, ...] = ("contact", "lead", "call", "mail", "form")):
        """``tables``: kind -> field -> template. Raises BadOption."""
        self._templates: dict[str, dict[str, Template]] = {}
        for kind, fields in tables.items():
            if kind not in kinds:
                raise BadOption(f"fields.{kind}", f"is no kind of record; there are: {', '.join(kinds)}")
            if not isinstance(fields, Mapping):
                raise BadOption(f"fields.{kind}", "must be a table of fields and templates")
            self._templates[kind] = {name: _template(f"fields.{kind}.{name}", text) for name, text in fields.items()}

    def names(self, kind: str) -> tuple[str, ...]:
        """The CRM's fields that are mapped for ``kind``."""
        return tuple(self._templates.get(kind, ()))

    def render(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of one record that got a value."""
        values = {name: template.render(data) for name, template in self._templates.get(kind, {}).items()}
        return {name: value for name, value in values.items() if value is not None}


def _template(key: str, text: Any) -> Template:
    if not isinstance(text, str):
        raise BadOption(key, 'must be a template in quotes, as "{source.utm.campaign}"')
    try:
        return Template(text)
    except ValueError as error:
        raise BadOption(key, str(error)) from None
