"""strace(1) as the hand of fate: a signal or an error at the N-th system call of a running process (``--inject``).

The calls are counted from the moment of attaching, each thread's and each kind's by itself.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.peers import strace

ATTACH_SECONDS = 15.0
ENDS_WITHIN = 10.0


class Injection:
    """Use it as ``with Injection(pid, "pwrite64", "signal=SIGKILL:when=7", folder)``; on leaving it lets go."""

    def __init__(
        self,
        pid: int,
        calls: str,
        effect: str,
        folder: Path,
        *,
        only: Path | None = None,
        options: Sequence[str] = ("-s", "4200"),
    ) -> None:
        """``effect`` may be empty: it only looks on. ``only``: calls on this file alone are counted and hit."""
        self._pid = pid
        self._log = folder / f"strace-{time.monotonic_ns()}"
        self.record = folder / "strace.out"
        """The calls in their order over all threads; whole once it was left."""
        self._command = [strace.program(), "-f", "-p", str(pid), *options, "-e", f"trace={calls}"]
        self._command += ["-o", str(self.record)]
        self._command += ["-e", f"inject={calls}:{effect}"] if effect else []
        self._command += ["-P", str(only)] if only else []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Injection:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=strace.environment()
            )
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
        if not _runs(self._pid):  # then it ends by itself, and told to hurry it may wait for a dead thread for ever
            self._ends(ENDS_WITHIN)
        self._process.terminate()
        if not self._ends(ENDS_WITHIN):
            self._process.kill()
            self._process.wait()

    def _ends(self, seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def lines(self) -> list[str]:
        """The calls so far."""
        return self.record.read_text(encoding="utf-8", errors="replace").splitlines()

    @property
    def hits(self) -> int:
        """How many calls were hit so far."""
        return sum("(INJECTED)" in line for line in self.lines)


def _runs(pid: int) -> bool:
    """Whether it lives: neither gone nor a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
