"""The one check that every value passes before it is written to a PBX, over AMI or AGI.

Both protocols end a line with a line break, so a break inside a value would let a caller's name or a web request write
a line of its own, up to ``Action: Command`` or ``EXEC System``. Such values are refused, never mended: what is left of
one is still not what was meant.
"""

from __future__ import annotations

import re

from gateway.core.errors import LeadgateError

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""C0, DEL, C1, and the two Unicode line ends that some log viewers and proxies break lines at."""


class UnsafeValue(LeadgateError, ValueError):
    """Something that must not be sent to a PBX. The text names the place, never the value."""

    code = "unsafe_value"


def encoded(place: str, value: str) -> bytes:
    """``value`` in UTF-8; ``place`` names it in sentences, as ``the AMI header Channel``.

    Raises UnsafeValue for a control character, a line break, or text that is not Unicode (lone surrogates).
    """
    if _CONTROL.search(value):
        raise UnsafeValue(f"{_capital(place)} holds a control character or a line break; it was not sent")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise UnsafeValue(f"{_capital(place)} holds text that is not Unicode; it was not sent") from None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
