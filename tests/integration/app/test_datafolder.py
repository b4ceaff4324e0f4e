"""The data folder: made, proved, and one Leadgate's at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.app.datafolder import IDENTITY_FILE, LOCK_FILE, DataFolder, identity_of
from gateway.core.errors import ConfigError


async def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    await folder.start()
    assert (tmp_path / "a" / "b" / LOCK_FILE).read_text() == str(os.getpid())
    await folder.stop()


async def test_a_second_leadgate_on_the_folder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    await first.start()
    with pytest.raises(ConfigError, match=rf"used by another Leadgate \(process {os.getpid()}\)"):
        await DataFolder(tmp_path).start()
    await first.stop()
    again = DataFolder(tmp_path)
    await again.start()
    await again.stop()


async def test_a_folder_that_can_not_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/data can't be written to.*--data"):
        await DataFolder(tmp_path / "file" / "data").start()


def test_the_gateway_of_a_folder_keeps_its_id_over_restarts(tmp_path: Path) -> None:
    first = identity_of(tmp_path, lambda: "first")
    assert first == identity_of(tmp_path, lambda: "second") == "first"
    assert {path.name for path in tmp_path.iterdir()} == {IDENTITY_FILE}


def test_an_id_that_was_only_half_written_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / IDENTITY_FILE).write_text("")
    assert identity_of(tmp_path, lambda: "new") == "new"


def test_a_folder_that_takes_no_file_has_an_id_for_this_start(tmp_path: Path) -> None:
    assert identity_of(tmp_path / "missing", lambda: "passing") == "passing"
