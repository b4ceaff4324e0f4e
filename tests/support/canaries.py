"""After all tests: no secret of theirs in what they left behind, nor in what passed tests logged and printed.

Tests give their gateways secrets that stand out, CANARIES, and note the tokens that they make (`note`). When the
session is over, every file below its temporary folder is looked through: logs, databases, spools, backups, exports. A
secret belongs into a configuration file and nowhere else. With pytest-xdist it is done once, for the folders of all
workers.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

CANARIES = ("canary7f3a", "correct horse battery")
"""What is in each secret of ``tests/acceptance/test_no_secret_leaks.py``; the password of most tests."""
NOTES = "made-secrets.canaries"
"""Name of a file in which tests note the secrets that were made on the way, one a line."""
MAY_HOLD = (".toml", ".canaries")
"""Where secrets belong."""
BROWSER = "Local State"
"""A file in the profile of a browser, which keeps what its user types."""


def note(folder: Path, secret: str) -> None:
    """``secret`` was made for the installation in ``folder``: it must not be found anywhere."""
    with (folder / NOTES).open("a", encoding="utf-8") as notes:
        notes.write(secret + "\n")


def leaks(root: Path, canaries: Collection[str] = CANARIES) -> list[str]:
    """Each file below ``root`` that holds a canary or a noted secret, with the secret's beginning."""
    noted = {line for path in root.rglob(NOTES) for line in path.read_text(encoding="utf-8").split()}
    wanted = [secret.encode() for secret in sorted({*canaries, *noted})]
    return sorted(f"{path}: {found.decode()[:12]}..." for path in _files(root) for found in _held(path, wanted))


def _files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        if BROWSER in names:
            below.clear()
            continue
        paths = (Path(folder, name) for name in names if not name.endswith(MAY_HOLD))
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def _held(path: Path, wanted: Collection[bytes]) -> list[bytes]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return [secret for secret in wanted if content.find(secret) >= 0]
    except (OSError, ValueError):
        return []  # empty, or made unreadable by its test


class Canaries:
    """The plugin: looks once, at the end, in the process that speaks to the person."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What a failed test shows is for whoever mends it."""
        if report.passed:
            said = "\n".join(text for _, text in report.sections)
            self.found += [f"{report.nodeid} told {secret}" for secret in CANARIES if secret in said]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the session where a secret was left."""
        factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
        self.found += leaks(factory.getbasetemp())
        if self.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Which, and where."""
        if self.found:
            terminalreporter.section("secrets were left behind", red=True)
            for one in self.found:
                terminalreporter.line(one)


def pytest_configure(config: pytest.Config) -> None:
    """Workers of pytest-xdist leave it to the process that started them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Canaries(), "leadgate-canaries")
