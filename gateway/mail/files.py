"""Letters from files: ``.eml``, mbox, Maildir, and folders with any of them; read one by one, never all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from gateway.core.clock import Clock
from gateway.core.types import Channel, Inbound
from gateway.mail.identity import letter_digest

CONNECTOR = "mailfile"
SOURCE = "import"
"""Where imported letters say they came from."""
MAX_LETTER = 40 << 20
"""Bytes of one letter, as in ``[smtp] max_size``; in an mbox it also ends what may be read for one letter."""
EML_NAMES = (".eml", ".msg", ".txt")
MBOX_NAMES = (".mbox", ".mbx")

_LONE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_FROM_LINE = re.compile(rb"From \S*.*\d\d:\d\d.*\d{4}")
"""The line before each letter of an mbox (RFC 4155): a sender, then a date as asctime writes it."""
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")
_NO_DAY = datetime(1970, 1, 1, tzinfo=UTC)
"""For letters that tell neither a date nor an id: the same file gives the same letter on every day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One letter of a file, or the reason why there is none."""

    where: str
    """The file, with the number of the letter in an mbox: ``old.mbox:17``."""
    raw: bytes = b""
    """With CRLF line ends, as on the wire."""
    why_not: str = ""
    """A sentence where ``raw`` could not be taken; else empty."""


def letters_of(path: Path) -> Iterator[Found]:
    """All letters of a file, a Maildir, or a folder with any of them below it. Never raises for what is in a file."""
    if path.is_dir():
        yield from _of_folder(path)
        return
    try:
        with path.open("rb") as stream:
            if is_mbox(path, stream.read(512)):
                stream.seek(0)
                yield from _of_mbox(path, stream)
                return
            stream.seek(0)
            raw = stream.read(MAX_LETTER + 1)
    except OSError as error:
        yield Found(where=str(path), why_not=f"can't be read: {error.strerror or error}")
        return
    yield _found(str(path), raw)


def is_mbox(path: Path, begin: bytes) -> bool:
    """Whether a file that begins so holds many letters."""
    if _FROM_LINE.match(begin.split(b"\n")[0].rstrip()):
        return path.suffix.lower() not in EML_NAMES  # some programs write such a line before a single letter too
    return False


def inbound_of(found: Found, clock: Clock) -> Inbound:
    """What is handed over for an imported letter. Its own date is believed, however old it is."""
    digest = letter_digest(found.raw, _NO_DAY)
    return Inbound(
        connector=CONNECTOR,
        source=SOURCE,
        channel=Channel.MAIL,
        dedup_key=f"mail:{digest}",
        key=f"mail:{digest}",
        raw=found.raw,
        received_at=clock.now(),
        pending="to be parsed",
        meta={"history": True, "file": found.where},
    )


def _of_folder(folder: Path) -> Iterator[Found]:
    """A Maildir's ``new`` and ``cur`` hold nothing but letters; elsewhere the names of files tell."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Found(where=str(folder), why_not=f"can't be read: {error.strerror or error}")
        return
    maildir = {"new", "cur", "tmp"} <= {entry.name for entry in entries if entry.is_dir()}
    for entry in entries:
        if maildir and entry.name in ("new", "cur"):
            for file in sorted(entry.iterdir()):
                yield from letters_of(file)
        elif maildir and entry.name == "tmp":
            continue
        elif entry.is_dir():
            yield from _of_folder(entry)
        elif not maildir and entry.suffix.lower() in (*EML_NAMES, *MBOX_NAMES, ""):
            yield from letters_of(entry)


def _of_mbox(path: Path, stream: BinaryIO) -> Iterator[Found]:
    lines: list[bytes] = []
    number, octets, blank = 0, 0, True
    for line in stream:
        if blank and _FROM_LINE.match(line.rstrip()):
            if number:
                yield _of_lines(f"{path}:{number}", lines, octets)
            number, octets, lines = number + 1, 0, []
            blank = False
            continue
        blank = not line.strip()
        octets += len(line)
        if octets <= MAX_LETTER:
            lines.append(line)
    yield _of_lines(f"{path}:{number}", lines, octets)


def _of_lines(where: str, lines: list[bytes], octets: int) -> Found:
    if octets > MAX_LETTER:
        return Found(where=where, why_not=f"is too large ({octets >> 20} MiB)")
    if lines and not lines[-1].strip():
        lines = lines[:-1]  # the blank line before the next "From " belongs to the mbox
    return _found(where, _QUOTED_FROM.sub(rb"\1", b"".join(lines)))


def _found(where: str, raw: bytes) -> Found:
    if len(raw) > MAX_LETTER:
        return Found(where=where, why_not=f"is too large (more than {MAX_LETTER >> 20} MiB)")
    if not raw.strip():
        return Found(where=where, why_not="is empty")
    head = raw[:4096].lstrip(b"\r\n")
    if not re.match(rb"[!-9;-~]+[ \t]*:|From ", head):
        return Found(where=where, why_not="is no letter: it does not begin with a header")
    return Found(where=where, raw=_LONE_LINE_FEED.sub(b"\r\n", raw))
