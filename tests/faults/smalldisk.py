"""A disk that can be filled: a tmpfs, which only root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STEPS = (1 << 20, 4096)
"""Bytes that are taken at once: large ones while they fit."""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """Mount a tmpfs of ``size`` (``24m``) on ``folder``; false where the machine does not let us."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path, *, leave: int) -> None:
    """Take all room but ``leave`` bytes, with the file ``ballast``."""
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    size = 0
    try:
        for step in STEPS:
            while _free(descriptor) >= leave + step:
                os.posix_fallocate(descriptor, size, step)
                size += step
    except OSError:
        return  # the gateway was quicker: not even a step is left
    finally:
        os.close(descriptor)


def _free(descriptor: int) -> int:
    room = os.fstatvfs(descriptor)
    return room.f_bavail * room.f_frsize
