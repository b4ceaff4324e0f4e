"""install.sh without a network: what it says and leaves behind where it can't do its work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.asterisk.server import check_installed
from tests.peers.installed import PeerMissing, cache

REPOSITORY = Path(__file__).parents[3]
INSTALL = REPOSITORY / "tests/peers/install.sh"
COMMANDS = (
    "cat", "chmod", "cp", "date", "env", "find", "flock", "grep", "head", "id", "mkdir", "mv", "rm", "sed", "sh",
    "tail", "xargs",
)  # fmt: skip


PYTHON = "python-that-does-nothing"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with what every system has, and without apt."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in COMMANDS:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is missing: this is no Debian")
        (folder / name).symlink_to(found)
    _add(folder, PYTHON, "echo python3.11")  # neither pip nor Tryton is asked for anything here
    return folder


def _add(programs: Path, name: str, script: str) -> None:
    (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (programs / name).chmod(0o755)


def _install(programs: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    python = {"PEERS_PYTHON": str(programs / PYTHON)}
    env = {"PATH": str(programs), "HOME": str(folder), "LEADGATE_PEERS_CACHE": str(folder), **python, **environment}
    return subprocess.run(
        ["sh", str(INSTALL)], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"REQUIRE_PEERS": "1"}, 1)])
def test_without_apt_it_says_what_is_skipped(
    programs: Path, tmp_path: Path, environment: dict[str, str], code: int
) -> None:
    done = _install(programs, tmp_path / "cache", **environment)
    assert done.returncode == code
    assert "Debian and Ubuntu only" in done.stdout + done.stderr


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"REQUIRE_PEERS": "1"}, 1)])
def test_a_download_that_fails_leaves_no_half_server(
    programs: Path, tmp_path: Path, environment: dict[str, str], code: int
) -> None:
    _add(programs, "apt-get", "echo no network; exit 100")
    _add(programs, "dpkg-deb", "exit 0")
    done = _install(programs, tmp_path / "cache", **environment)
    assert done.returncode == code
    assert "could not be fetched" in done.stdout + done.stderr
    assert not (tmp_path / "cache/asterisk16").exists()


def test_a_package_that_can_not_be_unpacked_leaves_no_half_server(programs: Path, tmp_path: Path) -> None:
    archives = tmp_path / "cache/.asterisk16.partial/cache/archives"
    _add(programs, "apt-get", f"mkdir -p {archives}; echo x > {archives}/asterisk.deb")
    _add(programs, "dpkg-deb", "exit 2")
    done = _install(programs, tmp_path / "cache", REQUIRE_PEERS="1")
    assert done.returncode == 1
    assert not (tmp_path / "cache/asterisk16").exists()


def test_what_an_interrupted_run_left_is_begun_anew(programs: Path, tmp_path: Path) -> None:
    left = tmp_path / "cache/.asterisk16.partial/root/half-unpacked"
    left.mkdir(parents=True)
    _add(programs, "apt-get", "exit 0")
    _add(programs, "dpkg-deb", "exit 0")
    done = _install(programs, tmp_path / "cache", REQUIRE_PEERS="1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/asterisk16/.complete").exists()
    assert not (tmp_path / "cache/asterisk16/half-unpacked").exists()
    assert not left.exists()


def test_the_second_run_fetches_nothing(programs: Path, tmp_path: Path) -> None:
    _add(programs, "apt-get", "exit 0")
    _add(programs, "dpkg-deb", "exit 0")
    assert _install(programs, tmp_path / "cache").returncode == 0
    _add(programs, "apt-get", "echo asked again >&2; exit 100")
    done = _install(programs, tmp_path / "cache", REQUIRE_PEERS="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_that_the_machine_has_is_not_fetched_and_one_that_it_lacks_is(programs: Path, tmp_path: Path) -> None:
    """Its own functions must not be taken for programs."""
    _add(programs, "apt-get", "exit 0")
    _add(programs, "dpkg-deb", "exit 0")
    _add(programs, "chromium", "exit 0")
    assert _install(programs, tmp_path / "cache").returncode == 0
    assert not (tmp_path / "cache/chromium").exists()
    assert (tmp_path / "cache/strace/.complete").exists()


def _pytest(test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{REPOSITORY}/tests/{test}"],
        env={name: value for name, value in os.environ.items() if name != "REQUIRE_PEERS"} | environment,
        cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "expected", "code"),
    [({}, "1 skipped", 0), ({"REQUIRE_PEERS": "1"}, "1 error", 1)],
)
def test_a_missing_server_skips_its_tests_or_fails_them_where_it_is_required(
    tmp_path: Path, environment: dict[str, str], expected: str, code: int
) -> None:
    test = "integration/peers/test_asterisk.py::test_both_take_calls_when_they_are_started"
    done = _pytest(test, LEADGATE_PEERS_CACHE=str(tmp_path), **environment)
    assert expected in done.stdout, done.stdout + done.stderr
    assert "run tests/peers/install.sh" in done.stdout, "the reason and the way out are shown"
    assert done.returncode == code


def test_the_cache_is_where_install_sh_puts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEADGATE_PEERS_CACHE", str(tmp_path))
    assert cache() == tmp_path
    with pytest.raises(PeerMissing, match=r"install\.sh"):
        check_installed()
