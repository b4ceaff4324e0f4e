"""The fake itself is honest: it refuses what it should, and fails as it is told."""

from __future__ import annotations

from typing import Any

import pytest

from crm_adapter.testkit.schema import Commit, Field, Invalid, Missing, Table, validate

FIELDS = {
    "name": Field(required=True, longest=5),
    "age": Field(type="int"),
    "ok": Field(type="flag"),
    "at": Field(type="moment"),
    "kind": Field(allowed=["a", "b"]),
    "phones": Field(type="list", inner={"value": Field(required=True)}),
    "odd": Field(check=lambda value: "is odd" if value == "x" else None),
}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"name": "Ivan", "nick": "I"}, "nick is not known"),
        ({}, "name is required"),
        ({"name": ""}, "name is required"),
        ({"name": "Ivanov"}, "name is too long"),
        ({"name": 5}, "name must be of type text"),
        ({"name": "I", "age": True}, "age must be of type int"),
        ({"name": "I", "at": "2026-11-22T10:00:00"}, "at must be of type moment"),
        ({"name": "I", "kind": "c"}, "kind is none of the allowed values"),
        ({"name": "I", "phones": [{"value": "1"}, {"typ": "x"}]}, r"phones\[1\]\.typ is not known"),
        ({"name": "I", "phones": [{}]}, r"phones\[0\]\.value is required"),
        ({"name": "I", "odd": "x"}, "odd is odd"),
        ([], "body must be an object"),
    ],
)
def test_what_the_vendor_would_refuse_is_refused(document: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        validate(FIELDS, document)


def test_a_table_keeps_copies_and_notes_each_write_in_order() -> None:
    commits: list[Commit] = []
    table = Table(name="t", fields=FIELDS, commits=commits)
    document = {"name": "I", "phones": [{"value": "1"}]}
    row_id = table.add(document)
    document["phones"].append({"value": "2"})  # type: ignore[attr-defined]
    table.change(row_id, {"age": 5})
    assert table.rows[row_id] == {"id": 1, "name": "I", "phones": [{"value": "1"}], "age": 5}
    assert [(one.made, sorted(one.fields)) for one in commits] == [(True, ["name", "phones"]), (False, ["age"])]
    with pytest.raises(Missing):
        table.change(99, {"age": 5})
