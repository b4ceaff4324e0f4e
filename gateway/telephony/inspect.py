"""Recorded AMI streams to call records: what ``leadgate inspect ami FILE`` prints, one dict a call.

A recording is either the raw bytes as a client read them from the socket, or a JSON array of event objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gateway.core.types import Json
from gateway.telephony.ami.framing import Framer
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.tracker import CallTracker
from gateway.telephony.tracker.names import epoch_of

Event = Mapping[str, str]

_START = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableRecording(ValueError):
    """A file that holds no AMI stream; the message names it and says why."""


def inspect_ami(paths: Iterable[Path], *, region: str, lines: LineRules | None = None) -> Iterator[dict[str, Json]]:
    """One JSON-able dict a call: the fields of ``CallRecord.as_json`` plus ``file``. Raises `UnreadableRecording`."""
    for path in paths:
        for record in calls_in(read_events(path), region=region, lines=lines or LineRules()):
            yield {"file": str(path), **record.as_json()}


def calls_in(events: Iterable[Event], *, region: str, lines: LineRules) -> list[CallRecord]:
    """The calls of one recording in the order in which they began; those still open at its end have ``ended`` false."""
    tracker = CallTracker(lines=lines, region=region)
    records: list[CallRecord] = []
    at = _START
    for event in events:
        at = _clock(event, at)
        records += tracker.due(at)
        tracker.feed(event, at)
    records += tracker.finish(at)
    return sorted(records, key=lambda record: record.started_at)


def read_events(path: Path) -> list[Event]:
    """The events of a recording, whichever way it was written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableRecording(f"{path}: cannot be read: {error.strerror}") from error
    if data.lstrip()[:1] in (b"[", b"{"):
        return _from_json(path, data)
    framer = Framer()
    messages = framer.feed(data)
    events: list[Event] = [message for message in messages if "Event" in message]
    if not events:
        raise UnreadableRecording(f"{path}: holds no AMI event; record one with: leadgate record ami FILE")
    return events


def _from_json(path: Path, data: bytes) -> list[Event]:
    try:
        events = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecording(f"{path}: is no valid JSON: {error}") from error
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise UnreadableRecording(f"{path}: must be a JSON array of event objects")
    return [{name: _text(value) for name, value in event.items()} for event in events]


def _text(value: Json) -> str:
    if isinstance(value, list):  # a header that repeats
        return "\n".join(map(_text, value))
    return "" if value is None else str(value)


def _clock(event: Event, before: datetime) -> datetime:
    """When an event happened. Without ``timestampevents`` the youngest channel so far is the best clock there is."""
    stamp = event.get("Timestamp")
    try:
        if stamp:
            return max(before, datetime.fromtimestamp(float(stamp), UTC))
    except (ValueError, OverflowError, OSError):
        return before
    births = (epoch_of(event.get(name, "")) for name in ("Uniqueid", "DestUniqueid", "LocalTwoUniqueid"))
    latest = max((birth for birth in births if birth is not None), default=0.0)
    return max(before, datetime.fromtimestamp(latest, UTC))
