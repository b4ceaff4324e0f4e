"""The files in deploy/ fit the program that they start."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.cli import build_parser
from gateway.config import Settings

DEPLOY = Path(__file__).parents[3] / "deploy"


def test_the_unit_starts_a_command_that_exists() -> None:
    unit = (DEPLOY / "leadgate.service").read_text()
    started = re.findall(r"(?m)^ExecStart=(.+)$", unit)
    assert len(started) == 1
    args = build_parser().parse_args(shlex.split(started[0])[1:])
    assert args.config == "/etc/leadgate/leadgate.toml"
    assert args.data == "/var/lib/leadgate"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "leadgate.service"
    text = (DEPLOY / "leadgate.service").read_text()
    unit.write_text(text.replace("/opt/leadgate/.venv/bin/leadgate", "/bin/true"))  # it wants the program to exist
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_settings_of_the_container_are_valid() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    environ = dict(re.findall(r"(LEADGATE_\w+)=(\S+)", text))
    settings = Settings.load(None, environ)
    assert (settings.data, settings.web.public, settings.remarks) == (Path("/data"), "0.0.0.0:8081", ())
    assert "127.0.0.1:8081/health" in text
    assert "--require-hashes" in text
    assert re.search(r"(?m)^USER leadgate$", text)
