"""What is open on the PBX right now, and how channels become calls.

Channels belong to one call when they share a linkedid, are dialled by one another, are halves of one Local channel,
meet in a bridge, or take part in one transfer: a union of sets, because a linkedid changes in mid-call and a
consultation has its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.phone import to_e164
from gateway.telephony.lines import LineRules
from gateway.telephony.tracker.model import RINGING, UP, Bridge, Call, Channel
from gateway.telephony.tracker.names import ROBOTS, epoch_of, parse_channel
from gateway.telephony.tracker.people import rung

Event = Mapping[str, str]

REMEMBERED = 8192
"""Ids of channels of finished calls: events may trail a call (DialEnd, NewConnectedLine) and must not open it again."""

CROWD = 24
"""Channels of one call from which the dead are folded away: a queue that rings for an hour makes hundreds."""


class State:
    """Open channels, bridges and calls of one PBX."""

    def __init__(self, lines: LineRules, region: str) -> None:
        self.lines = lines
        self.region = region
        self.now = 0.0
        """The current event's time, seconds since the epoch."""
        self.received = 0.0
        """When the current event was received."""
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.calls: dict[str, Call] = {}
        """By each linkedid that a call went by."""
        self.pairs: dict[str, list[Channel | None]] = {}
        """Halves of Local channels by the name they share."""
        self.settling: dict[Call, None] = {}
        """Calls without a live channel, in the order in which they became so."""
        self.touched: dict[Call, None] = {}
        """Calls that the current event may have moved to another phase."""
        self.merged: list[tuple[Call, Call]] = []
        """(part, whole) of calls already reported that the current event joined."""
        self._gone: dict[str, None] = {}
        self._serial = 0

    # channels

    def adopt(self, event: Event, prefix: str = "") -> Channel | None:
        """The channel in an event's headers with this prefix, made if it was not known; None for a finished one."""
        uniqueid = event.get(prefix + "Uniqueid")
        if not uniqueid:
            return None
        channel = self.channels.get(uniqueid)
        if channel is None:
            if uniqueid in self._gone:
                return None
            return self._take_up(event, prefix, uniqueid)
        linkedid = event.get(prefix + "Linkedid")
        if linkedid and linkedid != channel.call.linkedid:
            self._follow(channel, linkedid)
        state = event.get(prefix + "ChannelState")
        if state is not None:
            self.set_state(channel, state)
        return channel

    def known(self, event: Event, prefix: str = "") -> Channel | None:
        """The live channel that an event is about, if it is known."""
        channel = self.channels.get(event.get(prefix + "Uniqueid", ""))
        return channel if channel is not None and channel.alive else None

    def born(self, event: Event) -> Channel | None:
        """A channel whose beginning we saw."""
        uniqueid = event.get("Uniqueid")
        if not uniqueid or uniqueid in self.channels or uniqueid in self._gone:
            return None
        return self._create(event, "", uniqueid, self.now, seen=True)

    def _take_up(self, event: Event, prefix: str, uniqueid: str) -> Channel | None:
        """A channel whose beginning we missed."""
        born_at = epoch_of(uniqueid)
        born_at = self.now if born_at is None else min(born_at, self.now)
        channel = self._create(event, prefix, uniqueid, born_at, seen=False)
        if channel is not None:
            channel.call.gap = True
            channel.rang = channel.state == RINGING and channel.person
        return channel

    def _create(self, event: Event, prefix: str, uniqueid: str, born_at: float, *, seen: bool) -> Channel | None:
        name = event.get(prefix + "Channel", "")
        technology, endpoint, half, pair = parse_channel(name)
        if technology == "Message" or not technology:  # SIP texts run through one channel that never ends
            return None
        context = event.get(prefix + "Context", "")
        number = event.get(prefix + "CallerIDNum", "")
        call = self._call_of(event.get(prefix + "Linkedid") or uniqueid, born_at)
        robot = half or technology == "Local" or technology in ROBOTS or self.lines.is_robot(technology, endpoint)
        channel = Channel(
            uniqueid=uniqueid, name=name, technology=technology, endpoint=endpoint, half=half, context=context,
            exten=event.get(prefix + "Exten", ""), number=number, effective_number=number,
            caller_name=event.get(prefix + "CallerIDName", ""),
            trunk=None if robot else self._leads_outside(technology, endpoint, context, number, seen=seen),
            person=not robot, call=call, born_at=born_at,
        )  # fmt: skip
        self.set_state(channel, event.get(prefix + "ChannelState", "0"))
        self.channels[uniqueid] = channel
        call.channels.append(channel)
        self._revive(call)
        if half:
            self.pairs.setdefault(pair, [None, None])[half - 1] = channel
            self._join_halves(pair)
        if len(call.channels) > CROWD:
            self._fold(call)
        return channel

    def _leads_outside(self, technology: str, endpoint: str, context: str, number: str, *, seen: bool) -> bool | None:
        """Trunk or phone. A channel found in mid-call may be in any context: a caller in the queue's, say."""
        trunk = self.lines.is_trunk(technology, endpoint, context)
        if not seen and not trunk:
            trunk = self.lines.is_trunk(technology, endpoint, "")
        if trunk is None and to_e164(number, self.region):
            return True
        return trunk

    @staticmethod
    def set_state(channel: Channel, state: str) -> None:
        """Trunk or phone. A channel found in mid-call may be in any context: a caller in the queue's, say."""
        if state.isdecimal() and channel.state != UP:
            channel.state = int(state)

    def other_half(self, channel: Channel) -> Channel | None:
        """The second end of a Local channel."""
        pair = self.pairs.get(parse_channel(channel.name).pair)
        return pair[2 - channel.half] if pair else None

    def rename(self, channel: Channel, name: str) -> None:
        """Masquerade: the leg goes on under another name."""
        parsed = parse_channel(name)
        if "<" in name or not parsed.technology:  # the names in between: <MASQ>, <ZOMBIE>
            return
        channel.name = name
        if parsed.technology != "AsyncGoto" and not channel.half:
            channel.technology, channel.endpoint = parsed.technology, parsed.endpoint

    # calls

    def _call_of(self, linkedid: str, started_at: float) -> Call:
        call = self.calls.get(linkedid)
        if call is None:
            self._serial += 1
            call = Call(linkedid=linkedid, started_at=started_at, serial=self._serial, linkedids=[linkedid])
            self.calls[linkedid] = call
        return call

    def _follow(self, channel: Channel, linkedid: str) -> None:
        """A channel shows another linkedid than its call: two calls have become one."""
        call, other = channel.call, self.calls.get(linkedid)
        if other is None:
            call.linkedids.append(linkedid)
            self.calls[linkedid] = call
        elif other is not call:
            self.merge(call, other)

    def _join_halves(self, pair: str) -> None:
        one, two = self.pairs[pair]
        if one is not None and two is not None:
            self.merge(one.call, two.call)

    def merge(self, one: Call, two: Call) -> Call:
        """Makes one call of two, unless each has a caller from outside: two customers stay two. Returns one's call."""
        if one is two or (is_inbound(one) and is_inbound(two)):
            return one
        whole, part = (one, two) if _precedence(one) <= _precedence(two) else (two, one)
        for linkedid in part.linkedids:
            self.calls[linkedid] = whole
        whole.linkedids += part.linkedids
        for channel in part.channels:
            channel.call = whole
        whole.channels += part.channels
        whole.transfers += part.transfers
        whole.rang += [who for who in part.rang if who not in whole.rang]
        whole.request = whole.request or part.request
        whole.queue = whole.queue or part.queue
        whole.recording = whole.recording or part.recording
        whole.voicemail |= part.voicemail
        whole.gap |= part.gap
        if part.shown:
            self.merged.append((part, whole))
        self.settling.pop(part, None)
        self.touched.pop(part, None)
        if any(channel.alive for channel in whole.channels):
            self._revive(whole)
        return whole

    def _revive(self, call: Call) -> None:
        if call.ended_at is not None:
            call.ended_at = None
            self.settling.pop(call, None)

    def hang_up(self, channel: Channel) -> None:
        """Ends a channel; a call without any goes to settle."""
        channel.hung_up_at = self.now
        call = channel.call
        if not any(other.alive for other in call.channels):
            ends = [other.hung_up_at for other in call.channels if other.person and other.hung_up_at is not None]
            call.ended_at = max([call.started_at, *ends])
            call.quiet_since = self.received
            self.settling.pop(call, None)
            self.settling[call] = None

    def forget(self, call: Call) -> None:
        """Drops a finished call; what still comes for its channels is ignored."""
        self.settling.pop(call, None)
        self.touched.pop(call, None)
        for linkedid in call.linkedids:
            if self.calls.get(linkedid) is call:
                del self.calls[linkedid]
        for channel in call.channels:
            self._drop(channel)

    def _drop(self, channel: Channel) -> None:
        self.channels.pop(channel.uniqueid, None)
        self._gone[channel.uniqueid] = None
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]
        if channel.half:
            self.pairs.pop(parse_channel(channel.name).pair, None)

    def _fold(self, call: Call) -> None:
        """Forgets dead legs that another leg to the same place makes superfluous."""
        last = {(channel.endpoint, channel.dial_number): channel for channel in call.channels if channel.person}
        root = call.root
        call.rang = rung(call, self.region)
        keep = []
        for channel in call.channels:
            if channel.alive or channel is root or channel is last.get((channel.endpoint, channel.dial_number)):
                keep.append(channel)
            else:
                self._drop(channel)
        call.channels = keep


def is_inbound(call: Call) -> bool:
    """Whether it began with a caller from outside."""
    root = call.root
    return root is not None and bool(root.trunk) and not call.originated and not root.dialled


def _precedence(call: Call) -> tuple[int, float, int]:
    """Which of two joined calls gives its name: the customer's, else the earlier one."""
    return (0 if is_inbound(call) else 1), call.started_at, call.serial
