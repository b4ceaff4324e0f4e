"""From the CEL rows of one call to its record: the rows become the events that the AMI would have sent. Pure.

So there is one rule for what a call was, the tracker's; here is only what a row means. What CEL does not tell: who
called whom (the caller of the call stands for it), ringing (seen from how a phone's channel ended), and whether the
caller's number was withheld.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.telephony.history.rows import CelRow
from gateway.telephony.history.stories import Story, caller_of, dial_status, dial_string, stories_of
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.tracker import CallTracker

Event = dict[str, str]

RING, RINGING, UP, DOWN = "4", "5", "6", "0"
_LATER = timedelta(days=1)


def calls_from_cel(rows: Sequence[CelRow], *, lines: LineRules, region: str, cut: bool = False) -> list[CallRecord]:
    """The calls in rows that belong together, complete; mostly one. In the order in which they began.

    ``cut``: the PBX died before it could write the end. The calls then end with their last row, marked as such.
    """
    tracker = CallTracker(lines=lines, region=region)
    ordered = sorted(rows, key=lambda row: row.at)  # stable: rows of one second stay as they were written
    end = ordered[-1].at
    events = list(events_of(ordered))
    tracker.replay(events)
    # most have ended; a channel without an end, whatever named it, would keep the call open
    named = dict.fromkeys(value for _, event in events for name, value in event.items() if name.endswith("Uniqueid"))
    tracker.replay((end, {"Event": "Hangup", "Uniqueid": uniqueid}) for uniqueid in named)
    records = tracker.due(_moment(end) + _LATER)
    return [_cut(record) if cut else record for record in sorted(records, key=lambda record: record.started_at)]


def events_of(rows: Sequence[CelRow]) -> Iterator[tuple[float, Event]]:
    """The AMI events of rows that belong together, in their order, each with its Unix time."""
    stories = stories_of(rows)
    scene = _Scene(stories=stories, caller=caller_of(stories, rows))
    for row in rows:
        handler = _HANDLERS.get(row.kind)
        if handler is not None:
            for event in (*_news(scene, row), *handler(scene, row)):
                yield row.at, event


@dataclass(slots=True)
class _Scene:
    """What was told so far of one call."""

    stories: Mapping[str, Story]
    caller: Story | None
    steps: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """The last step in the dialplan of each channel."""
    numbers: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    joined: str = ""
    """The queue step for which the caller was seen to wait."""
    places: dict[str, str] = field(default_factory=dict)
    """Channel name -> bridge, where the log does not name bridges."""
    visitors: dict[str, list[CelRow]] = field(default_factory=dict)
    """Bridge -> how it was entered."""


def _channel(row: CelRow, prefix: str = "") -> Event:
    """The headers that describe a row's channel."""
    return {
        f"{prefix}Channel": row.channel,
        f"{prefix}Uniqueid": row.uniqueid,
        f"{prefix}Linkedid": row.linkedid,
    }


def _news(scene: _Scene, row: CelRow) -> Iterator[Event]:
    """What a row shows beside its own event: a new step in the dialplan, another caller id."""
    if row.kind == "CHAN_START":
        return
    if row.number and scene.numbers.get(row.uniqueid) != row.number:
        scene.numbers[row.uniqueid] = row.number
        yield {"Event": "NewCallerid", **_channel(row), "CallerIDNum": row.number, "CallerIDName": row.name}
    step = (row.application, row.arguments, row.exten)
    if row.application and scene.steps.get(row.uniqueid) != step and row.kind != "APP_END":
        scene.steps[row.uniqueid] = step
        yield {
            "Event": "Newexten", **_channel(row), "Extension": row.exten,
            "Application": row.application, "AppData": row.arguments,
        }  # fmt: skip


def _chan_start(scene: _Scene, row: CelRow) -> Iterator[Event]:
    story = scene.stories[row.uniqueid]
    scene.numbers[row.uniqueid] = row.number
    yield {
        "Event": "Newchannel", **_channel(row), "ChannelState": DOWN if story.dialled else RING,
        "CallerIDNum": row.number, "CallerIDName": row.name, "Context": row.context, "Exten": row.exten,
    }  # fmt: skip
    caller = scene.caller
    if not story.dialled or (story.name.half and not story.originated):
        return
    if story.originated or caller is None or caller is story:
        yield {"Event": "DialBegin", **_channel(row, "Dest"), "DialString": dial_string(story, ())}
        return
    if story.queue:
        yield from _queue_join(scene, caller)
    yield {
        "Event": "DialBegin", "Channel": caller.channel, "Uniqueid": caller.uniqueid, **_channel(row, "Dest"),
        "DialString": dial_string(story, scene.stories.values()),
    }  # fmt: skip


def _queue_join(scene: _Scene, caller: Story) -> Iterator[Event]:
    """A queue calls its first member: so the caller waits. The queue's name is known if its step was logged."""
    application, arguments, _ = scene.steps.get(caller.uniqueid, ("", "", ""))
    stay = f"{application}:{arguments}"
    if scene.joined != stay:
        scene.joined = stay
        queue = arguments.partition(",")[0] if application.lower() == "queue" else ""
        yield {"Event": "QueueCallerJoin", "Channel": caller.channel, "Uniqueid": caller.uniqueid, "Queue": queue}


def _answer(scene: _Scene, row: CelRow) -> Iterator[Event]:
    story = scene.stories[row.uniqueid]
    if story.dialled:
        yield {"Event": "Newstate", **_channel(row), "ChannelState": RINGING}
        yield {"Event": "DialEnd", "DestUniqueid": row.uniqueid, "DialStatus": "ANSWER"}
    yield {"Event": "Newstate", **_channel(row), "ChannelState": UP}


def _step(_scene: _Scene, _row: CelRow) -> Iterator[Event]:
    """A step in the dialplan: `_news` has told it."""
    return iter(())


def _bridge_enter(scene: _Scene, row: CelRow) -> Iterator[Event]:
    bridge = _bridge(scene, row)
    scene.visitors.setdefault(bridge["BridgeUniqueid"], []).append(row)
    yield {"Event": "BridgeEnter", **_channel(row), **bridge}


def _bridge_exit(scene: _Scene, row: CelRow) -> Iterator[Event]:
    yield {"Event": "BridgeLeave", **_channel(row), **_bridge(scene, row)}
    scene.places.pop(row.channel, None)


def _bridge(scene: _Scene, row: CelRow) -> Event:
    """Which bridge, and of what kind. A log without ``extra`` only names who else is in it."""
    creator = "ConfBridge" if row.application.lower() == "confbridge" else ""
    bridge = row.extra.get("bridge_id")
    if not bridge:
        known = (scene.places.get(peer) for peer in (row.channel, *row.peer.split(",")))
        bridge = next((place for place in known if place), f"with {row.channel} at {row.at}")
        scene.places[row.channel] = bridge
    return {
        "BridgeUniqueid": str(bridge),
        "BridgeTechnology": str(row.extra.get("bridge_technology") or ""),
        "BridgeCreator": creator,
    }


def _hangup(scene: _Scene, row: CelRow) -> Iterator[Event]:
    if row.uniqueid in scene.gone:
        return
    scene.gone.add(row.uniqueid)
    story = scene.stories[row.uniqueid]
    if story.dialled and not story.answered:
        if story.rang:
            yield {"Event": "Newstate", **_channel(row), "ChannelState": RINGING}
        yield {"Event": "DialEnd", "DestUniqueid": row.uniqueid, "DialStatus": dial_status(story, scene.caller)}
    if story.hung_up_itself:
        yield {"Event": "HangupRequest", **_channel(row)}
    elif story is scene.caller and story.cause is not None:
        # the dialplan went on after the queue, or whatever it was, and came to its end
        yield {"Event": "Newexten", **_channel(row), "Extension": row.exten, "Application": "Hangup", "AppData": ""}
    yield {"Event": "Hangup", **_channel(row), "Cause": "" if story.cause is None else str(story.cause)}


def _blind_transfer(_scene: _Scene, row: CelRow) -> Iterator[Event]:
    yield {
        "Event": "BlindTransfer", "Result": "Success", **_channel(row, "Transferer"),
        "TransfereeUniqueid": str(row.extra.get("transferee_channel_uniqueid") or ""),
        "TransfereeChannel": str(row.extra.get("transferee_channel_name") or ""),
        "Extension": str(row.extra.get("extension") or ""), "Context": str(row.extra.get("context") or ""),
    }  # fmt: skip


def _attended_transfer(scene: _Scene, row: CelRow) -> Iterator[Event]:
    said = {name: str(value) for name, value in row.extra.items()} | _target_gone_ahead(scene, row)
    yield {
        "Event": "AttendedTransfer", "Result": "Success", "DestType": "App" if "app" in said else "Bridge",
        **_channel(row, "OrigTransferer"),
        "SecondTransfererUniqueid": said.get("channel2_uniqueid", ""),
        "SecondTransfererChannel": said.get("channel2_name", ""),
        "TransfereeUniqueid": said.get("transferee_channel_uniqueid", ""),
        "TransfereeChannel": said.get("transferee_channel_name", ""),
        "TransferTargetUniqueid": said.get("transfer_target_channel_uniqueid", ""),
        "TransferTargetChannel": said.get("transfer_target_channel_name", ""),
    }  # fmt: skip


def _target_gone_ahead(scene: _Scene, row: CelRow) -> dict[str, str]:
    """Whom the caller was sent to, where the row does not say: whoever the transferer had in the second bridge. A
    transferer who hangs up is out of it, and its other end in the caller's bridge, before the row is made."""
    if row.extra.get("transfer_target_channel_uniqueid") or row.extra.get("app"):
        return {}
    transferers = (row.uniqueid, row.extra.get("channel2_uniqueid"))
    consulted = scene.visitors.get(str(row.extra.get("bridge2_id")), [])
    target = next((one for one in reversed(consulted) if one.uniqueid not in transferers), None)
    if target is None:
        return {}
    return {"transfer_target_channel_uniqueid": target.uniqueid, "transfer_target_channel_name": target.channel}


def _pickup(_scene: _Scene, row: CelRow) -> Iterator[Event]:
    yield {
        "Event": "Pickup",
        "Channel": str(row.extra.get("pickup_channel") or ""),
        "Uniqueid": str(row.extra.get("pickup_channel_uniqueid") or ""),
        **_channel(row, "Target"),
    }


_HANDLERS: Mapping[str, Callable[[_Scene, CelRow], Iterator[Event]]] = {
    "CHAN_START": _chan_start,
    "ANSWER": _answer,
    "APP_START": _step,
    "BRIDGE_ENTER": _bridge_enter,
    "BRIDGE_EXIT": _bridge_exit,
    "HANGUP": _hangup,
    "CHAN_END": _hangup,
    "BLINDTRANSFER": _blind_transfer,
    "ATTENDEDTRANSFER": _attended_transfer,
    "PICKUP": _pickup,
}
"""What tells something of a call; the other kinds (parking, conferences, user events) are left out."""


def _cut(record: CallRecord) -> CallRecord:
    """The end is when the PBX was last heard of this call; how long they talked nobody knows."""
    return replace(record, gap=True, talk_seconds=None, facts={**record.facts, "cut": True})


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
