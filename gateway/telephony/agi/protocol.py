"""The words of AGI, pure: what Asterisk sends first, what is written to it, what it answers.

The dialplan's ``AGI(agi://host:4573/SECRET/route,DIALLED,CALLER)`` opens a connection and sends lines ``agi_name:
value`` up to an empty one (``res_agi.c``, ``setup_env``). Then each line that we write is a command, and each gets an
answer that begins with a number: 200 done, 510 unknown command, 511 the channel is gone, 520 wrong usage (several
lines). A line ``HANGUP`` may come at any time.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.phone import is_withheld
from gateway.telephony.safe import encoded

MAX_LINE = 1024
"""Bytes of one line; Asterisk's own buffer is 2,048."""
MAX_LINES = 100
PATH = "route"
"""What stands behind the secret."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*|CALLERID\(name\)")
_ANSWER = re.compile(rb"(\d{3})([ -])")


class NotAgi(ValueError):
    """What came is no AGI request. The text says what is wrong with it, without its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiQuestion:
    """A caller at the dialplan."""

    caller: str | None
    """As the PBX has it; None when withheld."""
    dialled: str | None
    channel: str
    uniqueid: str


def read_header(lines: Sequence[bytes]) -> dict[str, str]:
    """The lines before the empty one, by name. Raises NotAgi."""
    header: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("utf-8", "replace").strip("\r\n").partition(":")
        if not colon or not name.startswith("agi_"):
            raise NotAgi("a line is no agi_name: value")
        header[name] = value.strip()
    if "agi_network_script" not in header:
        raise NotAgi("agi_network_script is missing")
    return header


def knows_secret(header: Mapping[str, str], secret: str) -> bool:
    """Whether the path is ``SECRET/route``; compared in constant time."""
    sent, _, path = header["agi_network_script"].strip("/").partition("?")[0].partition("/")
    right = hmac.compare_digest(sent.encode(), secret.encode())
    return right and path.strip("/") == PATH


def question_of(header: Mapping[str, str]) -> AgiQuestion:
    """The caller and what was dialled: the arguments where there are some, else what the channel says."""
    caller = header.get("agi_arg_2") or header.get("agi_callerid", "")
    dialled = header.get("agi_arg_1") or _known(header.get("agi_dnid")) or _known(header.get("agi_extension"))
    return AgiQuestion(
        caller=None if is_withheld(caller) or not caller else caller,
        dialled=dialled or None,
        channel=header.get("agi_channel", ""),
        uniqueid=header.get("agi_uniqueid", ""),
    )


def _known(value: str | None) -> str | None:
    return None if value in (None, "", "unknown", "s") else value


def set_variables(variables: Mapping[str, str]) -> list[bytes]:
    """One command a variable. Raises UnsafeValue for a value that no line can carry, ValueError for a wrong name."""
    return [_set(name, value) for name, value in variables.items()]


def _set(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no variable that is set by AGI")
    quoted = encoded(f"the AGI variable {name}", value).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    line = b'SET VARIABLE %s "%s"\n' % (name.encode(), quoted)
    if len(line) > MAX_LINE:
        raise ValueError(f"the AGI variable {name} takes {len(line)} bytes, the most is {MAX_LINE}")
    return line


def status_of(line: bytes) -> int | None:
    """The number of an answer; None for a line that is none (``HANGUP``, the inside of a 520)."""
    match = _ANSWER.match(line)
    if match is None or match.group(2) == b"-":
        return None
    return int(match.group(1))
