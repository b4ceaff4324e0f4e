"""The API's description is valid and says what the code does."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.views.shapes import LeadView
from gateway.web.api.openapi import document

LEAD_OF_THE_CONTRACT = {
    "id", "channel", "status", "stage", "contact", "manager", "source", "subject", "text", "fields", "after_hours",
    "created_at", "interactions",
}  # fmt: skip
ADDED = {"stage_since", "reason", "amount", "updated_at", "closed_at", "version"}
"""What came later: additions are fine."""


def plain() -> dict[str, Any]:
    """The document as a client reads it."""
    read: dict[str, Any] = json.loads(msgspec.json.encode(document("1.2.3")))
    return read


def test_the_document_is_valid_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(plain()).iter_errors()) == []


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for path in plain()["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_everything_of_the_api_asks_for_a_token_or_a_session() -> None:
    for path, operations in plain()["paths"].items():
        for operation in operations.values():
            secured = operation["security"] == [{"bearer": []}, {"session": []}]
            assert secured == path.startswith("/api/v1/"), path


def test_a_lead_has_exactly_the_fields_of_the_contract() -> None:
    assert set(LeadView.__struct_fields__) == LEAD_OF_THE_CONTRACT | ADDED
    assert set(plain()["components"]["schemas"]["LeadView"]["properties"]) == LEAD_OF_THE_CONTRACT | ADDED
