"""Which value of a row is what: the layouts that Asterisk and FreePBX write, headings, and the customer's own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from gateway.telephony.history.rows import moment_of

LogKind = Literal["cdr", "cel"]

CDR_NAMES = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid",
    "sequence", "did", "recordingfile", "cnum", "cnam",
)  # fmt: skip
"""Our names of a CDR's values, as in cdr.conf; the last four are FreePBX's."""

CEL_NAMES = (
    "eventtype", "eventtime", "cid_name", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid", "exten", "context", "channame",
    "appname", "appdata", "amaflags", "accountcode", "uniqueid", "linkedid", "peer", "userfield", "userdeftype",
    "extra",
)  # fmt: skip
"""Our names of a CEL row's values, in the order of the sample cel_custom.conf."""

NAMES: Mapping[LogKind, tuple[str, ...]] = {"cdr": CDR_NAMES, "cel": CEL_NAMES}

_ALIASES = {
    "calldate": "start", "starttime": "start", "answertime": "answer", "answerdate": "answer", "endtime": "end",
    "hangupdate": "end", "source": "src", "destination": "dst", "destinationcontext": "dcontext", "callerid": "clid",
    "destinationchannel": "dstchannel", "lastapplication": "lastapp", "billableseconds": "billsec",
    "recording": "recordingfile", "cidname": "cid_name", "cidnum": "cid_num", "cidani": "cid_ani",
    "cidrdnis": "cid_rdnis", "ciddnid": "cid_dnid", "channelname": "channame", "eventextra": "extra",
    "bridgepeer": "peer", "event": "eventtype",
}  # fmt: skip
"""Other spellings, without underscores and capitals."""

_CUSTOM = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "sequence",
)  # fmt: skip
"""The sample cdr_custom.conf."""
_PLAIN = CDR_NAMES[:16]
_NEW = ("peeraccount", "linkedid", "sequence")
_DISPOSITIONS = frozenset({"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "DOCUMENTATION"})
_EVENT = re.compile(r"[A-Z]+(?:_[A-Z]+)*")
_UNIQUEID = re.compile(r"(?:.*-)?[0-9]{9,11}\.[0-9]+")
_HEADING_WORDS = 4
"""So many known names make a row a heading."""


def known_name(kind: LogKind, name: str) -> str | None:
    """Our name of a column called ``name``; None for one that tells nothing here."""
    plain = name.strip().lower()
    if plain in NAMES[kind]:
        return plain
    squeezed = plain.replace("_", "").replace(" ", "")
    alias = _ALIASES.get(squeezed, squeezed)
    if kind == "cel" and alias == "channel":
        alias = "channame"
    return alias if alias in NAMES[kind] else None


def heading(kind: LogKind, values: Sequence[str]) -> tuple[str, ...] | None:
    """The order that a heading row gives; None for a row of data."""
    names = tuple(known_name(kind, value) or "" for value in values)
    return names if sum(map(bool, names)) >= _HEADING_WORDS else None


def layout_of(kind: LogKind, values: Sequence[str]) -> tuple[str, ...] | None:
    """The usual layout that this row fits; None when it fits none."""
    if kind == "cel":
        return CEL_NAMES if len(values) >= len(CEL_NAMES) - 4 and _is_cel(values) else None
    if len(values) == len(_CUSTOM) and _has(values, _CUSTOM):
        return _CUSTOM
    for layout in _master_layouts(len(values), values):
        if _has(values, layout):
            return layout
    return None


def mapped(kind: LogKind, columns: Mapping[str, str], present: Iterable[str]) -> dict[str, str]:
    """Our name -> the table's column. ``columns`` is the customer's own part of it; the rest is found by its name."""
    found: dict[str, str] = {}
    for column in present:
        name = known_name(kind, column)
        if name is not None and name not in found:
            found[name] = column
    return {**found, **columns}


def _master_layouts(count: int, values: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """cdr-csv/Master.csv: sixteen columns, then what cdr.conf switches on: loguniqueid, loguserfield, newcdrcolumns."""
    new = _NEW if count >= len(_PLAIN) + len(_NEW) else ()
    middle = count - len(_PLAIN) - len(new)
    if middle == 2:
        yield (*_PLAIN, "uniqueid", "userfield", *new)
    elif middle == 1:
        yield (*_PLAIN, "uniqueid" if _UNIQUEID.fullmatch(values[len(_PLAIN)]) else "userfield", *new)
    elif middle == 0:
        yield (*_PLAIN, *new)


def _is_cel(values: Sequence[str]) -> bool:
    return bool(_EVENT.fullmatch(values[0])) and moment_of(values[1]) is not None


def _has(values: Sequence[str], layout: Sequence[str]) -> bool:
    at = layout.index
    return values[at("disposition")].upper() in _DISPOSITIONS and moment_of(values[at("start")]) is not None
