"""``leadgate recordings`` and what ``erase`` and ``purge`` say of recordings, as an administrator runs them."""

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
from tests.support.callbacks import IVAN, PETR, CallbackHouse, answered, minute

THERE = "/var/spool/asterisk/monitor/2020/petr.wav"
Run = Callable[..., tuple[int, str, str]]


async def _fill(data: Path, folder: Path) -> None:
    store = Store.open(StorageSettings(), data)
    await store.start()
    talks = [answered(minute(0), recording="2020/ivan.wav"), answered(minute(9), who=PETR, recording=THERE)]
    await CallbackHouse(store, folder / "spool").take(*talks)
    await store.stop()


@pytest.fixture
def monitor(tmp_path: Path) -> Path:
    """The folder of recordings; the file of Petr's call has another name in it than the PBX told."""
    folder = tmp_path / "monitor"
    (folder / "2020").mkdir(parents=True)
    (folder / "2020/ivan.wav").write_bytes(b"RIFF")
    (folder / "petr.wav").write_bytes(b"RIFF")
    return folder


@pytest.fixture
def run(migrated_folder: Path, tmp_path: Path, monitor: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command over a data folder in which two persons called; gives exit code, stdout, stderr."""
    data, config = tmp_path / "data", tmp_path / "leadgate.toml"
    data.mkdir(mode=0o700)
    shutil.copy(migrated_folder / DATABASE_FILE, data / DATABASE_FILE)
    asyncio.run(_fill(data, tmp_path))
    pbx = f'[[pbx]]\nname = "office"\nhost = "127.0.0.1"\nusername = "u"\nsecret = "s"\nrecordings = "{monitor}"\n'
    config.write_text(f'[gateway]\ndata = "{data}"\n{pbx}', encoding="utf-8")

    def command(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--config", str(config)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_the_recording_goes_with_the_person_and_the_path_is_said(run: Run, monitor: Path) -> None:
    code, _, err = run("erase", "--phone", IVAN)
    assert code == 0
    assert f"The recording {monitor / '2020/ivan.wav'} was removed." in err
    assert not (monitor / "2020/ivan.wav").exists()
    code, out, _ = run("recordings", "list", "--json")
    assert (code, json.loads(out)) == (0, {"items": []})


def test_one_that_is_left_is_listed_tried_again_and_confirmed(run: Run, monitor: Path) -> None:
    code, out, _ = run("erase", "--phone", PETR, "--json")
    assert code == 1
    (left,) = json.loads(out)["recordings"]
    assert not json.loads(out)["complete"]
    assert str(monitor / "petr.wav") in left["problem"]
    code, out, _ = run("recordings", "list")
    assert code == 1
    assert left["id"] in out
    code, _, err = run("recordings", "retry")
    assert code == 1
    assert f"Still to be removed ({left['id']})" in err
    code, _, err = run("recordings", "confirm", "nonsense")
    assert code == 2
    assert "nonsense" in err
    code, _, err = run("recordings", "confirm")
    assert code == 2
    code, _, err = run("recordings", "confirm", left["id"])
    assert (code, "1 recording" in err) == (0, True)
    assert run("recordings", "list")[0] == 0
    code, out, _ = run("audit", "list")
    assert "recording.confirmed" in out
    assert "petr.wav" not in out, "the log of deeds never forgets, and names of files have numbers in them"


def test_one_that_was_put_in_its_place_is_removed_by_the_next_try(run: Run, monitor: Path) -> None:
    run("erase", "--phone", PETR)
    (monitor / "petr.wav").rename(monitor / "2020/petr.wav")
    code, out, _ = run("recordings", "retry", "--json")
    assert code == 0
    assert json.loads(out)["items"][0]["removed"] == str(monitor / "2020/petr.wav")


def test_all_that_is_left_is_confirmed_at_once(run: Run) -> None:
    run("erase", "--phone", PETR)
    code, out, _ = run("recordings", "confirm", "--all", "--json")
    assert code == 0
    assert len(json.loads(out)["confirmed"]) == 1


@pytest.mark.parametrize(("days", "kept"), [("0", True), ("30", False)])
def test_purging_removes_recordings_only_where_they_have_a_time(
    run: Run, tmp_path: Path, monitor: Path, monkeypatch: pytest.MonkeyPatch, days: str, kept: bool
) -> None:
    with sqlite3.connect(tmp_path / "data" / DATABASE_FILE) as connection:
        connection.execute("UPDATE interaction SET occurred_at = '2020-01-01 00:00:00.000000'")
    monkeypatch.setenv("LEADGATE_RETENTION__RECORDINGS", days)
    run("purge")
    assert (monitor / "2020/ivan.wav").exists() is kept


def test_recordings_kept_longer_than_their_calls_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATE_RETENTION__RECORDINGS", "731")
    code, _, err = run("purge")
    assert code == 2
    assert "longer than calls are kept (730 days)" in err
