"""Waiting in a queue (app_queue).

QueueCallerAbandon does not mean that the caller gave up: app_queue raises it for a time-out, an empty queue and a
withdrawn caller too, and the caller goes on in the dialplan. He gave up when no further step of the dialplan follows.

Events: QueueCallerJoin, QueueCallerAbandon (class ``agent``), Newexten, VarSet QUEUESTATUS (class ``dialplan``).
"""

from __future__ import annotations

from gateway.telephony.tracker.model import Call, Channel
from gateway.telephony.tracker.state import Event, State

_STATUS = {
    "TIMEOUT": "timeout", "FULL": "empty", "JOINEMPTY": "empty", "JOINUNAVAIL": "empty", "LEAVEEMPTY": "empty",
    "LEAVEUNAVAIL": "empty", "CONTINUE": "timeout", "WITHDRAW": "timeout",
}  # fmt: skip
"""QUEUESTATUS, set when a caller leaves a queue without an agent."""


def enter_queue(call: Call, channel: Channel, name: str) -> None:
    """The dialplan sends a caller to a queue; whether he may wait there is seen later."""
    call.queue = name or call.queue
    call.queue_channel = channel.uniqueid
    call.queue_joined = False
    call.queue_result = "waiting"


def step_into_queue(call: Call, channel: Channel, name: str) -> None:
    """The dialplan's step. A key that is pressed in a queue repeats it with the key as extension (Asterisk 20 on): that
    caller has been there before, and is about to leave."""
    waits = call.queue_joined and call.queue_result == "waiting"
    if not (waits and call.queue_channel == channel.uniqueid and call.queue == name):
        enter_queue(call, channel, name)


def caller_join(state: State, event: Event) -> None:
    """A caller waits."""
    channel = state.adopt(event)
    if channel is None:
        return
    call = channel.call
    if call.answered and channel is not call.root:
        return
    enter_queue(call, channel, event.get("Queue", ""))
    call.queue_joined = True
    if not call.stages or call.stages[-1] != "queue":
        call.stages.append("queue")


def caller_abandon(state: State, event: Event) -> None:
    """A caller leaves without an agent, for whatever reason."""
    channel = state.adopt(event)
    if channel is not None and channel.call.queue_result == "waiting":
        channel.call.queue = channel.call.queue or event.get("Queue") or None
        channel.call.queue_result = "abandoned"


def queue_status(call: Call, status: str) -> None:
    """The PBX says how the caller left."""
    if call.queue_result in ("waiting", "abandoned"):
        call.queue_result = _STATUS.get(status, call.queue_result)
        _forget_unless_waited(call)


def leave_by_dialplan(call: Call) -> None:
    """The caller takes a further step: the queue is behind him."""
    if call.queue_result in ("waiting", "abandoned"):
        call.queue_result = "timeout" if call.queue_joined else "empty"
    _forget_unless_waited(call)
    call.queue_channel = ""


def _forget_unless_waited(call: Call) -> None:
    if not call.queue_joined and call.queue_result == "empty":
        call.queue = None
