"""One real server as a child process: started with its output in a file, ended by its own pid and never by name."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.peers.installed import PeerMissing

TAIL = 2_000
"""Characters of a server's own log that an error shows."""


class PeerProcess:
    """A server that runs until ``stop``; it also ends by itself when the tests are killed."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._command, self._env, self._user = command, env, user
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*dies_with_parent(stop_signal), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                user=user,
                group=None if user is None else "nogroup",
                extra_groups=None if user is None else [],
                start_new_session=True,  # Ctrl-C stops the tests, and the tests stop the server
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def again(self) -> PeerProcess:
        """The same server once more, after its end."""
        return PeerProcess(
            self.name, self._command, log=self.log, env=self._env, user=self._user, stop_signal=self._stop_signal
        )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when ``ready()`` is true. Raises PeerMissing with the log's end if that takes longer or it died."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None:
                raise PeerMissing(f"{self.name} ended with {self._process.returncode}: {self.log_tail()}")
            if time.monotonic() > deadline:
                raise PeerMissing(f"{self.name} was not ready after {seconds:.0f} s: {self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self) -> str:
        """The end of what the server wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-TAIL:]

    def stop(self, *, seconds: float = 10) -> None:
        """Ask it to stop, and after ``seconds`` make it."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it as a power cut does: no goodbye, nothing written that was not written before."""
        self._process.kill()
        self._process.wait()


def dies_with_parent(stop_signal: signal.Signals) -> list[str]:
    """A killed test run leaves no server behind: the kernel sends the signal when the parent is gone (prctl(2))."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG")] if setpriv else []
