"""Letters from files of all kinds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.mail import files
from gateway.mail.files import inbound_of, letters_of
from gateway.mail.identity import letter_digest
from tests.support.clock import FakeClock

FIRST = b"From: a@example.org\nSubject: one\nMessage-ID: <1@example.org>\n\nHello\n"
SECOND = b"From: b@example.org\nSubject: two\nMessage-ID: <2@example.org>\n\nHello again\n"
MBOX = (
    b"From a@example.org Sun Nov 22 09:00:00 2026\n" + FIRST + b"\n"
    b"From b@example.org Sun Nov 22 09:01:00 2026\n" + SECOND + b"\n>From the start\n\nFrom here on: no letter\n"
)


def crlf(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r\n")


def found(path: Path) -> list[tuple[str, bytes, str]]:
    return [(letter.where.removeprefix(str(path)), letter.raw, letter.why_not) for letter in letters_of(path)]


def test_single_letter_gets_the_line_ends_of_the_wire(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(FIRST)
    assert found(file) == [("", crlf(FIRST), "")]
    file.write_bytes(crlf(FIRST))
    assert found(file) == [("", crlf(FIRST), "")]


def test_mbox_is_split_at_its_from_lines_and_nowhere_else(tmp_path: Path) -> None:
    file = tmp_path / "old"
    file.write_bytes(MBOX)
    assert found(file) == [
        (":1", crlf(FIRST), ""),
        (":2", crlf(SECOND + b"\nFrom the start\n\nFrom here on: no letter\n"), ""),
    ]


def test_maildir_gives_new_and_read_letters_and_no_unfinished_ones(tmp_path: Path) -> None:
    for folder, name, raw in (("new", "1", FIRST), ("cur", "2:2,S", SECOND), ("tmp", "3", b"From: half")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(raw)
    (tmp_path / "dovecot-uidlist").write_bytes(b"3 V1\n")
    sub = tmp_path / ".Sent"
    for part in ("new", "cur", "tmp"):
        (sub / part).mkdir(parents=True)
    (sub / "cur" / "4").write_bytes(FIRST)
    assert [where for where, _, _ in found(tmp_path)] == ["/.Sent/cur/4", "/cur/2:2,S", "/new/1"]


def test_folder_gives_what_looks_like_mail(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.EML").write_bytes(FIRST)
    (tmp_path / "old.mbox").write_bytes(MBOX)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert [where for where, _, _ in found(tmp_path)] == ["/below/a.EML", "/old.mbox:1", "/old.mbox:2"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [(b"", "is empty"), (b"\r\n \r\n", "is empty"), (b"\x89PNG\r\n", "no letter"), (b"Dear all,\n", "no letter")],
)
def test_what_is_no_letter_is_named_with_the_reason(tmp_path: Path, raw: bytes, why: str) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(raw)
    ((_, nothing, said),) = found(file)
    assert nothing == b""
    assert why in said


def test_too_large_letter_of_an_mbox_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LETTER", 200)
    big = b"From x Sun Nov 22 09:00:00 2026\nSubject: big\n\n" + b"x" * 60 + b"\n" * 200 + b"\n"
    (tmp_path / "old").write_bytes(big + MBOX)
    assert [(where, bool(raw), why.split("(")[0]) for where, raw, why in found(tmp_path / "old")] == [
        (":1", False, "is too large "),
        (":2", True, ""),
        (":3", True, ""),
    ]


def test_missing_file_is_a_reason_too(tmp_path: Path) -> None:
    ((_, _, why),) = found(tmp_path / "none.eml")
    assert "can't be read: No such file" in why


def test_imported_letter_is_the_same_as_the_one_that_came_by_a_server(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(FIRST)
    (letter,) = letters_of(file)
    item = inbound_of(letter, FakeClock())
    arrived = b"Return-Path: <a@example.org>\r\nReceived: from mx\r\n" + crlf(FIRST)
    assert item.key == item.dedup_key == f"mail:{letter_digest(arrived, datetime(2026, 11, 22, tzinfo=UTC))}"
    assert item.meta == {"history": True, "file": str(file)}


def test_letter_without_any_id_is_the_same_on_another_day(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(b"Subject: no id\n\nHello\n")
    clock = FakeClock()
    (letter,) = letters_of(file)
    first = inbound_of(letter, clock).key
    clock.move(3 * 86_400)
    assert inbound_of(letter, clock).key == first
