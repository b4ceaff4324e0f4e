"""Running the tracker over events, for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.telephony.inspect import calls_in
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from tests.unit.telephony.eventtable import START, events

ROOT = Path(__file__).resolve().parents[3]
RECORDINGS = ROOT / "gateway" / "demo" / "recordings"
ASTERISK16 = ROOT / "tests" / "fixtures" / "ami" / "asterisk16"
CORPORA = Path(os.environ.get("LEADGATE_CORPORA", ROOT.parent / "shared"))
CACOFONISK = CORPORA / "ami" / "cacofonisk"


def at(seconds: float) -> datetime:
    """A moment of a table."""
    return datetime.fromtimestamp(START, UTC) + timedelta(seconds=seconds)


def calls(
    stream: Iterable[Mapping[str, str]], *, region: str = "RU", lines: LineRules | None = None
) -> list[CallRecord]:
    """The calls in a stream of events."""
    return calls_in(stream, region=region, lines=lines or LineRules())


def the_call(table: str, *, region: str = "RU", lines: LineRules | None = None) -> CallRecord:
    """The one call of a table."""
    (call,) = calls(events(table), region=region, lines=lines)
    return call
