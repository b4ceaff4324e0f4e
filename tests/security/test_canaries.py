"""The check after all tests notices what it is there for, in a session of its own, with workers and without."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.canaries import CANARIES, leaks, note

ROOT = Path(__file__).parents[2]
LEAVES = """\
import logging, pathlib, sys
def test_it(tmp_path):
    {line}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below the folder that is looked through when these tests are over."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def session(folder: Path, line: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A run of one test that does ``line`` and passes."""
    (folder / "test_one.py").write_text(LEAVES.format(line=line), encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "tests.support.canaries", "-p", "no:cacheprovider",
        "-p", "no:schemathesis", "--rootdir", str(folder), "--basetemp", str(folder / "left"), *options,
        str(folder / "test_one.py"),
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "with a worker"])
def test_a_secret_in_a_file_that_a_test_left_fails_the_session(folder: Path, options: tuple[str, ...]) -> None:
    done = session(folder, f"(tmp_path / 'data.db').write_text('x {CANARIES[0][:4]}' '{CANARIES[0][4:]}')", *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "secrets were left behind" in done.stdout
    assert "data.db: canary7f3a..." in done.stdout


def test_a_secret_that_a_passed_test_logs_fails_the_session(folder: Path) -> None:
    done = session(folder, f"logging.getLogger('x').warning('{CANARIES[0]}')")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "told canary7f3a" in done.stdout


def test_a_session_that_leaves_none_is_fine(folder: Path) -> None:
    done = session(folder, f"(tmp_path / 'leadgate.toml').write_text('{CANARIES[0]}')")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_secret_that_was_made_on_the_way_is_looked_for(folder: Path) -> None:
    note(folder, "token-of-this-test")
    (folder / "log").write_text("a token-of-this-test b", encoding="utf-8")
    (folder / "empty").touch()
    assert leaks(folder) == [f"{folder / 'log'}: token-of-thi..."]


def test_a_secret_across_a_border_of_pages_is_found(folder: Path) -> None:
    (folder / "big").write_bytes(b"x" * 1_048_570 + CANARIES[0].encode() + b"x" * 1_048_570)
    assert len(leaks(folder)) == 1
