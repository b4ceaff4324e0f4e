"""Content-Transfer-Encoding (RFC 2045 section 6) and inline uuencode, undone leniently: some bytes are better than
none.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none"})
_UU_BLOCK = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n((?:[\x20-\x60]{1,100}\r?\n)+?)(?:`\r?\n|[ ]?\r?\n)?end[ "
    rb"\t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Transferred:
    """Bytes as they were before the transfer, and what was wrong."""

    data: bytes
    problem: str | None = None


def undo_transfer(data: bytes, encoding: str) -> Transferred:
    """``encoding`` is the lower-case header value. Never raises."""
    name = encoding.strip().strip("\"'").partition(";")[0].strip()
    if name in _IDENTITY:
        return Transferred(data)
    if name == "base64":
        return _undo_base64(data)
    if name in {"quoted-printable", "quoted-printeable", "quotedprintable"}:
        return Transferred(binascii.a2b_qp(data))
    if name in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        _, files = split_uuencode(data)
        return Transferred(files[0][1]) if files else Transferred(data, "A part said it was uuencoded and was not.")
    return Transferred(data, f"A part had an unknown transfer encoding: {name!r:.60}.")


def _undo_base64(data: bytes) -> Transferred:
    try:
        return Transferred(binascii.a2b_base64(data))
    except binascii.Error:
        compact = _NOT_BASE64.sub(b"", data)
        usable = compact[: len(compact) - 1] if len(compact) % 4 == 1 else compact
        padded = usable + b"=" * (-len(usable) % 4)
        return Transferred(binascii.a2b_base64(padded), "A base64 part was cut off or broken.")


def split_uuencode(data: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Text without its uuencoded files, and the files: name and bytes. Text without any comes back as it is."""
    if b"\nend" not in data:
        return data, []
    files: list[tuple[str, bytes]] = []

    def take(match: re.Match[bytes]) -> bytes:
        content = b"".join(_uu_line(line) for line in match.group(2).splitlines())
        files.append((match.group(1).decode("utf-8", "replace").strip(), content))
        return b""

    return _UU_BLOCK.sub(take, data), files


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders pad the line; its first character says how many bytes it holds.
        length = ((line[0] - 32) & 63) * 4 // 3 + 5
        try:
            return binascii.a2b_uu(line[:length])
        except binascii.Error:
            return b""
