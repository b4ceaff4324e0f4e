"""The data folder: made, proved writable, and used by one Leadgate at a time."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path

from gateway.core.clock import NewId
from gateway.core.errors import ConfigError

log = logging.getLogger(__name__)

LOCK_FILE = "leadgate.lock"
IDENTITY_FILE = "leadgate.id"


def identity_of(path: Path, new_id: NewId) -> str:
    """The id of the gateway whose data folder this is, made when it is first asked for.

    Only one process at a time has the folder, so the id is that process's. It is no part of a backup: a restored copy
    is another gateway. Where the folder takes no file now the id is another one at each start.
    """
    file = path / IDENTITY_FILE
    try:
        if file.exists() and (known := file.read_text(encoding="ascii")):
            return known
        return _keep(file, new_id())
    except OSError as error:
        log.warning("The gateway's id can't be kept.", extra={"action": "identity_not_kept", "reason": str(error)})
        return new_id()


def _keep(file: Path, text: str) -> str:
    unfinished = file.with_suffix(".tmp")
    with unfinished.open("w", encoding="ascii") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    unfinished.replace(file)
    return text


class DataFolder:
    """A Service that holds the folder while the gateway runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    async def start(self) -> None:
        """Raises ConfigError with the way out where the folder can't be used or another process has it."""
        self.take()

    def take(self) -> None:
        """The same without an event loop."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._descriptor = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ConfigError(
                f"the data folder {self.path} can't be written to ({error.strerror}). Let the user that runs Leadgate "
                "write there, or name another folder with --data or [gateway] data."
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"the data folder {self.path} is used by another Leadgate (process {self._owner()}). Stop that one, or "
                "name another folder with --data."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    def _owner(self) -> str:
        assert self._descriptor is not None
        with suppress(OSError):
            return os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        return "unknown"

    async def stop(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
