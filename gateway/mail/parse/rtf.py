"""The compressed RTF of Outlook's letters ([MS-OXRTFCP]), decompressed within a limit."""

from __future__ import annotations

import struct

MOST_BYTES = 1 << 20
"""Of the text; what is longer is cut."""

_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_PREFILLED = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}"
    rb"{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
    rb"{\colortbl\red0\green0\blue0" + b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
"""What the dictionary begins with ([MS-OXRTFCP] 2.1.2.1): 207 bytes."""


def decompress_rtf(data: bytes) -> bytes:
    """The RTF; empty for what is no compressed RTF. What is broken ends the text."""
    if len(data) < 16:
        return b""
    _, raw_size, kind = struct.unpack_from("<III", data)
    size = min(raw_size, MOST_BYTES)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _COMPRESSED:
        return b""
    window = bytearray(_PREFILLED.ljust(_WINDOW, b"\0"))
    write = len(_PREFILLED)
    out = bytearray()
    at = 16
    while at < len(data) and len(out) < size:
        control = data[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                run, at = data[at : at + 1], at + 1
            else:
                if at + 2 > len(data):
                    return bytes(out)
                reference = data[at] << 8 | data[at + 1]
                at += 2
                offset = reference >> 4
                if offset == write % _WINDOW:  # a reference to the place that is written next: the end
                    return bytes(out)
                run = _run(window, offset, (reference & 0xF) + 2, write)
            for byte in run:
                window[write % _WINDOW] = byte
                write += 1
            out += run
            if at > len(data) or len(out) >= size:
                break
    return bytes(out[:size])


def _run(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """A run out of the dictionary, which may reach into what it is just writing itself."""
    run = bytearray()
    for step in range(length):
        place = (offset + step) % _WINDOW
        behind = (place - write) % _WINDOW
        run.append(run[behind] if behind < len(run) else window[place])
    return bytes(run)
