"""``leadgate import cdr`` on real files, a real database and a real store."""

from __future__ import annotations

import csv
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.telephony.history.columns import CDR_NAMES

RECORDED = Path(__file__).parents[2] / "fixtures/history/asterisk16"
CALLS = 25
"""In each of the recorded logs."""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs one import in an empty folder: exit code, output, talk."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEADGATE_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["import", "cdr", *map(str, argv)])
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def stored(folder: Path) -> dict[str, str]:
    """key -> where it is known from."""
    with sqlite3.connect(folder / "data/leadgate.db") as database:
        rows = database.execute("SELECT key, json_extract(details, '$.from') FROM interaction").fetchall()
    database.close()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_every_call_is_stored_once_whichever_log_comes_first(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(RECORDED / "cdr.csv")
    assert (code, out) == (0, f"{RECORDED / 'cdr.csv'}: 51 rows, {CALLS} calls stored, 0 known already\n")
    assert set(stored(tmp_path).values()) == {"cdr"}
    run(RECORDED / "cel.csv")
    calls = stored(tmp_path)
    assert (len(calls), set(calls.values())) == (CALLS, {"cel"})
    assert all(key.startswith("call:pbx:") for key in calls)


def test_second_run_changes_nothing(run: Run, tmp_path: Path) -> None:
    run(RECORDED / "cel.csv")
    before = stored(tmp_path)
    code, out, _ = run(RECORDED / "cel.csv", RECORDED / "cdr.csv")
    assert code == 0
    assert f"430 rows, 0 calls stored, {CALLS} known already" in out
    assert stored(tmp_path) == before


def test_rows_that_can_not_be_taken_are_named_and_the_others_stored(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "Master.csv"
    log.write_bytes((RECORDED / "cdr.csv").read_bytes() + b'"half","a","row"\n')
    code, out, _ = run(log)
    assert code == 1
    assert f"{CALLS} calls stored" in out
    assert "1 rows could not be taken" in out
    assert "3 columns" in out


def test_log_that_can_not_be_read_is_named_and_the_next_is_read(run: Run, tmp_path: Path) -> None:
    code, out, err = run(tmp_path / "nothing.csv", RECORDED / "cdr.csv")
    assert code == 1
    assert "nothing.csv: can't be read: no such file or folder" in err
    assert f"{CALLS} calls stored" in out


def test_calls_without_an_end_are_stored_as_cut_once_they_are_old(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_bytes((RECORDED / "cel_crash.csv").read_bytes().replace(b"1795319910", b"1695319910"))
    code, out, _ = run(log)
    assert code == 0
    assert "3 calls stored" in out
    assert set(stored(tmp_path).values()) == {"cel"}


def test_database_of_a_pbx_is_imported_under_its_name(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "asteriskcdrdb.db"
    with (RECORDED / "cdr.csv").open(encoding="utf-8", newline="") as file, sqlite3.connect(path) as database:
        names = CDR_NAMES[:21]
        database.execute(f"CREATE TABLE cdr ({', '.join(f'[{name}]' for name in names)})")
        database.executemany(f"INSERT INTO cdr VALUES ({', '.join('?' for _ in names)})", csv.reader(file))
    database.close()
    (tmp_path / "leadgate.toml").write_text(
        "".join(
            f"[[pbx]]\nname = '{name}'\nhost = 'pbx'\nusername = 'u'\nsecret = 's'\n" for name in ("office", "shop")
        )
    )
    code, _, err = run(f"sqlite:///{path}")
    assert code == 2
    assert "--pbx: say which of office, shop" in err
    code, out, _ = run("--pbx", "shop", "--timezone", "UTC", f"sqlite:///{path}")
    assert (code, f"{CALLS} calls stored" in out) == (0, True)
    assert all(key.startswith("call:shop:") for key in stored(tmp_path))


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("--pbx", "nobody"), "no [[pbx]] is called 'nobody'"),
        (("--timezone", "Moscow"), "timezone 'Moscow' is not known"),
        (("--encoding", "koi9"), "encoding 'koi9' is not known"),
    ],
)
def test_wrong_use_is_told_with_exit_code_2(run: Run, tmp_path: Path, argv: tuple[str, ...], sentence: str) -> None:
    (tmp_path / "leadgate.toml").write_text("[[pbx]]\nname = 'office'\nhost = 'pbx'\nusername = 'u'\nsecret = 's'\n")
    code, _, err = run(*argv, RECORDED / "cdr.csv")
    assert code == 2
    assert sentence in err
