"""Gateways that are born quickly: forked from a process that has loaded the code (tests/faults/cradle.py)."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from types import TracebackType

from tests.faults.cradle import Order
from tests.peers.process import dies_with_parent
from tests.support.process import GatewayProcess, Installation


class Child:
    """A process that is not our own child, with what is needed of ``subprocess.Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)
        self._over = False

    def poll(self) -> int | None:
        """None while it runs, then -1: only its own parent learns how it ended."""
        return -1 if self._is_over(0) else None

    def wait(self) -> int:
        """Return when it has ended."""
        self._is_over(None)
        return -1

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if not self._over:
            try:
                signal.pidfd_send_signal(self._descriptor, number)
            except ProcessLookupError:
                self._over = True

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _is_over(self, seconds: float | None) -> bool:
        if not self._over:
            self._over = bool(select.select([self._descriptor], [], [], seconds)[0])
            if self._over:
                os.close(self._descriptor)
        return self._over


class Nursery:
    """Use it as ``with Nursery() as nursery``; what it started and is still alive dies with it."""

    def __enter__(self) -> Nursery:
        self._cradle = subprocess.Popen(
            [*dies_with_parent(signal.SIGKILL), sys.executable, "-m", "tests.faults.cradle"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cradle.kill()
        self._cradle.communicate()

    def start(self, installation: Installation) -> GatewayProcess:
        """The gateway of this installation; it is not ready yet."""
        _, _, module, *words = installation.command("run")
        order = Order(
            module=module,
            words=words,
            environment=installation.env(),
            folder=str(installation.folder),
            log=str(installation.log),
        )
        assert self._cradle.stdin is not None
        assert self._cradle.stdout is not None
        self._cradle.stdin.write(json.dumps(order).encode() + b"\n")
        self._cradle.stdin.flush()
        return GatewayProcess(installation, Child(int(self._cradle.stdout.readline())))
