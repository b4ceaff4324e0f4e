"""strace(1) as the hand of fate: a signal or an error at the N-th system call of a running process (``--inject``).

The calls are counted from the moment of attaching, each thread's and each kind's by itself.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

import pytest

ATTACH_SECONDS = 15.0


def needs_strace() -> pytest.MarkDecorator:
    """Skips a test where strace can't trace: not installed, or ptrace(2) is forbidden."""
    program = shutil.which("strace")
    works = (
        program is not None and not subprocess.run([program, "-qq", "-o", "/dev/null", "true"], check=False).returncode
    )
    return pytest.mark.skipif(not works, reason="strace can't trace here: install it, and allow ptrace")


class Injection:
    """Use it as ``with Injection(pid, "pwrite64", "signal=SIGKILL:when=7", folder)``; on leaving it lets go."""

    def __init__(self, pid: int, calls: str, effect: str, folder: Path, *, only: Path | None = None) -> None:
        """``effect`` may be empty: it only looks on. ``only``: calls on this file alone are counted and hit."""
        self._log = folder / f"strace-{time.monotonic_ns()}"
        self._trace = folder / "strace.out"
        self._command = ["strace", "-f", "-p", str(pid), "-s", "4200", "-e", f"trace={calls}", "-o", str(self._trace)]
        self._command += ["-e", f"inject={calls}:{effect}"] if effect else []
        self._command += ["-P", str(only)] if only else []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Injection:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + ATTACH_SECONDS
        while b"attached" not in (said := self._log.read_bytes()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"strace did not attach: {said!r}")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    @property
    def lines(self) -> list[str]:
        """The calls so far, in their order over all threads; whole once it was left."""
        return self._trace.read_text(encoding="utf-8", errors="replace").splitlines()

    @property
    def hits(self) -> int:
        """How many calls were hit so far."""
        return sum("(INJECTED)" in line for line in self.lines)
