"""Who hears whom: the graph of bridges and Local channels, and what "answered" means.

A call is answered when two different people's channels, both up, are connected through bridges that are no holding
bridges, and through Local channels whose halves are in two bridges. Neither the state of one channel, nor DialStatus,
nor the hangup cause, nor a CDR says that: an announcement, an IVR, queue music and a mailbox all "answer".

Events: BridgeEnter, BridgeLeave, BridgeDestroy, LocalBridge (docs: Asterisk, AMI Events, class ``call``).
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.telephony.tracker.model import UP, Bridge, Call, Channel, PendingTransfer
from gateway.telephony.tracker.people import who
from gateway.telephony.tracker.state import Event, State


def bridge_enter(state: State, event: Event) -> None:
    """A channel joins a bridge, maybe in the place of another (``SwapUniqueid``)."""
    channel = state.adopt(event)
    uniqueid = event.get("BridgeUniqueid")
    if channel is None or not uniqueid or not channel.alive:
        return
    bridge = described(state, event, uniqueid)
    swapped = state.channels.get(event.get("SwapUniqueid", ""))
    if swapped is not None and swapped.bridge is bridge:
        _leave(swapped)
    enter(state, channel, bridge)


def enter(state: State, channel: Channel, bridge: Bridge) -> None:
    """Puts a channel into a bridge; who shares one shares a call, but for conference rooms and parking lots."""
    if channel.bridge is not bridge:
        before = channel.bridge
        _leave(channel)
        if before is not None:
            _review_all(state, before, channel)
        channel.bridge = bridge
        bridge.members.append(channel)
    if bridge.talks and bridge.joins_calls:
        for other in bridge.members:
            state.merge(other.call, channel.call)
    _review_all(state, bridge, channel)


def bridge_leave(state: State, event: Event) -> None:
    """A channel leaves a bridge. If it was not seen to enter, it was there since before we came."""
    channel = state.adopt(event)
    uniqueid = event.get("BridgeUniqueid")
    if channel is None or not uniqueid:
        return
    bridge = described(state, event, uniqueid)
    if channel.bridge is bridge:
        leave(state, channel)
    elif channel.alive and channel.bridge is None and channel not in bridge.unseen:
        _left_unseen(state, bridge, channel)


def leave(state: State, channel: Channel) -> None:
    """Takes a channel out of its bridge, if it is in one."""
    bridge = channel.bridge
    if bridge is not None:
        _leave(channel)
        _review_all(state, bridge, channel)


def bridge_destroy(state: State, event: Event) -> None:
    """The bridge is gone, and with it whoever we still thought there."""
    bridge = state.bridges.pop(event.get("BridgeUniqueid", ""), None)
    for channel in list(bridge.members) if bridge else []:
        leave(state, channel)


def local_bridge(state: State, event: Event) -> None:
    """Both halves of a Local channel (``LocalOne*``, ``LocalTwo*``)."""
    one, two = state.adopt(event, "LocalOne"), state.adopt(event, "LocalTwo")
    if one is not None and two is not None:
        state.merge(one.call, two.call)


def review(state: State, call: Call) -> None:
    """Looks at the graph again after something moved: is it answered, is it talking, did a transfer arrive?"""
    if not call.answered:
        _look_for_answer(state, call)
    if call.answered:
        _keep_time(state, call)
        for transfer in call.transfers:
            if not transfer.answered:
                transfer.answered = _arrived(state, call, transfer)


def partners(state: State, channel: Channel) -> list[Channel]:
    """The people whom this channel hears now."""
    bridge = channel.bridge
    if bridge is None or not bridge.talks or channel.state != UP or not channel.person:
        return []
    near = bridge.members
    if any(member.half for member in near):  # else nothing leads on from here, which is the usual case
        near = list(_connected(state, channel))
    return [other for other in near if other.person and other.state == UP and other.alive and other is not channel]


def _connected(state: State, start: Channel) -> Iterator[Channel]:
    """Every other channel on a path of talking bridges and Local pairs."""
    seen = {start}
    queue = [start]
    while queue:
        channel = queue.pop()
        near = channel.bridge.members if channel.bridge is not None and channel.bridge.talks else []
        if channel.half:
            half = state.other_half(channel)
            near = [*near, half] if half is not None else near
        for other in near:
            if other not in seen:
                seen.add(other)
                queue.append(other)
                yield other


def _look_for_answer(state: State, call: Call) -> None:
    """The first connection of the caller with another person answers the call."""
    root = call.root
    if root is None:
        return
    for channel in [root] if root.alive else call.channels:
        found = [other for other in partners(state, channel) if _counts(call, channel, other)]
        if found:
            _answer(state, call, channel, found[0])
            return


def _counts(call: Call, channel: Channel, other: Channel) -> bool:
    """Two customers in one conference room are nobody's conversation with the company."""
    return other.call is call or not (channel.trunk and other.trunk)


def _answer(state: State, call: Call, channel: Channel, other: Channel) -> None:
    call.answered = True
    call.answered_at = state.now
    call.started_at = min(call.started_at, state.now)  # events of a disordered stream
    customer = call.originated and channel.trunk and not other.trunk  # the PBX called the customer first
    answerer = channel if customer else other
    call.answered_by = who(answerer, state.region)
    call.outside = next((one for one in (channel, other) if one.trunk), None)
    if call.queue_result == "waiting":
        call.queue_result = "connected"
    channel.talked = other.talked = True
    state.touched[call] = None


def _keep_time(state: State, call: Call) -> None:
    """Starts and stops the clock of the outside person's conversation (of any, between colleagues)."""
    talking = _is_talking(state, call)
    if talking and call.talking_since is None:
        call.talking_since = state.now
    elif not talking and call.talking_since is not None:
        call.talked += max(0.0, state.now - call.talking_since)
        call.talking_since = None


def _is_talking(state: State, call: Call) -> bool:
    subject = call.outside
    if subject is not None and subject.alive:
        return bool(partners(state, subject))
    return any(partners(state, channel) for channel in call.channels if channel.person)


def _arrived(state: State, call: Call, transfer: PendingTransfer) -> bool:
    """Whether two people talk of whom none is the one who transferred."""
    return any(
        _is_new(state, transfer, channel) and any(_is_new(state, transfer, other) for other in partners(state, channel))
        for channel in call.channels
        if channel.person
    )


def _is_new(state: State, transfer: PendingTransfer, channel: Channel) -> bool:
    return channel.uniqueid not in transfer.known and (transfer.by is None or who(channel, state.region) != transfer.by)


def described(state: State, event: Event, uniqueid: str) -> Bridge:
    """The bridge of an event, with what the headers say of its kind."""
    bridge = state.bridges.get(uniqueid)
    if bridge is None:
        bridge = state.bridges[uniqueid] = Bridge(uniqueid)
    technology = event.get("BridgeTechnology")
    if technology:
        bridge.talks = technology != "holding_bridge"
        bridge.joins_calls = event.get("BridgeCreator") != "ConfBridge"
    return bridge


def _leave(channel: Channel) -> None:
    if channel.bridge is not None:
        channel.bridge.members.remove(channel)
        channel.bridge = None


def _left_unseen(state: State, bridge: Bridge, channel: Channel) -> None:
    """Two who leave, neither seen to enter, were connected if their bridges were; we do not know since when."""
    bridge.unseen.append(channel)
    channel.left = bridge
    if not bridge.talks or not bridge.joins_calls:
        return
    connected = list(_were_connected(state, channel))
    for other in connected:
        state.merge(other.call, channel.call)
    call = channel.call
    root = call.root
    people = [one for one in (channel, *connected) if one.person and one.state == UP]
    others = [one for one in people if one is not root]
    if root in people and others and not call.answered:
        _answer(state, call, root, others[0])
        call.answered_at = None
        call.gap = True


def _were_connected(state: State, start: Channel) -> Iterator[Channel]:
    """As `_connected`, with the channels that have left already."""
    seen = {start}
    queue = [start]
    while queue:
        channel = queue.pop()
        bridge = channel.bridge or channel.left
        near = [*bridge.members, *bridge.unseen] if bridge is not None and bridge.talks else []
        half = state.other_half(channel) if channel.half else None
        for other in [*near, half]:
            if other is not None and other not in seen:
                seen.add(other)
                queue.append(other)
                yield other


def _review_all(state: State, bridge: Bridge, channel: Channel) -> None:
    review(state, channel.call)
    for other in bridge.members:
        if other.call is not channel.call:
            review(state, other.call)
