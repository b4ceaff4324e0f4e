"""What the real process says, and with which exit code, when it can't start: the thing's name, and the way out."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.support.ports import LOOPBACK
from tests.support.process import Installation

FAILED, WRONG_CONFIGURATION = 1, 2


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A gateway that would start."""
    return Installation.make(tmp_path / "gateway")


def _refused(installation: Installation, code: int) -> str:
    """Run the gateway, which must end by itself with ``code`` and say so in sentences; what it said."""
    return _refusal(installation, installation.command("run"), code)


def _refused_with_data(installation: Installation, data: Path) -> str:
    """The same with another data folder, which is the fault."""
    command = [*installation.command("run")[:-1], str(data)]
    return _refusal(installation, command, WRONG_CONFIGURATION)


def _refusal(installation: Installation, command: list[str], code: int) -> str:
    try:
        done = subprocess.run(
            command, env=installation.env(), cwd=installation.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as running:
        raise AssertionError(f"it started: {running.stderr!r}") from None
    assert done.returncode == code, done.stderr
    assert done.stdout == "", "talk goes to stderr"
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("leadgate: ")]
    assert said, done.stderr
    return "\n".join(said)


@pytest.mark.parametrize(("door", "key"), [("public", "public"), ("private", "private"), ("smtp", "[smtp] listen")])
def test_port_that_is_taken_is_named_with_its_key(installation: Installation, door: str, key: str) -> None:
    port = getattr(installation, door)
    with socket.create_server((LOOPBACK, port)):
        said = _refused(installation, WRONG_CONFIGURATION)
    assert str(port) in said
    assert key in said
    assert "another program" in said


def test_data_folder_that_is_a_file_is_named(installation: Installation) -> None:
    installation.data.write_text("in the way")
    said = _refused(installation, WRONG_CONFIGURATION)
    assert str(installation.data) in said
    assert "--data" in said
    assert installation.data.read_text() == "in the way"


def test_data_folder_that_is_not_writable_is_named(tmp_path: Path) -> None:
    made = Installation.make(tmp_path / "gateway")
    locked = Path("/proc/leadgate")  # root writes everywhere else
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
    said = _refused_with_data(made, locked)
    assert str(locked) in said
    assert "[gateway] data" in said


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param('name = "unfinished', "leadgate.toml:7", id="broken TOML"),
        pytest.param("[storage]\nurll = 'sqlite://'", "url", id="unknown key, the nearest named"),
        pytest.param("[web]\n", "web", id="a table twice"),
        pytest.param("[smtp2]", "smtp", id="unknown table, the nearest named"),
        pytest.param('[[crm]]\nname = "hook"\nadapter = "nosuch"', "nosuch", id="unknown adapter"),
        pytest.param("[storage]\nurl = 'oracle://db/x'", "oracle", id="unknown database"),
        pytest.param('[[pbx]]\nname = "office"', "host", id="a missing key"),
    ],
)
def test_configuration_that_is_wrong_is_explained(tmp_path: Path, line: str, expected: str) -> None:
    installation = Installation.make(tmp_path / "gateway", more=line + "\n")
    said = _refused(installation, WRONG_CONFIGURATION)
    assert str(installation.config) in said
    assert expected in said
    assert not installation.data.exists(), "nothing was begun"


def test_configuration_that_does_not_exist_is_named(installation: Installation) -> None:
    installation.config.unlink()
    assert str(installation.config) in _refused(installation, WRONG_CONFIGURATION)


def test_database_newer_than_the_program_is_left_alone(installation: Installation) -> None:
    assert installation.run("migrate").returncode == 0
    file = installation.data / "leadgate.db"
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    said = _refused(installation, FAILED)
    assert "newer" in said
    assert "9999" in said
    assert file.read_bytes() == before


def test_database_that_is_no_database_is_named(installation: Installation) -> None:
    installation.data.mkdir()
    (installation.data / "leadgate.db").write_bytes(b"these are no leads" * 500)
    assert "leadgate.db" in _refused(installation, FAILED)


async def test_data_folder_that_another_leadgate_uses_is_refused(installation: Installation) -> None:
    first = installation.start()
    await first.ready()
    try:
        second = Installation.make(installation.folder / "second")
        said = await asyncio.to_thread(_refused_with_data, second, installation.data)
        assert str(installation.data) in said
        assert "another Leadgate" in said
        await first.ready()
    finally:
        first.kill()
