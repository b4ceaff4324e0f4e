"""``leadgate erase``, ``purge``, ``audit``, ``backup`` and ``restore`` as an administrator runs them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.storage.settings import StorageSettings
from gateway.storage.store import DATABASE_FILE, Store
from tests.support.callbacks import IVAN, PETR, CallbackHouse, minute, missed

Run = Callable[..., tuple[int, str, str]]


async def _fill(data: Path, folder: Path) -> None:
    store = Store.open(StorageSettings(), data)
    await store.start()
    await CallbackHouse(store, folder / "spool").take(missed(minute(0)), missed(minute(5), who=PETR))
    await store.stop()


@pytest.fixture
def data(migrated_folder: Path, tmp_path: Path) -> Path:
    """A data folder in which two persons called in vain."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copy(migrated_folder / DATABASE_FILE, data / DATABASE_FILE)
    asyncio.run(_fill(data, tmp_path))
    return data


@pytest.fixture
def run(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command and gives exit code, stdout, stderr."""
    config = tmp_path / "leadgate.toml"
    config.write_text(f'[gateway]\ndata = "{data}"\n', encoding="utf-8")

    def command(*words: str, folder: Path | None = None) -> tuple[int, str, str]:
        where = ["--data", str(folder)] if folder else []
        code = main([*words, "--config", str(config), *where])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_person_is_told_then_erased_and_no_byte_of_him_is_left(run: Run, data: Path) -> None:
    code, out, _ = run("erase", "--phone", "8 926 123-45-67", "--tell")
    assert code == 0
    assert json.loads(out)["handles"] == [{"kind": "phone", "value": IVAN}]
    code, out, err = run("erase", "--phone", "8 926 123-45-67")
    assert code == 0
    assert "interaction" in out
    assert "rows were removed." in err
    code, _, err = run("erase", "--phone", "8 926 123-45-67", "--tell")
    assert code == 1
    raw = b"".join(file.read_bytes() for file in data.glob(f"{DATABASE_FILE}*"))
    assert IVAN.encode() not in raw, "not even in pages that were freed"
    assert PETR.encode() in raw


@pytest.mark.parametrize("words", [(), ("--phone", "12"), ("--email", "nobody")])
def test_whom_to_erase_must_be_said(run: Run, words: tuple[str, ...]) -> None:
    code, _, err = run("erase", *words)
    assert code == 2
    assert "phone" in err


def test_purging_now_says_what_went(run: Run, data: Path) -> None:
    with sqlite3.connect(data / DATABASE_FILE) as connection:
        connection.execute("UPDATE interaction SET keep_until = '2020-01-01 00:00:00.000000'")
    code, out, _ = run("purge", "--json")
    assert code == 0
    assert json.loads(out)["interaction"] == 2


def test_the_log_of_deeds_is_whole_until_somebody_meddles(run: Run, data: Path) -> None:
    run("erase", "--phone", IVAN)
    code, out, _ = run("audit", "list")
    assert code == 0
    assert "person.erased" in out
    code, out, _ = run("audit", "verify", "--json")
    assert code == 0
    assert json.loads(out)["rows"] >= 1
    with sqlite3.connect(data / DATABASE_FILE) as connection:
        connection.execute("UPDATE audit SET actor = 'manager:somebody-else' WHERE action = 'person.erased'")
    code, _, err = run("audit", "verify")
    assert code == 1
    assert "broken at line" in err


def test_a_copy_and_back(run: Run, data: Path, tmp_path: Path) -> None:
    code, _, err = run("backup", str(tmp_path / "copy.tar"))
    assert code == 0, err
    code, _, err = run("backup", str(tmp_path / "copy.tar"))
    assert code == 1
    assert "is there already" in err
    code, _, err = run("restore", str(tmp_path / "copy.tar"), folder=tmp_path / "new")
    assert code == 0, err
    code, out, _ = run("erase", "--phone", IVAN, "--tell", folder=tmp_path / "new")
    assert code == 0
    assert json.loads(out)["stored"]["interaction"]


def test_postgresql_is_copied_by_its_own_tools(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEADGATE_STORAGE__URL", "postgresql://leadgate@127.0.0.1:1/leadgate")
    code, _, err = run("backup", str(tmp_path / "copy.tar"))
    assert code == 2
    assert "pg_dump" in err
