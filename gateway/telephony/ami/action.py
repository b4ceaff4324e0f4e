"""The one choke point through which an action is written to a PBX. Nothing that could start a second header gets by.

What a value may hold is checked by ``gateway.telephony.safe``; here, that names and lengths are what Asterisk reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gateway.telephony.safe import UnsafeValue, encoded

MAX_LINE = 1024
"""Bytes of one line with its CRLF: Asterisk discards the whole action above it (``manager.c``, ``inbuf``)."""
MAX_LINES = 128
"""``AST_MAX_MANHEADERS``: more lines than that are discarded."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def encode_action(
    action: str, headers: Mapping[str, str | Sequence[str]] | None = None, *, action_id: str | None = None
) -> bytes:
    """``("Ping", {}, action_id="1")`` -> ``b"Action: Ping\\r\\nActionID: 1\\r\\n\\r\\n"``.

    A header with several values (``Variable``) is written once for each. Raises UnsafeValue for a control character, a
    name that is none, text that is not Unicode (lone surrogates), a line above 1,024 bytes, or more than 128 lines.
    """
    lines = [_line("Action", action)]
    if action_id is not None:
        lines.append(_line("ActionID", action_id))
    for name, value in (headers or {}).items():
        if name.lower() in ("action", "actionid"):
            raise UnsafeValue(f"The AMI header {name} is set by the client itself; leave it out of the headers")
        values = (value,) if isinstance(value, str) else value
        lines.extend(_line(name, each) for each in values)
    if len(lines) > MAX_LINES:
        raise UnsafeValue(f"The AMI action {action} has {len(lines)} lines; Asterisk takes at most {MAX_LINES}")
    return b"".join(lines) + b"\r\n"


def _line(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise UnsafeValue(f"{name!r} is no name of an AMI header: letters, digits, - and _ only")
    line = f"{name}: ".encode() + encoded(f"the AMI header {name}", value) + b"\r\n"
    if len(line) > MAX_LINE:
        raise UnsafeValue(f"The AMI header {name} takes {len(line)} bytes; Asterisk discards lines above {MAX_LINE}")
    return line
