"""The process that parses letters, apart from the gateway: a letter that is a bomb takes only this process with it.

Run as ``python -m gateway.mail.reader``. Requests come on stdin, answers go to stdout, both as frames. It holds no
secret, opens no file and no connection; the kernel bounds its memory and its time.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from base64 import b64encode
from datetime import datetime
from typing import BinaryIO, Literal

import msgspec

from gateway.core.types import Json
from gateway.mail.inspect import inspect_mail
from gateway.mail.parse import read_attachment
from gateway.mail.show import harmless_html

MEMORY = 512 * 1024 * 1024
"""Bytes of address space. The largest letter (40 MB) is held about four times at most."""
CPU_SECONDS = 10
"""Of processor time, a letter."""
NICENESS = 10
"""A letter that is stored can wait for its reading; a sender at the door can not."""

REQUEST = struct.Struct(">II")
"""Length of the JSON head, length of the raw letter; both follow."""
ANSWER = struct.Struct(">I")
"""Length of the JSON record that follows."""

READY = ANSWER.pack(0)
"""Written once, when the process has loaded its code and confined itself."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a request."""

    region: str
    now: datetime
    """When the letter was received: tells which dates are absurd."""
    want: Literal["record", "attachment", "html"] = "record"
    number: int = 0
    """Which attachment, from 1."""
    trusted: tuple[str, ...] = ()
    """Whose Authentication-Results count."""


def encode_request(raw: bytes, request: Request) -> list[bytes]:
    """The frame of one letter, in pieces so that a large letter is not copied."""
    head = msgspec.json.encode(request)
    return [REQUEST.pack(len(head), len(raw)) + head, raw]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until their end."""
    while len(prefix := requests.read(REQUEST.size)) == REQUEST.size:
        head_length, raw_length = REQUEST.unpack(prefix)
        request = msgspec.json.decode(requests.read(head_length), type=Request)
        _allow_more_time()
        answer = msgspec.json.encode(_read(requests.read(raw_length), request))
        answers.write(ANSWER.pack(len(answer)) + answer)
        answers.flush()


def _read(raw: bytes, request: Request) -> dict[str, Json]:
    if request.want == "html":
        return {"html": harmless_html(raw)}
    if request.want == "attachment":
        return _attachment(raw, request.number)
    return inspect_mail(raw, file="", region=request.region, now=request.now, trusted=request.trusted)


def _attachment(raw: bytes, number: int) -> dict[str, Json]:
    found = read_attachment(raw, number)
    if found is None:
        return {"content": None}
    shown, content = found
    return {"name": shown.name, "content_type": shown.content_type, "content": b64encode(content).decode("ascii")}


def _allow_more_time() -> None:
    """The limit of the kernel counts the whole life of the process: move it on for each letter."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def confine() -> None:
    """Bound what this process may take; it may create no file and leave no core, and taking in new items goes first."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    confine()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    serve(sys.stdin.buffer, sys.stdout.buffer)
