"""Servers under measurement, each in a process of its own, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 20.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until somebody listens on ``port``. Raises TimeoutError."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def running(
    arguments: list[str], port: int, environment: dict[str, str] | None = None, python: str = sys.executable
) -> Iterator[int]:
    """A Python program that listens on ``port``; its process id."""
    process = subprocess.Popen(
        [python, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


@contextmanager
def gateway(more: str = "", prepare: Callable[[Path], None] | None = None) -> Iterator[Gateway]:
    """The real gateway on a fresh folder, without limits on how much one address may send.

    ``more``: further tables of its configuration. ``prepare``: is given its data folder before it starts.
    """
    http, smtp = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="leadgate-bench-") as folder:
        config = Path(folder) / "leadgate.toml"
        config.write_text(
            f'[gateway]\ndata = "{folder}/data"\n[log]\nlevel = "error"\n'
            f'[web]\npublic = "127.0.0.1:{http}"\nprivate = "127.0.0.1:{http}"\n'
            f'[smtp]\nlisten = "127.0.0.1:{smtp}"\n[[form]]\nkey = "site"\nper_minute = 100000000\n{more}'
        )
        if prepare is not None:
            prepare(Path(folder) / "data")
        with running(["-m", "gateway", "run", "--config", str(config)], http) as pid:
            wait_for(smtp)
            yield Gateway(http, smtp, pid, Path(folder) / "data")


class Gateway:
    """Where the gateway under measurement listens."""

    def __init__(self, http: int, smtp: int, pid: int, data: Path) -> None:
        self.http = http
        self.smtp = smtp
        self.pid = pid
        self.data = data

    def resident_kib(self) -> int:
        """Memory of the process (VmRSS), KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
