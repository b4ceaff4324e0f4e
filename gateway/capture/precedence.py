"""Two reports of one ended call, from the PBX's events and from its logs: which counts, and what fills its gaps.

What the connector saw from the beginning to the end wins over everything. The channel event log (CEL) wins over the
call detail records (CDR), and both over what a connector saw that had lost events. But a CDR does not make a talk
unhappen that was seen. The winner's empty values are filled from the other report; values that depend on whether the
call was answered only where both agree on that. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.types import Draft, Phase

LOGS = ("cel", "cdr")
"""Values of ``details["from"]`` that mark a report from a log."""

_ALWAYS = ("direction", "caller", "dialled", "caller_name", "queue", "recording")
_IF_AGREED = ("answered_by", "answered_at", "wait_seconds", "talk_seconds", "rang", "transfers", "missed_reason")
_EMPTY: tuple[Any, ...] = (None, [], ())


def is_from_log(details: Mapping[str, Any]) -> bool:
    """Whether a log told it, not the connector."""
    return details.get("from") in LOGS


def wins(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether the call record ``new`` counts more than the stored ``old``; the same source's later word does."""
    if old.get("answered") and not new.get("answered") and new.get("from") == "cdr":
        return False
    return _trust(new) >= _trust(old)


def filled(winner: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The winner's record, its empty values from the other."""
    agreed = bool(winner.get("answered")) == bool(other.get("answered"))
    record = dict(winner)
    for name in (*_ALWAYS, *(_IF_AGREED if agreed else ())):
        if record.get(name) in _EMPTY and other.get(name) not in _EMPTY:
            record[name] = other[name]
    facts, others = record.get("facts") or {}, other.get("facts") or {}
    if "cdr" in others and "cdr" not in facts:  # billing: in no event
        record["facts"] = {**facts, "cdr": others["cdr"]}
    return record


def needs_care(draft: Draft, phase: Phase) -> bool:
    """Whether the stored row (of this phase) has to be looked at before ``draft`` is written over it."""
    return draft.phase is Phase.ENDED and (is_from_log(draft.details) or phase is Phase.ENDED)


def combined(stored: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """What changes in the row ``stored`` of a call when ``columns`` (of an ended report) come; empty for nothing."""
    old, new = stored["details"], columns["details"]
    if not (is_from_log(old) or is_from_log(new)):
        return dict(columns)
    if wins(new, old):
        values = {**columns, "details": filled(new, old)}
        for name in ("name", "line", "handles"):
            values[name] = columns[name] or stored[name]
    else:
        values = {"details": filled(old, new)}
        if stored["phase"] != Phase.ENDED.value:  # it is over, whatever else is doubtful
            values["details"].update(ended=True, ended_at=new.get("ended_at"))
            values.update(phase=Phase.ENDED.value, ended_at=columns["ended_at"], outcome=old.get("outcome"))
        values.update(
            {name: columns[name] for name in ("name", "line", "handles") if not stored[name] and columns[name]}
        )
    return values if any(stored[name] != value for name, value in values.items()) else {}


def _trust(details: Mapping[str, Any]) -> int:
    source = details.get("from")
    if source == "cel":
        return 2
    if source == "cdr":
        return 1
    whole = bool(details.get("ended")) and not details.get("gap")
    return 3 if whole else 0
