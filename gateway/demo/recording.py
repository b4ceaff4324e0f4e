"""Recorded AMI streams as calls that happen now: read from a file, made new for each play. Pure but for `load`.

Two plays of one recording must be two calls. So each play moves the times, and gives channels, bridges and files new
ids; everything that was equal in the recording stays equal.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_NOT_CALLS = frozenset({"FullyBooted", "SuccessfulAuth", "ChallengeSent", "TestEvent"})
"""Events of the recording's own session or test build."""

_UNIQUEID = re.compile(r"\b(\d{10})\.(\d+)\b")
"""``1795308174.29``: epoch and serial, in Uniqueid and Linkedid as in the names of recorded files."""
_CHANNEL = re.compile(r"(?<=-)([0-9a-f]{8})(?![0-9a-f-])")
"""The serial at the end of ``PJSIP/trunk-0000001d`` and ``Local/101@phones-0000000a;1``."""
_BRIDGE = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")

SERIALS_A_PLAY = 10_000
"""How far apart the serials of two plays are: more than one recording uses."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event of a recording."""

    after: float
    """Seconds since the recording's first event."""
    headers: tuple[tuple[str, str], ...]
    """As recorded, in order, repeated ones too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The events of some calls."""

    name: str
    began: float
    """Unix time of the first event."""
    events: tuple[RecordedEvent, ...]

    @property
    def seconds(self) -> float:
        """From the first event to the last."""
        return max(event.after for event in self.events)

    @property
    def caller(self) -> str | None:
        """The number that the first channel called from, as the PBX saw it."""
        for event in self.events:
            headers = dict(event.headers)
            if headers.get("Event") == "Newchannel":
                number = headers.get("CallerIDNum", "")
                return number if number.isdigit() else None
        return None


def load(path: Path) -> Recording:
    """Read a ``.ami`` file: the raw bytes of a session with ``timestampevents=yes``. Raises ValueError without any."""
    return parse(path.read_bytes(), path.stem)


def parse(raw: bytes, name: str) -> Recording:
    """The call events of a raw stream. Raises ValueError if it has none with a Timestamp."""
    found = [headers for headers in map(read_headers, raw.split(b"\r\n\r\n")) if _is_call_event(dict(headers))]
    times = [float(dict(headers)["Timestamp"]) for headers in found]
    if not times:
        raise ValueError(f"{name}: no events with a Timestamp header; record with timestampevents = yes")
    began = min(times)
    return Recording(
        name=name,
        began=began,
        events=tuple(RecordedEvent(at - began, tuple(headers)) for at, headers in zip(times, found, strict=True)),
    )


def encode(headers: Iterable[tuple[str, str]]) -> bytes:
    """One message as AMI writes it."""
    return "".join([*(f"{name}: {value}\r\n" for name, value in headers), "\r\n"]).encode()


def read_headers(block: bytes) -> list[tuple[str, str]]:
    """The headers of one message, in order; lines without a colon are left out."""
    pairs = (line.partition(":") for line in block.decode("utf-8", "replace").split("\r\n"))
    return [(name, value.removeprefix(" ")) for name, colon, value in pairs if colon]


def _is_call_event(headers: dict[str, str]) -> bool:
    event = headers.get("Event")
    return bool(event) and event not in _NOT_CALLS and "Timestamp" in headers and "ActionID" not in headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """How one play differs from the recording."""

    shift: int
    """Whole seconds that all times and ids move by."""
    serial: int
    """Number of the play, from 1; makes its ids its own."""
    caller: tuple[str, str] | None = None
    """Number in the recording, number to show instead."""

    def events(self, recording: Recording) -> Iterator[RecordedEvent]:
        """The events as they are to be sent."""
        seen: dict[str, str] = {}
        for event in recording.events:
            headers = tuple((name, self._value(name, value, seen)) for name, value in event.headers)
            yield RecordedEvent(event.after, headers)

    def _value(self, name: str, value: str, seen: dict[str, str]) -> str:
        if name == "Timestamp":
            return f"{float(value) + self.shift:.6f}"
        if value not in seen:  # the same few values come in every event of a channel
            seen[value] = self._rewrite(value)
        return seen[value]

    def _rewrite(self, value: str) -> str:
        offset = self.serial * SERIALS_A_PLAY
        value = _UNIQUEID.sub(lambda found: f"{int(found[1]) + self.shift}.{int(found[2]) + offset}", value)
        value = _BRIDGE.sub(lambda found: str(uuid.uuid5(uuid.UUID(found[0]), str((self.serial, self.shift)))), value)
        value = _CHANNEL.sub(lambda found: f"{(int(found[1], 16) + offset) & 0xFFFFFFFF:08x}", value)
        if self.caller is not None:
            old, new = self.caller
            value = re.sub(rf"(?<!\d){re.escape(old)}(?!\d)", lambda _: new, value)
        return value
