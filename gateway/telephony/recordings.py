"""From the name of a recording, as the PBX wrote it, to the file on this machine or the address it is served at.

The name comes from outside: a dialplan may build it of a caller's name. So it never leads out of the configured root,
not by ``..``, not by a symbolic link, and only to files that hold sound.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from gateway.core.errors import LeadgateError

TYPES = {
    ".wav": "audio/wav",
    ".wav49": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".g722": "application/octet-stream",
    ".gsm": "application/octet-stream",
    ".ulaw": "application/octet-stream",
    ".alaw": "application/octet-stream",
    ".sln": "application/octet-stream",
}
"""What MixMonitor can write (res/format_*.c), and as what it is served: the last five no browser plays."""
FILE_FIELD = "{file}"
"""In a URL template: the recording's path below the PBX's own folder, percent-encoded."""
LONGEST = 1024
"""Characters of a name; Linux takes paths of 4,096 bytes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PBX_ROOTS = ("monitor", "recording", "recordings")
"""Folders below which Asterisk (astspooldir) and its distributions keep recordings."""


class RecordingMissing(LeadgateError):
    """There is no such recording that may be given out. The text says what is wrong, for the people of the company."""

    code = "recording_missing"


def is_url(where: str) -> bool:
    """Whether ``[[pbx]] recordings`` is a URL template rather than a folder."""
    return where.startswith(("http://", "https://"))


def find_file(recording: str, root: Path) -> tuple[Path, str]:
    """The file of a recording and its content type.

    ``recording``: absolute as on the PBX, or relative to its folder of recordings. ``root``: that folder here, which
    may be mounted elsewhere. Raises RecordingMissing.
    """
    name = safe_name(recording)
    content_type = TYPES.get(PurePosixPath(name).suffix.lower())
    if content_type is None:
        raise RecordingMissing("The recording's name does not end like a sound file, so it is not given out.")
    try:
        real_root = root.resolve(strict=True)
    except OSError as error:
        raise RecordingMissing(
            "The folder of recordings can't be read (%(why)s): look at [[pbx]] recordings.", why=error.strerror
        ) from None
    for relative in candidates(name, root):
        found = _inside(real_root, relative)
        if found is not None:
            return found, content_type
    raise RecordingMissing(
        "The file is not there: it was deleted, has not been written yet, or [[pbx]] recordings names another folder."
    )


def url_for(recording: str, template: str) -> str:
    """The address of a recording: ``https://pbx.example.com/rec/{file}``. Raises RecordingMissing for an odd name."""
    name = safe_name(recording)
    relative = next(iter(candidates(name, Path("/nowhere"))))
    if ".." in PurePosixPath(relative).parts:
        raise RecordingMissing("The recording's name leads out of the folder of recordings.")
    return template.replace(FILE_FIELD, quote(relative))


def safe_name(recording: str) -> str:
    """The name without blanks around it. Raises RecordingMissing for what no file can be called."""
    name = recording.strip()
    if not name or len(name) > LONGEST or _CONTROL.search(name):
        raise RecordingMissing("The name of the recording is none that a file can have.")
    return name


def candidates(name: str, root: Path) -> list[str]:
    """Where a recording may lie below the root, the likeliest first."""
    path = PurePosixPath(name)
    if not path.is_absolute():
        return [name]
    found = [str(path.relative_to(root))] if path.is_relative_to(root) else []
    parts = path.parts[1:]
    for number, part in enumerate(parts[:-1]):
        if part in _PBX_ROOTS:
            found.append("/".join(parts[number + 1 :]))
    return [*found, path.name]


def _inside(real_root: Path, relative: str) -> Path | None:
    """The regular file at ``relative`` unless it, or a link on the way, is outside the root."""
    try:
        real = (real_root / relative).resolve(strict=True)
        regular = real.is_file()
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return None
    return real if regular and real.is_relative_to(real_root) else None
