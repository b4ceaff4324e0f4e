"""A folder for the adapters ``csv`` and ``jsonl``, on a disk that fails when it is told to."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crm_adapter.files import Disk
from crm_adapter.testkit.fakecrm import Asked, FakeCrm, Trouble
from tests.support.fakecrm.told import shown_of

CODES = {
    Trouble.BUSY: errno.ENOSPC,
    Trouble.BROKEN: errno.EIO,
    Trouble.THROTTLED: errno.EDQUOT,
    Trouble.EXPIRED: errno.ESTALE,
    Trouble.FORBIDDEN: errno.EACCES,
}
MOST_SECONDS = 5.0


class BadDisk(Disk):
    """Real files; each ``append`` may meet trouble."""

    def __init__(self, next_trouble: Callable[[Asked], Trouble | None]) -> None:
        self._next_trouble = next_trouble
        self.released = threading.Event()
        """Let go of whoever hangs."""
        self.appends = 0

    def append(self, path: Path, content: bytes) -> None:
        self.appends += 1
        trouble = self._next_trouble(Asked(method="APPEND", path=str(path), query={}, headers={}, body=content))
        if trouble is Trouble.HANGS:
            self.released.wait(MOST_SECONDS)
            trouble = Trouble.BROKEN
        if trouble is None or trouble in (Trouble.LOST, Trouble.TIMES_OUT):
            super().append(path, content)
        if trouble is Trouble.CUT:  # the power fails in the middle of a line
            super().append(path, content[: -len(content.splitlines()[-1]) // 2])
        if trouble is Trouble.TIMES_OUT:
            self.released.wait(MOST_SECONDS)
        elif trouble is not None:
            code = CODES.get(trouble, errno.EIO)
            raise OSError(code, os.strerror(code))


class FakeFolder(FakeCrm):
    """``suffix``: of the files that are read back."""

    def __init__(self, suffix: str) -> None:
        super().__init__()
        self.suffix = suffix
        self.folder = Path()
        self.disk = BadDisk(self._count)
        self._left: list[dict[str, Any]] = []

    async def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="leadgate-files-"))

    async def stop(self) -> None:
        self.disk.released.set()
        self._left = self.documents()
        shutil.rmtree(self.folder)

    def _count(self, asked: Asked) -> Trouble | None:
        trouble = self._next(asked)
        self.met += trouble is not None
        return trouble

    def files(self) -> list[Path]:
        """The oldest day first."""
        return sorted(self.folder.iterdir())

    def documents(self) -> list[dict[str, Any]]:
        """Every line of every file, as another program would read it; after ``stop`` what was there then."""
        return self._left or [one for path in self.files() for one in read_file(path)]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return shown_of(self.documents())


def read_file(path: Path) -> list[dict[str, Any]]:
    """``{"message_id", "type", "data"}`` of each line."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{**row, "data": json.loads(row["data"])} for row in csv.DictReader(file)]
