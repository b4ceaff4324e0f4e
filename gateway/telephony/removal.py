"""Removes one recording, of a person who was erased or whose time is over, from the folder of recordings.

What is removed can't be brought back, so the name must lead to the file by itself: where ``find_file`` would play a
file of the same name that lies elsewhere in the folder, a person is asked to look.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath

from gateway.telephony.recordings import TYPES, RecordingMissing, candidates, safe_name

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class RecordingKept(Exception):
    """The recording is still there, or nobody can know. The text says why, names the path, and says the way out."""


def remove_recording(recording: str, root: Path) -> Path | None:
    """Remove the file of a recording; None where there is none.

    ``recording`` and ``root`` as for ``recordings.find_file``. A link within the folder goes with the file that it
    leads to. Nothing outside the folder is ever touched. Raises RecordingKept.
    """
    try:
        name = safe_name(recording)
    except RecordingMissing as odd:
        raise RecordingKept(f"{recording!r}: {odd}") from None
    if PurePosixPath(name).suffix.lower() not in TYPES:
        raise RecordingKept(f"{name} does not end like a sound file: look what it is, and remove it by hand.")
    real_root = _real(root)
    exact, loose = _split(candidates(name, root))
    for relative in exact:
        if (found := _remove(real_root, relative)) is not None:
            return found
    for relative in loose:
        if os.path.lexists(real_root / relative):
            there = real_root / relative
            raise RecordingKept(f"{name} is not there, but {there} has its name: look whether it is the same call's.")
    if _is_empty(real_root):
        raise RecordingKept(f"{root} is empty: mount the folder of recordings there, {name} may be in it.")
    return None


def _split(relatives: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Paths that the PBX's own leads to, and the bare name, which is a guess unless there is nothing else."""
    return (relatives, ()) if len(relatives) == 1 else (tuple(dict.fromkeys(relatives[:-1])), relatives[-1:])


def _real(root: Path) -> Path:
    try:
        return root.resolve(strict=True)
    except OSError as error:
        raise _unreadable(root, error) from None


def _is_empty(root: Path) -> bool:
    """As the folder is where nothing is mounted."""
    try:
        return not any(root.iterdir())
    except OSError as error:
        raise _unreadable(root, error) from None


def _unreadable(root: Path, error: OSError) -> RecordingKept:
    return RecordingKept(f"{root} can't be read ({error.strerror}): look at [[pbx]] recordings.")


def _remove(root: Path, relative: str) -> Path | None:
    named = root / relative
    try:
        real = named.resolve(strict=True)
        link = named.parent.resolve(strict=True) / named.name
        if not (real.is_relative_to(root) and link.is_relative_to(root)):
            raise RecordingKept(f"{named} leads out of the folder, to {real}: remove it by hand.")
        if not real.is_file():
            raise RecordingKept(f"{named} is no file: look what it is, and remove it by hand.")
        for path in dict.fromkeys((real, link)):
            _unlink(root, path.relative_to(root))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        why = getattr(error, "strerror", None) or str(error)
        raise RecordingKept(f"{named} can't be removed ({why}): remove it there, or let Leadgate do so.") from None
    return real


def _unlink(root: Path, relative: Path) -> None:
    """Step by step from the root: whoever puts a link in the way meanwhile leads nobody out of it."""
    with ExitStack() as opened:
        folder = os.open(root, _OPEN)
        opened.callback(os.close, folder)
        for part in relative.parts[:-1]:
            folder = os.open(part, _OPEN, dir_fd=folder)
            opened.callback(os.close, folder)
        os.unlink(relative.name, dir_fd=folder)
        with suppress(OSError):  # some file systems of the network know no sync of a folder
            os.fsync(folder)
