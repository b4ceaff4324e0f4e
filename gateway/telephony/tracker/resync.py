"""Taking up calls in the middle: what the PBX says is open now, against what we thought.

Events: CoreShowChannel (needs ``system`` or ``reporting``), BridgeListItem, BridgeInfoChannel, QueueEntry
(``agent``); all are answers to actions. They may also stand in a recorded stream.
"""

from __future__ import annotations

from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker import bridges
from gateway.telephony.tracker.model import UP, Bridge, Channel
from gateway.telephony.tracker.queue import enter_queue
from gateway.telephony.tracker.state import Event, State


def reconcile(state: State, snapshot: Snapshot) -> None:
    """Ends what the snapshot does not know, takes up what it alone knows; every call open now has a gap."""
    for call in set(state.calls.values()):
        call.gap = True
    listed = not any("CoreShowChannels" in str(sentence) for sentence in snapshot.missing)
    if listed or snapshot.restarted:  # no channel outlives its PBX
        _end_absent(state, {event.get("Uniqueid", "") for event in snapshot.channels})
    state.bridges = {uniqueid: bridge for uniqueid, bridge in state.bridges.items() if bridge.members}
    for event in snapshot.bridges:
        bridge_listed(state, event)
    for event in snapshot.channels:
        channel_listed(state, event)
    for event in snapshot.members:
        _place(state, state.adopt(event), event.get("BridgeUniqueid", ""))
    for event in snapshot.waiting:
        queue_entry(state, event)


def _end_absent(state: State, present: set[str]) -> None:
    for channel in list(state.channels.values()):
        if channel.alive and channel.uniqueid not in present:
            bridges.leave(state, channel)
            state.hang_up(channel)
            bridges.review(state, channel.call)


def bridge_listed(state: State, event: Event) -> None:
    """What kind of bridge it is."""
    uniqueid = event.get("BridgeUniqueid")
    if uniqueid:
        bridges.described(state, event, uniqueid)


def channel_listed(state: State, event: Event) -> None:
    """A channel that is open now, and the bridge that it is in."""
    channel = state.adopt(event)
    if channel is None or not channel.alive:
        return
    _take_over_application(channel, event)
    place = event.get("BridgeId", "")
    if place:
        _place(state, channel, place)
    else:
        bridges.leave(state, channel)


def _place(state: State, channel: Channel | None, place: str) -> None:
    """Puts a channel where it is. A conversation found so began at an unknown time; only the CDR will say when."""
    if channel is None or not channel.alive or not place:
        return
    known = channel.call.answered
    bridges.enter(state, channel, state.bridges.setdefault(place, Bridge(place)))
    if channel.call.answered and not known:
        channel.call.answered_at = None


def _take_over_application(channel: Channel, event: Event) -> None:
    """What it is doing now, as far as that says whether the PBX called it and what its caller went through."""
    application = event.get("Application", "").lower()
    call = channel.call
    if application.startswith("app"):  # AppDial, AppQueue: it was dialled
        channel.dialled = True
        channel.rang = channel.rang or (channel.person and channel.state == UP)
    elif channel is call.root and application == "queue" and not call.queue:
        _waits(channel, event.get("ApplicationData", "").partition(",")[0])


def queue_entry(state: State, event: Event) -> None:
    """A caller who waits in a queue now."""
    channel = state.known(event)
    if channel is not None:
        if channel.call.queue_result != "waiting":
            _waits(channel, event.get("Queue", ""))
        channel.call.queue_joined = True


def _waits(channel: Channel, queue: str) -> None:
    enter_queue(channel.call, channel, queue)
    if channel.call.stages[-1:] != ["queue"]:
        channel.call.stages.append("queue")
