"""The description of the API as people read it: nothing of the document is left out, and types are words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.web.api.openapi import document
from gateway.web.api.reference import ELSEWHERE, Word, reference, words

DOCUMENT = document("1.2.3")
SHOWN = reference(DOCUMENT)


def said(schema: dict[str, Any]) -> str:
    return "".join(word.text for word in words(schema))


def test_every_operation_stands_under_its_subject_once() -> None:
    described = {
        (method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if method != "parameters"
    }
    shown = [(one.method, one.path) for operations in SHOWN.subjects.values() for one in operations]
    assert len(shown) == len(set(shown))
    assert set(shown) == described
    assert {one.path.split("/")[3] for one in SHOWN.subjects["leads"]} == {"leads"}
    assert list(SHOWN.subjects)[-1] == ELSEWHERE


def test_every_shape_that_is_named_is_described() -> None:
    described = {shape.name for shape in SHOWN.shapes}
    named = {
        word.shape
        for operations in SHOWN.subjects.values()
        for one in operations
        for word in (*one.body, *one.answer, *(word for part in one.parameters for word in part.type))
        if word.shape
    }
    named |= {word.shape for shape in SHOWN.shapes for part in shape.fields for word in part.type if word.shape}
    assert named <= described
    assert "LeadView" in described


def test_a_list_tells_what_its_pages_hold() -> None:
    (leads,) = (one for one in SHOWN.subjects["leads"] if one.path == "/api/v1/leads")
    assert leads.answer == (
        Word("{items: "),
        Word("array of "),
        Word("LeadView", "LeadView"),
        Word(", next: cursor or null}"),
    )
    assert ("channel", '"call" | "mail" | "form"', "query") in {
        (part.name, "".join(word.text for word in part.type), part.where) for part in leads.parameters
    }
    assert "401" in leads.errors
    assert not leads.is_open


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"anyOf": [{"$ref": "#/components/schemas/a.b.C"}, {"type": "null"}]}, "C or null"),
        ({"type": "array", "items": {"type": "integer"}}, "array of integer"),
        ({"type": "array"}, "array of anything"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({"type": "object"}, "object"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"const": True}, "True"),
        ({}, "anything"),
    ],
)
def test_types_in_words(schema: dict[str, Any], expected: str) -> None:
    assert said(schema) == expected
