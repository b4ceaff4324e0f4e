"""``leadgate import mail`` on a real database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.__main__ import main
from tests.peers.dovecot import PASSWORD, DovecotServer

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


@pytest.mark.peer("dovecot")
def test_mailbox_is_imported_by_date_and_the_second_run_changes_nothing(
    tmp_path: Path, dovecot_server: DovecotServer, capsys: pytest.CaptureFixture[str]
) -> None:
    user = dovecot_server.new_user()
    with dovecot_server.colleague(user) as colleague:
        for n, day in ((1, "01-Mar-2020"), (2, "02-Mar-2020"), (3, "03-Mar-2020")):
            raw = LETTER.format(n=n).replace("\n", "\r\n").encode()
            colleague.append("INBOX", "", f'"{day} 12:00:00 +0000"', raw)
    config = tmp_path / "leadgate.toml"
    config.write_text(
        f'[[mailbox]]\nname = "sales"\nhost = "127.0.0.1"\nport = {dovecot_server.port}\nusername = "{user}"\n'
        f'password = "{PASSWORD}"\ntls = "none"\n'
    )

    def import_since(day: str) -> int:
        command = ["import", "mail", "--config", str(config), "--data", str(tmp_path / "data")]
        return main([*command, "--mailbox", "sales", "--since", day])

    assert import_since("2020-03-02") == 0
    assert capsys.readouterr().out == "2 letters, 2 stored, 0 known already\n"
    before = stored(tmp_path)
    assert [connector for connector, _ in before] == ["imap", "imap"]
    assert all('"history":true' in meta for _, meta in before)
    assert import_since("2020-03-02") == 0
    assert capsys.readouterr().out == "2 letters, 0 stored, 2 known already\n"
    assert stored(tmp_path) == before
    assert import_since("all") == 0
    assert capsys.readouterr().out == "3 letters, 1 stored, 2 known already\n"
    with dovecot_server.colleague(user) as colleague:
        colleague.select(readonly=True)
        assert colleague.search(None, "SEEN")[1] == [b""]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mailbox", "sales"], "wants --since DATE"),
        (["--mailbox", "sales", "--since", "yesterday"], "neither a day like 2026-01-31 nor 'all'"),
        (["--since", "2026-01-31"], "name files, or a mailbox"),
        ([], "name files, or a mailbox"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "leadgate.toml"
    config.write_text('[[mailbox]]\nname = "sales"\nhost = "localhost"\nusername = "a@b.example"\n')
    assert main(["import", "mail", "--config", str(config), "--data", str(tmp_path / "data"), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_unknown_mailbox_is_named_with_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "leadgate.toml"
    config.write_text('[[mailbox]]\nname = "sales"\nhost = "localhost"\nusername = "a@b.example"\n')
    command = ["import", "mail", "--config", str(config), "--data", str(tmp_path / "data")]
    assert main([*command, "--mailbox", "sale", "--since", "all"]) == 2
    assert "No [[mailbox]] is called 'sale'; there is sales." in capsys.readouterr().err


def test_good_files_end_with_zero(tmp_path: Path, files: Path) -> None:
    assert run(tmp_path, files / "1.eml", files / "old.mbox") == 0


def test_missing_path_is_named_before_anything_is_stored(
    tmp_path: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, files / "1.eml", files / "none.eml") == 1
    assert "none.eml: there is no such file or folder." in capsys.readouterr().err
    assert not (tmp_path / "data/leadgate.db").exists()
