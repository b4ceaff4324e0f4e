"""Click to call: the PBX calls the manager first, then the customer: OriginateResponse (class ``call``).

When the manager does not pick up, the response is the only event that says whom he wanted to call; the channel is
gone by then (``Uniqueid: <null>``) and only the endpoint tells which call it was.
"""

from __future__ import annotations

from gateway.telephony.tracker.model import Call
from gateway.telephony.tracker.names import parse_channel
from gateway.telephony.tracker.state import Event, State


def originate_response(state: State, event: Event) -> None:
    """The outcome of an Originate action, ours or another program's."""
    extension = event.get("Exten", "")
    if len(extension) < 2:
        return
    call = _call(state, event)
    if call is not None:
        call.originated = True
        call.target = call.target or extension


def _call(state: State, event: Event) -> Call | None:
    channel = state.channels.get(event.get("Uniqueid", ""))
    if channel is not None:
        return channel.call
    wanted = parse_channel(event.get("Channel", ""))[:2]
    recent = [call for call in state.calls.values() if call.originated and call.target is None]
    for call in reversed(recent):
        if any((one.technology, one.endpoint) == wanted for one in call.channels):
            return call
    return None
