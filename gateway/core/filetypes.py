"""Files that run something when they are opened, told by their names and by their first bytes. Pure."""

from __future__ import annotations

from typing import NamedTuple

PROGRAMS = frozenset(
    {"exe", "com", "scr", "msi", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "mjs", "wsf", "wsh", "hta", "jar",
     "lnk", "cpl", "reg", "dll", "sh", "apk", "app", "dmg", "pkg", "deb", "rpm", "iso", "img", "vhd", "chm",
     "url", "scf", "docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "html", "htm", "xhtml", "mht", "svg", "py"}
)  # fmt: skip
"""Endings of names."""
_STARTS = (
    (b"MZ", "is a Windows program"),
    (b"\x7fELF", "is a Linux program"),
    (b"\xcf\xfa\xed\xfe", "is a macOS program"),
    (b"\xca\xfe\xba\xbe", "is a macOS or Java program"),
    (b"#!", "is a script"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "is a Windows shortcut"),
)
_PAGES = (b"<!doctype html", b"<html", b"<script", b"<svg")
HEAD = 512
"""Bytes that are looked at."""


class FileContent(NamedTuple):
    """One file as it is in a raw report."""

    name: str
    size: int
    """Bytes."""
    content: bytes


def danger_of(name: str, head: bytes = b"") -> str | None:
    """Why nobody should simply open a file, as the end of a sentence ("is a script"); None: nothing is known.

    ``head``: its first bytes, where they are at hand. A program that calls itself ``photo.jpg`` is still one.
    """
    for start, what in _STARTS:
        if head.startswith(start):
            return what
    if head[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        return "is a page that can run scripts"
    if name.rpartition(".")[2].lower() in PROGRAMS and "." in name:
        return "may run a program when it is opened"
    return None
