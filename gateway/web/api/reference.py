"""The OpenAPI document as people read it: operations by subject, types in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "/api/v1/"
ELSEWHERE = "gateway"
"""Subject of what stands outside of the API proper: health, metrics, this description."""
METHODS = ("get", "post", "put", "patch", "delete")

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of a type: text, or the name of a shape that is described below."""

    text: str
    shape: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A parameter of an operation, or a field of a shape."""

    name: str
    type: tuple[Word, ...]
    required: bool
    about: str
    where: str = ""
    """Of a parameter: ``path``, ``query``, ``header``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What can be asked."""

    name: str
    method: str
    path: str
    summary: str
    parameters: tuple[Part, ...]
    body: tuple[Word, ...]
    """Empty where none is sent."""
    answer: tuple[Word, ...]
    """Empty where nothing is answered."""
    errors: tuple[str, ...]
    is_open: bool
    """Nobody has to sign in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is sent and answered."""

    name: str
    about: str
    fields: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """All of it."""

    version: str
    subjects: Mapping[str, Sequence[Operation]]
    shapes: Sequence[Shape]


def reference(document: Mapping[str, Any]) -> Reference:
    """What ``openapi.document`` says, for a page."""
    subjects: dict[str, list[Operation]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if method in methods:
                subjects.setdefault(_subject(path), []).append(_operation(path, method, methods[method]))
    shapes = [_shape(name, schema) for name, schema in document["components"]["schemas"].items()]
    return Reference(
        version=document["info"]["version"],
        subjects=dict(sorted(subjects.items(), key=lambda entry: (entry[0] == ELSEWHERE, entry[0]))),
        shapes=sorted(shapes, key=lambda shape: shape.name.lower()),
    )


def _subject(path: str) -> str:
    return path.removeprefix(PREFIX).split("/")[0] if path.startswith(PREFIX) else ELSEWHERE


def _operation(path: str, method: str, described: Mapping[str, Any]) -> Operation:
    answers = described["responses"]
    done: Mapping[str, Any] = next((answer for status, answer in answers.items() if status.startswith("2")), {})
    return Operation(
        name=described["operationId"],
        method=method.upper(),
        path=path,
        summary=described["summary"],
        parameters=tuple(_parameter(one) for one in described.get("parameters", ())),
        body=_content(described.get("requestBody", {})),
        answer=_content(done),
        errors=tuple(status for status in answers if not status.startswith("2")),
        is_open=not described.get("security"),
    )


def _parameter(described: Mapping[str, Any]) -> Part:
    return Part(
        name=described["name"],
        type=words(described["schema"]),
        required=described.get("required", False),
        about=described.get("description", ""),
        where=described["in"],
    )


def _content(described: Mapping[str, Any]) -> tuple[Word, ...]:
    """What is in a body; files are named by their media type."""
    for media_type, content in described.get("content", {}).items():
        schema = content.get("schema", {})
        if media_type == "application/json":
            return _page(schema) or words(schema)
        return (Word(media_type),)
    return ()


def _page(schema: Schema) -> tuple[Word, ...]:
    """A page of a list is described where it stands: it has no name."""
    fields = schema.get("properties", {})
    if set(fields) != {"items", "next"}:
        return ()
    return (Word("{items: "), *words(fields["items"]), Word(", next: cursor or null}"))


def _shape(name: str, schema: Schema) -> Shape:
    required = schema.get("required", ())
    fields = [
        Part(name=key, type=words(field), required=key in required, about=field.get("description", ""))
        for key, field in schema.get("properties", {}).items()
    ]
    if not fields:
        fields = [Part(name="", type=words(schema), required=True, about="")]
    return Shape(name=name, about=schema.get("description", ""), fields=tuple(fields))


def words(schema: Schema) -> tuple[Word, ...]:
    """``array of LeadView or null``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return (Word(name.rpartition(".")[2], shape=name),)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return _joined([words(one) for one in schema[choice]])
    if "enum" in schema:
        return (Word(" | ".join(_literal(value) for value in schema["enum"])),)
    if "const" in schema:
        return (Word(_literal(schema["const"])),)
    return _plain(schema)


def _plain(schema: Schema) -> tuple[Word, ...]:
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return (Word(" or ".join(kind)),)
    if kind == "array":
        return (Word("array of "), *words(schema.get("items") or {}))
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, Mapping):
        return (Word("object of "), *words(values))
    form = schema.get("format")
    return (Word(f"{kind} ({form})" if form else str(kind)),)


def _joined(choices: Sequence[tuple[Word, ...]]) -> tuple[Word, ...]:
    found = list(choices[0])
    for choice in choices[1:]:
        found += [Word(" or "), *choice]
    return tuple(found)


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
