"""Says for people why a stored call is called incoming, outgoing or internal. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.types import Json
from gateway.telephony.lines import LineRules

_CAME = {
    "inbound": "came in from",
    "outbound": "went out from",
    "internal": "stayed between phones, from",
}


def why_direction(details: Mapping[str, Json], lines: LineRules) -> str:
    """``came in from PJSIP/mango, context from-trunk (calls from outside usually enter in its context)``.

    ``details`` is the record of the call with its ``facts``, as stored. Adds what would be thought of the first channel
    now, where the configuration has changed since.
    """
    direction, facts = details.get("direction"), details.get("facts") or {}
    first = facts.get("first")
    if not isinstance(first, Mapping):
        return "an older record, or one from call detail records: the channel it began with was not kept"
    technology, endpoint, context = (str(first.get(name) or "") for name in ("technology", "endpoint", "context"))
    verdict, rule = lines.judge(technology, endpoint, context)
    where = f"{technology}/{endpoint}, context {context or 'unknown'}"
    begun = "was begun by the PBX with" if facts.get("originated") else _CAME.get(str(direction), "began with")
    told = f"{begun} {where} ({rule})"
    taken = first.get("trunk")
    if verdict is not None and taken is not None and verdict != taken:
        words = {True: "a trunk", False: "a phone"}
        return f"{told}; it was taken for {words[bool(taken)]} then, and would be taken for {words[verdict]} now"
    if verdict is None:
        return f"{told}; name it in [[pbx]] trunks if it leads outside, or its context in internal_contexts if not"
    return told
