"""The tracker: AMI events in, call records out. Pure: no clock, no network, no store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker import bridges, channels, dial, media, originate, pickup, queue, resync, transfer
from gateway.telephony.tracker.model import Call
from gateway.telephony.tracker.state import Event, State
from gateway.telephony.tracker.summary import record_of

log = logging.getLogger(__name__)

SETTLE = 2.0
"""Seconds after a call's last hangup until it is final: DialEnd, Cdr and variables may trail it."""

Handler = Callable[[State, Event], None]

HANDLERS: Mapping[str, Handler] = {
    "Newchannel": channels.newchannel,
    "Newstate": channels.newstate,
    "Newexten": channels.newexten,
    "NewCallerid": channels.new_callerid,
    "Rename": channels.rename,
    "HangupRequest": channels.hangup_request,
    "Hangup": channels.hangup,
    "VarSet": media.varset,
    "DialBegin": dial.dial_begin,
    "DialState": dial.dial_state,
    "DialEnd": dial.dial_end,
    "LocalBridge": bridges.local_bridge,
    "BridgeEnter": bridges.bridge_enter,
    "BridgeLeave": bridges.bridge_leave,
    "BridgeDestroy": bridges.bridge_destroy,
    "QueueCallerJoin": queue.caller_join,
    "QueueCallerAbandon": queue.caller_abandon,
    "BlindTransfer": transfer.blind_transfer,
    "AttendedTransfer": transfer.attended_transfer,
    "Pickup": pickup.pickup,
    "OriginateResponse": originate.originate_response,
    "CoreShowChannel": resync.channel_listed,
    "BridgeListItem": resync.bridge_listed,
    "QueueEntry": resync.queue_entry,
}
"""Event -> handler; every other event is ignored."""

EVENTS = frozenset(HANDLERS)
"""The events that the tracker reads; of VarSet only those of ``media.VARIABLES``."""

_RINGING, _ANSWERED = 1, 2
_LATEST = 4102444800.0
"""The year 2100: a Timestamp beyond is no time."""


class CallTracker:
    """All calls of one PBX, from its events."""

    def __init__(self, *, lines: LineRules, region: str) -> None:
        self._state = State(lines, region)
        self._region = region

    @property
    def open_count(self) -> int:
        """Calls that are not final yet."""
        return len(set(self._state.calls.values()))

    def feed(self, event: Mapping[str, str], at: datetime) -> list[CallRecord]:
        """Takes one event, received at ``at``; its own ``Timestamp`` (Unix seconds) wins where it has one.

        Returns the calls that began to ring or were answered by it, and, ended and with ``merged_into`` set, reported
        calls that turned out to be part of another. Ended calls come from `due`. Never raises.
        """
        handler = HANDLERS.get(event.get("Event", ""))
        if handler is None:
            return []
        state = self._state
        state.received = at.timestamp()
        state.now = _time(event.get("Timestamp"), state.received)
        self._follow(handler, event)
        return self._changed() if state.touched or state.merged else []

    def replay(self, events: Iterable[tuple[float, Event]]) -> None:
        """Takes events of the past, each with its Unix time, in order. Calls that are over come from `due`; nothing is
        told of those that rang or were answered on the way. Never raises."""
        state = self._state
        for seconds, event in events:
            handler = HANDLERS.get(event["Event"])
            if handler is not None:
                state.now = state.received = seconds
                self._follow(handler, event)

    def due(self, now: datetime) -> list[CallRecord]:
        """The calls whose last channel hung up at least `SETTLE` seconds ago: final, and forgotten here."""
        if not self._state.settling:
            return []
        latest = now.timestamp() - SETTLE
        done = []
        for call in self._state.settling:
            if call.quiet_since > latest:
                break
            done.append(call)
        return self._close(done)

    def open_calls(self) -> list[CallRecord]:
        """Every call that is not final, in the order in which they began."""
        calls = sorted(set(self._state.calls.values()), key=lambda call: call.serial)
        return [record for call in calls if (record := self._record(call, ended=False)) is not None]

    def resync(self, snapshot: Snapshot, at: datetime) -> list[CallRecord]:
        """After a (re)connect: ends calls that are gone, takes up those that are new, all marked ``gap``.

        Returns what changed: ended calls, and calls found to be ringing or answered.
        """
        state = self._state
        state.now = state.received = at.timestamp()
        resync.reconcile(state, snapshot)
        for call in set(state.calls.values()):
            state.touched[call] = None
        changed = self._changed()
        return [*changed, *self._close(list(state.settling))]

    def finish(self, at: datetime) -> list[CallRecord]:
        """The end of the input: all calls in the order in which they began, those still open with ``ended`` false."""
        state = self._state
        state.now = at.timestamp()
        calls = sorted(set(state.calls.values()), key=lambda call: call.serial)
        records = [self._record(call, ended=call in state.settling) for call in calls]
        for call in calls:
            state.forget(call)
        return [record for record in records if record is not None]

    def _follow(self, handler: Handler, event: Event) -> None:
        try:
            handler(self._state, event)
        except Exception:
            # Whatever one strange event does, the calls beside it go on.
            log.exception("could not follow an event", extra={"action": "track_event", "event": event.get("Event")})

    def _close(self, calls: Iterable[Call]) -> list[CallRecord]:
        records = []
        for call in calls:
            record = self._record(call, ended=True)
            self._state.forget(call)
            if record is not None:
                records.append(record)
        return records

    def _changed(self) -> list[CallRecord]:
        """Records of the calls that reached a new phase, and of those that were joined to others."""
        state = self._state
        records = []
        for part, whole in state.merged:
            merged = record_of(part, self._region, ended=True, now=state.now, merged_into=whole.linkedid)
            if merged is not None:
                records.append(merged)
        for call in state.touched:
            phase = _ANSWERED if call.answered else _RINGING if _rings(call) else 0
            if phase > call.shown and (record := self._record(call, ended=False)) is not None:
                call.shown = phase
                records.append(record)
        state.merged.clear()
        state.touched.clear()
        return records

    def _record(self, call: Call, *, ended: bool) -> CallRecord | None:
        return record_of(call, self._region, ended=ended, now=self._state.now)


def _rings(call: Call) -> bool:
    return any(channel.rang for channel in call.channels)


def _time(stamp: str | None, otherwise: float) -> float:
    """The event's own time; it may go back by microseconds between events, which is harmless."""
    try:
        seconds = float(stamp) if stamp else otherwise
    except ValueError:
        return otherwise
    return seconds if 0 < seconds < _LATEST else otherwise
