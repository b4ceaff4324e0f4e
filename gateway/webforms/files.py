"""Files that came with a form: how many are listed, and which a person should not simply open."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.types import Attachment

MAX_FILES = 20
"""Files that are listed; the raw submission, which is capped in size, keeps all."""
PROGRAMS = frozenset(
    {"exe", "com", "scr", "msi", "bat", "cmd", "ps1", "vbs", "js", "jse", "wsf", "hta", "jar", "lnk", "cpl", "reg",
     "dll", "sh", "apk", "iso", "img", "docm", "xlsm", "pptm", "html", "htm", "svg"}
)  # fmt: skip
"""Endings of files that run something when they are opened."""


def listed(files: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """The files that are listed."""
    return tuple(files[:MAX_FILES])


def remarks(files: Sequence[Attachment]) -> list[str]:
    """Sentences about the files."""
    found = [
        f"{file.name} may run a program when it is opened: do so only if you expected it."
        for file in files[:MAX_FILES]
        if file.name.rpartition(".")[2].lower() in PROGRAMS
    ]
    if len(files) > MAX_FILES:
        found.append(f"{len(files)} files came: the first {MAX_FILES} are listed, the raw submission keeps all.")
    return found
