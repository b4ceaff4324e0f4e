"""A key of the data folder: one, whoever asks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.core.keyfile import KEY_BYTES, key_in


def test_it_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "a.key"
    key = key_in(file)
    assert len(key) == KEY_BYTES
    assert key_in(file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_twenty_who_ask_at_once_have_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.key"
    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(lambda _: key_in(file), range(20)))) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a.key"
    file.write_bytes(b"short")
    assert key_in(file) == b"short"


def test_what_a_crash_left_empty_is_filled(tmp_path: Path) -> None:
    file = tmp_path / "a.key"
    file.touch(0o600)
    assert len(key_in(file)) == KEY_BYTES


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        key_in(tmp_path / "none" / "a.key")
