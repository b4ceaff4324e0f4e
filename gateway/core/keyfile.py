"""A key of the data folder: made when it is first needed, read from then on, and never written over."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def key_in(file: Path) -> bytes:
    """The key in ``file``, which only its owner can read; made where there is none. Raises OSError."""
    if file.exists() and (key := file.read_bytes()):
        return key
    return _made(file)


def _made(file: Path) -> bytes:
    """Of several who make it at once the first does, the others get his. Nobody has it before it is on the disk; a file
    that is empty since a crash or a full disk is filled by whoever comes next."""
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        if key := opened.read():
            return key
        key = secrets.token_bytes(KEY_BYTES)
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
        return key
