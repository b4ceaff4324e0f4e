"""One row of a CEL or CDR log, whatever file or table it came from, as typed values. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from gateway.core.sentences import Unusable
from gateway.core.types import Json
from gateway.telephony.tracker.names import epoch_of

BIRTH_SLACK = 2.0
"""Seconds by which a log's whole seconds may lie before the channel's birth."""
FIRST_ROW_WITHIN = 120.0
"""A channel's first row is not later than this after its birth: used to recognise the clock of a log."""
ZONE_STEP = 1800
"""Time zones lie half hours apart (the few of 45 minutes have to be configured)."""
FARTHEST_ZONE = 14 * 3600
NOBODY = "N/A"
"""What Asterisk writes into ``extra`` for a channel that a transfer does not have (main/cel.c): the one to whom the
caller went has gone already, or there were several."""

_EPOCH = re.compile(r"[0-9]{9,10}(?:\.[0-9]{0,9})?")
_CLID = re.compile(r'^\s*"?(.*?)"?\s*<([^<>]*)>\s*$', re.DOTALL)


class BadRow(Unusable):
    """A row that can't be taken; the text says why, without repeating people's numbers."""


class LogClock:
    """What the times of one log mean. They carry no zone; but a channel's uniqueid holds the second of its birth in
    Unix time, so the first row of a channel shows whether the log is written in the configured zone or in GMT."""

    def __init__(self, zone: tzinfo) -> None:
        self._known: list[tzinfo] = [zone, UTC]
        self._current = zone

    @property
    def zone(self) -> tzinfo:
        """The zone that the rows so far were written in."""
        return self._current

    def seconds(self, moment: datetime, uniqueid: str) -> float:
        """Unix time of a row's moment."""
        if moment.tzinfo is not None:
            return moment.timestamp()
        born = epoch_of(uniqueid)
        if born is not None:
            self._learn(moment, born)
        return moment.replace(tzinfo=self._current).timestamp()

    def _learn(self, moment: datetime, born: float) -> None:
        for zone in (self._current, *self._known):
            if -BIRTH_SLACK <= moment.replace(tzinfo=zone).timestamp() - born <= FIRST_ROW_WITHIN:
                self._current = zone
                return
        ahead = moment.replace(tzinfo=UTC).timestamp() - born
        offset = round(ahead / ZONE_STEP) * ZONE_STEP
        # only where the current zone can't be right: a later row of a long call lies hours after the birth
        impossible = moment.replace(tzinfo=self._current).timestamp() < born - BIRTH_SLACK
        if impossible and abs(ahead - offset) <= FIRST_ROW_WITHIN / 2 and abs(offset) <= FARTHEST_ZONE:
            self._current = timezone(timedelta(seconds=offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class CelRow:
    """One channel event (https://docs.asterisk.org: Channel Event Logging, CEL Specification)."""

    kind: str
    """``CHAN_START``, ``BRIDGE_ENTER``, ..."""
    at: float
    """Unix time."""
    uniqueid: str
    linkedid: str
    channel: str
    context: str = ""
    exten: str = ""
    number: str = ""
    """Caller id number of the channel at this moment."""
    name: str = ""
    application: str = ""
    arguments: str = ""
    peer: str = ""
    """Names of the channels in the same bridge, comma-separated."""
    extra: Mapping[str, Json] = field(default_factory=dict)
    """What the event adds, as JSON; Asterisk 12 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrRow:
    """One call detail record: one channel (``channel``) and at most one other (``dstchannel``) for some time."""

    start: float
    """Unix time."""
    answer: float | None
    """When the channel was answered, by whomever; None also where the log does not have it."""
    end: float
    uniqueid: str
    linkedid: str
    """The uniqueid where the log has no linkedid."""
    source: str
    name: str
    """Caller's name."""
    destination: str
    context: str
    channel: str
    dstchannel: str
    application: str
    arguments: str
    billsec: int
    disposition: str
    """``ANSWERED``, ``NO ANSWER``, ``BUSY``, ``FAILED``, ``CONGESTION``."""
    account: str = ""
    userfield: str = ""
    did: str = ""
    recording: str = ""
    sequence: int = 0
    chained: bool = True
    """The log has linkedids, so rows of one call need no other tie."""


def cel_row(fields: Mapping[str, object], clock: LogClock) -> CelRow:
    """A row from named values (names as in ``columns.CEL_NAMES``). Raises BadRow."""
    kind, uniqueid, linkedid = _text(fields, "eventtype").upper(), _text(fields, "uniqueid"), _text(fields, "linkedid")
    if not kind or not uniqueid:
        raise BadRow("has no event type or no uniqueid")
    if not linkedid:
        raise BadRow("has no linkedid: add ${CHANNEL(linkedid)} to the mapping of the log")
    return CelRow(
        kind=kind,
        at=_seconds(fields.get("eventtime"), uniqueid, clock),
        uniqueid=uniqueid,
        linkedid=linkedid,
        channel=_text(fields, "channame"),
        context=_text(fields, "context"),
        exten=_text(fields, "exten"),
        number=_text(fields, "cid_num"),
        name=_text(fields, "cid_name"),
        application=_text(fields, "appname"),
        arguments=_text(fields, "appdata"),
        peer=_text(fields, "peer"),
        extra=_extra(fields.get("extra")),
    )


def cdr_row(fields: Mapping[str, object], clock: LogClock) -> CdrRow:
    """A row from named values (names as in ``columns.CDR_NAMES``). Raises BadRow."""
    uniqueid = _text(fields, "uniqueid")
    if not uniqueid:
        raise BadRow("has no uniqueid: set loguniqueid = yes in cdr.conf")
    disposition = _text(fields, "disposition").upper()
    if not disposition or not _text(fields, "channel"):
        raise BadRow("has no disposition or no channel")
    start = _seconds(fields.get("start"), uniqueid, clock)
    duration = _whole(fields.get("duration"))
    ended, answered = fields.get("end"), fields.get("answer")
    shown = _CLID.match(_text(fields, "clid"))
    return CdrRow(
        start=start,
        answer=_seconds(answered, uniqueid, clock) if _is_time(answered) else None,
        end=max(start, _seconds(ended, uniqueid, clock) if _is_time(ended) else start + duration),
        uniqueid=uniqueid,
        linkedid=_text(fields, "linkedid") or uniqueid,
        source=_text(fields, "cnum") or _text(fields, "src") or (shown[2] if shown else ""),
        name=_text(fields, "cnam") or (shown[1].strip('"') if shown else ""),
        destination=_text(fields, "dst"),
        context=_text(fields, "dcontext"),
        channel=_text(fields, "channel"),
        dstchannel=_text(fields, "dstchannel"),
        application=_text(fields, "lastapp"),
        arguments=_text(fields, "lastdata"),
        billsec=_whole(fields.get("billsec")),
        disposition=disposition,
        account=_text(fields, "accountcode"),
        userfield=_text(fields, "userfield"),
        did=_text(fields, "did"),
        recording=_text(fields, "recordingfile"),
        sequence=_whole(fields.get("sequence")),
        chained=bool(_text(fields, "linkedid")),
    )


def moment_of(value: object) -> datetime | float | None:
    """A time as logs write it: Unix time, ISO 8601 or ``2026-11-22 09:30:00``; None for none."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if value > 0 else None
    text = str(value or "").strip()
    if not text or text.startswith("0000"):  # MySQL's zero date
        return None
    if _EPOCH.fullmatch(text):
        return float(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _seconds(value: object, uniqueid: str, clock: LogClock) -> float:
    moment = moment_of(value)
    if moment is None:
        raise BadRow("has no time that can be read")
    return clock.seconds(moment, uniqueid) if isinstance(moment, datetime) else moment


def _is_time(value: object) -> bool:
    return moment_of(value) is not None


def _text(fields: Mapping[str, object], name: str) -> str:
    """NUL, which a file is full of where the power failed and which PostgreSQL takes in no text, becomes U+FFFD."""
    value = fields.get(name)
    return "" if value is None else str(value).strip().replace("\0", "\ufffd")


def _whole(value: object) -> int:
    try:
        return int(float(str(value or 0)))
    except (ValueError, OverflowError):
        return 0


def _extra(value: object) -> Mapping[str, Json]:
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value.replace("\\u0000", "\\ufffd"))
        except (ValueError, RecursionError):
            return {}
    return {name: said for name, said in value.items() if said != NOBODY} if isinstance(value, Mapping) else {}
