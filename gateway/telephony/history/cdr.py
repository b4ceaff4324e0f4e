"""From the CDRs of one call to its record: conservative, because a CDR says "ANSWERED" for an announcement too. Pure.

The rows become events for the one call tracker. Two people are put into a bridge only where a row is ANSWERED and its
``dstchannel`` is a person's: never for an application alone (Playback, VoiceMail, a waiting Queue). What a CDR can't
tell stays unknown: transfers, who gave up first, and for queues how long the caller waited before the answer. Where a
voice menu answered first, the times are those of the menu: a CDR does not tell it from a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from gateway.core.types import Json
from gateway.telephony.history.rows import CdrRow
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.tracker import CallTracker
from gateway.telephony.tracker.names import ROBOTS, parse_channel

Event = dict[str, str]

ANSWERED = "ANSWERED"
_STATUS = {
    ANSWERED: "ANSWER", "NO ANSWER": "NOANSWER", "BUSY": "BUSY", "FAILED": "CHANUNAVAIL", "CONGESTION": "CONGESTION",
}  # fmt: skip
"""Disposition -> DialStatus."""
_CAUSES = {"BUSY": "17", "FAILED": "20", "CONGESTION": "34"}
_LATER = timedelta(days=1)
_RING, _RINGING, _UP = "4", "5", "6"
_NO_PERSON = frozenset({"voicemail", "voicemailmain", "playback", "background", "confbridge", "meetme", "chanspy"})
"""Applications that may name another channel though nobody is there."""


def call_from_cdr(rows: Sequence[CdrRow], *, lines: LineRules, region: str) -> CallRecord | None:
    """The call that rows with one linkedid describe; None where no person had part in it."""
    ordered = sorted(rows, key=lambda row: (row.start, row.sequence))
    story = _Story(ordered, lines)
    tracker = CallTracker(lines=lines, region=region)
    tracker.replay(sorted(story.events(), key=itemgetter(0)))
    records = tracker.due(story.end + _LATER)
    return _told(records[0], story) if records else None


def what_only_cdr_knows(rows: Sequence[CdrRow]) -> dict[str, Json]:
    """Values of the billing: they are in no event. Each only where the PBX wrote it."""
    facts: dict[str, Json] = {
        "billsec": sum(row.billsec for row in rows if row.disposition == ANSWERED and row.dstchannel),
        "accountcode": next((row.account for row in rows if row.account), None),
        "userfield": next((row.userfield for row in rows if row.userfield), None),
    }
    return {name: value for name, value in facts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Leg:
    """One row whose other channel is a person's."""

    row: CdrRow
    talked: bool
    since: float
    """When they began to talk; where that is unknown the end of the row."""
    exact: bool


class _Story:
    """The rows of one call as a whole."""

    def __init__(self, rows: Sequence[CdrRow], lines: LineRules) -> None:
        self.rows = rows
        self._lines = lines
        self.root = next((row for row in rows if row.uniqueid == row.linkedid), rows[0])
        self.end = datetime.fromtimestamp(max(row.end for row in rows), UTC)
        self._picked_up = {row.channel for row in rows if row.destination.startswith("*") and row is not self.root}
        self.legs = list(self._find_legs())

    @property
    def first_talk(self) -> _Leg | None:
        """The row of the first conversation, one with exact times if there is one."""
        talks = [leg for leg in self.legs if leg.talked]
        return next((leg for leg in talks if leg.exact), talks[0] if talks else None)

    def _find_legs(self) -> Iterator[_Leg]:
        outer = {parse_channel(row.dstchannel).pair for row in self.rows} - {""}
        answered = {parse_channel(row.dstchannel).pair for row in self.rows if row.disposition == ANSWERED} - {""}
        for row in self.rows:
            if not self._is_person(row) or not self._is_callers(row):
                continue
            pair = parse_channel(row.channel).pair
            reached = not pair or pair not in outer or pair in answered  # the caller's side of the Local channel too
            talked = row.disposition == ANSWERED and reached and row.dstchannel not in self._picked_up
            exact = row.answer is not None and row.answer > row.start and not self._up_before(row)
            yield _Leg(row, talked, row.answer if exact and row.answer is not None else row.end, exact)

    def _up_before(self, row: CdrRow) -> bool:
        """Whether ``answer`` is not the other's: a queue takes the caller first, click to call the manager, who then
        shows the customer's number."""
        name = parse_channel(row.channel)
        called_back = name.endpoint.isdecimal() and row.source != name.endpoint
        return row.application.lower() == "queue" or called_back

    def _is_person(self, row: CdrRow) -> bool:
        name = parse_channel(row.dstchannel)
        if not name.technology or name.half or name.technology == "Local" or name.technology in ROBOTS:
            return False
        return row.application.lower() not in _NO_PERSON and not self._lines.is_robot(name.technology, name.endpoint)

    def _is_callers(self, row: CdrRow) -> bool:
        """The caller's own row, or that of a Local channel that rings phones for him."""
        return row.channel == self.root.channel or bool(parse_channel(row.channel).half)

    def events(self) -> Iterator[tuple[float, Event]]:
        """Each with its Unix time, not in order."""
        root = self.root
        caller = {"Channel": root.channel, "Uniqueid": root.linkedid}
        start, end = min(row.start for row in self.rows), self.end.timestamp()
        originated = root.application.lower() == "appdial2"
        yield start, {
            "Event": "Newchannel", **caller, "Linkedid": root.linkedid, "ChannelState": "0" if originated else _RING,
            "CallerIDNum": root.source, "CallerIDName": root.name, "Context": self._context(root),
            "Exten": root.did or root.destination,
        }  # fmt: skip
        if originated:
            yield start, {"Event": "DialBegin", **{f"Dest{name}": value for name, value in caller.items()}}
            yield start, {"Event": "NewCallerid", **caller, "CallerIDNum": root.source}
            yield start, {"Event": "Newstate", **caller, "ChannelState": _RINGING}
        if recording := next((row.recording for row in self.rows if row.recording), ""):
            yield start, {"Event": "VarSet", **caller, "Variable": "MIXMONITOR_FILENAME", "Value": recording}
        for row in self.rows:
            yield from self._steps(row, caller)
        for number, leg in enumerate(self.legs):
            yield from self._dial(leg, f"leg {number} of {root.linkedid}", caller)
        yield end, {"Event": "Hangup", **caller}

    def _steps(self, row: CdrRow, caller: Event) -> Iterator[tuple[float, Event]]:
        if row.channel != self.root.channel:
            return
        if row.application:
            yield row.start, {
                "Event": "Newexten", **caller, "Extension": row.destination,
                "Application": row.application, "AppData": row.arguments,
            }  # fmt: skip
        if row.application.lower() == "queue" and row.dstchannel:
            yield row.start, {"Event": "QueueCallerJoin", **caller, "Queue": row.arguments.partition(",")[0]}
        if row.answer is not None or row.disposition == ANSWERED:
            yield row.answer or row.end, {"Event": "Newstate", **caller, "ChannelState": _UP}

    def _dial(self, leg: _Leg, uniqueid: str, caller: Event) -> Iterator[tuple[float, Event]]:
        row = leg.row
        number = _dialled(row)
        channel = {"Channel": row.dstchannel, "Uniqueid": uniqueid}
        dest = {f"Dest{name}": value for name, value in channel.items()}
        yield row.start, {
            "Event": "Newchannel", **channel, "Linkedid": self.root.linkedid, "ChannelState": "0",
            "CallerIDNum": number,
        }  # fmt: skip
        yield row.start, {"Event": "DialBegin", **caller, **dest, "DialString": number}
        if row.disposition in (ANSWERED, "NO ANSWER"):
            yield row.start, {"Event": "Newstate", **channel, "ChannelState": _RINGING}
        if leg.talked:
            bridge = {"BridgeUniqueid": f"bridge of {uniqueid}"}
            for one in (caller, channel):
                yield leg.since, {"Event": "Newstate", **one, "ChannelState": _UP}
            for one in (caller, channel):
                yield leg.since, {"Event": "BridgeEnter", **one, **bridge}
            for one in (caller, channel):
                yield row.end, {"Event": "BridgeLeave", **one, **bridge}
        status = "NOANSWER" if row.disposition == ANSWERED and not leg.talked else _STATUS.get(row.disposition, "")
        yield row.end, {"Event": "DialEnd", **caller, **dest, "DialStatus": status}
        yield row.end, {"Event": "Hangup", **channel, "Cause": _CAUSES.get(row.disposition, "")}

    def _context(self, row: CdrRow) -> str:
        """``dcontext`` is where the call went, not where it came from: it only counts where it names a trunk's."""
        name = parse_channel(row.channel)
        return row.context if self._lines.is_trunk(name.technology, name.endpoint, row.context) else ""


def _dialled(row: CdrRow) -> str:
    """What was dialled to reach the row's other channel: the part of the Dial that names it."""
    name = parse_channel(row.dstchannel)
    for part in row.arguments.split(",")[0].split("&"):
        technology, _, rest = part.partition("/")
        if technology == name.technology and name.endpoint in rest.replace("@", "/").split("/"):
            return next((piece for piece in rest.replace("@", "/").split("/") if piece != name.endpoint), name.endpoint)
    return name.endpoint if name.endpoint.isdecimal() else row.destination


def _told(record: CallRecord, story: _Story) -> CallRecord:
    """The record with what the rows don't tell taken out, and what only they tell put in."""
    talk = story.first_talk
    facts = {**record.facts, "cdr": what_only_cdr_knows(story.rows)}
    if talk is None or talk.exact:
        return replace(record, facts=facts)
    return replace(record, answered_at=None, wait_seconds=None, talk_seconds=None, facts=facts)
