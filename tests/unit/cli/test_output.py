"""What commands print: tables, JSON, times, addresses."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gateway.cli.common import moment, print_json, print_table
from gateway.cli.people import _reachable
from gateway.config import Settings

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_a_table_is_as_wide_as_its_cells_and_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "REASON"), [("office", None), ("a", "line\nbreak \x1b[2J")])
    assert capsys.readouterr().out.splitlines() == ["NAME    REASON", "office", "a       line\\nbreak \\u001b[2J"]


def test_a_table_without_rows_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "STATE"), [])
    assert capsys.readouterr().out == "ID  STATE\n"


def test_json_keeps_letters_and_writes_times_in_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Анна", "at": AT, "text": "a\nb"})
    line = capsys.readouterr().out
    assert line == '{"name": "Анна", "at": "2026-11-22T09:30:00Z", "text": "a\\nb"}\n'
    assert json.loads(line)["text"] == "a\nb"


def test_json_refuses_what_it_can_not_carry() -> None:
    with pytest.raises(TypeError, match="set is nothing that JSON can carry"):
        print_json({"x": {1}})


def test_times_are_shown_in_the_configured_zone() -> None:
    settings = Settings.load(None, {"LEADGATE_GATEWAY__TIMEZONE": "Asia/Almaty"})
    assert moment(AT, settings) == "2026-11-22 14:30:00"
    assert moment(None, settings) == "-"


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("0.0.0.0:8080", "localhost:8080"),
        ("[::]:8080", "localhost:8080"),
        (":8080", "localhost:8080"),
    ],
)
def test_a_link_never_points_to_every_address(listen: str, address: str) -> None:
    assert _reachable(listen) == address
