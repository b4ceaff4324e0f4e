"""``leadgate import mail`` on a real database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.__main__ import main

LETTER = (
    "From: Ivan <ivan{n}@example.org>\nDate: Mon, 02 Mar 2020 10:00:00 +0300\nMessage-ID: <{n}@x>\n"
    "Subject: Old {n}\n\nText\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    for n in (1, 2):
        (folder / f"{n}.eml").write_text(LETTER.format(n=n), encoding="ascii")
    from_line = "From ivan@example.org Mon Mar  2 10:00:00 2020\n"
    both = [from_line + LETTER.format(n=n) + "\n" for n in (2, 3)]  # the second letter once more
    (folder / "old.mbox").write_text("".join(both), encoding="ascii")
    (folder / "broken.eml").write_text("", encoding="ascii")
    return folder


def run(tmp_path: Path, *paths: Path) -> int:
    return main(["import", "mail", "--data", str(tmp_path / "data"), *map(str, paths)])


def stored(tmp_path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(tmp_path / "data/leadgate.db") as connection:
        rows = connection.execute("SELECT connector, meta FROM journal ORDER BY id").fetchall()
    connection.close()
    return rows


def test_second_run_changes_nothing_and_both_say_what_was_done(
    tmp_path: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, files) == 1
    said = capsys.readouterr().out
    assert said.startswith("5 letters, 3 stored, 1 known already\n  1 could not be taken:\n")
    assert "broken.eml: is empty" in said
    before = stored(tmp_path)
    assert [connector for connector, _ in before] == ["mailfile"] * 3
    assert run(tmp_path, files) == 1
    assert capsys.readouterr().out.startswith("5 letters, 0 stored, 4 known already\n")
    assert stored(tmp_path) == before


def test_good_files_end_with_zero(tmp_path: Path, files: Path) -> None:
    assert run(tmp_path, files / "1.eml", files / "old.mbox") == 0


def test_missing_path_is_named_before_anything_is_stored(
    tmp_path: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, files / "1.eml", files / "none.eml") == 1
    assert "none.eml: there is no such file or folder." in capsys.readouterr().err
    assert not (tmp_path / "data/leadgate.db").exists()
