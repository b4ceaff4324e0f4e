"""The adapter ``jsonl``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_adapter.base import Context
from crm_adapter.jsonl import build
from crm_adapter.options import BadOption
from crm_adapter.testing import make_event
from tests.contract.files import FileContract
from tests.support.fakecrm.folder import read_file


class TestJsonl(FileContract):
    """The contract over lines of JSON."""

    name = "jsonl"


async def test_a_line_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "leadgate-2026-11-22.jsonl"
    path.write_bytes(b'a remark\n[1]\n{"id": 1}\n')
    adapter = build({"folder": str(tmp_path)}, Context(name="test"))
    await adapter.push(make_event(data={"text": "two\nlines \ud800", "id": "1"}))
    await adapter.push(make_event(data={"text": "two\nlines \ud800", "id": "1"}, attempt=2))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["a remark", "[1]", '{"id": 1}']
    assert len(lines) == 4
    path.write_text(lines[3] + "\n", encoding="utf-8")
    (one,) = read_file(path)
    assert one["data"] == {"text": "two\nlines ?", "id": "1"}
    assert one["timestamp"] == "2026-11-22T09:30:00+00:00"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "folder is missing"),
        ({"folder": "leads"}, "whole path"),
        ({"folder": "/srv", "prefix": "../x"}, "prefix"),
        ({"folder": "/srv", "timezone": "Moscow/Europe"}, "Europe/Moscow"),
        ({"folder": "/srv", "timezone": "../../etc"}, "Europe/Moscow"),
        ({"folder": "/srv", "delimiter": ";"}, "not known"),
    ],
)
def test_bad_settings_are_refused_with_the_key(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
