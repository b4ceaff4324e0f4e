"""A folder of files under their own hash: the same file is there once, and no name from outside reaches the disk."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class FileFolder:
    """``files/ab/cdef...``: two digits a folder, the other 62 the name. SHA-256 of the content."""

    root: Path

    def put(self, content: bytes) -> str:
        """Keep ``content`` and return its hash; whole and on the disk, or not there at all. Raises OSError."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        if self.read(sha256) is not None:
            return sha256
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(suffix=_UNFINISHED, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)  # noqa: PTH105 - Path.replace is the same
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)  # noqa: PTH108
            raise
        for folder in (path.parent, self.root):
            _sync_folder(folder)
        return sha256

    def read(self, sha256: str) -> bytes | None:
        """The content with this hash; None where it is missing or is no longer what it was."""
        try:
            content = self.path(sha256).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def path(self, sha256: str) -> Path:
        """Where the file with this hash is. Raises ValueError for what is no hash."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 hash")
        return self.root / sha256[:2] / sha256[2:]

    def remove(self, sha256: str) -> None:
        """Take a file away; nothing happens where there is none."""
        self.path(sha256).unlink(missing_ok=True)

    def older_than(self, moment: float) -> Iterator[str]:
        """The hashes of the files that were written before ``moment`` (seconds since the epoch).

        What a broken-off write left behind is removed on the way.
        """
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for path in folder.iterdir():
                if path.stat().st_mtime >= moment:
                    continue
                if _NAME.fullmatch(path.name):
                    yield folder.name + path.name
                elif path.name.endswith(_UNFINISHED):
                    path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
