"""One file an item, for the minutes when the database takes nothing. On disk before anybody is told that it is safe.

A file appears whole or not at all: temporary name, fsync of the file, rename, fsync of the folder. (Without the fsyncs
a power cut lost every single file of a spool that only renamed.) Names sort by time of arrival.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.core.errors import NotDurable
from gateway.core.systemerrors import system_words
from gateway.core.types import Inbound

log = logging.getLogger(__name__)

SUFFIX = ".item"
CORRUPT = ".corrupt"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Inbound)


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What waits in the spool."""

    files: int
    oldest_seconds: float | None
    """Age of the oldest waiting file."""
    corrupt: int
    """Files that could not be read or stored and were set aside under another name."""


class Spool:
    """A folder of waiting items. Its methods block for the disk: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._counter = itertools.count()
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the folder and prove that it can be written to. Raises NotDurable with the way out."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
            for leftover in self.folder.glob(".tmp-*"):
                leftover.unlink()  # was being written when the process died: nobody was told that it is safe
        except OSError as error:
            raise NotDurable(
                "the spool folder %(folder)s can't be written to (%(words)s): without it nothing is safe while the "
                "database is down. Let the user that runs Leadgate write there, or change [gateway] data.",
                folder=self.folder,
                words=system_words(error),
            ) from None

    def put(self, item: Inbound) -> Path:
        """Write one item and return when it is on the disk. Raises NotDurable."""
        data = _encoder.encode(item)
        with self._lock:
            name = f"{time.time_ns():020d}-{next(self._counter):06d}{SUFFIX}"
        temporary, final = self.folder / f".tmp-{name}", self.folder / name
        try:
            _write_durably(temporary, data)
            temporary.rename(final)
            _sync_folder(self.folder)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise NotDurable(
                "the spool folder %(folder)s took no file: %(words)s", folder=self.folder, words=system_words(error)
            ) from None
        return final

    def waiting(self) -> list[Path]:
        """The files, oldest first."""
        try:
            # pathlib's "*" takes hidden names too: a file that is being written is not there yet
            return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
        except OSError:
            log.exception("The spool folder can't be read.", extra={"action": "spool_unreadable"})
            return []

    def read(self, path: Path) -> Inbound | None:
        """The item in ``path``; None where the file makes no sense: it is then set aside, never deleted."""
        try:
            return _decoder.decode(path.read_bytes())
        except (msgspec.MsgspecError, ValueError) as error:
            log.error(  # noqa: TRY400 - the traceback would only show the decoder
                "A spooled file can't be read and was set aside.",
                extra={"action": "spool_corrupt", "file": path.name, "reason": str(error)},
            )
            self.set_aside(path)
            return None

    def set_aside(self, path: Path) -> None:
        """Keep the file under a name that is not tried again; /health shows how many there are."""
        path.rename(path.with_suffix(CORRUPT))

    def remove(self, path: Path) -> None:
        """The item is in the database now."""
        path.unlink(missing_ok=True)

    def state(self) -> SpoolState:
        """For /health and the metrics."""
        files = self.waiting()
        oldest = time.time() - int(files[0].name.split("-")[0]) / 1e9 if files else None
        return SpoolState(len(files), oldest, sum(1 for _ in self.folder.glob(f"*{CORRUPT}")))


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
